"""What the same answers cost in the two usual ways, on the same jobs: each with its total, newest first.

*Scan*: the table is read to its end, what does not match is dropped by a FilterExpression, and what is left is sorted.
There is no other way to a page in order or to a total. *One index*: a Query of the index by creation drops what does
not match until the page is full, and a second one with Select=COUNT counts what does. Other orders than that of
creation it does not have.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.history import DAY, LIST, History
from benchmarks.loader import BY_CREATION, REFERENCE, patient
from benchmarks.meter import Meter, metering
from benchmarks.queries import LIMIT, PAGE_200, Wrong
from benchmarks.truth import Truth
from jobyard.model import Status
from jobyard.service.filters import Filter, Sort
from jobyard.store.items import item

SCAN, ONE_INDEX = "Scan and filter", "one index, filter and COUNT"
UNITS_A_REQUEST = 128
"""A request reads 1 MB, for so many units: on AWS each waits for the one before. The engine reads more at once."""

_ALL_WISHES = 10_000
"""The most jobs of which each of them is asked for, rather than one."""

_BYTES_A_JOB = 700
_SEGMENT_BYTES = 500_000


class Referred(NamedTuple):
    way: str
    name: str
    size: int
    units: float
    requests: int
    ms: float
    rows: int
    total: int


class _Wish(NamedTuple):
    name: str
    filter: Filter
    offset: int = 0


def measured(history: History, truth: Truth) -> Iterator[Referred]:
    """Raises ``Wrong``."""
    owners = truth.owners
    week = Filter(completed_from=history.today - 14 * DAY, completed_until=history.today - 7 * DAY)
    wishes = [
        _Wish("no filter, page first", Filter()),
        _Wish("no filter, page 200", Filter(), PAGE_200),
        _Wish("status running", Filter(statuses=frozenset({Status.RUNNING}))),
        _Wish("median user, page first", Filter(owners=frozenset({owners[len(owners) // 2]}))),
        _Wish("a week, page first", week),
    ]
    if history.size > _ALL_WISHES:
        # All are read to the end for their totals, and the engine takes minutes.
        wishes = wishes[-1:]
    for wish in wishes:
        ids = truth.ids(wish.filter, Sort.CREATED, descending=True)
        if wish.offset >= len(ids):
            wish = wish._replace(offset=len(ids) // LIMIT // 2 * LIMIT)  # noqa: PLW2901 - as the lists are asked
        for way, ask in ((SCAN, _scan), (ONE_INDEX, _index)):
            dynamodb = patient()
            began = time.perf_counter()
            with metering(dynamodb) as meter:
                got, total = ask(dynamodb, history, wish)
            ms = (time.perf_counter() - began) * 1000
            if total != len(ids) or got != ids[wish.offset : wish.offset + LIMIT]:
                raise Wrong(f"{way}, {wish.name}: {total} where there are {len(ids)}")
            yield Referred(way, wish.name, history.size, meter.units, _requests(meter), ms, len(got), total)


def _requests(meter: Meter) -> int:
    return max(1, -(-int(meter.units) // UNITS_A_REQUEST))


def _scan(dynamodb: Any, history: History, wish: _Wish) -> tuple[list[str], int]:
    found: list[tuple[str, str]] = []
    # Each is read in one request; see the loader.
    segments = -(-history.size * _BYTES_A_JOB // _SEGMENT_BYTES)
    for segment in range(segments):
        page = dynamodb.scan(
            TableName=REFERENCE,
            Segment=segment,
            TotalSegments=segments,
            ProjectionExpression="created, id",
            **_filtered(wish.filter),
        )
        assert "LastEvaluatedKey" not in page
        found += [(each["created"]["S"], each["id"]["S"]) for each in page["Items"]]
    found.sort(reverse=True)
    return [id for _, id in found[wish.offset : wish.offset + LIMIT]], len(found)


def _index(dynamodb: Any, _: History, wish: _Wish) -> tuple[list[str], int]:
    request = _filtered(wish.filter, {":list": LIST}) | {
        "TableName": REFERENCE,
        "IndexName": BY_CREATION,
        "KeyConditionExpression": "listedIn = :list",
        "ScanIndexForward": False,
    }
    ids: list[str] = []
    due = wish.offset + LIMIT
    # What is dropped counts, too, as far as Limit goes.
    for page in _pages(dynamodb, request | {"ProjectionExpression": "id", "Limit": due}):
        ids += [each["id"]["S"] for each in page["Items"]]
        if len(ids) >= due:
            break
    total = sum(page["Count"] for page in _pages(dynamodb, request | {"Select": "COUNT"}))
    return ids[wish.offset : due], total


def _pages(dynamodb: Any, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = dynamodb.query(**request)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        if "Limit" in request:
            # Few match: as much at once as a request may read, rather than many small ones.
            request["Limit"] = max(request["Limit"], 1000)


def _filtered(filter: Filter, more: dict[str, Any] | None = None) -> dict[str, Any]:
    values, names, terms = dict(more or {}), {}, []
    if filter.statuses is not None:
        (status,) = filter.statuses
        values[":status"], names["#status"] = status, "status"
        terms.append("#status = :status")
    if filter.owners is not None:
        (values[":owner"],), names["#owner"] = filter.owners, "owner"
        terms.append("#owner = :owner")
    if filter.completed_from is not None and filter.completed_until is not None:
        values |= {":from": filter.completed_from, ":until": filter.completed_until - 1}
        values |= {":completed": Status.COMPLETED, ":failed": Status.FAILED}
        names["#status"] = "status"
        terms.append("finishedAt BETWEEN :from AND :until AND #status IN (:completed, :failed)")
    told: dict[str, Any] = {"FilterExpression": " AND ".join(terms)} if terms else {}
    if names:
        told["ExpressionAttributeNames"] = names
    return told | ({"ExpressionAttributeValues": item(values)} if values else {})
