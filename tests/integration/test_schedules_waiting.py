"""Runs that wait for the job of the run before: each starts once, whoever hears of its end, and how often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import replace
from typing import Any
from unittest.mock import patch

import pytest
from types_boto3_dynamodb import DynamoDBClient

from jobyard.aws import ClientError, client
from jobyard.errors import AlreadyLive, Busy, Unavailable
from jobyard.lifecycle.drive import drive
from jobyard.lifecycle.fire import fire
from jobyard.lifecycle.schedules import Compared, compare
from jobyard.model import Job, Workflow
from jobyard.model.schedule import WAITING_MOST, Overlap, Schedule, State
from jobyard.service import firing
from jobyard.store import jobs, schedules
from jobyard.store.records import job_item, job_key
from tests.contract.yard import Clock
from tests.integration.scheduling import (
    DAY,
    NOON,
    cancel,
    clock,
    event,
    jobs_of,
    made,
    now_of,
    workflow,
)

__all__ = ["clock", "workflow"]

pytestmark = pytest.mark.usefixtures("table")


def end(id: str) -> None:
    """As drive hears of it."""
    cancel(id)
    job = jobs.get("acme", id)
    assert job
    tell(job)


def tell(job: Job) -> None:
    record = {
        "eventName": "MODIFY",
        "dynamodb": {"SequenceNumber": "1", "Keys": job_key(job.tenant, job.id), "NewImage": job_item(job)},
    }
    with patch("jobyard.lifecycle.executions.stop"):
        assert drive([record]) == {"batchItemFailures": []}


@pytest.fixture
def queued(workflow: Workflow, clock: Clock) -> Schedule:
    """Its first run has a job, and two more were due."""
    schedule = made(workflow, overlap=Overlap.QUEUE)
    clock.go_on_from(NOON + 2 * DAY)
    assert fire(event(schedule, NOON))["outcome"] == "started"
    # The younger one is delivered first.
    for day in (2, 1):
        assert fire(event(schedule, NOON + day * DAY)) == {"outcome": "waiting", "jobId": None}
    return now_of(schedule)


def test_runs_wait_for_each_other_and_start_in_their_order(queued: Schedule) -> None:
    assert (queued.waiting, queued.run_count) == ((NOON + DAY, NOON + 2 * DAY), 1)
    assert (queued.state(NOON), queued.last_error) == (State.WAITING, None)
    for day, left in ((1, 1), (2, 0)):
        end(str(now_of(queued).last_job_id))
        after = now_of(queued)
        assert (after.last_run_at, after.run_count, len(after.waiting)) == (NOON + day * DAY, day + 1, left)
        job = jobs.get("acme", str(after.last_job_id))
        assert job
        assert (job.schedule_id, job.terminal) == (queued.id, False)
    assert now_of(queued).state(NOON) is State.ACTIVE
    assert compare(NOON + 2 * DAY) == Compared()


def test_a_run_that_waits_is_one_however_often_it_is_delivered_and_its_jobs_end_is_told(
    queued: Schedule, dynamodb_client: DynamoDBClient, table: str
) -> None:
    first = str(queued.last_job_id)
    for _ in range(3):
        assert fire(event(queued, NOON + DAY)) == {"outcome": None, "jobId": None}
    assert now_of(queued).version == queued.version
    for _ in range(3):
        ended = jobs.get("acme", first)
        assert ended
        if not ended.terminal:
            cancel(first)
        tell(jobs.get("acme", first) or ended)
        fire(event(queued, NOON + DAY))
    assert len(jobs_of(dynamodb_client, table)) == now_of(queued).run_count == 2
    assert now_of(queued).waiting == (NOON + 2 * DAY,)


def test_of_many_who_hear_of_an_end_at_once_one_starts_the_run_that_waits(
    queued: Schedule, dynamodb_client: DynamoDBClient, table: str
) -> None:
    cancel(str(queued.last_job_id))
    client("dynamodb")

    def hear(_: int) -> None:
        with suppress(Busy, Unavailable, ClientError):
            firing.release("acme", queued.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hear, range(16)))
    assert len(jobs_of(dynamodb_client, table)) == now_of(queued).run_count == 2


def test_a_run_does_not_overtake_those_that_wait(queued: Schedule, clock: Clock) -> None:
    # Nobody has heard of this end yet.
    cancel(str(queued.last_job_id))
    clock.go_on_from(NOON + 3 * DAY)
    assert fire(event(queued, NOON + 3 * DAY))["outcome"] == "waiting"
    after = now_of(queued)
    assert (after.last_run_at, after.waiting) == (NOON + DAY, (NOON + 2 * DAY, NOON + 3 * DAY))


def test_what_nobody_has_heard_of_reconcile_starts(queued: Schedule) -> None:
    assert compare(NOON + 2 * DAY) == Compared()
    cancel(str(queued.last_job_id))
    assert compare(NOON + 2 * DAY) == Compared(released=1)
    assert compare(NOON + 2 * DAY) == Compared()
    assert now_of(queued).run_count == 2


def test_a_job_that_ends_while_a_run_begins_to_wait_for_it_is_seen(
    workflow: Workflow, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = made(workflow, overlap=Overlap.QUEUE)
    clock.go_on_from(NOON + DAY)
    first = str(fire(event(schedule, NOON))["jobId"])
    write = schedules.tell

    def ended(writes: Any) -> bool:
        # Drive hears of it, and no run waits yet.
        end(first)
        return write(writes)

    monkeypatch.setattr(schedules, "tell", ended)
    assert fire(event(schedule, NOON + DAY))["outcome"] == "waiting"
    assert (now_of(schedule).run_count, now_of(schedule).waiting) == (2, ())


def test_no_more_runs_wait_than_a_bound_says(queued: Schedule, clock: Clock) -> None:
    clock.go_on_from(NOON + 20 * DAY)
    outcomes = [fire(event(queued, NOON + day * DAY))["outcome"] for day in range(3, WAITING_MOST + 2)]
    assert outcomes == ["waiting"] * (WAITING_MOST - 2) + ["skipped"]
    after = now_of(queued)
    assert (len(after.waiting), after.state(NOON)) == (WAITING_MOST, State.WAITING)
    assert after.last_error == f"Skipped: {WAITING_MOST} runs wait already."


def test_runs_that_wait_and_are_refused_are_not_in_the_way_of_each_other(queued: Schedule) -> None:
    gone = schedules.change(queued, replace(queued, workflow_id="0" * 24), NOON + 3 * DAY)
    assert gone
    end(str(queued.last_job_id))
    after = now_of(queued)
    assert (after.waiting, after.run_count, after.state(NOON)) == ((), 1, State.ERROR)
    assert after.last_error == f"Workflow {'0' * 24} not found."


def test_a_run_now_does_not_wait(queued: Schedule) -> None:
    with pytest.raises(AlreadyLive, match="has not ended yet"):
        firing.run_now(queued)


def test_what_waits_is_forgotten_with_its_schedule(
    queued: Schedule, dynamodb_client: DynamoDBClient, table: str
) -> None:
    assert schedules.delete(queued)
    end(str(queued.last_job_id))
    assert len(jobs_of(dynamodb_client, table)) == 1
