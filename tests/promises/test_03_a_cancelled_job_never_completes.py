"""Promise 3: a job whose cancel answered success never becomes completed; it stops within a stated time.

The time: a function notices within two seconds and the longest time that it works between two looks
(``runner.LOOK_SECONDS``), and writes nothing of the job but messages from the cancel on; ``drive`` stops the execution
as soon as the stream tells of it, about a second later; where the stream does not, ``reconcile`` does within two
minutes, its grace and its minute.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from jobyard import runner
from jobyard.lifecycle.reconcile import GRACE_MS
from jobyard.model import Runner, Status
from jobyard.model.ids import now_ms
from jobyard.model.transitions import LIVE
from jobyard.runner._job import LOOK_SECONDS
from local.template import load
from tests.contract.yard import Clock
from tests.factories import FUNCTION
from tests.promises.effort import nightly_but
from tests.promises.harness.clients import CLIENTS, Alteryx
from tests.promises.harness.interleave import Play
from tests.promises.harness.stage import Stage, hold

Staged = Callable[[str], Stage]


MOMENTS = [
    (dialect, status)
    for dialect in CLIENTS
    for status in LIVE
    if status is not Status.SCHEDULED or dialect == "openreplay"
]
"""One dialect schedules jobs."""


@pytest.mark.parametrize(("dialect", "status"), sorted(MOMENTS))
def test_whatever_goes_on_after_a_cancel_the_job_stays_cancelled(staged: Staged, dialect: str, status: Status) -> None:
    """Nobody stops the execution: it goes on to its end, its function works, and none of its writes is taken.

    A job that is queued has none yet, or one that waits with it for a slot.
    """
    stage = staged(dialect)
    id = stage.job(status)
    assert stage.client.cancel(id).done
    word = stage.client.word(id)
    stage.world.advance_executions()
    execution = stage.world.machine.executions.get(id)
    if status is Status.QUEUED:
        assert execution is None or execution.passed[-1] == "Enqueue"
    else:
        assert execution is not None
        assert execution.passed[-1] == "Superseded"
    assert stage.client.word(id) == word
    stage.world.rest()
    stage.world.check()
    assert stage.client.word(id) == word
    assert word in (None, stage.client.words[Status.CANCELLED])
    assert stage.client.cancel(id).status in (400, 404)


# What the function still does.


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the runner, which stands still; the one number in it may be changed."""
    at = [1000.0]
    monkeypatch.setattr("jobyard.runner._job.time.monotonic", lambda: at[0])
    return at


def at_work(stage: Stage, token: str | None = None) -> runner.Job:
    """What the function of the newest running job is given."""
    id = stage.job_at_work()
    event = json.loads(stage.world.machine.executions[id].input)["job"]
    return runner.Job(event if token is None else event | {"taskToken": token})


WAYS: dict[str, Callable[[runner.Job], object]] = {
    "progress": lambda job: job.progress(0.5),
    "attach": lambda job: job.attach("late.csv", "a,b"),
    "heartbeat": lambda job: job.heartbeat(),
    "cancelled": lambda job: ask(job),
}
"""Each looks at the job, or writes to it on the condition that it runs."""


def ask(job: runner.Job) -> None:
    if job.cancelled:
        raise runner.Cancelled("it was told")


@pytest.mark.parametrize("way", WAYS)
def test_a_function_notices_within_two_seconds(staged: Staged, seconds: list[float], way: str) -> None:
    stage = staged("tencent")
    job = at_work(stage)
    ask(job)
    WAYS["progress"](job)
    assert stage.client.cancel(job.id).done
    seconds[0] += LOOK_SECONDS
    with pytest.raises(runner.Cancelled):
        WAYS[way](job)
    assert job.cancelled, "once told, it is told forever"


def test_the_time_between_two_looks_is_the_one_that_is_stated() -> None:
    assert LOOK_SECONDS == 2.0


