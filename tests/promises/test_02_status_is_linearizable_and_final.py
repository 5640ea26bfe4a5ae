"""Promise 2: per job, status is linearizable, and a terminal state is final.

Here: what readers see while others change the job, and that nothing moves a job that has ended. Who wins when several
would change it is in ``test_02_interleavings.py``, with real threads in ``test_02_threads.py``, and over long lives in
``test_02_model.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from jobyard.lifecycle.reconcile import GRACE_MS
from jobyard.model import TERMINAL, TRANSITIONS, Status
from tests.promises.effort import nightly_but
from tests.promises.harness.clients import Cancel, Tencent
from tests.promises.harness.interleave import Op, Play
from tests.promises.harness.orders import GONE, an_order, of_a_job
from tests.promises.harness.stage import Stage

Staged = Callable[[str], Stage]


@pytest.mark.parametrize("dialect", nightly_but(["alteryx", "openreplay"], "alteryx"))
def test_who_looks_twice_while_a_job_begins_and_is_cancelled_sees_it_go_one_way(staged: Staged, dialect: str) -> None:
    """Reads are strongly consistent: each sees the last write that ended before it, and none sees an earlier one."""
    stage = staged(dialect)
    status = Status.SCHEDULED if dialect == "openreplay" else Status.INITIALIZING
    seen = set()

    def scenario(play: Play) -> None:
        id = stage.job(status)
        arrive = stage.world.machine.begin(id)

        def write() -> None:
            play.pause("the execution's write arrives")
            play.op("enqueue" if status is Status.SCHEDULED else "start", arrive)

        play.run({"cancel": stage.cancels(play, id), "execution": write, "look": stage.looks(play, id, 2)})
        stage.judge(play, id, status)
        seen.add(tuple(op.answer for op in play.ops if op.kind == "word"))

    stage.every_schedule(scenario)
    assert len({word for words in seen for word in words}) >= 2
    assert any(first != second for first, second in seen)


ENDS: dict[Status | None, Callable[[Stage], str]] = {}
"""How a job comes to each of its ends; None is its removal."""


def ends(status: Status | None) -> Callable[[Callable[[Stage], str]], Callable[[Stage], str]]:
    def note(way: Callable[[Stage], str]) -> Callable[[Stage], str]:
        ENDS[status] = way
        return way

    return note


@ends(Status.COMPLETED)
def completed(stage: Stage) -> str:
    id = stage.job(Status.RUNNING)
    stage.world.machine.step(id)
    return id


@ends(Status.FAILED)
def failed(stage: Stage) -> str:
    id = stage.job(Status.RUNNING)
    stage.world.settle(stage.stopped(id))
    return id


@ends(Status.CANCELLED)
def cancelled(stage: Stage) -> str:
    id = stage.job(Status.RUNNING)
    assert stage.client.cancel(id).done
    return id


@ends(GONE)
def deleted(stage: Stage) -> str:
    id = stage.job(Status.QUEUED)
    assert stage.client.cancel(id).done
    return id


INTRUDERS: dict[str, Callable[[Stage, str], object]] = {
    "a cancel": lambda stage, job: stage.client.cancel(job).done and pytest.fail("it was cancelled after its end"),
    "the stream, again": lambda stage, job: stage.world.drive(stage.records(job)),
    "the stream, backwards": lambda stage, job: stage.world.drive(stage.records(job)[::-1]),
    "the first record, late": lambda stage, job: stage.world.drive(stage.records(job)[:1]),
    "an event of its execution": lambda stage, job: stage.world.settle(an_end(job, "FAILED")),
    "an event without the input": lambda stage, job: stage.world.settle(an_end(job, "TIMED_OUT")),
    "reconcile": lambda stage, _: reconciled(stage),
    "another execution's writes": lambda stage, job: every_write(stage, job),
}


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end or "deleted")
def test_nothing_moves_a_job_that_has_ended(staged: Staged, end: Status | None) -> None:
    stage = staged("alteryx")
    left = {}
    for name, intrudes in INTRUDERS.items():
        id = ENDS[end](stage)
        stage.world.deliver_all()
        stage.world.tell_of_ends()
        assert stage.status(id) == end
        left[id] = stage.world.yard.items(f"JOB#acme#{id}")
        intrudes(stage, id)
        assert stage.world.yard.items(f"JOB#acme#{id}") == left[id], name
    stage.world.rest()
    stage.world.check()
    for id, items in left.items():
        assert stage.world.yard.items(f"JOB#acme#{id}") == items
        assert stage.life(id)[-1] == end
        assert stage.worked.count(id) <= 1


def an_end(id: str, status: str) -> dict[str, object]:
    """EventBridge leaves the input out where it is long."""
    detail = {"name": id, "status": status, "error": "Lambda.Unknown", "cause": "late"}
    return {"source": "aws.states", "detail": detail | ({} if status == "TIMED_OUT" else {"input": an_input(id)})}


def an_input(id: str) -> str:
    return f'{{"jobId": "{id}", "tenant": "acme"}}'


def reconciled(stage: Stage) -> None:
    stage.world.clock.advance(GRACE_MS / 1000 + 1)
    stage.world.reconcile()


def every_write(stage: Stage, id: str) -> None:
    """Each state of the machine that writes, as one that was on its way for longer than the job lived."""
    machine = stage.world.machine
    if id not in machine.executions:
        given = json.loads(an_input(id)) | {"pk": f"JOB#acme#{id}"}
        machine.answer("StartExecution", {"name": id, "input": json.dumps(given)})
    execution = machine.executions[id]
    was = vars(execution).copy()
    for state in ("Enqueue", "Start", "Complete", "Fail"):
        execution.status, execution.state = "RUNNING", state
        execution.data = {"pk": f"JOB#acme#{id}", "failure": {"Error": "late", "Cause": "late"}}
        machine.step(id)
        # The write after that of Enqueue tells whether the job was claimed meanwhile.
        refused = {"Enqueue": "Start", "Start": "Scheduled?"}.get(state, "Superseded")
        assert execution.state == refused, f"{state} moved a job that had ended"
    vars(execution).update(was)


def test_every_terminal_state_is_one_that_nothing_leaves() -> None:
    assert not any(sources & TERMINAL for sources, _ in TRANSITIONS.values())
    assert set(ENDS) == TERMINAL | {GONE}


# What stands behind all of the above: the checker must refuse what cannot be.


@pytest.mark.parametrize(
    "ops",
    [
        # A read that goes back behind one that had ended before.
        [("word", "Running", 1, 2), ("word", "Submitted", 3, 4), ("start", True, 1, 6)],
        # Two cancels that both won.
        [("cancel", 200, 1, 4), ("cancel", 200, 2, 3)],
        # A cancel that won, and a job that completed.
        [("cancel", 200, 1, 2), ("complete", True, 3, 4)],
        # A cancel that was refused although nothing had ended the job before its answer.
        [("cancel", 400, 1, 2), ("complete", True, 3, 4)],
        # What everybody was told is not what the table says.
        [("cancel", 200, 1, 2), ("status", Status.FAILED, 9, 9)],
    ],
    ids=["stale read", "two winners", "completed after all", "refused too early", "another end"],
)
def test_an_order_that_cannot_be_is_not_found(ops: list[tuple[str, Any, int, int]]) -> None:
    made = [
        Op("", kind, Cancel(answer, answer == 200) if kind == "cancel" else answer, begun, ended)
        for kind, answer, begun, ended in ops
    ]
    first: Status | None = Status.INITIALIZING if any(op.kind == "start" for op in made) else Status.RUNNING
    assert an_order(made, first, of_a_job(Tencent.words, deletes=False)) is None
