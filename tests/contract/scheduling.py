"""Schedules as a client makes and sees them, on the first morning of 2027."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobyard.model import Workflow
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Clock, Yard
from tests.fake_scheduler import FakeScheduler

ALL = "/webapi/v3/schedules"
NOW = int(datetime(2027, 1, 1, 8, tzinfo=UTC).timestamp() * 1000)
DAILY = {"iterationType": "Daily", "startTime": "2027-01-01T12:00:00Z"}


@pytest.fixture(autouse=True)
def at_eight_on_new_years_day(clock: Clock) -> None:
    clock.go_on_from(NOW)


@pytest.fixture
def who(yard: Yard, curator: Client) -> str:
    return yard.token_until(curator, 4_102_444_800)


def create(who: str, workflow: Workflow, **members: Any) -> Answer:
    return call("POST", ALL, who, body={"workflowId": workflow.id, "iteration": DAILY} | members)


def created(who: str, workflow: Workflow, **members: Any) -> str:
    answer = create(who, workflow, **members)
    assert answer.status == 201, answer.text
    return str(answer.json)


def shown(who: str, id: str) -> dict[str, Any]:
    answer = call("GET", f"{ALL}/{id}", who)
    assert answer.status == 200, answer.text
    view: dict[str, Any] = answer.json
    return view


def told(scheduler: FakeScheduler) -> list[tuple[str, str]]:
    return [
        (each["ScheduleExpression"], each["ScheduleExpressionTimezone"]) for _, each in sorted(scheduler.held.items())
    ]
