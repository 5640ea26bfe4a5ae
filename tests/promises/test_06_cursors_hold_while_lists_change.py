"""Promise 6, for cursors under every order and filter: a walk gives each job that did not change meanwhile just once.

At the service, over random histories (``harness.histories``): while somebody walks, between pages and before the
reads of one page, jobs are submitted, move on through their lives, are deleted, and expire at midnight; each of it is
counted at once, so that the walk meets it. Through the dialects: ``test_06_a_walk_gives_each_job_once.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.model import Job, Status
from jobyard.model.ids import now_ms
from tests.contract.yard import Clock
from tests.promises.effort import effort
from tests.promises.harness import histories
from tests.promises.harness import lists_model as model
from tests.promises.harness.asking import (
    ADMINISTRATOR,
    asking,
    asking_of_workflow,
    before_queries,
    member,
    put_workflows,
    walk,
)
from tests.promises.harness.histories import HISTORIES, SEEDS, History, Made, happened
from tests.promises.harness.lists_model import (
    BEGIN,
    DAY_MS,
    DAYS,
    SORTS,
    TENCENT,
    Cut,
    Wanted,
)
from tests.promises.harness.small_table import SmallTable

AT = BEGIN + DAYS * DAY_MS + model.NOON
STAND_STILL = ("created", "workflow", "priority")
"""Orders in which no job ever moves."""


class Meanwhile:
    """What happens to a history while somebody walks through a list of it."""

    def __init__(self, history: History, clock: Clock, wanted: Wanted, seed: int) -> None:
        self.history, self.clock, self.random = history, clock, Random(seed)
        self.wanted = wanted
        self.now = now_ms()
        self.changed: set[str] = set()
        self._at_first = set(history.jobs)

    def unchanged(self, sort: str, descending: bool) -> list[str]:
        """In their order, those that a walk must have given. What expired meanwhile changed, too."""
        there = [job for job in self.history.jobs.values() if job.id in self._at_first - self.changed]
        return [job.id for job in model.matching(there, self.wanted, sort, descending, self.now)]

    def happen(self) -> None:
        random = self.random
        kind = random.choice(["submit", "submit", "move", "move", "move", "delete", "midnight"])
        jobs = list(self.history.jobs.values())
        if kind == "submit":
            made = histories.a_life(random)._replace(gone=False, twice=False)
            if jobs and random.random() < 0.8:
                made = histories.beside(random.choice(jobs), made, random)
            for job in self.history.happen([made], random.randrange(100)):
                self.changed.add(job.id)
        elif kind == "midnight":
            self.now = (self.now // DAY_MS + 1) * DAY_MS
            self.clock.stop_at(self.now)
        elif jobs and kind == "delete":
            gone = random.choice(jobs)
            self.history.remove(gone.id)
            self.changed.add(gone.id)
        elif live := [job for job in jobs if model.there(job, self.now) and list(histories.steps(job, 0))]:
            job = random.choice(live)
            self._move(job, random.randint(1, 4))

    def _move(self, job: Job, steps: int) -> None:
        for _, later in zip(range(steps), list(histories.steps(job, self.now)), strict=False):
            self.changed.add(later.id)
            self.history.put(later)


@contextmanager
def before_reads(meanwhile: Meanwhile, chance: float) -> Iterator[None]:
    """Before some of the requests that lists make, something happens; of an index they get two jobs at once."""
    happening = False

    def ask(params: dict[str, Any]) -> None:
        nonlocal happening
        if "IndexName" in params:
            params["Limit"] = 2
        if not happening and meanwhile.random.random() < chance:
            happening = True  # and makes requests itself
            meanwhile.happen()
            happening = False

    with before_queries(ask):
        yield


Way = Callable[[Clock, "Walked"], None]


def check(seen: list[str], meanwhile: Meanwhile, cut: Cut) -> None:
    expected = meanwhile.unchanged(cut.sort, cut.descending)
    assert [id for id in seen if id in set(expected)] == expected, (meanwhile.wanted, cut)
    if cut.sort in STAND_STILL:
        assert len(set(seen)) == len(seen), "where no job moves, none is given twice"


class Walked(NamedTuple):
    """``chance`` is that of something to happen before a request."""

    lives: list[Made]
    seed: int
    chance: float


WALKED = st.builds(Walked, lives=HISTORIES, seed=SEEDS, chance=st.sampled_from([0.05, 0.2, 0.5]))


def walk_through_all(clock: Clock, walked: Walked) -> None:
    history = happened(clock, walked.lives, 0, AT)
    for number, (wanted, asked) in enumerate(model.asks(history.jobs.values(), walked.seed, 3)):
        cut = asked._replace(offset=0, limit=min(asked.limit, 7))
        meanwhile = Meanwhile(history, clock, wanted, walked.seed + number)
        with before_reads(meanwhile, walked.chance):
            seen = [job.id for page in walk(asking(history.listed_in, wanted, cut)) for job in page.jobs]
        check(seen, meanwhile, cut)


def walk_through_a_workflow(clock: Clock, walked: Walked) -> None:
    put_workflows()
    history = happened(clock, walked.lives, 0, AT)
    id = model.WORKFLOWS[0][1]
    of_it = [job for job in history.jobs.values() if job.workflow_id == id]
    for number, (asked, whole) in enumerate(model.asks(of_it, walked.seed, 3)):
        cut = whole._replace(offset=0, limit=min(whole.limit, 7))
        owner, caller = ("a", member("a")) if number == 2 else (None, ADMINISTRATOR)
        seen_by = asked._replace(whos=None if owner is None else frozenset({owner}), ids=frozenset({id}))
        meanwhile = Meanwhile(history, clock, seen_by, walked.seed + number)
        with before_reads(meanwhile, walked.chance):
            pages = walk(asking_of_workflow(history.listed_in, id, asked._replace(whos=None), cut, caller))
            seen = [job.id for page in pages for job in page.jobs]
        check(seen, meanwhile, cut)


def walk_through_some_time(clock: Clock, walked: Walked) -> None:
    """As tencent asks."""
    history = happened(clock, walked.lives, 0, AT, TENCENT)
    for number, (wanted, cut) in enumerate(model.walks(history.jobs.values(), walked.seed, 3)):
        meanwhile = Meanwhile(history, clock, wanted, walked.seed + number)
        with before_reads(meanwhile, walked.chance):
            pages = walk(asking(history.listed_in, wanted, cut, way=TENCENT))
            seen = [job.id for page in pages for job in page.jobs]
        check(seen, meanwhile, cut)


def walk_while_nothing_changes(clock: Clock, walked: Walked) -> None:
    history = happened(clock, walked.lives, 0, AT)
    for wanted, asked in model.asks(history.jobs.values(), walked.seed, 3):
        expected = model.matching(history.jobs.values(), wanted, asked.sort, asked.descending, AT)
        seen: list[Job] = []
        cursor: str | None = None
        for limit in cycle([asked.limit, 3, 1]):
            cut = Cut(asked.sort, asked.descending, len(seen), limit)
            ask = asking(history.listed_in, wanted, cut)
            page = ask(cursor)
            # The same page by its offset.
            assert page.jobs == ask(None).jobs
            assert (page.total, page.offset) == (len(expected), len(seen))
            seen += page.jobs
            cursor = page.following
            if cursor is None:
                break
        assert [job.id for job in seen] == [job.id for job in expected], (wanted, asked)


WAYS = [walk_through_all, walk_through_a_workflow, walk_through_some_time, walk_while_nothing_changes]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.removeprefix("walk_"))


@ways
@effort(4)
@given(walked=WALKED)
def test_a_walk_gives_what_did_not_change_once(table: str, clock: Clock, way: Way, walked: Walked) -> None:
    way(clock, walked)


@pytest.mark.nightly
@ways
@effort(40)
@given(walked=WALKED)
def test_and_so_it_does_over_many_more_histories(small: SmallTable, clock: Clock, way: Way, walked: Walked) -> None:
    way(clock, walked)


@pytest.mark.parametrize("what", ["removed", "moved on"])
def test_a_walk_goes_on_behind_a_job_that_has_left(small: SmallTable, clock: Clock, what: str) -> None:
    """It is the one that the page ended with; in an order by status a job that moves on may be met again."""
    lives = [Made(50, 7, 0, 0, 0, Status.QUEUED, 0, 0, 90, gone=False, untold=0, twice=False)] * 6
    for sort in SORTS if what == "removed" else [sort for sort in SORTS if sort != "status"]:
        for descending in (False, True):
            history = happened(clock, lives, 0, AT)
            ask = asking(history.listed_in, Wanted(), Cut(sort, descending, 0, 2))
            first = ask(None)
            expected = model.matching(history.jobs.values(), Wanted(), sort, descending, AT)[2:]
            last = first.jobs[-1]
            if what == "removed":
                history.remove(last.id)
            else:
                history.put(next(histories.steps(last, AT)))
            second = ask(first.following)
            assert [job.id for job in second.jobs] == [job.id for job in expected[:2]]
            assert second.total == (5 if what == "removed" else 6)
