"""Runs of schedules that are due: once each, whatever is delivered how often, and visible where they have no job."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from copy import replace

import pytest
from types_boto3_dynamodb import DynamoDBClient

from jobyard.aws import ClientError, client
from jobyard.errors import Busy, Unavailable
from jobyard.lifecycle.fire import fire
from jobyard.model import Person, Workflow
from jobyard.model.schedule import Outcome, Overlap, State
from jobyard.store import jobs, schedules, workflows
from tests.contract.yard import Clock
from tests.factories import ADA
from tests.fake_scheduler import FakeScheduler, fired
from tests.integration.scheduling import (
    DAY,
    MINUTE,
    NOON,
    START,
    cancel,
    clock,
    due_of,
    event,
    jobs_of,
    made,
    now_of,
    workflow,
)

__all__ = ["clock", "workflow"]

pytestmark = pytest.mark.usefixtures("table")


def test_a_firing_makes_a_job_of_its_owner_and_counts(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow)
    clock.go_on_from(NOON + 2000)
    answer = fire(event(schedule, NOON))
    job = jobs.get("acme", str(answer["jobId"]))
    assert job
    assert (job.schedule_id, job.owner, job.workflow_id) == (schedule.id, ADA, workflow.id)
    after = now_of(schedule)
    assert (after.run_count, after.last_run_at, after.last_job_id) == (1, NOON, job.id)
    assert (after.outcome, after.last_error, after.state(NOON + 2000)) == (Outcome.STARTED, None, State.ACTIVE)
    assert due_of(schedule) == NOON + DAY


def test_a_firing_that_is_delivered_twice_makes_one_job(
    workflow: Workflow, clock: Clock, dynamodb_client: DynamoDBClient, table: str
) -> None:
    schedule = made(workflow)
    clock.go_on_from(NOON)
    assert fire(event(schedule, NOON))["outcome"] == "started"
    assert fire(event(schedule, NOON)) == fire(event(schedule, NOON + 40_000)) == {"outcome": None, "jobId": None}
    assert len(jobs_of(dynamodb_client, table)) == 1
    assert now_of(schedule).run_count == 1


def test_of_many_deliveries_of_many_firings_at_once_each_instant_has_one_job(
    workflow: Workflow, clock: Clock, dynamodb_client: DynamoDBClient, table: str
) -> None:
    every = {"iterationType": "Hourly", "startTime": "2027-01-01T00:00:00", "hourlyContract": {"minutes": 1}}
    schedule = made(workflow, every)
    clock.go_on_from(START + 10 * MINUTE)
    instants = [START + minute * MINUTE for minute in range(5)]
    client("dynamodb")

    def deliver(at: int) -> None:
        # Lambda calls again where it raises.
        for _ in range(50):
            try:
                fire(event(schedule, at))
            except (Busy, Unavailable, ClientError):
                continue
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, instants * 4))
    assert len(jobs_of(dynamodb_client, table)) == 5
    assert now_of(schedule).run_count == 5
    assert now_of(schedule).last_run_at == instants[-1]


def test_all_that_scheduler_fires_in_a_month_runs_once(
    workflow: Workflow, clock: Clock, scheduler: FakeScheduler
) -> None:
    both = {
        "iterationType": "Cron",
        "startTime": "2027-01-01T00:00:00",
        "cronContract": {"cronExpression": "0 6 1-7 * 1"},
    }
    schedule = made(workflow, both)
    until = START + 31 * DAY
    delivered = scheduler.firings(START, until)
    runs = list(schedule.recurrence.runs(START, until))
    # A Monday among the first seven days is in both expressions.
    assert len(delivered) == len(runs) + 1
    clock.go_on_from(until)
    for each in delivered:
        fire(each)
    assert now_of(schedule).run_count == len(runs)
    assert now_of(schedule).last_run_at == runs[-1]


@pytest.mark.parametrize("when", [-DAY, -MINUTE, MINUTE, NOON - START])
def test_what_is_no_run_of_the_schedule_as_it_stands_is_none(workflow: Workflow, clock: Clock, when: int) -> None:
    schedule = made(workflow)
    clock.go_on_from(NOON)
    assert fire(event(schedule, NOON + when))["outcome"] is None
    assert now_of(schedule).run_count == 0


def test_neither_a_disabled_nor_a_deleted_schedule_fires(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow)
    clock.go_on_from(NOON)
    off = schedules.change(schedule, replace(schedule, enabled=False, timing=2), None)
    assert off
    assert fire(event(schedule, NOON))["outcome"] is None
    assert schedules.delete(off)
    assert fire(event(schedule, NOON))["outcome"] is None


def test_a_run_is_skipped_while_the_job_of_the_one_before_has_not_ended(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow, overlap=Overlap.SKIP)
    clock.go_on_from(NOON + 2 * DAY)
    first = str(fire(event(schedule, NOON))["jobId"])
    assert fire(event(schedule, NOON + DAY)) == {"outcome": "skipped", "jobId": None}
    after = now_of(schedule)
    assert (after.run_count, after.state(NOON), after.last_run_at) == (1, State.SKIPPED, NOON)
    assert after.last_error == f"Skipped: job {first} of the run before has not ended yet."
    cancel(first)
    # It stays skipped, however often it is delivered.
    assert fire(event(schedule, NOON + DAY))["outcome"] is None
    assert fire(event(schedule, NOON + 2 * DAY))["outcome"] == "started"
    assert (now_of(schedule).last_error, now_of(schedule).state(NOON)) == (None, State.ACTIVE)


def test_runs_may_overlap_where_the_schedule_allows_it(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow)
    clock.go_on_from(NOON + DAY)
    assert [fire(event(schedule, NOON + day * DAY))["outcome"] for day in range(2)] == ["started", "started"]


def test_a_refused_run_is_visible(workflow: Workflow, clock: Clock) -> None:
    schedule = made(replace(workflow, id="0" * 24))
    clock.go_on_from(NOON)
    assert fire(event(schedule, NOON))["outcome"] == "refused"
    after = now_of(schedule)
    assert (after.state(NOON), after.run_count) == (State.ERROR, 0)
    assert after.last_error == f"Workflow {'0' * 24} not found."
    assert due_of(schedule) == NOON + DAY


def test_a_run_is_refused_where_its_owner_may_not_run_the_workflow_any_more(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow, role="Member")
    workflows.put(replace(workflow, public=False, owner="somebody"))
    clock.go_on_from(NOON)
    assert fire(event(schedule, NOON))["outcome"] == "refused"
    assert "do not have access" in str(now_of(schedule).last_error)


def test_the_only_run_of_a_schedule_leaves_nothing_due(workflow: Workflow, clock: Clock) -> None:
    schedule = made(workflow, {"iterationType": "Once", "startTime": "2027-01-01T12:00:00"})
    clock.go_on_from(NOON)
    fire(event(schedule, NOON))
    assert due_of(schedule) is None
    assert now_of(schedule).state(NOON) is State.COMPLETED


def test_a_schedule_of_the_template_fires_once_each_instant(workflow: Workflow, clock: Clock) -> None:
    given = {"tenant": "acme", "workflowId": workflow.id, "owner": "ops", "instant": "<aws.scheduler.scheduled-time>"}
    at = fired(json.dumps(given), NOON)
    job = jobs.get("acme", str(fire(at)["jobId"]))
    assert job
    assert (job.owner, job.listed_in, job.schedule_id) == (Person("ops", "ops"), "alteryx#acme", None)
    assert fire(at)["outcome"] is None
    assert fire(fired(json.dumps(given), NOON + DAY))["outcome"] == "started"
