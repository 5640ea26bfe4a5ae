"""EventBridge Scheduler, as far as the product talks to it: calls are checked by botocore's own description of them.

What it would fire is told by ``tests.scheduler_model``; nothing fires by itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.scheduler_model import cron_test, invocations

NAME = re.compile(r"[0-9a-zA-Z\-_.]{1,64}")


def refused(code: str, message: str = "") -> ClientError:
    error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(error, "Scheduler")  # type: ignore[arg-type]


@cache
def described() -> ServiceModel:
    """Read once: every test with a table has a scheduler, and a session of botocore takes longer to make than both."""
    return get_session().get_service_model("scheduler")


class FakeScheduler:
    """``held`` is what it holds, by name, as it was given; ``before`` is called ahead of each call with its name."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _operation: None

    def create_schedule(self, **given: Any) -> None:
        self._called("CreateSchedule", given)
        if given["Name"] in self.held:
            raise refused("ConflictException", "Schedule already exists.")
        self._check(given)
        self.held[given["Name"]] = given

    def delete_schedule(self, **given: Any) -> None:
        self._called("DeleteSchedule", given)
        if self.held.pop(given["Name"], None) is None:
            raise refused("ResourceNotFoundException")

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_schedules"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **given: Any) -> Iterator[dict[str, Any]]:
        self._called("ListSchedules", given)
        names = sorted(self.held)
        for start in range(0, max(len(names), 1), 2):
            yield {"Schedules": [{"Name": name} for name in names[start : start + 2]]}

    def firings(self, from_: int, until: int) -> list[dict[str, Any]]:
        """What the target is given in ``[from_, until)``, in the order of the instants."""
        due = []
        for each in self.held.values():
            start, end = (
                int(each[key].timestamp() * 1000) if key in each else None for key in ("StartDate", "EndDate")
            )
            zone = each["ScheduleExpressionTimezone"]
            due += [
                (at, each["Target"]["Input"])
                for at in invocations(each["ScheduleExpression"], zone, start, end, from_, until)
            ]
        return [fired(given, at) for at, given in sorted(due)]

    def _called(self, operation: str, given: dict[str, Any]) -> None:
        self.calls.append(operation)
        self.before(operation)
        shape = described().operation_model(operation).input_shape
        assert shape
        report = ParamValidator().validate(given, shape)
        assert not report.has_errors(), report.generate_report()

    def _check(self, given: dict[str, Any]) -> None:
        assert NAME.fullmatch(given["Name"])
        expression, zone = given["ScheduleExpression"], given["ScheduleExpressionTimezone"]
        assert len(expression) <= 256
        assert len(given["Target"]["Input"]) <= 256 * 1024
        ZoneInfo(zone)
        if expression.startswith("cron("):
            cron_test(expression[5:-1])
        now = datetime.fromtimestamp(time.time(), UTC)
        if (start := given.get("StartDate")) and (now - start).total_seconds() > 300:
            raise refused("ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.")
        if (end := given.get("EndDate")) and end <= (given.get("StartDate") or now):
            raise refused("ValidationException", "The EndDate you specify must come after the StartDate.")


def fired(given: str, at: int) -> dict[str, Any]:
    """The event of a target whose input is ``given``, of a firing at ``at`` (milliseconds)."""
    instant = f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    event: dict[str, Any] = json.loads(given.replace("<aws.scheduler.scheduled-time>", instant))
    return event
