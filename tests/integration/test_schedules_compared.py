"""What Scheduler holds and what it should: both sides agree, whatever died, came late or was lost."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from copy import replace
from typing import Any

import pytest

from jobyard.lifecycle import schedules as comparing
from jobyard.lifecycle.fire import fire
from jobyard.lifecycle.schedules import Compared, compare
from jobyard.model import Workflow
from jobyard.model.iteration import iteration_of
from jobyard.model.schedule import Outcome, State
from jobyard.service import firing
from jobyard.service import scheduler as service
from jobyard.store import schedules, timers, workflows
from tests.contract.yard import Clock
from tests.fake_scheduler import FakeScheduler
from tests.integration.scheduling import (
    DAY,
    NOON,
    START,
    clock,
    due_of,
    event,
    made,
    now_of,
    workflow,
)

__all__ = ["clock", "workflow"]

pytestmark = pytest.mark.usefixtures("table")


def test_nothing_is_left_to_do_where_both_sides_agree(workflow: Workflow, clock: Clock) -> None:
    for _ in range(3):
        made(workflow)
    assert compare(START) == Compared()


@pytest.mark.parametrize("dies_at", range(6))
def test_whatever_a_crash_of_a_change_leaves_behind_both_sides_agree_after_it(
    workflow: Workflow, clock: Clock, scheduler: FakeScheduler, dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cron = {
        "iterationType": "Cron",
        "startTime": "2027-01-01T00:00:00",
        "cronContract": {"cronExpression": "0 6 1 * 1"},
    }
    schedule = made(workflow, cron)
    daily = iteration_of({"iterationType": "Daily", "startTime": "2027-01-01T12:00:00"})
    changed = schedules.change(schedule, replace(schedule, iteration=daily, timing=2), NOON)
    assert changed
    with pytest.raises(Crash) if dies_at < 5 else nullcontext(), dying(dies_at, scheduler, monkeypatch):
        service.arm(schedule.tenant, schedule.id)
    compare(START)
    assert [each["ScheduleExpression"] for each in scheduler.held.values()] == ["cron(0 12 * * ? *)"]
    assert compare(START) == Compared()


@pytest.mark.parametrize("dies_at", [0, 1])
def test_a_schedule_that_is_deleted_leaves_nothing_whatever_dies(
    workflow: Workflow, clock: Clock, scheduler: FakeScheduler, dies_at: int
) -> None:
    cron = {
        "iterationType": "Cron",
        "startTime": "2027-01-01T00:00:00",
        "cronContract": {"cronExpression": "0 6 1 * 1"},
    }
    schedule = made(workflow, cron)
    assert len(scheduler.held) == 2
    schedules.delete(schedule)
    for name in list(scheduler.held)[:dies_at]:
        scheduler.delete_schedule(Name=name, GroupName="jobyard")
    assert compare(START) == Compared(orphans=2 - dies_at)
    assert scheduler.held == {}


def test_what_scheduler_has_lost_is_told_to_it_again(
    workflow: Workflow, clock: Clock, scheduler: FakeScheduler
) -> None:
    made(workflow)
    held = dict(scheduler.held)
    scheduler.held.clear()
    assert compare(START) == Compared(armed=1)
    assert scheduler.held == held


def test_a_late_change_cannot_put_what_is_old_in_the_place_of_what_is_new(
    workflow: Workflow, clock: Clock, scheduler: FakeScheduler
) -> None:
    schedule = made(workflow)
    daily = iteration_of({"iterationType": "Daily", "startTime": "2027-01-01T13:00:00"})
    newer = iteration_of({"iterationType": "Daily", "startTime": "2027-01-01T14:00:00"})
    second = schedules.change(schedule, replace(schedule, iteration=daily, timing=2), NOON + DAY // 24)
    assert second

    def overtake(operation: str) -> None:
        scheduler.before = lambda _operation: None
        assert schedules.change(second, replace(second, iteration=newer, timing=3), NOON + DAY // 12)
        service.arm(schedule.tenant, schedule.id)

    scheduler.before = overtake
    service.arm(schedule.tenant, schedule.id)
    compare(START)
    assert [each["ScheduleExpression"] for each in scheduler.held.values()] == ["cron(0 14 * * ? *)"]


def test_a_missed_run_is_said_on_its_schedule_and_never_comes_after_that(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow)
    late = NOON + service.LATE_MS + comparing.GRACE_MS
    clock.go_on_from(late)
    assert compare(late) == Compared()
    assert compare(late + 1).missed == 1
    after = now_of(schedule)
    assert (after.state(late), after.run_count, after.outcome) == (State.MISSED, 0, Outcome.MISSED)
    assert after.last_error == "The run of 2027-01-01T12:00:00Z was missed: it was not delivered in time."
    assert due_of(schedule) == NOON + DAY
    assert compare(late + 2).missed == 0
    assert fire(event(schedule, NOON))["outcome"] is None
    assert fire(event(schedule, NOON + DAY))["outcome"] == "started"
    assert now_of(schedule).state(late) is State.ACTIVE


def test_of_several_missed_runs_the_last_is_named_and_the_others_are_counted(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow)
    late = NOON + 2 * DAY + DAY // 2
    clock.go_on_from(late)
    compare(late)
    told = str(now_of(schedule).last_error)
    assert told.startswith("The run of 2027-01-03T12:00:00Z was missed")
    assert told.endswith("So were 2 before it.")
    assert due_of(schedule) == NOON + 3 * DAY


def test_a_run_that_was_delivered_after_a_younger_one_is_not_called_missed(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow)
    clock.go_on_from(NOON + DAY)
    for day in (1, 0):
        fire(event(schedule, NOON + day * DAY))
    assert due_of(schedule) == NOON + DAY
    assert compare(NOON + DAY + DAY // 2).missed == 0
    assert due_of(schedule) == NOON + 2 * DAY
    assert (now_of(schedule).run_count, now_of(schedule).last_run_at) == (2, NOON + DAY)


def test_schedules_of_other_tenants_are_compared_by_their_own_names(
    workflow: Workflow, clock: Clock, scheduler: FakeScheduler
) -> None:
    one = made(workflow)
    workflows.put(replace(workflow, tenant="globex"))
    other = made(workflow, tenant="globex", id=one.id)
    assert len(scheduler.held) == 2
    schedules.delete(one)
    assert compare(START) == Compared(orphans=1)
    ((_, held),) = scheduler.held.items()
    assert json.loads(held["Target"]["Input"])["tenant"] == other.tenant


def test_what_else_is_in_the_stacks_group_stays(clock: Clock, scheduler: FakeScheduler) -> None:
    """The template's own schedule has a name that CloudFormation made."""
    scheduler.held["jobyard-StaticSchedule-1A2B3C4D5E6F"] = {}
    assert compare(START) == Compared()
    assert len(scheduler.held) == 1


