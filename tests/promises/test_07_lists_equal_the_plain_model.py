"""Promise 7, for every list: page and total are those of a plain filter, sort and cut over the jobs in memory.

Random histories (``harness.histories``) are counted as a stream tells them, on DynamoDB Local, and many more on a
small table in memory; then lists are asked for under random filters, in every order and both directions, at random
offsets, at a random moment. Beside them stands one day on which very many jobs came: there, what is read is told apart
by five minutes, from either end, and by cells; that each of these ways is taken is asserted, or the comparison would
prove nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.model import LIVE, TERMINAL, Status
from jobyard.service import lists
from local import dynamodb
from tests.conftest import FUNCTION_ENVIRONMENT, Tables, _forget_warm_state
from tests.contract.yard import Clock
from tests.promises.effort import LONG, effort
from tests.promises.harness import histories
from tests.promises.harness import lists_model as model
from tests.promises.harness.asking import (
    ADMINISTRATOR,
    Ask,
    asking,
    asking_of_workflow,
    counted,
    load,
    member,
    put_workflows,
    walk,
)
from tests.promises.harness.histories import HISTORIES, MOMENTS, SEEDS, History, Made, crowd, happened
from tests.promises.harness.lists_model import (
    ALTERYX,
    BEGIN,
    DAY_MS,
    DAYS,
    OPENREPLAY,
    SORTS,
    TENCENT,
    WHOS,
    WORKFLOWS,
    Cut,
    Wanted,
    Way,
    shown,
)
from tests.promises.harness.small_table import SmallTable

ONE = Made(50, 0, 0, 0, 0, Status.COMPLETED, 0, 0, 90, gone=False, untold=0, twice=False)
AT = BEGIN + DAYS * DAY_MS


def compare(history: History, wanted: Wanted, cut: Cut, page: lists.Page, now: int) -> None:
    expected, total = model.page(history.jobs.values(), wanted, cut, now)
    assert shown(page.jobs) == shown(expected), (wanted, cut)
    assert page.total == total, (wanted, cut)
    # Behind the end nothing tells where to go on from.
    assert (page.following is not None) == (cut.offset < total > cut.offset + cut.limit)


class Asked(NamedTuple):
    """A history that was told in the ``order`` of a seed, asked of at ``now``; ``questions`` is a seed, too."""

    lives: list[Made]
    order: int
    now: int
    early: bool
    questions: int


ASKED = st.builds(Asked, lives=HISTORIES, order=SEEDS, now=MOMENTS, early=st.booleans(), questions=SEEDS)
Compare = Callable[[Clock, Asked], None]


def lists_of_all_jobs(clock: Clock, asked: Asked) -> None:
    history = happened(clock, asked.lives, asked.order, asked.now, early=asked.early)
    for wanted, cut in model.asks(history.jobs.values(), asked.questions, 8):
        compare(history, wanted, cut, asking(history.listed_in, wanted, cut)(None), asked.now)


def lists_of_a_workflows_jobs(clock: Clock, asked: Asked) -> None:
    put_workflows()
    history = happened(clock, asked.lives, asked.order, asked.now, early=asked.early)
    # Of the first most jobs are, under both of its names.
    for _, id in (WORKFLOWS[0], WORKFLOWS[2 + asked.questions % (len(WORKFLOWS) - 2)]):
        of_it = [job for job in history.jobs.values() if job.workflow_id == id]
        for question, cut in model.asks(of_it, asked.questions, 2):
            for owner in (None, *WHOS[:2]):
                wanted = question._replace(whos=None)
                caller = ADMINISTRATOR if owner is None else member(owner)
                page = asking_of_workflow(history.listed_in, id, wanted, cut, caller)(None)
                seen = wanted._replace(ids=frozenset({id}), whos=None if owner is None else frozenset({owner}))
                compare(history, seen, cut, page, asked.now)


def walks_through_what_was_created_in_some_time(clock: Clock, asked: Asked) -> None:
    """As tencent asks: for a name, a type, a workflow, states, from some time until another, either way."""
    history = happened(clock, asked.lives, asked.order, asked.now, TENCENT, early=asked.early)
    for wanted, cut in model.walks(history.jobs.values(), asked.questions, 5):
        found = [page.jobs for page in walk(asking(history.listed_in, wanted, cut, way=TENCENT))]
        expected = model.matching(history.jobs.values(), wanted, "created", cut.descending, asked.now)
        pages = [expected[first : first + cut.limit] for first in range(0, len(expected), cut.limit)] or [[]]
        assert [shown(page) for page in found] == [shown(page) for page in pages], (wanted, cut)


def pages_of_the_newest(clock: Clock, asked: Asked) -> None:
    """As openreplay asks; its ids are numbers, and stand in their order."""
    history = happened(clock, asked.lives, asked.order, asked.now, OPENREPLAY, early=asked.early)
    limit = asked.questions % 9 + 1
    for offset in range(0, len(history.jobs) + limit, limit):
        cut = Cut("created", descending=True, offset=offset, limit=limit)
        compare(history, Wanted(), cut, asking(history.listed_in, Wanted(), cut)(None), asked.now)


COMPARISONS = [
    lists_of_all_jobs,
    lists_of_a_workflows_jobs,
    walks_through_what_was_created_in_some_time,
    pages_of_the_newest,
]
all_comparisons = pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda each: each.__name__)


@all_comparisons
@effort(5)
@given(asked=ASKED)
def test_everything_that_is_listed(table: str, clock: Clock, comparison: Compare, asked: Asked) -> None:
    comparison(clock, asked)


@pytest.mark.nightly
@all_comparisons
@effort(25)
@given(asked=ASKED)
def test_everything_that_is_listed_over_many_more_histories(
    small: SmallTable, clock: Clock, comparison: Compare, asked: Asked
) -> None:
    comparison(clock, asked)


MANY = 150
"""More than are looked for one by one."""


@pytest.mark.parametrize("names", [None, frozenset(name for name, _ in WORKFLOWS[1:])], ids=["alone", "and workflows"])
@pytest.mark.parametrize("sort", ["created", "workflow"])
@pytest.mark.parametrize("users", [20, MANY])
def test_of_very_many_users(
    small: SmallTable, clock: Clock, users: int, sort: str, names: frozenset[str] | None
) -> None:
    history = happened(clock, histories.lives(7, 80), 0, AT)
    # Of those who have jobs, all but the second.
    whos = frozenset([*WHOS[:1], *WHOS[2:], *(f"a{number}" for number in range(users))])
    asked: list[dict[str, Any]] = []
    small.before_query = asked.append
    for offset in (0, 1, 9, 1000):
        for descending in (False, True):
            wanted, cut = Wanted(whos=whos, names=names), Cut(sort, descending, offset, 7)
            compare(history, wanted, cut, asking(history.listed_in, wanted, cut)(None), AT)
    counts = [each for each in asked if not each.keys() & {"IndexName", "ExclusiveStartKey"}]
    assert len(counts) == 8 or users < MANY, "they are not looked for one by one"


def test_of_owners_of_whom_one_is_named_as_another_begins_each_is_counted_once(small: SmallTable, clock: Clock) -> None:
    history = happened(clock, [ONE, ONE._replace(who=2)], 0, AT)
    wanted = Wanted(whos=frozenset({"a", "a#00091"}))
    compare(history, wanted, Cut(), asking(history.listed_in, wanted, Cut())(None), AT)


# ---- one day with thousands of jobs


CROWD = 3_000 if LONG else 1_200
FEW = 400


Crowds = Callable[[Way, int], History]
"""A dialect's list of so many jobs: it is made once, and read only."""


