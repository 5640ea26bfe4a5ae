"""A long random life of Jobyard's, beside a few dictionaries (``reference.py``) that say what it must answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from jobyard import runner
from jobyard.lifecycle.reconcile import GRACE_MS, Repairs
from jobyard.lifecycle.schedules import Compared
from jobyard.model import Status
from jobyard.model.ids import now_ms
from jobyard.runner import _job
from jobyard.runner._messages import Clock as MessageClock
from jobyard.store.items import plain_item
from tests.contract.api import call
from tests.promises.harness.clients import Alteryx, OpenReplay, Tencent
from tests.promises.harness.machine import ARN, Execution
from tests.promises.harness.reference import DAY_MS, MIDDLE, NEW, Client, Known, Reference, Refused
from tests.promises.harness.world import World

RETENTION_DAYS = 90
CLIENTS = [Client(dialect, tenant) for dialect in ("alteryx", "openreplay", "tencent") for tenant in ("acme", "globex")]
TRANSITION_OF = {
    "Enqueue": "enqueue",
    "Start": "start",
    "Complete": "complete",
    "Fail": "fail",
}
BY_HAND = "The execution was stopped by hand: enough"
OUT_OF_TIME = "The workflow did not end within its time."


class Stand:
    """What all lives have in common: the table, the clients of six, and a clock that stands still."""

    def __init__(self, world: World) -> None:
        self.world, yard = world, world.yard
        noon = now_ms() // DAY_MS * DAY_MS + DAY_MS // 2
        self.begins_at = noon
        world.clock.stop_at(noon)
        made = {"alteryx": Alteryx, "openreplay": OpenReplay, "tencent": Tencent}
        self.clients: dict[Client, Any] = {each: made[each.dialect](yard, each.tenant) for each in CLIENTS}
        self.tokens: dict[Client, str] = {}
        for each, client in self.clients.items():
            if isinstance(client, Alteryx):
                # One that outlives the jobs.
                token = yard.token_until(client.client, noon // 1000 + 10_000 * 24 * 3600, each.tenant)
                client.client = client.client._replace(token=token)
                self.tokens[each] = token

    def clear(self) -> None:
        self.world.clock.stop_at(self.begins_at)
        self.world.clear()


def one_of(choose: Callable[[Any], Sequence[Any]]) -> Any:
    return st.runner().flatmap(lambda life: st.sampled_from(choose(life)))


class Life(RuleBasedStateMachine):
    """``known`` are all jobs that ever were, ``landing`` the writes of executions that are on their way."""

    def __init__(self, stand: Stand) -> None:
        super().__init__()
        stand.clear()
        _job._clock = MessageClock()
        self.stand, self.world, self.machine = stand, stand.world, stand.world.machine
        self.reference = Reference(RETENTION_DAYS)
        self.known: list[Known] = []
        self.landing: dict[str, tuple[Callable[[], None], int]] = {}
        self.delivered: list[dict[str, Any]] = []
        self.steps = 0

    # What there is to choose from.

    def executions(self) -> Iterator[tuple[Known, Execution]]:
        for job in self.known:
            if job.id in self.machine.executions:
                yield job, self.machine.executions[job.id]

    def able(self) -> list[Known]:
        able = set(self.machine.able()) - set(self.landing)
        return [job for job in self.known if job.id in able]

    def writing(self) -> list[Known]:
        return [job for job in self.able() if self.machine.executions[job.id].state in TRANSITION_OF]

    def on_its_way(self) -> list[Known]:
        return [job for job in self.known if job.id in self.landing]

    def working(self) -> list[Known]:
        return [job for job in self.known if job.id in self.machine.working()]

    def running(self) -> list[Known]:
        return [job for job, execution in self.executions() if execution.running]

    def called(self) -> list[Known]:
        """Their functions may still be at work, whatever has become of them."""
        return [job for job, execution in self.executions() if "RunLambda" in execution.passed]

    def ends(self) -> list[tuple[Known, dict[str, Any]]]:
        """EventBridge's events that nobody was told of, in an order that does not depend on ids."""
        by_id = {job.id: job for job in self.known}
        told = [(by_id[event["detail"]["name"]], event) for event in self.machine.ended]
        return sorted(told, key=lambda each: each[0].number)

    # What clients do.

    @initialize(jobs=st.lists(st.tuples(st.sampled_from(CLIENTS), st.integers(0, 9)), min_size=3, max_size=6))
    def first(self, jobs: list[tuple[Client, int]]) -> None:
        """Jobs whose executions have gone through so many states; where that is far, their functions have ended."""
        for number, (client, states) in enumerate(jobs):
            self.submit(client, f"first {number}", f"key of {number}")
            self.deliver("all")
            self.go_on(self.known[-1], min(states, 5))
            if states > 5 and self.known[-1] in self.working():
                self.answer(self.known[-1], "fail" if states == 6 else "finish")
                self.go_on(self.known[-1], states - 7)

    @rule(
        client=st.sampled_from(CLIENTS),
        about=st.sampled_from("ab"),
        key=st.none() | st.sampled_from(["key 1", "key 2"]),
    )
    def submit(self, client: Client, about: str, key: str | None) -> None:
        expected = self.reference.submit(client, about, key, now_ms())
        made = self.stand.clients[client].submit(about, key)
        if isinstance(expected, Refused):
            assert made == (expected.status, "", False)
        elif expected == NEW:
            assert (made.status, made.replayed) == (200, False)
            self.known.append(self.reference.made(client, about, key, made.id, now_ms()))
        else:
            assert made == (200, expected, True)

    @rule(made=one_of(lambda self: sorted(self.reference.keys)), about=st.sampled_from(["the same", "another"]))
    def repeat(self, made: tuple[Client, str], about: str) -> None:
        """With a key that was used before."""
        client, key = made
        self.submit(client, self.reference.keys[made].about if about == "the same" else about, key)

    @precondition(lambda self: self.known)
    @rule(job=one_of(lambda self: self.known))
    def cancel(self, job: Known) -> None:
        expected = self.reference.cancel(job.client, job.id, now_ms())
        assert self.stand.clients[job.client].cancel(job.id) == (expected, expected == 200)

    @precondition(lambda self: self.known)
    @rule(job=one_of(lambda self: self.known))
    def look(self, job: Known) -> None:
        client = self.stand.clients[job.client]
        kept = job.id in self.reference.jobs
        assert client.word(job.id) == (client.words[job.status] if kept else None)
        if job.client.dialect == "alteryx":
            self._look_closely(job, kept)

    def _look_closely(self, job: Known, kept: bool) -> None:
        token, path = self.stand.tokens[job.client], f"/webapi/v3/jobs/{job.id}"
        detail, messages = call("GET", path, token), call("GET", f"{path}/messages", token)
        if not kept:
            assert (detail.status, messages.status) == (404, 404)
            return
        told = detail.json
        assert [each["text"] for each in messages.json] == [each["text"] for each in told["messages"]] == job.messages
        assert [each["name"] for each in told["outputs"]] == job.outputs
        assert told["progress"] == (1.0 if job.status is Status.COMPLETED else job.progress)

    @precondition(lambda self: self.known)
    @rule(job=one_of(lambda self: self.known))
    def trespass(self, job: Known) -> None:
        """Another tenant's client knows nothing of it."""
        stranger = Client(job.client.dialect, "globex" if job.client.tenant == "acme" else "acme")
        client = self.stand.clients[stranger]
        assert client.word(job.id) is None
        assert client.cancel(job.id) == (404, False)

    @rule(client=st.sampled_from(CLIENTS))
    def walk(self, client: Client) -> None:
        # Lists are behind the jobs until count has been told.
        self.world.catch_up()
        asked, expected = self.stand.clients[client], [job.id for job in self.reference.of(client)]
        assert asked.list() == (expected if client.dialect == "alteryx" else expected[::-1])
        assert asked.total() in (None, len(expected))

    # What executions and functions do.

    @precondition(lambda self: self.able())
    @rule(job=one_of(lambda self: self.able()), states=st.integers(1, 6))
    def go_on(self, job: Known, states: int) -> None:
        for _ in range(states):
            if job not in self.able():
                return
            state = self.machine.executions[job.id].state
            self.machine.step(job.id)
            self._has_written(job, state, now_ms())

    @rule()
    def all_goes_on(self) -> None:
        """As it usually does: the stream is delivered, and every execution reaches its function, or its end."""
        self.deliver("all")
        for job in self.known:
            self.go_on(job, 12)

    @precondition(lambda self: self.writing())
    @rule(job=one_of(lambda self: self.writing()))
    def begin_to_write(self, job: Known) -> None:
        self.landing[job.id] = self.machine.begin(job.id), now_ms()

    @precondition(lambda self: self.landing)
    @rule(job=one_of(lambda self: self.on_its_way()))
    def land(self, job: Known) -> None:
        land, began_at = self.landing.pop(job.id)
        state = self.machine.executions[job.id].state
        land()
        self._has_written(job, state, began_at)

    @precondition(lambda self: self.writing())
    @rule(job=one_of(lambda self: self.writing()))
    def cancel_while_it_is_written(self, job: Known) -> None:
        self.begin_to_write(job)
        self.cancel(job)
        self.land(job)

    def _has_written(self, job: Known, state: str, at: int) -> None:
        if state in TRANSITION_OF:
            failure = self.machine.executions[job.id].data.get("failure", {})
            reason = OUT_OF_TIME if failure.get("Error") == "States.Timeout" else failure.get("Cause", "")
            self.reference.move(job, TRANSITION_OF[state], at, reason)

    @precondition(lambda self: self.working())
    @rule(job=one_of(lambda self: self.working()), how=st.sampled_from(["finish", "again", "fail", "time out"]))
    def answer(self, job: Known, how: str) -> None:
        """The job's function ends; or asks to be called again."""
        if how == "fail":
            self.machine.break_(job.id, "ValueError", "no such column")
        elif how == "time out":
            self.machine.time_out(job.id)
        else:
            self.machine.finish(job.id, {"again": {"row": 7}} if how == "again" else None)

    @precondition(lambda self: self.called())
    @rule(job=one_of(lambda self: self.called()), what=st.sampled_from(["message", "progress", "attach"]))
    def work(self, job: Known, what: str) -> None:
        """What a function does, also one that does not know yet that its job has ended."""
        at_work = runner.Job(json.loads(self.machine.executions[job.id].input)["job"])
        number = len(job.told)
        if what == "message":
            at_work.log(f"line {number}")
            job.tell(now_ms(), MIDDLE, f"line {number}")
            return
        try:
            if what == "progress":
                at_work.progress(number / 100)
            else:
                at_work.attach(f"{number}.csv", "a,b")
        except runner.Cancelled:
            assert job.status is not Status.RUNNING or job.id not in self.reference.jobs
        else:
            assert job.status is Status.RUNNING
            assert job.id in self.reference.jobs
            if what == "progress":
                job.progress = number / 100
            elif f"{number}.csv" not in job.outputs:
                job.outputs.append(f"{number}.csv")

    @precondition(lambda self: self.running())
    @rule(job=one_of(lambda self: self.running()))
    def stop_by_hand(self, job: Known) -> None:
        arn = f"{ARN.replace(':stateMachine:', ':execution:')}:{job.id}"
        self.machine.answer("StopExecution", {"executionArn": arn, "cause": "enough"})

    # What AWS delivers, and when.

    @rule(how=st.sampled_from(["all", "one", "the last again"]))
    def deliver(self, how: str) -> None:
        waiting = [*self.world.undelivered, *self.world.hear()]
        now, self.world.undelivered = (waiting, []) if how == "all" else (waiting[:1], waiting[1:])
        if how == "the last again":
            now = self.delivered[-4:] + now
        if now:
            assert self.world.drive(now) == []
        self.delivered += now
        if how == "all":
            # And what the stream tells of what drive did.
            while told := self.world.hear():
                assert self.world.drive(told) == []
                self.delivered += told
        self._see_claims()
        if how == "all":
            self._all_is_delivered()

    def _see_claims(self) -> None:
        """No queue has a limit: whoever looks at one may claim all its jobs, at any time."""
        found = [plain_item(each) for each in self.world.yard.items("JOB#") if each["sk"]["S"] == "JOB"]
        for each in found:
            job = self.reference.jobs[each["id"]]
            if job.status is Status.QUEUED and "claimedAt" in each:
                self.reference.move(job, "initialize", each["claimedAt"])

    def _all_is_delivered(self) -> None:
        for job in self.known:
            execution = self.machine.executions.get(job.id)
            kept = job.id in self.reference.jobs
            if execution is None:
                assert not (kept and job.live), f"{job} was never started"
                continue
            if job.status is Status.CANCELLED or (not kept and job.live):
                assert not execution.running, f"{job} goes on"
        kept_items = {each["pk"]["S"].rpartition("#")[2] for each in self.world.yard.items("JOB#")}
        assert kept_items == set(self.reference.jobs), "what removed jobs have left"

    @precondition(lambda self: self.machine.ended)
    @rule(end=one_of(lambda self: self.ends()), how=st.sampled_from(["once", "and again later", "never"]))
    def tell_of_an_end(self, end: tuple[Known, dict[str, Any]], how: str) -> None:
        job, event = end
        if how != "and again later":
            self.machine.ended.remove(event)
        if how != "never":
            self.world.settle(event)
            self.reference.move(job, "fail", now_ms(), BY_HAND)

    @rule()
    def reconcile(self) -> None:
        old = now_ms() - GRACE_MS
        repairs = Repairs()._asdict()
        for job, execution in self.executions():
            if execution.running and execution.began_at < old and not self._needed(job, old):
                repairs["stopped"] += 1
        for job in self.reference.jobs.values():
            last = self.machine.executions.get(job.id)
            if not job.live or job.changed_at >= old or job.status is Status.QUEUED:
                continue
            if last is not None and last.running:
                repairs["started"] += job.status is Status.INITIALIZING and last.token is not None
            elif last is None:
                assert job.status in (Status.SCHEDULED, Status.INITIALIZING)
                repairs["started"] += 1
            else:
                repairs["failed"] += 1
                self.reference.move(job, "fail", now_ms(), BY_HAND)
        # How much count has been told by now is not the reference's to know.
        assert self.world.reconcile() | {"recounted": 0, "claimed": 0, "freed": 0} == repairs | Compared()._asdict()
        self._see_claims()

    def _needed(self, job: Known, old: int) -> bool:
        return job.id in self.reference.jobs and (job.live or (job.finished_at or 0) >= old)

    @rule(seconds=st.sampled_from([0.001, 1, 30, 61, 299, 12 * 3600, 24 * 3600]))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @precondition(lambda self: len(self.known) > 5)
    @rule()
    def expire(self) -> None:
        """So much time passes that the table's own expiry removes all that there is."""
        self.world.clock.advance((RETENTION_DAYS + 2) * 24 * 3600)
        self.reference.expire(now_ms())
        items = [each for name in ("JOB#", "IDEMPOTENCY#", "SOLE#") for each in self.world.yard.items(name)]
        order = {job.id: job.number for job in self.known}
        items.sort(key=lambda each: order.get(each["pk"]["S"].rpartition("#")[2], 0))
        self.world.remove([each for each in items if int(each["expiresAt"]["N"]) <= now_ms() // 1000])

    # What always holds.

    @invariant()
    def the_table_is_as_the_reference(self) -> None:
        found = [plain_item(each) for each in self.world.yard.items("JOB#") if each["sk"]["S"] == "JOB"]
        assert {each["id"]: each["status"] for each in found} == {
            id: job.status for id, job in self.reference.jobs.items()
        }
        for each in found:
            job = self.reference.jobs[each["id"]]
            assert ("live" in each) == job.live, f"{job} in the index of live jobs"
            assert (each["updatedAt"], each.get("finishedAt")) == (job.changed_at, job.finished_at), job

    @invariant()
    def a_list_is_as_the_reference(self) -> None:
        """Of each client in its turn, for a walk takes as long as all else."""
        self.steps += 1
        if self.steps % 3 == 0 and self.known:
            self.walk(self.known[self.steps // 3 % len(self.known)].client)

    def teardown(self) -> None:
        for job in self.on_its_way():
            self.land(job)
        for client in {job.client for job in self.known}:
            self.walk(client)
        before = {id: job.status for id, job in self.reference.jobs.items() if not job.live}
        self.world.rest()
        self.world.check()
        jobs = self.world.jobs()
        assert set(jobs) == set(self.reference.jobs)
        assert {id: jobs[id].status for id in before} == before, "a final state that changed"
        assert all(job.terminal for job in jobs.values()), "a job that never ends"
        assert not any(execution.running for _, execution in self.executions())