@pytest.mark.parametrize("way", nightly_but(["progress", "attach"], "attach"))
def test_what_a_function_writes_at_once_with_a_cancel_is_there_before_it_or_never(
    staged: Staged, seconds: list[float], way: str
) -> None:
    stage = staged("tencent")
    outcomes = set()

    def scenario(play: Play) -> None:
        job = at_work(stage)
        left: dict[str, Any] = {}

        def work() -> bool:
            try:
                WAYS[way](job)
            except runner.Cancelled:
                return False
            return True

        def cancel() -> None:
            assert play.op("cancel", stage.client.cancel, job.id).done
            left.update(stage.world.raw(job.id))

        written = play.run({"cancel": cancel, "function": work})["function"]
        assert stage.world.raw(job.id) == left, "something was written after the cancel had answered"
        assert stage.judge(play, job.id, Status.RUNNING) is Status.CANCELLED
        there = bool(left["outputs"]) if way == "attach" else "progress" in left
        # A function may be told of the cancel by its look behind the write.
        assert there or not written
        outcomes.add((written, there))

    stage.every_schedule(scenario)
    assert {there for _, there in outcomes} == {True, False}


def test_what_a_function_says_at_once_with_a_cancel_is_kept(staged: Staged, seconds: list[float]) -> None:
    """What it tells while it stops is worth reading, and says nothing of the status."""
    stage = staged("alteryx")

    def scenario(play: Play) -> None:
        job = at_work(stage)
        play.run({"cancel": stage.cancels(play, job.id), "function": lambda: job.log("on its way")})
        assert stage.judge(play, job.id, Status.RUNNING) is Status.CANCELLED
        (said,) = (each for each in stage.world.yard.items(f"JOB#acme#{job.id}") if each["sk"]["S"] != "JOB")
        assert said["text"]["S"] == "on its way"

    assert stage.every_schedule(scenario) > 1


def test_a_worker_that_answers_by_token_after_a_cancel_completes_nothing(staged: Staged, seconds: list[float]) -> None:
    """Its answer arrives while the cancel is under way, or once more when all is over."""
    stage = staged("alteryx")
    assert isinstance(stage.client, Alteryx)
    stage.client.workflow = stage.world.yard.workflow(runner=Runner("callback", FUNCTION))
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job_at_work()
        execution = stage.world.machine.executions[id]
        event = json.loads(execution.input)["job"] | {"taskToken": execution.token}
        worker = runner.job(lambda _: None)
        goes_on = stage.lives(play, id)

        def answer() -> None:
            worker(event)
            if execution.token is None:
                goes_on()

        play.run({"cancel": stage.cancels(play, id), "worker": answer})
        ends.add(stage.judge(play, id, Status.RUNNING))
        assert stage.world.machine.executions[id].status in ("ABORTED", "SUCCEEDED")
        worker(event)

    stage.every_schedule(scenario)
    assert ends == {Status.CANCELLED, Status.COMPLETED}


# Who stops the execution, and when.


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
@pytest.mark.parametrize("dialect", CLIENTS)
def test_drive_stops_the_execution_as_soon_as_the_stream_tells(staged: Staged, dialect: str, status: Status) -> None:
    stage = staged(dialect)
    id = stage.job(status)
    assert stage.client.cancel(id).done
    began = id in stage.world.machine.executions
    # Of those that are queued only one that had a start time has one.
    assert began is (status is Status.RUNNING or dialect == "openreplay")
    assert not began or stage.world.machine.executions[id].running
    assert stage.world.deliver()
    if began:
        assert stage.world.machine.executions[id].status == "ABORTED"
    assert (id in stage.world.machine.executions) is began
    assert stage.world.machine.able() == stage.world.machine.working() == []


def test_the_stream_waits_for_no_batch_to_fill() -> None:
    (event,) = load()["Resources"]["DriveFunction"]["Properties"]["Events"].values()
    assert event["Type"] == "DynamoDB"
    assert "MaximumBatchingWindowInSeconds" not in event["Properties"]


@pytest.mark.parametrize("phase", [0, 1, 30, 59])
def test_without_the_stream_reconcile_stops_the_execution_within_two_minutes(
    staged: Staged, clock: Clock, phase: int
) -> None:
    """``phase``: seconds from the cancel to reconcile's next minute."""
    stage = staged("tencent")
    id = stage.job_at_work()
    clock.advance(3600)
    hold(clock)
    assert stage.client.cancel(id).done
    began = now_ms()
    clock.advance(phase)
    stage.world.reconcile()
    while stage.world.machine.executions[id].running:
        clock.advance(60)
        stage.world.reconcile()
    assert GRACE_MS < now_ms() - began <= GRACE_MS + 60_000


def test_reconcile_is_called_every_minute() -> None:
    (event,) = load()["Resources"]["ReconcileFunction"]["Properties"]["Events"].values()
    assert event["Properties"]["Schedule"] == "rate(1 minute)"
    assert GRACE_MS == 60_000