def test_an_outage_of_scheduler_is_an_error_and_no_end_of_reconcile(clock: Clock, scheduler: FakeScheduler) -> None:
    def down(_operation: str) -> None:
        raise RuntimeError

    scheduler.before = down
    assert compare(START) == Compared(errors=1)


def test_two_who_change_a_schedule_at_once_change_it_one_after_the_other(workflow: Workflow) -> None:
    schedule = made(workflow)
    assert schedules.change(schedule, replace(schedule, name="first"), NOON)
    assert schedules.change(schedule, replace(schedule, name="second"), NOON) is None
    assert schedules.delete(schedule) is False
    assert now_of(schedule).name == "first"


def test_a_run_now_is_made_of_the_schedule_as_it_is_then(workflow: Workflow) -> None:
    schedule = made(workflow)
    assert schedules.change(schedule, replace(schedule, name="changed"), NOON)
    ran = firing.run_now(schedule)
    assert ran.job
    assert now_of(schedule).last_job_id == ran.job.id


class Crash(BaseException):
    """The process ends."""


def dying(at: int, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The process dies before the call of that number: of Scheduler, or the mark that all was told."""
    calls = iter(range(100))

    def count(_operation: str = "") -> None:
        if next(calls) == at:
            raise Crash

    mark = timers.mark_armed

    def marked(*given: Any) -> bool:
        count()
        done = mark(*given)
        count()
        return done

    @contextmanager
    def entered() -> Any:
        monkeypatch.setattr(timers, "mark_armed", marked)
        scheduler.before = count
        try:
            yield
        finally:
            scheduler.before = lambda _operation: None
            monkeypatch.setattr(timers, "mark_armed", mark)

    return entered()
