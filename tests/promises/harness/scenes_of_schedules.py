"""Scenes of schedules: made, changed, deleted, run at once, fired, and compared with what Scheduler holds."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from datetime import UTC, datetime
from typing import Any

from jobyard.model import Status
from jobyard.model.ids import now_ms
from jobyard.model.schedule import Schedule
from jobyard.service import scheduler
from jobyard.store import schedules
from tests.contract.api import Answer, call
from tests.promises.harness.clients import Alteryx
from tests.promises.harness.promises import Caller
from tests.promises.harness.stand import SCENES, Play, Stand, scene

__all__ = ["SCENES"]

ALL = "/webapi/v3/schedules"
HOUR_MS, DAY_MS = 3_600_000, 24 * 3_600_000
_DELIVERIES = 30
"""More than any scene has disturbances: Scheduler and Lambda try for an hour."""


def _at(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Scheduled:
    """Two hours from now each day, of a caller who is asked for it; ``first`` is the first of its runs."""

    def __init__(self, stand: Stand, **members: Any) -> None:
        self.stand = stand
        self.caller, self.alteryx = stand.alteryx()
        self.first = (now_ms() + 2 * HOUR_MS) // HOUR_MS * HOUR_MS
        made = self.call("POST", body=self.contract(**members))
        self.id = str(made.json)
        self.path = f"/{self.id}"

    def contract(self, **members: Any) -> dict[str, Any]:
        return _contract(self.alteryx, self.first, **members)

    def call(self, method: str, rest: str = "", **asked: Any) -> Answer:
        return call(method, ALL + rest, self.alteryx.client.token, **asked)

    def ask(self, method: str, rest: str = "", **asked: Any) -> Answer | None:
        """By the caller, who may have to ask again, or is told nothing."""
        found: Answer | None = self.caller.ask(lambda: self.call(method, rest, **asked))
        return found

    @property
    def now(self) -> Schedule:
        found = schedules.get("acme", self.id)
        assert found
        return found

    def at(self, instant: int) -> None:
        """It is this time."""
        self.stand.world.clock.advance((instant - now_ms()) / 1000)

    def fire(self, instant: int | None = None) -> None:
        """Until it is delivered."""
        at = self.first if instant is None else instant
        _deliver(self.stand, {"tenant": "acme", "scheduleId": self.id, "instant": _at(at)})

    def job_of(self, status: Status) -> str:
        """Its first run has a job of this status."""
        self.at(self.first)
        self.fire()
        id = self.now.last_job_id
        assert id
        self.stand.take(id, status)
        return id

    def ran(self, times: int) -> None:
        """At rest."""
        self.stand.afterwards.append(lambda: _ran(self, times))


def _ran(scheduled: Scheduled, times: int) -> None:
    assert scheduled.now.run_count == times


def _contract(alteryx: Alteryx, first: int, **members: Any) -> dict[str, Any]:
    daily = {"iterationType": "Daily", "startTime": _at(first)}
    return {"workflowId": alteryx.workflow.id, "iteration": daily} | members


def _deliver(stand: Stand, event: dict[str, Any]) -> None:
    for _ in range(_DELIVERIES):
        try:
            stand.world.invoke("fire", event)
        except stand.world.survives:
            continue
        return
    raise AssertionError("a firing was never delivered")


BOTH_KINDS_OF_DAYS = {
    "iterationType": "Cron",
    "startTime": "2030-01-01T00:00:00Z",
    "cronContract": {"cronExpression": "0 6 1 * 1"},
}
"""Two expressions."""


@scene("schedules")
def making_a_schedule(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    body = _contract(alteryx, now_ms() + DAY_MS, iteration=BOTH_KINDS_OF_DAYS)
    return lambda: _asked(caller, lambda: call("POST", ALL, alteryx.client.token, body=body), 201)


def _asked(caller: Caller, ask: Callable[[], Answer], *expected: int) -> None:
    answer = caller.ask(ask)
    assert answer is None or answer.status in expected, answer


@scene("schedules", "iteration", BOTH_KINDS_OF_DAYS)
@scene("schedules", "enabled", False)
@scene("schedules", "comment", "changed")
def changing_of_a_schedule(stand: Stand, member: str, value: Any) -> Play:
    it = Scheduled(stand)
    return lambda: _asked(it.caller, lambda: it.call("PATCH", it.path, body={member: value}), 200)


@scene("schedules")
def putting_a_schedule_back(stand: Stand) -> Play:
    it = Scheduled(stand, iteration=BOTH_KINDS_OF_DAYS)
    body = it.call("GET", it.path).json | {"timeZone": "Europe/Berlin"}
    return lambda: _asked(it.caller, lambda: it.call("PUT", it.path, body=body), 200)


@scene("schedules")
def deleting_a_schedule(stand: Stand) -> Play:
    it = Scheduled(stand, iteration=BOTH_KINDS_OF_DAYS)

    def play() -> None:
        # The first try may have deleted it.
        _asked(it.caller, lambda: it.call("DELETE", it.path), 200, 404)

    return play


@scene("schedules")
def reading_schedules(stand: Stand) -> Play:
    it = Scheduled(stand)
    window = f"runsAfter={_at(it.first)}&runsBefore={_at(it.first + DAY_MS)}&view=Full"

    def play() -> None:
        _asked(it.caller, lambda: it.call("GET", it.path), 200)
        _asked(it.caller, lambda: it.call("GET", query=window), 200)

    return play


@scene("schedules", None)
@scene("schedules", "key")
def running_a_schedule_now(stand: Stand, key: str | None) -> Play:
    it = Scheduled(stand, overlapPolicy="skip")
    stand.world.clock.advance(1)
    headers = {"idempotency-key": key} if key else {}

    def play() -> None:
        # Without a key, the first try may have made the job that has not ended yet.
        expected = (200,) if key else (200, 400)
        for _ in range(2 if key else 1):
            _asked(it.caller, lambda: it.call("POST", f"{it.path}/run", headers=headers), *expected)
        stand.world.rest()

    return play


@scene("schedules")
def running_a_schedule_that_is_changed_meanwhile(stand: Stand) -> Play:
    it = Scheduled(stand)
    tell = schedules.told

    def changed(before: Schedule, told: schedules.Firing) -> list[dict[str, Any]]:
        schedules.told = tell
        schedules.change(before, replace(before, comment="changed"), it.first)
        return tell(before, told)

    def play() -> None:
        schedules.told = changed
        try:
            _asked(it.caller, lambda: it.call("POST", f"{it.path}/run"), 200)
        finally:
            schedules.told = tell

    return play


@scene("fire")
def a_run_that_is_due(stand: Stand) -> Play:
    it = Scheduled(stand)
    it.ran(1)
    it.at(it.first)

    def play() -> None:
        it.fire()
        it.fire()
        stand.world.rest()

    return play


@scene("fire")
def a_run_that_is_skipped(stand: Stand) -> Play:
    it = Scheduled(stand, overlapPolicy="skip")
    it.job_of(Status.RUNNING)
    it.ran(1)
    it.at(it.first + DAY_MS)
    return lambda: it.fire(it.first + DAY_MS)


@scene("fire")
def a_run_that_is_refused(stand: Stand) -> Play:
    it = Scheduled(stand)
    it.at(it.first)
    before = it.now
    assert schedules.change(before, replace(before, workflow_id="0" * 24), it.first)
    it.ran(0)
    return it.fire


@scene("fire")
def a_run_of_the_templates_own_schedule(stand: Stand) -> Play:
    _, alteryx = stand.alteryx()
    user = alteryx.client.user.id
    event = {"tenant": "acme", "workflowId": alteryx.workflow.id, "owner": user, "instant": _at(now_ms())}

    def play() -> None:
        for _ in range(2):
            _deliver(stand, event)

    stand.afterwards.append(lambda: _one_job(stand))
    return play


def _one_job(stand: Stand) -> None:
    assert len(stand.world.jobs()) == 1


# ---- Runs that wait for the job of the run before


def _waits(stand: Stand, status: Status = Status.RUNNING) -> Scheduled:
    """A schedule whose first run has a job; the second is due."""
    it = Scheduled(stand, overlapPolicy="queue")
    it.job_of(status)
    it.at(it.first + DAY_MS)
    return it


@scene("waiting")
def runs_that_wait_for_each_other(stand: Stand) -> Play:
    it = _waits(stand)
    it.ran(3)

    def play() -> None:
        it.fire(it.first + DAY_MS)
        it.at(it.first + 2 * DAY_MS)
        it.fire(it.first + 2 * DAY_MS)
        stand.world.rest()

    return play


@scene("waiting", Status.QUEUED)
@scene("waiting", Status.RUNNING)
def a_cancel_of_what_a_run_waits_for(stand: Stand, status: Status) -> Play:
    it = _waits(stand, status)
    it.ran(2)
    it.fire(it.first + DAY_MS)
    id = str(it.now.last_job_id)

    def play() -> None:
        it.caller.cancel(id)
        stand.world.rest()

    return play


@scene("waiting")
def a_job_that_ends_while_a_run_begins_to_wait_for_it(stand: Stand) -> Play:
    """Drive hears of the end before the run is written, so nobody else would start it."""
    it = _waits(stand)
    it.ran(2)

    def play() -> None:
        wrote = schedules.tell

        def ended(writes: Any) -> bool:
            schedules.tell = wrote
            stand.world.advance_executions()
            stand.world.deliver()
            return wrote(writes)

        schedules.tell = ended
        try:
            it.fire(it.first + DAY_MS)
        finally:
            schedules.tell = wrote

    return play


@scene("waiting")
def an_end_that_drive_never_heard_of(stand: Stand) -> Play:
    it = _waits(stand)
    it.ran(2)
    it.fire(it.first + DAY_MS)
    stand.world.advance_executions()
    stand.lose_records()
    return stand.world.rest


@scene("waiting")
def a_run_that_has_waited_and_is_refused(stand: Stand) -> Play:
    it = _waits(stand)
    it.ran(1)
    it.fire(it.first + DAY_MS)
    before = it.now
    assert schedules.change(before, replace(before, workflow_id="0" * 24), it.first + 2 * DAY_MS)
    return stand.world.rest


# ---- Reconcile compares both sides


@scene("compare")
def a_change_that_scheduler_was_never_told(stand: Stand) -> Play:
    it = Scheduled(stand)
    before = it.now
    assert schedules.change(before, replace(before, timing=2), it.first)
    return lambda: stand.minutes(3)


@scene("compare")
def what_scheduler_has_lost(stand: Stand) -> Play:
    Scheduled(stand)
    stand.world.scheduler.held.clear()
    return lambda: stand.minutes(3)


@scene("compare")
def what_a_deletion_left_behind(stand: Stand) -> Play:
    it = Scheduled(stand, iteration=BOTH_KINDS_OF_DAYS)
    assert schedules.delete(it.now)
    return lambda: stand.minutes(3)


@scene("compare")
def a_run_that_was_missed(stand: Stand) -> Play:
    it = Scheduled(stand)
    it.at(it.first + scheduler.LATE_MS + HOUR_MS)
    it.ran(0)
    return lambda: stand.minutes(3)
