"""What the lists show: of each job an item of its own, ``LISTED#<tenant>#<id>``,
behind the job by ``CountWindowSeconds`` and a little.

It is written together with the counts, by the one that follows the stream, and carries the keys of all indexes of the
lists. In ``<family>-by-creation`` stand all jobs of a facet; in ``<family>-cells-by-creation`` and ``-by-end`` a
partition is a facet's jobs of one cell, so that whatever is asked for by status, priority or day of completion is read
and nothing else. An index shows the attribute ``job``: just what a list shows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.errors import Busy
from jobyard.model import Job
from jobyard.model.listing import GONE, PHASES, Cell, Facet, cell, end_place, facets_to_count, place
from jobyard.store.conflicts import tries
from jobyard.store.counts import ENDED
from jobyard.store.items import Attributes, item, table_name
from jobyard.store.records import job_of, shown_item

_SK = "LISTED"
_FAMILIES = {"all": "All", "who": "Who", "what": "What", "both": "Both"}
GONE_KEPT_SECONDS = 7 * 24 * 3600
"""How long it is known of a deleted job that it is gone: the stream forgets after a day."""


class Listing(NamedTuple):
    """A job as it is counted; None once it is gone."""

    phase: int
    job: Job | None
    revision: int = 0


class Page(NamedTuple):
    """``following`` is where the next page of the same request begins, None at the end."""

    jobs: list[Job]
    following: Attributes | None


class Stretch(NamedTuple):
    """A part of an index: a facet's jobs (of one cell, unless None) from one place to another, both included.

    ``axis`` is ``created`` or ``ended``, and places are by it.
    """

    listed_in: str
    facet: Facet
    cell: Cell | None
    axis: str
    first: str
    last: str


def listing_key(tenant: str, id: str) -> Attributes:
    return item({"pk": f"LISTED#{tenant}#{id}", "sk": _SK})


def listing_item(job: Job) -> Attributes:
    of = cell(job)
    keys: dict[str, Any] = {"created": place(job.created_at, job.id), "ended": end_place(job)}
    for facet in facets_to_count(job):
        name = _FAMILIES[facet.family]
        if facet.family != "both":
            keys[f"of{name}"] = _partition(job.listed_in, facet, None)
        keys[f"in{name}"] = _partition(job.listed_in, facet, of)
    return (
        listing_key(job.tenant, job.id)
        | item({"phase": PHASES[job.status], "revision": job.revision, "expiresAt": job.expires_at} | keys)
        | {"job": {"M": shown_item(job)}}
    )


def gone_item(job: Job, now_s: int) -> Attributes:
    """In no index; it stays for a while, so that what the stream tells late does not bring the job back."""
    return listing_key(job.tenant, job.id) | item({"phase": GONE, "expiresAt": now_s + GONE_KEPT_SECONDS})


def seen(jobs: list[tuple[str, str]]) -> dict[tuple[str, str], Listing]:
    """How jobs, by tenant and id, at most 100 of them, are counted; without those that are not."""
    if not jobs:
        return {}
    asked: dict[str, Any] = {table_name(): {"Keys": [listing_key(*job) for job in jobs], "ConsistentRead": True}}
    found: dict[tuple[str, str], Listing] = {}
    for _ in tries():
        answer = client("dynamodb").batch_get_item(RequestItems=asked)
        for each in answer["Responses"].get(table_name(), []):
            _, tenant, id = each["pk"]["S"].split("#", 2)
            found[tenant, id] = listing_of(each)
        asked = answer.get("UnprocessedKeys", {})
        if not asked:
            return found
    raise Busy("DynamoDB read no more listings for now.")


def put(record: Attributes, seen: Listing | None) -> dict[str, Any]:
    """The write of a transaction that takes the place of ``seen``."""
    write: dict[str, Any] = {"TableName": table_name(), "Item": record}
    # Against another invocation with the same records: the counts that go with this must move once.
    if seen is None:
        write["ConditionExpression"] = "attribute_not_exists(pk)"
    else:
        write["ConditionExpression"] = "phase = :seen AND " + (
            "revision = :revision" if seen.revision else "(attribute_not_exists(revision) OR revision = :revision)"
        )
        write["ExpressionAttributeValues"] = item({":seen": seen.phase, ":revision": seen.revision})
    return {"Put": write}


def listing_of(attributes: Attributes) -> Listing:
    phase = int(attributes["phase"]["N"])
    revision = int(attributes["revision"]["N"]) if "revision" in attributes else 0
    return Listing(phase, job_of(attributes["job"]["M"]) if "job" in attributes else None, revision)


def read(stretch: Stretch, descending: bool, limit: int, begin: Attributes | None = None) -> Page:
    """Up to ``limit`` jobs of ``stretch`` in the order of their places: one Query, eventually consistent."""
    attribute_name = ("of" if stretch.cell is None else "in") + _FAMILIES[stretch.facet.family]
    request: dict[str, Any] = {
        "TableName": table_name(),
        "IndexName": index_name(stretch.facet.family, stretch.cell is not None, stretch.axis),
        "KeyConditionExpression": "#partition = :partition AND #place BETWEEN :first AND :last",
        # The keys of the indexes are for finding the job: unread, they would only be sent and parsed.
        "ProjectionExpression": "#job",
        "ExpressionAttributeNames": {"#partition": attribute_name, "#place": stretch.axis, "#job": "job"},
        "ExpressionAttributeValues": item(
            {
                ":partition": _partition(stretch.listed_in, stretch.facet, stretch.cell),
                ":first": stretch.first,
                ":last": stretch.last,
            }
        ),
        "ScanIndexForward": not descending,
        "Limit": limit,
    }
    if begin is not None:
        request["ExclusiveStartKey"] = begin
    page = client("dynamodb").query(**request)
    return Page([job_of(each["job"]["M"]) for each in page["Items"]], page.get("LastEvaluatedKey"))


def index_name(family: str, celled: bool, axis: str) -> str:
    return f"{family}{'-cells' if celled else ''}-by-{'end' if axis == ENDED else 'creation'}"


def _partition(listed_in: str, facet: Facet, of: Cell | None) -> str:
    return f"{listed_in}#{facet.key}" + (f"#{of.text}" if of else "")
