"""Two or three who would change one job's status at once, in every order of their calls: exactly one wins.

Whatever the order, what each was answered is what some order of them, one after the other, would have answered
(``Stage.judge``). The schedules are enumerated, not drawn, but where it says so.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.lifecycle.reconcile import GRACE_MS
from jobyard.model import Status
from tests.promises.effort import effort, nightly_but
from tests.promises.harness.clients import CLIENTS
from tests.promises.harness.interleave import Play
from tests.promises.harness.orders import GONE
from tests.promises.harness.stage import Stage

# Some of these try some two hundred orders, each with a table of its own.
pytestmark = pytest.mark.timeout(600)

Staged = Callable[[str], Stage]
CANCELLED, COMPLETED, FAILED = Status.CANCELLED, Status.COMPLETED, Status.FAILED


@pytest.mark.parametrize("dialect", nightly_but(CLIENTS, "tencent"))
def test_a_cancel_against_each_step_of_the_execution(staged: Staged, dialect: str) -> None:
    """Enqueue, initialize, start and complete; an alteryx cancel deletes the job while it waits."""
    stage = staged(dialect)
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job(stage.began)
        play.run({"cancel": stage.cancels(play, id), "execution": stage.lives(play, id)})
        ends.add(stage.judge(play, id, stage.began))

    assert stage.every_schedule(scenario) >= 10
    assert ends == ({GONE, CANCELLED, COMPLETED} if dialect == "alteryx" else {CANCELLED, COMPLETED})


@pytest.mark.parametrize(
    ("dialect", "status"),
    [
        ("alteryx", Status.QUEUED),
        ("alteryx", Status.RUNNING),
        ("openreplay", Status.SCHEDULED),
        ("tencent", Status.RUNNING),
    ],
)
def test_a_cancel_against_a_cancel(staged: Staged, dialect: str, status: Status) -> None:
    stage = staged(dialect)
    winners = set()

    def scenario(play: Play) -> None:
        id = stage.job(status)
        answers = play.run({"one": stage.cancels(play, id), "other": stage.cancels(play, id)})
        stage.judge(play, id, status)
        (winner,) = (name for name, answer in answers.items() if answer.done)
        winners.add(winner)

    stage.every_schedule(scenario)
    assert winners == {"one", "other"}


@pytest.mark.nightly
def test_a_delete_against_a_cancel_while_the_job_begins(staged: Staged) -> None:
    """A caller whose delete finds the job begun cancels it; one of the two is answered with success, and no more."""
    stage = staged("alteryx")
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job(Status.QUEUED)
        drive = stage.delivers(play)
        play.run({"one": stage.cancels(play, id), "other": stage.cancels(play, id), "drive": drive})
        ends.add(stage.judge(play, id, Status.QUEUED))

    stage.every_schedule(scenario)
    assert ends == {GONE, CANCELLED}


@pytest.mark.parametrize(("dialect", "status"), [("openreplay", Status.SCHEDULED), ("tencent", Status.RUNNING)])
def test_a_cancel_against_the_settling_of_a_stopped_execution(staged: Staged, dialect: str, status: Status) -> None:
    stage = staged(dialect)
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job(status)
        event = stage.stopped(id)
        play.run({"cancel": stage.cancels(play, id), "settle": stage.settles(play, event)})
        ends.add(stage.judge(play, id, status))

    stage.every_schedule(scenario)
    assert ends == {FAILED, CANCELLED}


@pytest.mark.nightly
def test_a_cancel_against_reconcile_that_finds_the_execution_ended(staged: Staged) -> None:
    stage = staged("tencent")
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job(Status.INITIALIZING)
        stage.stopped(id)
        stage.world.clock.advance(GRACE_MS / 1000 + 1)
        play.run({"cancel": stage.cancels(play, id), "reconcile": stage.reconciles(play)})
        ends.add(stage.judge(play, id, Status.INITIALIZING))

    stage.every_schedule(scenario)
    assert ends == {FAILED, CANCELLED}


@pytest.mark.nightly
def test_a_delete_against_reconcile_that_finds_the_job_never_begun(staged: Staged) -> None:
    """The stream was late. Where reconcile starts an execution for a job that is gone by then, that one finds nothing
    to do.
    """
    stage = staged("alteryx")

    def scenario(play: Play) -> None:
        id = stage.submitted()
        stage.world.clock.advance(GRACE_MS / 1000 + 1)
        reconcile = stage.claims(play, stage.world.reconcile)
        play.run({"cancel": stage.cancels(play, id), "reconcile": reconcile})
        # Reconcile may have claimed it before: then it was cancelled.
        assert stage.judge(play, id, Status.QUEUED) in (GONE, CANCELLED)

    stage.every_schedule(scenario)


def test_settle_against_a_write_that_was_on_its_way_when_the_execution_was_stopped(staged: Staged) -> None:
    stage = staged("tencent")
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job(Status.RUNNING)

        def operator() -> None:
            play.pause("the operator stops the execution")
            if stage.world.machine.executions[id].running:
                event = stage.stopped(id)
                stage.settles(play, event)()

        play.run({"execution": stage.lives(play, id, on_its_way=True), "operator": operator})
        ends.add(stage.judge(play, id, Status.RUNNING))

    stage.every_schedule(scenario)
    assert ends == {FAILED, COMPLETED}


def test_reconcile_against_a_job_that_ends(staged: Staged) -> None:
    """Whatever reconcile has read before, it fails no job whose execution is at work, and none that completed."""
    stage = staged("tencent")

    def scenario(play: Play) -> None:
        id = stage.job(Status.RUNNING)
        stage.world.clock.advance(GRACE_MS / 1000 + 1)
        answers = play.run({"execution": stage.lives(play, id), "reconcile": stage.world.reconcile})
        assert stage.judge(play, id, Status.RUNNING) is COMPLETED
        # Count has not been told for a minute that the job runs; that is all there is to repair.
        assert not any((answers["reconcile"] | {"recounted": 0}).values())

    assert stage.every_schedule(scenario) > 1


def test_a_cancel_against_drive_and_a_write_on_its_way(staged: Staged) -> None:
    """The stop overtakes what the execution has written already, or is overtaken by it."""
    stage = staged("tencent")
    ends = set()

    def scenario(play: Play) -> None:
        id = stage.job(Status.RUNNING)
        arrive = stage.world.machine.begin(id)

        def write() -> None:
            play.pause("Complete arrives")
            play.op("complete", arrive)

        play.run({"cancel": stage.cancels(play, id), "drive": stage.delivers(play), "execution": write})
        ends.add(stage.judge(play, id, Status.RUNNING))

    stage.every_schedule(scenario)
    assert ends == {CANCELLED, COMPLETED}


@pytest.mark.nightly
def test_deliveries_of_one_record_at_once_and_reconcile(staged: Staged) -> None:
    """A new job whose record is delivered twice, while reconcile finds that nobody has begun it: one execution."""
    stage = staged("tencent")

    def scenario(play: Play) -> None:
        id = stage.submitted()
        stage.world.clock.advance(GRACE_MS / 1000 + 1)
        records = stage.world.hear()
        play.run(
            {
                "drive": stage.delivers(play, records),
                "again": stage.delivers(play, records),
                "reconcile": lambda: play.op("initialize", lambda: (stage.world.reconcile(), None)[1]),
            }
        )
        assert stage.judge(play, id, Status.QUEUED) is COMPLETED
        entered = stage.world.machine.executions[id].passed
        assert len(entered) == len(set(entered)), "no state was entered twice"

    stage.every_schedule(scenario)


@pytest.mark.nightly
@effort(10)
@given(data=st.data())
def test_everybody_at_once(staged: Staged, data: st.DataObject) -> None:
    """A cancel, a look, drive, the execution and reconcile over one job; drawn, with a pause behind each answer too."""
    stage = staged(data.draw(st.sampled_from(list(CLIENTS))))

    def scenario(play: Play) -> None:
        id = stage.submitted()
        stage.world.deliver_all()
        stage.world.clock.advance(24 * 3600)
        began = stage.now(id).status
        play.run(
            {
                "cancel": stage.cancels(play, id),
                "drive": stage.delivers(play),
                "execution": stage.lives(play, id, on_its_way=True),
                "look": stage.looks(play, id, 2),
                "reconcile": stage.world.reconcile,
            }
        )
        stage.judge(play, id, began)

    stage.a_schedule(data, scenario)
