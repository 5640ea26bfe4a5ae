"""A schedule of a workflow, which runs each day at noon, and what it has come to."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from types_boto3_dynamodb import DynamoDBClient

from jobyard.model import Workflow
from jobyard.model.schedule import Schedule
from jobyard.service import scheduler as service
from jobyard.store import jobs, schedules, timers, workflows
from tests.contract.yard import Clock
from tests.factories import ADA, a_schedule, a_workflow
from tests.fake_scheduler import fired

START = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000)
MINUTE, DAY = 60_000, 24 * 3_600_000
NOON = START + DAY // 2


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(time, "time", moved.time)
    monkeypatch.setattr(time, "time_ns", moved.time_ns)
    moved.go_on_from(START)
    return moved


@pytest.fixture
def workflow() -> Workflow:
    made = a_workflow()
    workflows.put(made)
    return made


def made(workflow: Workflow, iteration: dict[str, Any] | None = None, **values: Any) -> Schedule:
    daily = {"iterationType": "Daily", "startTime": "2027-01-01T12:00:00"}
    schedule = a_schedule(iteration or daily, workflow_id=workflow.id, **values)
    schedules.create(schedule, schedule.next_run(START))
    service.arm(schedule.tenant, schedule.id)
    return schedule


def event(schedule: Schedule, at: int) -> dict[str, Any]:
    given = {"tenant": schedule.tenant, "scheduleId": schedule.id, "instant": "<aws.scheduler.scheduled-time>"}
    return fired(json.dumps(given), at)


def now_of(schedule: Schedule) -> Schedule:
    found = schedules.get(schedule.tenant, schedule.id)
    assert found
    return found


def due_of(schedule: Schedule) -> int | None:
    timer = timers.get(schedule.tenant, schedule.id)
    assert timer
    return timer.due_at


def jobs_of(dynamodb: DynamoDBClient, table: str) -> list[str]:
    found = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    return [str(each["id"]["S"]) for each in found if each["sk"] == {"S": "JOB"}]


def cancel(id: str) -> None:
    job = jobs.get("acme", id)
    assert job
    jobs.cancel(job, ADA, START)