@pytest.fixture(scope="module")
def a_crowd(dynamodb_endpoint: str, tables: dict[bool, Tables]) -> Iterator[Crowds]:
    name = tables[False].new()

    @cache
    def made(way: Way, jobs: int) -> History:
        history = History(way)
        history.jobs = {job.id: job for job in crowd(history.listed_in, way, jobs)}
        load(history.jobs.values())
        return history

    with pytest.MonkeyPatch.context() as patched:
        place = {"AWS_ENDPOINT_URL": dynamodb_endpoint, "TABLE_NAME": name}
        for variable, value in (dynamodb.ENVIRONMENT | FUNCTION_ENVIRONMENT | place).items():
            patched.setenv(variable, value)
        _forget_warm_state()
        put_workflows()
        yield made
        _forget_warm_state()
    tables[False].drop(name)


@pytest.fixture
def crowds(a_crowd: Crowds, clock: Clock) -> Crowds:
    clock.stop_at(AT)
    return a_crowd


@pytest.fixture
def busy(crowds: Crowds) -> History:
    return crowds(ALTERYX, CROWD)


COMPLETED = Wanted(statuses=frozenset({Status.COMPLETED}))
RUNNING = Wanted(statuses=frozenset({Status.RUNNING}))
UNITS_MOST = 60
"""Of any page of up to 50."""


