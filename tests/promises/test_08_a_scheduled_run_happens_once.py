"""Promise 8: a scheduled run happens once per scheduled instant, and a missed one is visible.

What is scheduled here are openreplay's jobs, each for the midnight (UTC) after its submit. Its run is its function's
being called by the job's execution. However often and late the stream, the end of the wait and reconcile come: a job is
run once, not before its time, and not at all once a cancel was answered. One whose start was refused or forgotten for
hours is started by reconcile, and runs at once where its time is past. One whose execution was stopped while it
waited is failed, with the reason for all to see.

Known limits. A run is late by what the stream, Step Functions and, where these have failed, reconcile need: about two
minutes. A function that Step Functions itself calls again after Lambda's own errors is one run of several attempts.

Schedules that recur are tried in ``tests/integration/test_schedules*.py``, and in the scenes of ``test_04_…``.

Also tried in ``tests/contract/openreplay/test_submit.py`` (which midnight it is), in ``test_04_…`` (crashes), and in
every life of ``test_02_model.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import example, given
from hypothesis import strategies as st

from jobyard.model import Job, Status
from jobyard.model.ids import now_ms
from tests.promises.effort import effort
from tests.promises.harness.clients import OpenReplay
from tests.promises.harness.machine import ARN, Fate
from tests.promises.harness.wire import Call, CarryOut, refusal
from tests.promises.harness.world import World

HOUR, DAY_MS = 3600, 24 * 3600 * 1000
NOON = DAY_MS // 2


class Midnight:
    """A job that is scheduled, and the time until it is to run."""

    def __init__(self, world: World, client: OpenReplay, submitted_at: int = NOON) -> None:
        """``submitted_at`` in milliseconds from the beginning of a day."""
        world.clear()
        self.world, self.client = world, client
        self.runs: list[int] = []
        """When its function was called, in milliseconds."""
        world.work = self._run
        today = now_ms() // DAY_MS * DAY_MS
        world.clock.stop_at(today + submitted_at)
        made = client.submit("anna")
        assert made.status == 200
        self.id, self.start_at = made.id, today + DAY_MS

    def _run(self, name: str) -> None:
        assert name == self.id
        self.runs.append(now_ms())
        self.world.machine.finish(name)

    def at(self, seconds: float) -> None:
        """So long after the job is to start, or before."""
        self.world.clock.advance((self.start_at - now_ms()) / 1000 + seconds)

    def execution(self) -> Any:
        return self.world.machine.executions.get(self.id)

    def stop_by_hand(self) -> None:
        arn = f"{ARN.replace(':stateMachine:', ':execution:')}:{self.id}"
        self.world.machine.answer("StopExecution", {"executionArn": arn, "cause": "maintenance"})

    @property
    def job(self) -> Job:
        return self.world.jobs()[self.id]


@pytest.fixture
def client(world: World) -> OpenReplay:
    # At the real hour a clock that stops would go back.
    world.clock.stop_at(now_ms() // DAY_MS * DAY_MS + DAY_MS)
    return OpenReplay(world.yard)


HAPPENINGS = ["deliver", "deliver again", "go on", "reconcile", "an hour", "to the midnight", "tell of ends", "cancel"]


HAPPENINGS = ["deliver", "go on", "reconcile", "an hour", "midnight", "tell of ends", "cancel"]


class Story:
    """One thing after the other happens to the job; whether a cancel was answered."""

    def __init__(self, midnight: Midnight) -> None:
        self.midnight, self.world = midnight, midnight.world
        self.cancelled = False
        self._delivered: list[dict[str, Any]] = []

    def happens(self, what: str) -> None:
        if what == "deliver":
            self.deliver()
        elif what == "go on":
            self.world.go_on()
        elif what == "reconcile":
            self.world.reconcile()
        elif what == "an hour":
            self.world.clock.advance(HOUR)
        elif what == "tell of ends":
            self.world.tell_of_ends()
        elif what == "cancel":
            self._cancel()
        elif now_ms() < self.midnight.start_at:
            self._midnight()

    def deliver(self) -> None:
        """All that the stream ever told, each time."""
        self._delivered += self.world.hear()
        assert self.world.drive(self._delivered) == []

    def _midnight(self) -> None:
        self.midnight.at(-0.001)
        self.world.go_on()
        assert not self.midnight.runs, "it runs before its time"
        self.midnight.at(0)

    def _cancel(self) -> None:
        done = self.midnight.client.cancel(self.midnight.id).done
        assert done == (not self.midnight.runs and not self.cancelled)
        self.cancelled = self.cancelled or done


STORIES = st.lists(st.sampled_from(HAPPENINGS), max_size=9)


@pytest.mark.nightly
@effort(4)
@given(submitted_at=st.sampled_from([0, 1, NOON, DAY_MS - 1]), happenings=STORIES)
@example(NOON, ["deliver", "deliver", "midnight", "go on", "deliver", "go on"])
@example(NOON, ["an hour", "reconcile", "deliver", "midnight", "reconcile", "go on"])
@example(DAY_MS - 1, ["midnight", "deliver", "reconcile", "go on", "deliver", "cancel"])
@example(NOON, ["deliver", "cancel", "midnight", "go on", "deliver", "go on"])
@example(NOON, ["cancel", "midnight", "deliver", "go on", "reconcile"])
def test_it_runs_once_and_not_before_its_time_or_not_at_all_once_it_was_cancelled(
    world: World, client: OpenReplay, submitted_at: int, happenings: list[str]
) -> None:
    midnight = Midnight(world, client, submitted_at)
    story = Story(midnight)
    for what in happenings:
        story.happens(what)
        if now_ms() < midnight.start_at and not story.cancelled:
            assert midnight.job.status is Status.SCHEDULED
    world.rest()
    story.deliver()
    world.go_on()
    assert len(midnight.runs) == (0 if story.cancelled else 1)
    assert all(at >= midnight.start_at for at in midnight.runs)
    assert client.word(midnight.id) == ("cancelled" if story.cancelled else "completed")


def test_it_runs_at_its_millisecond_where_all_is_well(world: World, client: OpenReplay) -> None:
    midnight = Midnight(world, client)
    world.deliver()
    world.go_on()
    midnight.at(-0.001)
    world.go_on()
    assert (midnight.job.status, midnight.runs) == (Status.SCHEDULED, [])
    midnight.at(0)
    world.go_on()
    assert (midnight.job.status, midnight.runs) == (Status.COMPLETED, [midnight.start_at])


def test_at_midnight_itself_the_next_one_is_meant(world: World, client: OpenReplay) -> None:
    midnight = Midnight(world, client, 0)
    world.deliver()
    world.go_on()
    assert (midnight.job.status, midnight.job.start_at, midnight.runs) == (Status.SCHEDULED, midnight.start_at, [])


@contextmanager
def refused(world: World, operation: str, code: str) -> Iterator[list[str]]:
    """While it lasts, AWS refuses the operation for good; the list tells how often."""
    times: list[str] = []

    def gate(asked: Call, carry_out: CarryOut) -> AWSResponse:
        if asked.operation != operation:
            return carry_out()
        times.append(operation)
        return refusal(code)

    with world.wire.gate(gate):
        yield times


@pytest.mark.parametrize("hours", [1, 13])
def test_one_whose_start_was_refused_for_hours_runs_once_at_its_time_or_as_soon_as_it_may(
    world: World, client: OpenReplay, hours: int
) -> None:
    midnight = Midnight(world, client)
    with refused(world, "StartExecution", "StateMachineDoesNotExist") as refusals:
        for _ in range(hours):
            world.deliver()
            world.clock.advance(HOUR)
            with pytest.raises(RuntimeError, match="1 repairs went wrong"):
                world.reconcile()
        assert len(refusals) == 2 * hours, "neither the stream nor reconcile gives up"
    assert midnight.job.status is Status.SCHEDULED
    again_at = now_ms()
    # Lambda has given the record up by then, to the dead-letter queue.
    world.undelivered.clear()
    assert world.reconcile()["started"] == 1
    world.rest()
    assert midnight.runs == [midnight.runs[0]]
    assert max(again_at, midnight.start_at) <= midnight.runs[0] <= max(again_at, midnight.start_at) + 120_000
    assert client.word(midnight.id) == "completed"


def test_one_that_nobody_was_told_of_is_found_by_reconcile(world: World, client: OpenReplay) -> None:
    midnight = Midnight(world, client)
    world.hear()
    midnight.at(5 * HOUR)
    assert world.reconcile()["started"] == 1
    assert world.reconcile()["started"] == 0
    world.go_on()
    assert midnight.runs == [midnight.start_at + 5 * HOUR * 1000]


@pytest.mark.parametrize("told_by", ["EventBridge", "reconcile", "both"])
@pytest.mark.parametrize("when", ["before its time", "after its time"])
def test_one_whose_execution_was_stopped_while_it_waited_is_failed_and_says_so(
    world: World, client: OpenReplay, told_by: str, when: str
) -> None:
    midnight = Midnight(world, client)
    world.deliver()
    world.go_on()
    midnight.stop_by_hand()
    midnight.at(-HOUR if when == "before its time" else HOUR)
    if told_by != "reconcile":
        world.tell_of_ends()
    if told_by != "EventBridge":
        assert world.reconcile()["failed"] == (told_by == "reconcile")
    shown = client.organisation.get(midnight.id).json["data"]
    assert (shown["status"], shown["errors"]) == ("failed", "The execution was stopped by hand: maintenance")
    world.rest()
    assert midnight.runs == []
    assert client.word(midnight.id) == "failed", "and stays so: a run is not made up for in secret"


def test_a_table_that_is_out_of_reach_long_before_its_time_fails_none(world: World, client: OpenReplay) -> None:
    """An execution writes once in vain when it begins: nothing that befalls that write is of consequence."""
    midnight = Midnight(world, client)
    world.machine.fates["Start"] += [Fate("DynamoDB.InternalServerErrorException", carried_out=False)] * 9
    world.deliver()
    world.go_on()
    assert not world.machine.fates["Start"], "what was to fail was not tried"
    assert midnight.job.status is Status.SCHEDULED
    midnight.at(0)
    world.rest()
    assert (len(midnight.runs), midnight.job.status) == (1, Status.COMPLETED)


def test_one_that_was_cancelled_after_such_a_beginning_is_not_failed(world: World, client: OpenReplay) -> None:
    midnight = Midnight(world, client)
    world.machine.fates["Start"] += [Fate("DynamoDB.InternalServerErrorException", carried_out=False)] * 9
    world.deliver()
    world.go_on()
    assert client.cancel(midnight.id).done
    midnight.at(0)
    world.go_on()
    assert midnight.execution().passed[-1] == "Superseded"
    world.rest()
    assert (midnight.runs, midnight.job.status) == ([], Status.CANCELLED)


def test_after_a_missed_one_the_next_can_be_scheduled(world: World, client: OpenReplay) -> None:
    midnight = Midnight(world, client)
    world.deliver()
    assert client.submit("anna").status == 409
    midnight.stop_by_hand()
    world.tell_of_ends()
    made = client.submit("anna")
    assert made.status == 200
    assert world.jobs()[made.id].start_at == midnight.start_at


def test_a_cancel_that_was_answered_holds_though_its_news_come_after_midnight(world: World, client: OpenReplay) -> None:
    """The stream is late by a day, and the execution's wait ends before anybody stops it."""
    midnight = Midnight(world, client)
    world.deliver()
    midnight.at(-0.001)
    assert client.cancel(midnight.id).done
    midnight.at(0)
    world.go_on()
    assert midnight.execution().passed[-1] == "Superseded"
    midnight.at(24 * HOUR)
    world.rest()
    assert (midnight.runs, midnight.job.status) == ([], Status.CANCELLED)


def test_clocks_that_disagree_about_midnight_make_no_second_run_and_none_too_many(
    world: World, client: OpenReplay
) -> None:
    """The submit's clock is behind Step Functions': by theirs, its midnight is over when the job comes."""
    midnight = Midnight(world, client, DAY_MS - 1)
    midnight.at(2)
    world.deliver()
    world.go_on()
    assert midnight.runs == [midnight.start_at + 2000]
    world.rest()
    assert len(midnight.runs) == 1
