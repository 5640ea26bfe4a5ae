"""Promise 6: walking all pages gives each job that did not change meanwhile exactly once.

What is walked by tokens (tencent, both orders) keeps it whatever happens between and within pages: a token names the
job that the page ended with, and where a job stands never changes. Jobs that come or change meanwhile may be on a page
or not, but none is on two.

What the vendors walk by numbers of jobs or pages keeps it as far as numbers can. Every job before a page that leaves
the list moves those behind it up, so that one of them is passed over; every job that comes there moves them down, so
that one is seen again. So:

- alteryx, oldest first: kept while no job leaves the list. What is submitted comes last, and no change of status moves
  a job. Deleting waiting jobs, and filters on what changes, pass jobs over: as many as left, at most.
- alteryx, newest first, and openreplay: no job is passed over while none leaves but the oldest, which expire first.
  What is submitted meanwhile moves all others, so jobs are seen again: as many as came, at most. openreplay's jobs
  leave their list in no other way.

By cursors (alteryx's both lists, in any order, and openreplay) each job that did not change is given once, whatever
happens: a cursor names the job that the page ended with, as a token does. Under every filter and order the service
keeps it in ``test_06_cursors_hold_while_lists_change.py``.

Also tried, without changes meanwhile, in ``tests/contract/test_list.py``, ``openreplay/test_list.py`` and
``tencent/test_list.py``; in every life of ``test_02_model.py``; and under load by the history checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import example, given
from hypothesis import strategies as st

from jobyard.model import Stand, Status
from jobyard.model.ids import now_ms
from jobyard.store import jobs, queues
from tests.contract.api import call
from tests.contract.tencent.signing import ask
from tests.promises.effort import effort, nightly_but
from tests.promises.harness.asking import before_queries
from tests.promises.harness.clients import Alteryx, OpenReplay, Tencent
from tests.promises.harness.wire import Call, CarryOut
from tests.promises.harness.world import World

Walk = Callable[[Any, int], Iterator[list[str]]]
AT_FIRST = 7


def by_offset(direction: str) -> Walk:
    def walk(client: Alteryx, size: int) -> Iterator[list[str]]:
        offset, more = 0, True
        while more:
            query = f"allUsers=true&offset={offset}&limit={size}&direction={direction}"
            answer = call("GET", "/webapi/v3/jobs", client.client.token, query).json
            offset, more = offset + size, answer["pagination"]["hasNextPage"]
            yield [each["jobId"] for each in answer["data"]]

    return walk


def by_page(client: OpenReplay, size: int) -> Iterator[list[str]]:
    page = 1
    while jobs := client.organisation.list(f"limit={size}&page={page}"):
        page += 1
        yield [str(each["jobId"]) for each in jobs]


def by_cursor(path: str, query: str, id: str, token: Callable[[Any], str]) -> Walk:
    """As the links lead. ``id`` is how the list calls a job's."""

    def walk(client: Any, size: int) -> Iterator[list[str]]:
        following: str | None = f"{query}&limit={size}"
        while following is not None:
            at = path.format(client=client)
            answer = call("GET", at, token(client), following)
            assert answer.status == 200, answer.text
            following = answer.following
            found = answer.json if isinstance(answer.json, list) else answer.json["data"]
            yield [str(each[id]) for each in found]

    return walk


def all_by_cursor(sort: str, direction: str, more: str = "") -> Walk:
    query = f"allUsers=true&sortField={sort}&direction={direction}{more}"
    return by_cursor("/webapi/v3/jobs", query, "jobId", lambda client: str(client.client.token))


def of_workflow_by_cursor(direction: str) -> Walk:
    path = "/webapi/v3/workflows/{client.workflow.id}/jobs"
    return by_cursor(path, f"direction={direction}", "id", lambda client: str(client.client.token))


def erasures_by_cursor(client: OpenReplay, size: int) -> Iterator[list[str]]:
    path = "/public/{client.organisation.project.key}/jobs"
    return by_cursor(path, "", "jobId", lambda client: str(client.organisation.api_key))(client, size)


