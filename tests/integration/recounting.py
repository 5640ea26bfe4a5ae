"""A table of counts that tests of their comparison damage, and what happens to it while they are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count as numbers
from typing import Any

from types_boto3_dynamodb import DynamoDBClient

from jobyard.aws import client
from jobyard.lifecycle import recount
from jobyard.lifecycle.count import Told, settle
from jobyard.model import Job, Person, Priority, Status
from jobyard.model.listing import DAY_MS, PHASES, Facet
from jobyard.store import counts
from jobyard.store.counts import Changes, RowKey, day_key
from jobyard.store.items import item
from jobyard.store.listings import listing_of
from tests.factories import ADA, BOB, LIST, NOW, a_job
from tests.rows import add_to_row

TODAY = NOW // DAY_MS + 3
NOW_MS = TODAY * DAY_MS + DAY_MS // 2
DAYS = range(TODAY - 3, TODAY + 1)
OWNERS = [ADA, BOB, Person("c" * 24, "Cyd")]
WORKFLOWS = [("f" * 24, "Profile"), ("e" * 24, "a very long name " * 20)]
FACETS = {
    "all": Facet(),
    "who": Facet(ADA.id),
    "what": Facet("", "Profile", "f" * 24),
    "both": Facet(ADA.id, "Profile", "f" * 24),
}
"""One of each family."""
_ids = numbers(1)

type Rows = dict[RowKey, dict[str, int]]


def place(day: int, family: str = "all") -> str:
    """How the attributes of a row of the family begin that count jobs of the day."""
    return day_key(LIST, FACETS[family], 0, day)[1]


def made(day: int = TODAY - 1, hour: int = 9, **values: Any) -> Job:
    """A job of an hour of a day that completed in the same hour, if nothing else is said."""
    at = day * DAY_MS + hour * 3600_000
    usual: dict[str, Any] = {
        "id": f"{next(_ids):024x}",
        "status": Status.COMPLETED,
        "created_at": at,
        "finished_at": at + 60_000,
    }
    return a_job(**usual | values)


def tell(*jobs: Job) -> int:
    """As the stream tells of them."""
    return settle([Told(job, PHASES[job.status]) for job in jobs])


def one_pass() -> int:
    return sum(recount.compare(LIST, day, NOW_MS) for day in DAYS)


class Table:
    """What is in the table, looked at and damaged beside the product's own client."""

    def __init__(self, dynamodb: DynamoDBClient, name: str) -> None:
        self._dynamodb, self._name = dynamodb, name

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True)
        return [dict(each) for page in pages for each in page["Items"] if each["pk"]["S"].startswith(prefix)]

    def counted(self) -> Rows:
        """What the rows say."""
        found = {}
        for each in self.items("COUNT#") + self.items("HOURS#"):
            said = {name: number for name, number in counts.counts_of(each).items() if number}
            if said:
                found[RowKey(each["pk"]["S"], each["sk"]["S"])] = said
        return found

    def right(self) -> Rows:
        """What the rows should say: a plain recount of all that is listed."""
        changes = Changes()
        for each in self.items("LISTED#"):
            job = listing_of(each).job
            if job is not None:
                changes.add(job, 1)
        return {key: dict(row.counts) for key, row in changes.rows.items()}

    def wrong(self) -> dict[tuple[RowKey, str], int]:
        """By how much each number is too high."""
        said, right = self.counted(), self.right()
        names = {(key, name) for rows in (said, right) for key, row in rows.items() for name in row}
        by = {(key, name): said.get(key, {}).get(name, 0) - right.get(key, {}).get(name, 0) for key, name in names}
        return {of: number for of, number in by.items() if number}

    def add(self, key: RowKey, name: str, number: int) -> None:
        add_to_row(self._dynamodb, self._name, key, name, number)

    def delete(self, key: RowKey) -> None:
        self._dynamodb.delete_item(TableName=self._name, Key=item(key._asdict()))

    def version(self, key: RowKey) -> int:
        (found,) = (each for each in self.items(key.pk) if (each["pk"]["S"], each["sk"]["S"]) == key)
        return int(found["version"]["N"])

    def clear(self) -> None:
        for each in self.items():
            self.delete(RowKey(each["pk"]["S"], each["sk"]["S"]))
        counts.forget()


@contextmanager
def writes() -> Iterator[list[str]]:
    """Notes what the product writes."""
    noted: list[str] = []

    def note(model: Any, **_: Any) -> None:
        if model.name not in ("Query", "GetItem", "BatchGetItem"):
            noted.append(model.name)

    events = client("dynamodb").meta.events
    events.register("before-parameter-build.dynamodb", note)
    try:
        yield noted
    finally:
        events.unregister("before-parameter-build.dynamodb", note)


@contextmanager
def repairs() -> Iterator[list[set[str]]]:
    """Notes the attributes that each repair of a row writes."""
    noted: list[set[str]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        noted.append(set(params["ExpressionAttributeNames"].values()))

    events = client("dynamodb").meta.events
    events.register("before-parameter-build.dynamodb.UpdateItem", note)
    try:
        yield noted
    finally:
        events.unregister("before-parameter-build.dynamodb.UpdateItem", note)


@contextmanager
def before(operation: str, act: Callable[[], object], times: int = 1, index: str = "") -> Iterator[list[object]]:
    """``act`` comes in between, right before the product's next calls of ``operation``; what it returned each time."""
    left = times
    returned: list[object] = []

    def intrude(params: dict[str, Any], **_: Any) -> None:
        nonlocal left
        if left and params.get("IndexName", "") == index:
            left -= 1
            returned.append(act())

    events = client("dynamodb").meta.events
    event = f"before-parameter-build.dynamodb.{operation}"
    events.register(event, intrude)
    try:
        yield returned
    finally:
        events.unregister(event, intrude)


def holds(kept: Table) -> None:
    assert kept.counted() == kept.right()
    with writes() as written:
        assert one_pass() == 0
    assert written == []


def a_history() -> list[Job]:
    jobs = [
        made(day, hour, owner=owner, workflow_id=id, workflow_name=name)
        for day, hour in ((TODAY - 2, 3), (TODAY - 1, 3), (TODAY - 1, 22), (TODAY, 8))
        for owner in OWNERS[:2]
        for id, name in WORKFLOWS
    ]
    later = made(TODAY - 2, 23, finished_at=(TODAY - 1) * DAY_MS + 3600_000)
    live = made(TODAY - 1, 5, status=Status.RUNNING, finished_at=None)
    kept = made(TODAY - 2, 5, expires_at=(TODAY + 900) * DAY_MS // 1000, priority=Priority.HIGH)
    return [*jobs, later, live, kept]
