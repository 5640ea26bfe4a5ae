"""What the lists are asked for, what each of it costs, and whether the answer was right."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from benchmarks.history import DAY, LIST, TENANT, History
from benchmarks.meter import metering
from benchmarks.truth import Truth
from jobyard.authorizer.access import Caller, Role
from jobyard.aws import client
from jobyard.model import LIVE, Person, Status
from jobyard.service.filters import Filter, Sort, Window
from jobyard.service.lists import Page, all_jobs, jobs_of_workflow

LIMIT = 50
PAGE_200 = 9_950
"""An offset: 199 pages come before it."""

CALLER = Caller(TENANT, Person("a" * 24, "Ada Admin"), Role.CURATOR, "c" * 24)

COMMON, OTHER, WORST = "common", "other", "worst found"
MANY = "many users by workflow"
"""Reads the counts of each of their workflows: beyond what others may cost, and told as it is."""


class Wrong(Exception):
    """An answer was not what the plain model says."""


class Query(NamedTuple):
    """``page``: first, 200 (where there is none, the middle), last, or a number for an offset. With ``walks``,
    so many pages are walked by cursor, and the last of them is what is measured.
    """

    kind: str
    name: str
    filter: Filter = Filter()
    sort: Sort = Sort.CREATED
    descending: bool = True
    page: str | int = "first"
    workflow_id: str | None = None
    walks: int = 0


class Measured(NamedTuple):
    kind: str
    name: str
    size: int
    units: float
    requests: int
    trips: int
    median_ms: float
    p95_ms: float
    rows: int
    total: int


def queries(history: History, truth: Truth) -> Iterator[Query]:
    """The set that is the same at every size."""
    owners, workflows = truth.owners, truth.workflows
    largest, median = owners[0], owners[len(owners) // 2]
    week = Filter(completed_from=history.today - 14 * DAY, completed_until=history.today - 7 * DAY)
    live = Filter(statuses=LIVE)
    ids = {each.name: each.id for each in history.workflows}
    for name, filter in (
        ("no filter", Filter()),
        ("completed", Filter(statuses=frozenset({Status.COMPLETED, Status.FAILED}))),
        ("several statuses", Filter(statuses=frozenset({Status.COMPLETED, Status.QUEUED, Status.RUNNING}))),
        ("all that live", live),
        ("largest user", Filter(owners=frozenset({largest}))),
        ("median user", Filter(owners=frozenset({median}))),
        ("largest workflow", Filter(workflow_names=frozenset({workflows[0]}))),
        ("median workflow", Filter(workflow_names=frozenset({workflows[len(workflows) // 2]}))),
        ("a week", week),
    ):
        for page in ("first", "200", "last"):
            yield Query(COMMON, f"{name}, page {page}", filter, page=page)
    for status in Status:
        yield Query(COMMON, f"status {status}", Filter(statuses=frozenset({status})))
    for sort in Sort:
        for descending in (False, True):
            for page in ("first", "200"):
                name = f"by {sort}, {'descending' if descending else 'ascending'}, page {page}"
                yield Query(OTHER, name, sort=sort, descending=descending, page=page)
    for rank in range(4):
        yield Query(OTHER, f"priority {rank}, page 200", Filter(ranks=frozenset({rank})), page="200")
    failed = Filter(ranks=frozenset({3}), statuses=frozenset({Status.FAILED}))
    both = Filter(owners=frozenset({largest}), workflow_names=frozenset({workflows[0]}))
    yield Query(OTHER, "critical and failed", failed)
    yield Query(OTHER, "user and workflow, page first", both)
    yield Query(OTHER, "user and workflow, page 200", both, page="200")
    yield Query(OTHER, "ten users, page 200", Filter(owners=frozenset(owners[:10])), page="200")
    crowd = Filter(owners=frozenset(owners[:41]))
    yield Query(MANY, "20 users by workflow", Filter(owners=frozenset(owners[:20])), Sort.WORKFLOW)
    yield Query(OTHER, "41 users, page 200", crowd, page="200")
    yield Query(MANY, "41 users by workflow, page 200", crowd, Sort.WORKFLOW, page="200")
    for page in ("first", "200", "last"):
        yield Query(OTHER, f"jobs of a workflow, page {page}", workflow_id=ids[workflows[0]], page=page)
    ended_badly = Filter(statuses=frozenset({Status.FAILED}))
    yield Query(OTHER, "failed jobs of a workflow, page 200", ended_badly, page="200", workflow_id=ids[workflows[0]])
    yield Query(OTHER, "walk, page 10", walks=10)
    yield Query(OTHER, "walk, a week by completion, page 10", week, Sort.COMPLETED, walks=10)
    yield Query(
        OTHER, "walk, largest user by status, page 10", Filter(owners=frozenset({largest})), Sort.STATUS, walks=10
    )


def searched(history: History, truth: Truth, number: int, seed: int) -> Iterator[Query]:
    """Random combinations of all filters, orders and pages."""
    chance = Random(f"{seed}-search")
    for place in range(number):
        values: dict[str, frozenset[object] | int | None] = {}
        if chance.random() < 0.5:
            values["statuses"] = frozenset(chance.sample(sorted(Status), chance.choice([1, 1, 2, 3, 4])))
        if chance.random() < 0.4:
            values["ranks"] = frozenset(chance.sample(range(4), chance.choice([1, 1, 2, 3])))
        if chance.random() < 0.4:
            values["owners"] = frozenset(_some(chance, truth.owners, [1, 1, 2, 5, 20]))
        if chance.random() < 0.4:
            values["workflow_names"] = frozenset(_some(chance, truth.workflows, [1, 1, 2, 5, 20]))
        if chance.random() < 0.3:
            begin = chance.randrange(85)
            values["completed_from"] = history.first_day + begin * DAY
            if chance.random() < 0.7:
                values["completed_until"] = history.first_day + (begin + chance.choice([1, 7, 30])) * DAY
        sort, descending = chance.choice(list(Sort)), chance.random() < 0.5
        page = chance.choice(["first", "200", "last", chance.randrange(1_000_000)])
        yield Query(WORST, f"#{place}", Filter(**values), sort, descending, page)  # type: ignore[arg-type]


def measure(query: Query, history: History, truth: Truth, repetitions: int) -> Measured:
    """Raises ``Wrong``."""
    filter = query.filter
    if query.workflow_id is not None:
        (name,) = (each.name for each in history.workflows if each.id == query.workflow_id)
        filter = filter._replace(workflow_names=frozenset({name}))
    ids = truth.ids(filter, query.sort, descending=query.descending)
    window = Window(query.sort, query.descending, _offset(query.page, len(ids)), LIMIT)
    offset = window.offset
    for _ in range(query.walks - 1):
        page = _asked(query, window)
        _check(query, page, ids, offset)
        if page.following is None:
            break
        offset += LIMIT
        window = Window(query.sort, query.descending, 0, LIMIT, page.following)
    took: list[float] = []
    units, requests, trips, rows = 0.0, 0, math.inf, 0
    for _ in range(repetitions):
        with metering(client("dynamodb")) as meter:
            began = time.perf_counter()
            page = _asked(query, window)
            took.append((time.perf_counter() - began) * 1000)
        _check(query, page, ids, offset)
        rows = len(page.jobs)
        # Requests that are made at once may still come one after the other where others have the processors.
        units, requests, trips = max(units, meter.units), max(requests, meter.requests), min(trips, meter.trips)
    took.sort()
    return Measured(
        query.kind,
        query.name,
        history.size,
        units,
        requests,
        int(trips),
        statistics.median(took),
        took[math.ceil(len(took) * 0.95) - 1],
        rows,
        len(ids),
    )


def shown(query: Query) -> str:
    """What a query of a search asks for, in a line."""
    parts = []
    for name, value in query.filter._asdict().items():
        if isinstance(value, frozenset):
            few = len(value) <= 3 and name in ("statuses", "ranks")
            parts.append(f"{name} {'+'.join(sorted(map(str, value)))}" if few else f"{len(value)} {name}")
        elif value is not None:
            parts.append(f"{name} {time.strftime('%Y-%m-%d', time.gmtime(value / 1000))}")
    parts.append(f"by {query.sort} {'descending' if query.descending else 'ascending'}, page {query.page}")
    return "; ".join(parts)


def _asked(query: Query, window: Window) -> Page:
    if query.workflow_id is not None:
        return jobs_of_workflow(CALLER, LIST, query.workflow_id, query.filter, window)
    return all_jobs(CALLER, LIST, query.filter, window)


def _check(query: Query, page: Page, ids: list[str], offset: int) -> None:
    wanted = ids[offset : offset + LIMIT]
    got = [job.id for job in page.jobs]
    if page.total != len(ids):
        raise Wrong(f"{query.name} ({shown(query)}): a total of {page.total}, where there are {len(ids)}")
    if got != wanted:
        raise Wrong(f"{query.name} ({shown(query)}): of the {len(wanted)} jobs from {offset} on, it shows {got[:3]}…")


def _offset(page: str | int, total: int) -> int:
    last = max(0, (total - 1) // LIMIT * LIMIT)
    match page:
        case "first":
            return 0
        case "last":
            return last
        case "200":
            return PAGE_200 if total > PAGE_200 else last // LIMIT // 2 * LIMIT
        case _:
            return int(page) % max(1, total)


def _some(chance: Random, among: list[str], numbers: list[int]) -> list[str]:
    return chance.sample(among, min(len(among), chance.choice(numbers)))