def by_token(order: str, states: str = "All") -> Walk:
    def walk(client: Tencent, size: int) -> Iterator[list[str]]:
        token: str | None = ""
        while token is not None:
            query = {"size": str(size), "orderByTime": order, "states": states, "nextToken": token}
            answer = ask(client.key, "GET", query=list(query.items()))
            assert answer.status == 200, answer.text
            token = answer.get("NextToken") if answer.xml.find("NextToken") is not None else None
            yield answer.all("JobsDetail/JobId")

    return walk


class Meanwhile:
    """What happens to a list while it is walked: jobs that came, changed their status, or left the list."""

    def __init__(self, world: World, client: Any) -> None:
        world.clear()
        assert queues.put(queues.get("acme", ""), 0, False, now_ms())
        self.world, self.client = world, client
        self.came: list[str] = []
        self.changed: list[str] = []
        self.left: list[str] = []
        self.at_first = [self._submitted(f"first {number}", days=1) for number in range(AT_FIRST)]
        """Oldest first, each a day after the one before."""
        # What the lists read follows the jobs at once.
        self.world.catch_up()

    @property
    def stayed(self) -> list[str]:
        return [id for id in self.at_first if id not in self.left]

    def happens(self, what: str, which: int) -> None:
        """``cancel`` changes a job's status, or in alteryx, where it waits, deletes it; ``expire`` is of the oldest."""
        there = [id for id in [*self.at_first, *self.came] if id not in self.left]
        if what == "submit":
            self.came.append(self._submitted(f"later {len(self.came)}"))
        elif not there:
            return
        elif what == "run":
            self._run(there[which % len(there)])
        elif what == "cancel":
            self._cancel(there[which % len(there)])
        else:
            self._expire()
        self.world.catch_up()

    def _expire(self) -> None:
        """The days pass until the oldest expire, and at some time they are deleted."""
        items = {each["id"]["S"]: each for each in self.world.yard.items("JOB#") if each["sk"]["S"] == "JOB"}
        due = {id: int(each["expiresAt"]["N"]) * 1000 for id, each in items.items() if id not in self.left}
        moment = min(due.values())
        self.world.clock.stop_at(max(moment, self.world.clock.time_ns() // 1_000_000))
        self.left += [id for id, at in due.items() if at <= moment]
        self.world.remove(items[id] for id in self.left if id in items)

    def _submitted(self, about: str, days: int = 0) -> str:
        self.world.clock.advance(0.001 + days * 24 * 3600)
        made = self.client.submit(about)
        assert made.status == 200
        return str(made.id)

    def _cancel(self, id: str) -> None:
        if self.client.cancel(id).done:
            (self.changed if self.client.word(id) else self.left).append(id)

    def _run(self, id: str) -> None:
        """Its execution begins, and moves the job on: as far as its function, and when it runs again, to its end."""
        job = self.world.jobs()[id]
        if job.status is Status.QUEUED:
            # The others wait on, in a queue without slots.
            jobs.stand(job, Stand(job.priority, "free"), job.owner, now_ms())
            self.changed.append(id)
        self.world.deliver_all()
        machine = self.world.machine
        if id in machine.working():
            machine.finish(id)
        while id in machine.able():
            machine.step(id)
            self.changed.append(id)


def at_most_two(params: dict[str, Any]) -> None:
    """DynamoDB gives two jobs for a Query, as it does where they are long: a page is read by several."""
    if "IndexName" in params:
        params["Limit"] = 2


def walked(walk: Walk, meanwhile: Meanwhile, size: int, happenings: list[tuple[int, str, int]]) -> list[str]:
    """All that the pages gave. Before as many reads of the index as each says, something happens."""
    due = list(happenings)
    reads = 0

    def gate(asked: Call, carry_out: CarryOut) -> AWSResponse:
        nonlocal reads
        if asked.operation == "Query" and "IndexName" in asked.asked:
            reads += 1
            with meanwhile.world.wire.gate(lambda _, go_on: go_on()):
                while due and due[0][0] <= reads:
                    _, what, which = due.pop(0)
                    meanwhile.happens(what, which)
        return carry_out()

    with meanwhile.world.wire.gate(gate), before_queries(at_most_two):
        return [id for page in walk(meanwhile.client, size) for id in page]


@pytest.fixture
def stands_still(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Time passes by a millisecond with each job, or by days."""
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**9))
    world.clock.stop_at(world.clock.time_ns() // 1_000_000)
    return world


@pytest.fixture
def alteryx(stands_still: World) -> Alteryx:
    return Alteryx(stands_still.yard)


@pytest.fixture
def openreplay(stands_still: World) -> OpenReplay:
    return OpenReplay(stands_still.yard)


@pytest.fixture
def tencent(stands_still: World) -> Tencent:
    return Tencent(stands_still.yard)


def happenings(*kinds: str) -> st.SearchStrategy[list[tuple[int, str, int]]]:
    """Before which read of the index, what, and to which job."""
    each = st.tuples(st.integers(1, 9), st.sampled_from(kinds), st.integers(0, 9))
    return st.lists(each, min_size=1, max_size=6).map(sorted)


def test_what_runs_meanwhile_changes(world: World, tencent: Tencent) -> None:
    """Or no walk above or below met a job that goes on."""
    meanwhile = Meanwhile(world, tencent)
    job = meanwhile.at_first[0]
    assert tencent.word(job) == "Submitted"
    for expected in ("Running", "Success"):
        meanwhile.changed.clear()
        meanwhile.happens("run", 0)
        assert set(meanwhile.changed) == {job}
        assert tencent.word(job) == expected


ANY = happenings("submit", "run", "cancel", "expire")
SIZES = st.integers(1, 4)
Happenings = list[tuple[int, str, int]]


@pytest.mark.parametrize("order", nightly_but(["Asc", "Desc"], "Desc"))
@effort(3)
@given(size=SIZES, happenings=ANY)
@example(size=2, happenings=[(2, "expire", 0), (2, "submit", 0), (3, "cancel", 4), (4, "submit", 0)])
def test_by_tokens_each_job_that_stayed_is_given_once_and_none_twice(
    world: World, tencent: Tencent, order: str, size: int, happenings: Happenings
) -> None:
    meanwhile = Meanwhile(world, tencent)
    seen = walked(by_token(order), meanwhile, size, happenings)
    assert len(set(seen)) == len(seen)
    expected = meanwhile.stayed if order == "Asc" else meanwhile.stayed[::-1]
    assert [id for id in seen if id in expected] == expected
    assert set(seen) <= {*meanwhile.at_first, *meanwhile.came}


@pytest.mark.nightly
@effort(3)
@given(size=SIZES, happenings=ANY)
@example(size=2, happenings=[(2, "cancel", 6), (3, "run", 5), (3, "cancel", 0)])
def test_by_tokens_a_filter_on_what_changes_passes_no_other_job_over(
    world: World, tencent: Tencent, size: int, happenings: Happenings
) -> None:
    meanwhile = Meanwhile(world, tencent)
    seen = walked(by_token("Desc", "Submitted"), meanwhile, size, happenings)
    assert len(set(seen)) == len(seen)
    unchanged = [id for id in meanwhile.stayed[::-1] if id not in meanwhile.changed]
    assert [id for id in seen if id in unchanged] == unchanged


CURSORS = {
    "CreateDate asc": (all_by_cursor("CreateDate", "asc"), False),
    "CreateDate desc": (all_by_cursor("CreateDate", "desc"), True),
    "AppName asc": (all_by_cursor("AppName", "asc"), False),
    "Priority desc": (all_by_cursor("Priority", "desc"), True),
    "Status asc": (all_by_cursor("Status", "asc"), False),
    "CompletionDateTime desc": (all_by_cursor("CompletionDateTime", "desc"), True),
    "Queued desc": (all_by_cursor("CreateDate", "desc", "&statuses=Queued"), True),
    "workflow asc": (of_workflow_by_cursor("asc"), False),
    "workflow desc": (of_workflow_by_cursor("desc"), True),
}
AGAIN = ("Status asc", "CompletionDateTime desc")
"""Orders in which a job that changes may stand where the walk has yet to come."""


@pytest.mark.parametrize("name", nightly_but(CURSORS, "CreateDate desc", "Status asc"))
@effort(3)
@given(size=SIZES, happenings=ANY)
@example(size=2, happenings=[(2, "cancel", 0), (2, "submit", 0), (3, "cancel", 4), (4, "run", 5)])
def test_by_cursors_each_job_that_did_not_change_is_given_once(
    world: World, alteryx: Alteryx, name: str, size: int, happenings: Happenings
) -> None:
    walk, newest_first = CURSORS[name]
    meanwhile = Meanwhile(world, alteryx)
    seen = walked(walk, meanwhile, size, happenings)
    unchanged = [id for id in meanwhile.stayed if id not in meanwhile.changed]
    assert [id for id in seen if id in unchanged] == (unchanged[::-1] if newest_first else unchanged)
    assert name in AGAIN or len(set(seen)) == len(seen)


@effort(2)
@given(size=SIZES, happenings=ANY)
@example(size=2, happenings=[(2, "submit", 0), (3, "submit", 0), (3, "expire", 0)])
def test_by_cursors_of_openreplay_each_job_that_stayed_is_given_once(
    world: World, openreplay: OpenReplay, size: int, happenings: Happenings
) -> None:
    meanwhile = Meanwhile(world, openreplay)
    seen = walked(erasures_by_cursor, meanwhile, size, happenings)
    assert [id for id in seen if id in meanwhile.stayed] == meanwhile.stayed[::-1]
    assert len(set(seen)) == len(seen)


def test_by_cursors_no_job_is_passed_over_for_one_that_left(world: World, alteryx: Alteryx) -> None:
    meanwhile = Meanwhile(world, alteryx)
    pages = all_by_cursor("CreateDate", "asc")(alteryx, 3)
    seen = next(pages)
    meanwhile.happens("cancel", 0)
    assert meanwhile.left == seen[:1]
    assert seen + [id for page in pages for id in page] == meanwhile.at_first


@effort(3)
@given(size=SIZES, happenings=happenings("submit", "run"))
def test_by_offsets_oldest_first_each_job_is_given_once_while_none_leaves(
    world: World, alteryx: Alteryx, size: int, happenings: Happenings
) -> None:
    meanwhile = Meanwhile(world, alteryx)
    seen = walked(by_offset("asc"), meanwhile, size, happenings)
    every = [*meanwhile.at_first, *meanwhile.came]
    assert seen == every[: max(len(seen), AT_FIRST)], "what came is given behind them, once"


@pytest.mark.nightly
@effort(3)
@given(size=SIZES, happenings=ANY)
def test_by_offsets_oldest_first_no_more_are_passed_over_than_left(
    world: World, alteryx: Alteryx, size: int, happenings: Happenings
) -> None:
    meanwhile = Meanwhile(world, alteryx)
    seen = walked(by_offset("asc"), meanwhile, size, happenings)
    assert len(set(meanwhile.stayed) - set(seen)) <= len(meanwhile.left)
    assert len(set(seen)) == len(seen), "none is given twice"


def test_by_offsets_a_job_is_passed_over_for_one_that_left_before_it(world: World, alteryx: Alteryx) -> None:
    """Which cursors do not."""
    meanwhile = Meanwhile(world, alteryx)
    pages = by_offset("asc")(alteryx, 3)
    seen = next(pages)
    meanwhile.happens("cancel", 0)
    assert meanwhile.left == seen[:1]
    seen += [id for page in pages for id in page]
    assert seen == [*meanwhile.at_first[:3], *meanwhile.at_first[4:]]


def numbered(walk: Walk, meanwhile: Meanwhile, size: int, happenings: Happenings) -> None:
    seen = walked(walk, meanwhile, size, happenings)
    firsts = list(dict.fromkeys(seen))
    assert [id for id in firsts if id in meanwhile.stayed] == meanwhile.stayed[::-1], "none is passed over"
    assert len(seen) - len(firsts) <= len(meanwhile.came), "no more are given again than came"


MOVED_ON: Happenings = [(2, "submit", 0), (3, "submit", 0)]


@pytest.mark.nightly
@effort(3)
@given(size=SIZES, happenings=happenings("submit", "run", "expire"))
@example(size=2, happenings=MOVED_ON)
def test_by_offsets_newest_first_only_what_came_moves_jobs_on(
    world: World, alteryx: Alteryx, size: int, happenings: Happenings
) -> None:
    numbered(by_offset("desc"), Meanwhile(world, alteryx), size, happenings)


@pytest.mark.nightly
@effort(3)
@given(size=SIZES, happenings=ANY)
@example(size=2, happenings=MOVED_ON)
def test_by_pages_only_what_came_moves_jobs_on(
    world: World, openreplay: OpenReplay, size: int, happenings: Happenings
) -> None:
    numbered(by_page, Meanwhile(world, openreplay), size, happenings)
