"""The lists, asked for in the words of the plain model, and what asking costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from jobyard import aws
from jobyard.authorizer import Caller, Role
from jobyard.model import Job, Person
from jobyard.service import lists
from jobyard.service.filters import Filter, Sort, Window
from jobyard.service.lists import Page
from jobyard.store import counts, listings, workflows
from jobyard.store.counts import Changes
from jobyard.store.items import item, table_name
from jobyard.store.listings import index_name
from tests.factories import a_caller, a_workflow
from tests.promises.harness.lists_model import ALTERYX, WORKFLOWS, Cut, Wanted, Way
from tests.promises.harness.small_table import SmallTable

ADMINISTRATOR = a_caller()


def member(id: str) -> Caller:
    return a_caller(Person(id, f"{id[:9]} Doe"), Role.MEMBER)


def put_workflows() -> None:
    """Those of the model, each with every name that it ever had."""
    for id in dict.fromkeys(id for _, id in WORKFLOWS):
        names = tuple(name for name, each in WORKFLOWS if each == id)
        workflows.put(a_workflow(id=id, name=names[-1], names=names))


def filter_of(wanted: Wanted, way: Way = ALTERYX) -> Filter:
    known = [(name if way is ALTERYX else "", id) for name, id in WORKFLOWS] + [("", "no such workflow")]
    return Filter(
        statuses=wanted.statuses,
        ranks=wanted.kinds,
        owners=wanted.whos,
        workflow_names=wanted.names,
        completed_from=wanted.ended_from,
        completed_until=wanted.ended_until,
        workflows=None if wanted.ids is None else frozenset(pair for pair in known if pair[1] in wanted.ids),
        created_from=wanted.created_from,
        created_until=wanted.created_until,
    )


def window_of(cut: Cut, cursor: str | None = None) -> Window:
    offset = 0 if cursor is not None else cut.offset
    return Window(Sort(cut.sort), cut.descending, offset, cut.limit, cursor)


Ask = Callable[[str | None], Page]
"""For the page that a cursor leads to, or the first."""


def asking(listed_in: str, wanted: Wanted, cut: Cut, caller: Caller = ADMINISTRATOR, way: Way = ALTERYX) -> Ask:
    filter = filter_of(wanted, way)
    return lambda cursor: lists.all_jobs(caller, listed_in, filter, window_of(cut, cursor))


def asking_of_workflow(listed_in: str, id: str, wanted: Wanted, cut: Cut, caller: Caller = ADMINISTRATOR) -> Ask:
    filter = filter_of(wanted)
    return lambda cursor: lists.jobs_of_workflow(caller, listed_in, id, filter, window_of(cut, cursor))


def walk(ask: Ask, most: int = 10_000) -> Iterator[Page]:
    """Page by page, as the cursors lead."""
    cursor: str | None = None
    for _ in range(most):
        page = ask(cursor)
        yield page
        cursor = page.following
        if cursor is None:
            return
    raise AssertionError("a walk that does not end")


# ---- many jobs, made fast


def load(jobs: Iterable[Job]) -> None:
    """What count would have written of jobs that are as they are, in as few writes as can be."""
    every = list(jobs)
    changes = Changes()
    for job in every:
        changes.add(job, 1)
    rows = [item(key._asdict() | row.counts | row.rest) for key, row in changes.rows.items()]
    items = [*(listings.listing_item(job) for job in every), *rows]
    dynamodb = aws.client("dynamodb")

    def put(first: int) -> None:
        due: Any = {table_name(): [{"PutRequest": {"Item": each}} for each in items[first : first + 25]]}
        while due:
            due = dynamodb.batch_write_item(RequestItems=due)["UnprocessedItems"]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(put, range(0, len(items), 25)))


# ---- what is asked of the table


@contextmanager
def before_queries(hook: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """``hook`` may look at each Query that lists make, and change it; they are made one by one, in their order: that
    is one way in which threads may run, and the same each time.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lists, "at_once", lambda calls: [call() for call in calls])
        table: Any = vars(listings)["client"]("dynamodb")
        if isinstance(table, SmallTable):
            patched.setattr(table, "before_query", hook)
            yield
            return

        def ask(params: dict[str, Any], **_: Any) -> None:
            hook(params)

        event = "provide-client-params.dynamodb.Query"
        table.meta.events.register(event, ask)
        try:
            yield
        finally:
            table.meta.events.unregister(event, ask)


class Read(NamedTuple):
    """One request: of counts, of slots, or of an index (and in which direction); ``units`` are read units."""

    what: str
    descending: bool
    units: float
    rows: int


class Cost(list[Read]):
    """The requests of an answer; ``trips`` are those that were made one after the other."""

    trips = 0

    @property
    def units(self) -> float:
        return sum(each.units for each in self)

    @property
    def kinds(self) -> set[str]:
        return {f"{each.what}{' backwards' if each.descending else ''}" for each in self}


_INDEXES = {
    index_name(family, celled, axis): f"{'cells' if celled else 'plain'} by {axis}"
    for family in ("all", "who", "what", "both")
    for celled in (False, True)
    for axis in (counts.CREATED, counts.ENDED)
}


@contextmanager
def counted() -> Iterator[Cost]:
    """What is read meanwhile, by the engine's own account."""
    cost = Cost()
    dynamodb = aws.client("dynamodb")
    together = threading.Event()

    def ask(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        context["asked"] = params
        if not together.is_set() or "ExclusiveStartKey" in params:
            cost.trips += 1

    def answered(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        asked = context["asked"]
        kind = "item"
        if "IndexName" in asked:
            kind = _INDEXES[asked["IndexName"]]
        elif "KeyConditionExpression" in asked:
            kind = asked["ExpressionAttributeValues"][":pk"]["S"].partition("#")[0]
        units = parsed["ConsumedCapacity"]["CapacityUnits"]
        cost.append(Read(kind, asked.get("ScanIndexForward") is False, units, len(parsed.get("Items", ()))))

    made_at_once = aws.at_once

    def at_once(calls: Any) -> Any:
        cost.trips += bool(calls)
        together.set()
        try:
            return made_at_once(calls)
        finally:
            together.clear()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lists, "at_once", at_once)
        for operation in ("Query", "GetItem"):
            dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", ask)
            dynamodb.meta.events.register(f"after-call.dynamodb.{operation}", answered)
        try:
            yield cost
        finally:
            for operation in ("Query", "GetItem"):
                dynamodb.meta.events.unregister(f"provide-client-params.dynamodb.{operation}", ask)
                dynamodb.meta.events.unregister(f"after-call.dynamodb.{operation}", answered)
