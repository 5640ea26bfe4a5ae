"""Lives of jobs of every dialect, as the table's stream tells them; nobody has to live them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import replace
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import strategies as st

from jobyard.model import Facets, Job, Person, Priority, Status
from jobyard.model.listing import DAY_MS
from jobyard.store.records import job_item
from tests.factories import ADA, BOB, NOW, a_job

Record = dict[str, Any]

DAYS = 60
"""Within so many days from ``NOW`` on jobs are made."""

LISTS = ("alteryx#acme", "alteryx#globex", "tencent#acme#photos-1250000000", "openreplay#acme#1")
OWNERS = (ADA, BOB, Person("#owner#c0.91", "Cy"))
WORKFLOWS = (
    ("Profile", "f" * 24),
    ("Profile", "e" * 24),
    ("a name that no key has room for " * 10, "d" * 24),
    ("ü" * 100, "c" * 24),
    ("two\nlines", "b" * 24),
)
ENDS = (Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
_WAY = (Status.SCHEDULED, Status.QUEUED, Status.INITIALIZING, Status.RUNNING)


class Life(NamedTuple):
    """A job in each status that it had, in that order, and whether it was removed in the end."""

    images: tuple[Job, ...]
    removed: bool

    @property
    def records(self) -> list[Record]:
        first, last = self.images[0], self.images[-1]
        removal = [record("REMOVE", last, None)] if self.removed else []
        return [
            record("INSERT", None, first),
            *(record("MODIFY", before, after) for before, after in pairwise(self.images)),
            *removal,
        ]


def record(kind: str, before: Job | None, after: Job | None) -> Record:
    """Of the stream; as Lambda hands it over."""
    images = {name: job_item(job) for name, job in (("OldImage", before), ("NewImage", after)) if job}
    keys = {name: next(iter(images.values()))[name] for name in ("pk", "sk")}
    return {"eventName": kind, "dynamodb": {"Keys": keys, "SequenceNumber": "1", **images}}


def remaining(lives: Iterable[Life]) -> list[Job]:
    return [life.images[-1] for life in lives if not life.removed]


def records_of(lives: Iterable[Life]) -> list[Record]:
    return [each for life in lives for each in life.records]


def a_life(number: int, statuses: Sequence[Status], *, after: int = 1000, removed: bool = False, **values: Any) -> Life:
    """``after`` is from the creation to the end, in milliseconds."""
    created = values.setdefault("created_at", NOW)
    first = a_job(id=f"{number:024x}", status=statuses[0], **{"queued_at": created, "updated_at": created, **values})
    images = [first]
    for status in statuses[1:]:
        at = created + after if status in ENDS else created + 1
        ended = at if status in ENDS else None
        images.append(replace(images[-1], status=status, updated_at=at, finished_at=ended))
    return Life(tuple(images), removed)


@st.composite
def lives(draw: st.DrawFn, most: int = 8) -> list[Life]:
    return [_draw_life(draw, number) for number in range(1, draw(st.integers(1, most)) + 1)]


def _draw_life(draw: st.DrawFn, number: int) -> Life:
    listed_in = draw(st.sampled_from(LISTS))
    dialect, tenant, *_ = listed_in.split("#")
    name, workflow_id = draw(st.sampled_from(WORKFLOWS))
    owner, kind = draw(st.sampled_from(OWNERS)), draw(st.integers(0, 3))
    facets = {
        "tencent": Facets(draw(st.sampled_from(["", "demo", "long " * 60])), "", workflow_id, kind % 2),
        "openreplay": Facets(),
    }.get(dialect)
    begin = draw(st.integers(0, 1))
    way = [*_WAY[begin : draw(st.integers(begin + 1, len(_WAY)))]]
    ended = draw(st.booleans())
    retention = draw(st.sampled_from([None, 8, 90]))
    created = NOW + draw(st.integers(0, DAYS - 1)) * DAY_MS + draw(st.integers(0, DAY_MS - 1))
    return a_life(
        number,
        [*way, draw(st.sampled_from(ENDS))] if ended else way,
        after=draw(st.sampled_from([0, 1000, DAY_MS, 3 * DAY_MS, -DAY_MS])),
        removed=draw(st.integers(0, 3)) == 0,
        tenant=tenant,
        listed_in=listed_in,
        owner=owner,
        workflow_name=name,
        workflow_id=workflow_id,
        priority=draw(st.sampled_from(Priority)),
        facets=facets,
        created_at=created,
        expires_at=None if retention is None else (created // DAY_MS + retention + 1) * DAY_MS // 1000,
    )