# Each sort somewhere in the day, from both halves of it.
SOMEWHERE = [
    (Wanted(), Cut(offset=CROWD // 3)),
    (Wanted(), Cut(descending=True, offset=CROWD // 3)),
    (Wanted(), Cut(offset=CROWD * 4 // 5)),
    (RUNNING, Cut(limit=7)),
    (RUNNING, Cut(descending=True, limit=7)),
    (COMPLETED, Cut("completed", offset=CROWD // 2)),
    (COMPLETED, Cut("completed", descending=True, offset=CROWD // 2)),
    (Wanted(whos=frozenset({"a"}), names=frozenset({"Profile"})), Cut("workflow", offset=CROWD // 4)),
]


@pytest.mark.parametrize(("wanted", "cut"), SOMEWHERE)
def test_a_page_of_a_crowded_day(busy: History, wanted: Wanted, cut: Cut) -> None:
    compare(busy, wanted, cut, asking(busy.listed_in, wanted, cut)(None), AT)


def test_every_way_through_the_indexes_is_taken(busy: History) -> None:
    """How a page is read is the planner's choice: all its choices are among those that are compared above."""
    taken: set[str] = set()
    for wanted, cut in SOMEWHERE:
        with counted() as cost:
            asking(busy.listed_in, wanted, cut)(None)
        taken |= cost.kinds
    assert taken == {
        "COUNT",
        "HOURS",
        "plain by created",
        "plain by created backwards",
        "cells by created",
        "cells by created backwards",
        "cells by ended",
        "cells by ended backwards",
    }


@effort(12)
@given(questions=SEEDS)
def test_any_page_of_a_crowded_day(busy: History, questions: int) -> None:
    for wanted, cut in model.asks(busy.jobs.values(), questions, 8):
        with counted() as cost:
            page = asking(busy.listed_in, wanted, cut)(None)
        compare(busy, wanted, cut, page, AT)
        assert cut.limit > 50 or cost.units <= UNITS_MOST, (wanted, cut)


def test_any_page_of_a_workflow_in_a_crowded_day(busy: History) -> None:
    for id in ("f" * 24, "d" * 24):
        for sort in SORTS:
            for offset in (0, 333, 1200):
                cut = Cut(sort, offset=offset)
                with counted() as cost:
                    page = asking_of_workflow(busy.listed_in, id, Wanted(), cut)(None)
                compare(busy, Wanted(ids=frozenset({id})), cut, page, AT)
                assert cost.units <= UNITS_MOST, cut


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_a_walk_through_the_crowd_is_the_whole_list(busy: History, sort: str, descending: bool) -> None:
    wanted = Wanted(statuses=frozenset({Status.COMPLETED, Status.RUNNING}), whos=frozenset({"a", "ab"}))
    ask = asking(busy.listed_in, wanted, Cut(sort, descending, limit=333))
    expected = model.matching(busy.jobs.values(), wanted, sort, descending, AT)
    pages = list(walk(ask))
    assert [job.id for page in pages for job in page.jobs] == [job.id for job in expected]
    assert {page.total for page in pages} == {len(expected)}


# ---- what it costs


COMMON_UNITS_MOST, TRIPS_MOST, ROWS_MOST = 15, 4, 200


class Common(NamedTuple):
    """What is often asked for; with ``workflow``, of that workflow's jobs: itself it is asked for first."""

    wanted: Wanted = Wanted()
    way: Way = ALTERYX
    workflow: str | None = None

    def asking(self, history: History, cut: Cut) -> Ask:
        if self.workflow is None:
            return asking(history.listed_in, self.wanted, cut, way=self.way)
        return asking_of_workflow(history.listed_in, self.workflow, self.wanted, cut)

    def costs(self, ask: Ask, cursor: str | None = None) -> tuple[float, str | None]:
        """The units of a page, which are few, and the cursor of the next."""
        with counted() as cost:
            page = ask(cursor)
        assert cost.units <= COMMON_UNITS_MOST
        assert cost.trips <= TRIPS_MOST + (self.workflow is not None)
        assert sum(each.rows for each in cost if " by " in each.what) <= ROWS_MOST, "not by reading all that match"
        return cost.units, page.following

    def total(self, history: History) -> int:
        ids = None if self.workflow is None else frozenset({self.workflow})
        return model.page(history.jobs.values(), self.wanted._replace(ids=ids), Cut(), AT)[1]


COMMON = {
    "no filter": Common(),
    "one status": Common(COMPLETED),
    "several statuses": Common(Wanted(statuses=TERMINAL)),
    "all that live": Common(Wanted(statuses=LIVE)),
    "one user": Common(Wanted(whos=frozenset({"a"}))),
    "one workflow": Common(Wanted(names=frozenset({"Profile"}))),
    "a week": Common(Wanted(ended_from=BEGIN + 48 * DAY_MS, ended_until=BEGIN + 55 * DAY_MS)),
    "a workflow's jobs": Common(workflow="f" * 24),
    "a workflow's jobs of one status": Common(COMPLETED, workflow="f" * 24),
    "pages of openreplay": Common(way=OPENREPLAY),
    "a list of tencent": Common(way=TENCENT),
    "a list of tencent, of one state": Common(COMPLETED, TENCENT),
    "a list of tencent, of some days": Common(
        Wanted(created_from=BEGIN + 48 * DAY_MS, created_until=BEGIN + 55 * DAY_MS), TENCENT
    ),
}


@pytest.mark.parametrize("name", COMMON)
def test_a_common_page_costs_little_and_no_more_among_many(crowds: Crowds, name: str) -> None:
    """By the engine's own account: read units, and requests one after the other, for full pages of 50."""
    common = COMMON[name]
    spent: list[float] = []
    for history in crowds(common.way, FEW), crowds(common.way, 3 * FEW):
        total = common.total(history)
        assert total >= 50
        worst = 0.0
        for descending in (False, True):
            for offset in {0, total // 2, max(0, total - 100), total - 50}:
                ask = common.asking(history, Cut("created", descending, offset, 50))
                units, following = common.costs(ask)
                worst = max(worst, units)
                if following is not None:
                    worst = max(worst, common.costs(ask, following)[0])
        spent.append(worst)
    few, many = spent
    assert many < 2 * few
