"""Promise 5: messages keep their order, and none is lost.

A message is written before the call that says it returns, under a key of its own: the millisecond, a count within the
process, the writer. So what one process says of a job stays in the order in which it said it, whatever its clock does.
Messages of several processes (parts of a job that work at the same time, or a function that asked to be called again
and woke up elsewhere) stand in the order of their clocks; where these differ by some milliseconds, so may the order.

Reading from the beginning gives every message whose call returned. A reader that follows the links of the messages
endpoint gets each once, in order; the last page, which has no link, it asks for again until the job has ended.
The limit: a message whose key is smaller than where a link leads, written after that link was given, is not on the
pages behind it. That takes two writers, of which one has a clock that is behind, or a write that is slow, by as much
as lies between the message and the end of the page. A new walk from the beginning has it in its place.

Also tried in ``tests/contract/test_messages.py`` (answers of 5 MB, page by page; the newest thousand),
``tests/unit/test_runner_messages.py`` (the clock alone, threads) and in every life of ``test_02_model.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import example, given
from hypothesis import strategies as st

from jobyard import runner
from jobyard.dialects.alteryx import messages as endpoint
from jobyard.model import Job, Person, Status
from jobyard.model.ids import object_id
from jobyard.model.messages import life_messages, message_key
from jobyard.runner import _job
from jobyard.runner._messages import Clock as MessageClock
from jobyard.service import jobs as service
from jobyard.store import jobs as store
from tests.contract.api import call
from tests.contract.yard import Client, Yard
from tests.factories import NOW
from tests.promises.effort import effort
from tests.promises.harness.wire import Call, CarryOut
from tests.promises.harness.world import World

BEGAN = NOW + 5000


class Process:
    """One that runs jobs, with a clock of its own, ``skew`` milliseconds ahead."""

    def __init__(self, skew: int = 0) -> None:
        self.skew, self.now = skew, BEGAN
        self.clock = MessageClock(lambda: self.now + self.skew)

    def invoke(self, job: Job) -> Invocation:
        event = {"id": job.id, "tenant": job.tenant, "workflow": {"id": job.workflow_id, "name": job.workflow_name}}
        return Invocation(self, runner.Job(event))


class Invocation(NamedTuple):
    process: Process
    job: runner.Job

    def say(self, text: str) -> str:
        """Returns the message's key."""
        _job._clock = self.process.clock
        self.job.log(text)
        return message_key(*self.process.clock._last, self.job._writer)


class Page(NamedTuple):
    texts: list[str]
    next: str | None


