"""A world and a client, and what the actors of a schedule do there to one job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from hypothesis import strategies as st

from jobyard.model import Job, Status
from jobyard.store import jobs
from jobyard.store.counts import LISTS
from jobyard.store.items import plain
from jobyard.store.lifecycle import LIVE_INDEX
from jobyard.store.records import JOB, live_shard
from tests.contract.yard import Clock
from tests.promises.harness.clients import Client
from tests.promises.harness.interleave import Op, Play, Scenario, every_schedule, play_once
from tests.promises.harness.orders import GONE, check_life, explain, of_a_job
from tests.promises.harness.wire import Call
from tests.promises.harness.world import World

TENANT = "acme"

# What the execution's writes are called in the table of transitions.
_WRITES = {
    "Enqueue": "enqueue",
    "Start": "start",
    "Complete": "complete",
    "Fail": "fail",
}
_BEFORE = {
    Status.SCHEDULED: "Enqueue",
    Status.INITIALIZING: "Start",
    Status.RUNNING: "Complete",
}
"""The write that the execution of a job stands before, in each status that one has on its way."""

REFUSED = ("Scheduled?", "Superseded")
"""Where an execution goes whose write the job did not allow."""

_DAY_SECONDS = 24 * 3600
_JUDGED_AT_ONCE = 25


class Stage:
    def __init__(self, world: World, client: Client) -> None:
        self.world, self.client = world, client
        self.began = Status.SCHEDULED if client.dialect == "openreplay" else Status.QUEUED
        """The status of a new job."""
        self._deletes = client.dialect == "alteryx"
        self.numbers = count(1)
        """To tell requests apart."""
        self.worked: list[str] = []
        """The jobs whose function was called, in that order."""
        self._judged: list[tuple[str, Status | None, str]] = []
        self._of_interest = ""
        world.work = self._work
        # The first request of a process finds out who is calling.
        client.word(self.no_job())

    # Schedules.

    def every_schedule(self, scenario: Scenario) -> int:
        """Each of them, each with a job of its own; now and then, and in the end, whatever is to come of any comes."""

        def judged(play: Play) -> None:
            scenario(play)
            # A job that waits for its start takes a day, and none is kept for as many as there are schedules.
            if len(self._judged) >= _JUDGED_AT_ONCE:
                self._come_to_rest()

        tried = every_schedule(self.world.wire, judged, self._apart)
        self._come_to_rest()
        return tried

    def a_schedule(self, data: st.DataObject, scenario: Scenario, *, fine: bool = True) -> None:
        """One that hypothesis chooses."""
        chosen = Play(self.world.wire, lambda able: data.draw(st.sampled_from(able)), fine=fine, apart=self._apart)
        play_once(chosen, scenario)
        self._come_to_rest()

    def _come_to_rest(self) -> None:
        judged, self._judged = self._judged, []
        self.world.rest()
        self.world.check()
        for id, ended, told in judged:
            with _noted(told):
                assert self.status(id) == ended, "a final state is final"
                assert self.life(id)[-1] == ended
                assert self.worked.count(id) <= 1, "its function worked twice"

    def _apart(self, call: Call) -> bool:
        """Nobody registers workflows or projects meanwhile, each has a number of its own from a counter, and the other
        jobs of the index have ended. No job depends on lists and counts, of which others make schedules.
        """
        key = str(call.asked.get("Key", {}).get("pk", {}).get("S", ""))
        if concerns_lists(call.asked):
            return True
        if call.asked.get("IndexName") == LIVE_INDEX and self._of_interest:
            return bool(call.asked["ExpressionAttributeValues"][":shard"]["S"] != live_shard(self._of_interest))
        return key.startswith(("COUNTER#", "PROJECT#", "WORKFLOW#"))

    # Jobs to begin with.

    def no_job(self) -> str:
        """An id that no job has."""
        return {"alteryx": "0" * 24, "openreplay": "0", "tencent": f"b{'0' * 32}"}[self.client.dialect]

    def submitted(self, about: str = "") -> str:
        """A new job, of which the stream has told nobody yet."""
        made = self.client.submit(about or f"number {next(self.numbers)}")
        assert made.status == 200
        self._of_interest = made.id
        return made.id

    def job(self, status: Status) -> str:
        """A new job whose execution is at work on it, and about to move it on."""
        id = self.submitted()
        if status is Status.QUEUED and self.began is Status.QUEUED:
            return id
        self.world.deliver_all()
        if self.began is Status.SCHEDULED:
            self.world.clock.advance(_DAY_SECONDS)
        # A scheduled one stands before Start twice: its execution finds out there that it has to wait.
        while (before := self.up_to_write(id)) != _BEFORE.get(status) or self.status(id) is not status:
            if id in self.world.machine.able():
                self.world.machine.step(id)
            elif status is Status.QUEUED:
                return id
            else:
                assert before == "Enqueue"
                self.world.deliver_all()
        return id

    def job_at_work(self) -> str:
        """A new job that is running, whose function has not answered yet."""
        id = self.job(Status.INITIALIZING)
        while id not in self.world.machine.working():
            self.world.machine.step(id)
        return id

    def up_to_write(self, id: str) -> str:
        """Take the execution to where its next state is a write, its function's work included; that state's name."""
        machine = self.world.machine
        while (it := machine.executions[id]).running and it.state not in _WRITES:
            if id in machine.working():
                self.world.work(id)
            else:
                machine.step(id)
        return it.state

    # What actors do.

    def cancels(self, play: Play, id: str) -> Callable[[], Any]:
        return lambda: play.op("cancel", self.client.cancel, id)

    def looks(self, play: Play, id: str, times: int = 1) -> Callable[[], Any]:
        def act() -> None:
            for _ in range(times):
                play.op("word", self.client.word, id)

        return act

    def lives(self, play: Play, id: str, *, on_its_way: bool = False) -> Callable[[], None]:
        """The execution goes on until it ends; with ``on_its_way`` each of its writes takes a while."""
        machine = self.world.machine

        def write(state: str) -> bool | None:
            land = machine.begin(id)
            if on_its_way:
                play.pause(f"{state} of {id} arrives")
            land()
            it = machine.executions[id]
            if state == "Enqueue" and it.running:
                # It goes on from there only where the job has been claimed.
                return it.token is not None
            # Of a write that arrived after its execution was stopped nobody is told.
            return None if it.status == "ABORTED" else it.state not in REFUSED

        def act() -> None:
            while self.awaits_slot(id) or machine.executions[id].running:
                if self.awaits_slot(id):
                    if not self._told(play, id):
                        return
                    continue
                state = self.up_to_write(id)
                play.pause(f"{state} of {id} sets off")
                if machine.executions[id].running and state in _WRITES:
                    play.op(_WRITES[state], write, state)

        return act

    def awaits_slot(self, id: str) -> bool:
        """Whether the job has no execution that could go on, because nobody has claimed it, or told its execution."""
        execution = self.world.machine.executions.get(id)
        return execution is None or (execution.running and execution.state == "Enqueue" and execution.token is not None)

    def _told(self, play: Play, id: str) -> bool:
        """Drive is told; it answers nobody. False where there was nothing to tell."""
        play.pause(f"drive is told of {id}")
        self.world.listen()
        if self.world.undelivered:
            self.claims(play, self.world.deliver)()
            return True
        return False

    def claims(self, play: Play, act: Callable[[], object]) -> Callable[[], None]:
        """What may claim the job, and answers nobody."""
        return lambda: play.op("initialize", lambda: (act(), None)[1])

    def settles(self, play: Play, event: dict[str, Any]) -> Callable[[], None]:
        """It answers nobody; the job is failed unless it has ended."""
        return lambda: play.op("fail", self.world.settle, event)

    def reconciles(self, play: Play) -> Callable[[], None]:
        """For jobs whose execution has ended without ending them, of which settle does not hear."""
        return lambda: play.op("fail", lambda: (self.world.reconcile(), None)[1])

    def delivers(self, play: Play, again: Sequence[dict[str, Any]] = ()) -> Callable[[], None]:
        """Drive is given what the stream has to tell at that moment, or what it has told before ``again``."""

        def again_told() -> None:
            assert self.world.drive(list(again)) == []

        def act() -> None:
            if again:
                play.op("initialize", again_told)
            else:
                play.pause("drive is invoked")
                play.op("initialize", lambda: (self.world.deliver(), None)[1])

        return act

    def stopped(self, id: str) -> dict[str, Any]:
        """The operator stops the execution in the console; the event that settle hears of it."""
        arn = f"arn:aws:states:us-east-1:000000000000:execution:jobyard-job:{id}"
        self.world.machine.answer("StopExecution", {"executionArn": arn})
        return self.world.machine.ended.pop()

    # What must hold afterwards.

    def now(self, id: str) -> Job:
        job = jobs.get(TENANT, id)
        assert job
        return job

    def status(self, id: str) -> Status | None:
        job = jobs.get(TENANT, id)
        return job.status if job else GONE

    def judge(self, play: Play, id: str, began: Status) -> Status | None:
        """The answers are those of some order; they say what the table says now, and whatever comes; the job moved only
        along the table of transitions. How the job ended; None for removed.
        """
        now = Op("afterwards", "status", self.status(id), 10**9, 10**9)
        first: Status | None = began
        explain([*play.ops, now], first, of_a_job(self.client.words, deletes=self._deletes))
        cancels = [op.answer for op in play.ops if op.kind == "cancel"]
        assert sum(answer.done for answer in cancels) <= 1, "of many cancels one wins"
        while self.world.deliver() | self.world.tell_of_ends() | self.world.advance_executions():
            pass
        ended = self.status(id)
        if any(answer.done for answer in cancels):
            assert ended in (Status.CANCELLED, GONE), "what a cancel answered is what every later read says"
        assert self.client.word(id) == (self.client.words[ended] if ended else None)
        self.life(id)
        self._judged.append((id, ended, str(play)))
        return ended

    def life(self, id: str) -> list[Status | None]:
        """The statuses that the job went through."""
        return check_life(self.records(id))

    def records(self, id: str) -> list[dict[str, Any]]:
        """What the stream has told of the job."""
        return [each for each in self.world.stream.told if _is_of(each, id)]

    def _work(self, name: str) -> None:
        self.worked.append(name)
        self.world.machine.finish(name)


_OF_LISTS = ("LISTED#", "COUNT#", "HOURS#", LISTS)


def concerns_lists(asked: dict[str, Any]) -> bool:
    """Whether a call of DynamoDB reads or writes only what the lists read."""
    if "TransactItems" in asked:
        return all(concerns_lists(write) for each in asked["TransactItems"] for write in each.values())
    if "RequestItems" in asked:
        found = [key for each in asked["RequestItems"].values() if "Keys" in each for key in each["Keys"]]
        return bool(found) and all(concerns_lists({"Key": key}) for key in found)
    if "IndexName" in asked:
        return bool(asked["IndexName"] != LIVE_INDEX)
    key = asked.get("Key") or asked.get("Item") or {"pk": asked.get("ExpressionAttributeValues", {}).get(":pk", {})}
    return str(key["pk"].get("S", "")).startswith(_OF_LISTS)


def hold(clock: Clock, thousandths: int = 0) -> None:
    """Let the time stand still, so many milliseconds behind a whole second, but where the test lets it go on."""
    at = clock.time_ns() // 10**9 * 10**9 + thousandths * 10**6
    clock._ahead_ns, clock._time_ns = 0, lambda: at


@contextmanager
def _noted(told: str) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        error.add_note(told)
        raise


def _is_of(record: dict[str, Any], id: str) -> bool:
    keys = record["dynamodb"]["Keys"]
    return bool(keys["sk"]["S"] == JOB and plain(keys["pk"]).rpartition("#")[2] == id)