class Reader:
    """Follows the links; asks for the last page again."""

    def __init__(self, client: Client, job: Job) -> None:
        self._token, self._path = client.token, f"/webapi/v3/jobs/{job.id}/messages"
        self.after = ""
        self._seen: list[str] = []
        self._last: list[str] = []

    def step(self) -> bool:
        """Whether there is a page behind the one that was read."""
        page = self.page(self.after)
        if page.next is None:
            self._last = page.texts
            return False
        self._seen += page.texts
        self.after = page.next
        return True

    def page(self, after: str) -> Page:
        answer = call("GET", self._path, self._token, f"after={after}")
        assert answer.status == 200, answer.text
        link = re.search(r"\?after=([^>]+)>", answer.headers.get("Link", ""))
        return Page([each["text"] for each in answer.json], link[1] if link else None)

    def to_the_end(self) -> list[str]:
        while self.step():
            pass
        return self._seen + self._last


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Few messages are read at once, and few fill an answer: their borders lie everywhere."""
    monkeypatch.setattr(service, "_MESSAGES_A_READ", 3)
    monkeypatch.setattr(endpoint, "AT_MOST_BYTES", 150)
    monkeypatch.setattr(service, "NEWEST_MESSAGES", 5)
    monkeypatch.setattr(_job, "_clock", _job._clock)
    return monkeypatch


def running(yard: Yard, began: int = BEGAN, expires_at: int | None = None) -> Job:
    """Queued and started in one millisecond, before its function says anything."""
    id = object_id(NOW)
    return yard.job(id=id, status=Status.RUNNING, queued_at=began, started_at=began, expires_at=expires_at)


def detail(client: Client, job: Job) -> list[str]:
    answer = call("GET", f"/webapi/v3/jobs/{job.id}", client.token)
    return [each["text"] for each in answer.json["messages"]]


LIFE = ["Queued with priority Default.", "Started Profile."]


@effort(20)
@given(times=st.lists(st.integers(0, 3), min_size=1, max_size=9), again=st.sets(st.integers(0, 8), max_size=2))
@example(times=[0] * 9, again={2, 5})
@example(times=[3, 2, 1, 0, 3], again={1})
def test_what_a_process_says_stays_in_its_order_whatever_its_clock_does(
    yard: Yard, curator: Client, pages: pytest.MonkeyPatch, times: list[int], again: set[int]
) -> None:
    """Its clock stands still and goes back; it is called ``again``; and its last number of a millisecond is near."""
    job, process = running(yard), Process()
    process.clock._last = (BEGAN, 999_996)
    at_work = process.invoke(job)
    for number, time in enumerate(times):
        process.now = BEGAN + time
        if number in again:
            at_work = process.invoke(job)
        at_work.say(f"{number}")
    every = LIFE + [f"{number}" for number in range(len(times))]
    assert Reader(curator, job).to_the_end() == every
    assert detail(curator, job) == every[-5:]


class Said(NamedTuple):
    text: str
    writer: int
    stamp: int
    key: str


STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=12)
"""Which of the writers says something, and how many milliseconds later than the one before."""


def say_all(writers: Sequence[Invocation], steps: Sequence[tuple[int, int]]) -> list[Said]:
    said: list[Said] = []
    now = BEGAN
    for number, (writer, later) in enumerate(steps):
        now += later
        speaker = writers[writer % len(writers)]
        speaker.process.now = now
        text = f"{number} of {writer % len(writers)}"
        said.append(Said(text, writer % len(writers), now + speaker.process.skew, speaker.say(text)))
    return said


@effort(20)
@given(skews=st.lists(st.integers(-6, 6), min_size=2, max_size=3), steps=STEPS)
def test_several_processes_stand_in_the_order_of_their_clocks_and_each_in_its_own(
    yard: Yard, curator: Client, pages: pytest.MonkeyPatch, skews: list[int], steps: list[tuple[int, int]]
) -> None:
    job = running(yard, NOW)
    said = say_all([Process(skew).invoke(job) for skew in skews], steps)
    read = Reader(curator, job).to_the_end()
    assert read[:2] == LIFE
    assert sorted(read[2:]) == sorted(each.text for each in said), "none is lost, and none is doubled"
    place = {text: number for number, text in enumerate(read)}
    for number, first in enumerate(said):
        for second in said[number + 1 :]:
            if first.writer == second.writer or first.stamp < second.stamp:
                assert place[first.text] < place[second.text], (first, second, read)
    assert detail(curator, job) == read[-5:]


@effort(20)
@given(
    skews=st.lists(st.integers(-6, 6), min_size=1, max_size=3),
    steps=STEPS,
    reads=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    ends=st.integers(0, 12),
)
@example(skews=[0], steps=[(0, 1)] * 12, reads=[1] * 12, ends=6)
@example(skews=[0, -6], steps=[(0, 1), (0, 1), (0, 1), (1, 1)] * 3, reads=[0, 0, 3] * 4, ends=6)
def test_a_reader_who_follows_gets_each_once_in_order_but_those_behind_a_link(
    yard: Yard,
    curator: Client,
    pages: pytest.MonkeyPatch,
    skews: list[int],
    steps: list[tuple[int, int]],
    reads: list[int],
    ends: int,
) -> None:
    """It reads while messages are written, and while the job ends among them: its function speaks on after that."""
    job = running(yard, NOW)
    writers = [Process(skew).invoke(job) for skew in skews]
    reader, said, now, behind = Reader(curator, job), list[Said](), BEGAN, set[str]()
    for number, (writer, later) in enumerate(steps):
        for _ in range(reads[number]):
            reader.step()
        now += later
        if number == ends:
            assert store.cancel(job, Person("u", "Ada"), now).done
            (closing,) = (each for each in life_messages(store.get(job.tenant, job.id) or job)[2:])
            if closing.key <= reader.after:
                behind.add(closing.text)
        speaker = writers[writer % len(writers)]
        speaker.process.now = now
        key = speaker.say(f"{number}")
        if key <= reader.after:
            behind.add(f"{number}")
        said.append(Said(f"{number}", writer % len(writers), now, key))
    every = Reader(curator, job).to_the_end()
    assert len(every) == len(set(every)) == 2 + len(said) + (ends < len(steps))
    assert reader.to_the_end() == [text for text in every if text not in behind]
    if len(writers) == 1 and ends >= len(steps):
        assert not behind, "one writer is never behind itself"


def test_an_end_that_comes_while_a_page_is_read_is_on_it_or_on_a_later_one(
    world: World, pages: pytest.MonkeyPatch
) -> None:
    yard = world.yard
    curator, job = yard.client(), running(yard, NOW)
    process = Process()
    at_work = process.invoke(job)
    for number in range(3):
        at_work.say(f"{number}")
    meanwhile = [True]

    def ends_before_messages_are_read(asked: Call, carry_out: CarryOut) -> AWSResponse:
        if asked.operation == "Query" and meanwhile:
            meanwhile.clear()
            process.now += 10
            store.cancel(job, Person("u", "Ada"), process.now - 5)
            for number in range(3, 9):
                at_work.say(f"{number}")
        return carry_out()

    with world.wire.gate(ends_before_messages_are_read):
        read = Reader(curator, job).to_the_end()
    assert not meanwhile
    assert read == [*LIFE, "0", "1", "2", "Cancelled by Ada.", *map(str, range(3, 9))]


def test_what_happens_to_a_job_in_one_millisecond_is_told_though_a_page_ends_there(
    yard: Yard, curator: Client, pages: pytest.MonkeyPatch
) -> None:
    job = running(yard)
    keys = [each.key for each in life_messages(job)]
    assert [Reader(curator, job).page(key).texts for key in ["", *keys]] == [LIFE, LIFE[1:], []]


@pytest.mark.parametrize("deliveries", [1, 2])
def test_with_a_job_its_messages_go_and_no_others(world: World, deliveries: int) -> None:
    yard = world.yard
    gone, stays = (running(yard, expires_at=NOW // 1000) for _ in range(2))
    yard.messages(gone, [f"{number}" for number in range(60)])
    yard.messages(stays, ["kept"])
    at_work = Process().invoke(gone)
    at_work.say("known while it was there")
    world.hear()
    world.remove(each for each in yard.items("JOB#") if each["pk"]["S"].endswith(gone.id) and each["sk"]["S"] == "JOB")
    records = world.hear()
    for _ in range(deliveries):
        assert world.drive(records) == []
    assert [each["sk"]["S"][:4] for each in yard.items("JOB#")] == ["JOB", "MSG#"]
    assert {each["pk"]["S"] for each in yard.items("JOB#")} == {f"JOB#acme#{stays.id}"}


def test_what_is_said_of_a_job_that_is_gone_leaves_nothing_or_what_expires(yard: Yard) -> None:
    """A message outlives its job only where its function knew when that would expire."""
    job = running(yard, expires_at=NOW // 1000 + 60)
    knows, comes_late = Process().invoke(job), Process().invoke(job)
    knows.say("first")
    assert store.fail(job, "", NOW).done
    yard._dynamodb.delete_item(TableName=yard.table, Key={"pk": {"S": f"JOB#acme#{job.id}"}, "sk": {"S": "JOB"}})
    knows.say("second")
    comes_late.say("third")
    kept = yard.items("JOB#")
    assert [each["text"]["S"] for each in kept] == ["first", "second"]
    assert {each["expiresAt"]["N"] for each in kept} == {f"{NOW // 1000 + 60}"}
