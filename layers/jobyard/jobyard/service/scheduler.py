"""What EventBridge Scheduler holds for a schedule: made, changed and deleted with it.

A schedule's own item is written first, and says by its ``timing`` what Scheduler is to hold. Then Scheduler is told,
then the timer is marked. Whatever dies between leaves a timer that is not marked, or names that no timer has, and
``reconcile`` ends what was begun.

The name of an expression holds the timing that it is of, so none is ever changed: a late process can add what is old,
never put it in the place of what is new. And whichever of them fires, the schedule as it then stands decides whether
there is a run (``service.firing``).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from aws_lambda_powertools import Logger

from jobyard.aws import ClientError, client, error_code, is_passing
from jobyard.errors import Busy, Unavailable
from jobyard.model.ids import now_ms
from jobyard.model.schedule import Outcome, Schedule
from jobyard.service.expressions import Expression, expressions
from jobyard.store import schedules, timers
from jobyard.store.conflicts import tries
from jobyard.store.schedules import Firing
from jobyard.store.timers import Timer

LATE_MS = 3600 * 1000
"""How long Scheduler, and then Lambda, try to deliver a firing; the template has the same."""

RETRIES = 10
_NAME = re.compile(r"(?P<prefix>[0-9a-f]{12}-[0-9a-f]{24}-)[0-9]+-[0-9]+\Z")
logger = Logger()


def prefix(tenant: str, id: str) -> str:
    """Of all names for one schedule. A tenant's own name may be as long as Scheduler's names are at the most."""
    return f"{sha256(tenant.encode()).hexdigest()[:12]}-{id}-"


def prefix_of(name: str) -> str | None:
    """The prefix of a name that ``name`` has made; None for another, as that of the template's own schedule."""
    found = _NAME.match(name)
    return found["prefix"] if found else None


def name(tenant: str, id: str, timing: int, number: int) -> str:
    return f"{prefix(tenant, id)}{timing}-{number}"


def names(timer: Timer) -> list[str]:
    """What Scheduler holds for it, as far as the timer knows."""
    return [name(timer.tenant, timer.id, timer.armed, number) for number in range(timer.parts)]


def arm_soon(schedule: Schedule) -> None:
    """``arm``, within a request that has done what was asked: what goes wrong now, ``reconcile`` does in a minute."""
    _soon(schedule, lambda: arm(schedule.tenant, schedule.id))


def disarm_soon(schedule: Schedule, timer: Timer | None) -> None:
    """Forget what Scheduler holds for a schedule that is deleted; as ``arm_soon``. ``timer`` is what it had."""
    if timer:
        _soon(schedule, lambda: forget(names(timer)))


def _soon(schedule: Schedule, call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:
        # Scheduler says Conflict of what it is still at work on.
        conflict = isinstance(error, ClientError) and error_code(error) == "ConflictException"
        if not conflict and not isinstance(error, Busy | Unavailable) and not is_passing(error):
            raise
        logger.warning("left to reconcile", schedule_id=schedule.id, tenant=schedule.tenant, exc_info=error)


def timer_of(schedule: Schedule) -> Timer | None:
    return timers.get(schedule.tenant, schedule.id)


def arm(tenant: str, id: str) -> None:
    """Have Scheduler hold what the schedule says. May be repeated, and done by several at once."""
    for _ in tries():
        timer, schedule = timers.get(tenant, id), schedules.get(tenant, id)
        if timer is None or schedule is None:
            return
        count = _tell_all(schedule)
        # Overtaken by another change: that one's process may have died before it told Scheduler.
        if timers.mark_armed(tenant, id, schedule.timing, count):
            if timer.armed != schedule.timing:
                forget(names(timer))
            return
    raise Busy("Too many others are changing the schedule; try again.")


def forget(these: list[str]) -> None:
    for each in these:
        try:
            client("scheduler").delete_schedule(Name=each, GroupName=_group())
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def held() -> Iterator[str]:
    """The names of all that Scheduler holds in the stack's group; it may lag by a little."""
    for page in client("scheduler").get_paginator("list_schedules").paginate(GroupName=_group()):
        yield from (each["Name"] for each in page["Schedules"])


def _tell_all(schedule: Schedule) -> int:
    """How many expressions Scheduler now holds for the schedule's timing."""
    made = expressions(schedule.recurrence, now_ms()) if schedule.enabled else []
    named = [name(schedule.tenant, schedule.id, schedule.timing, number) for number in range(len(made))]
    try:
        for each, expression in zip(named, made, strict=True):
            _tell(schedule, each, expression)
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
        # Nothing that passes: without its alarm it would never run, and nobody would know.
        logger.error("Scheduler refuses an expression", schedule_id=schedule.id, tenant=schedule.tenant, exc_info=error)
        why = f"EventBridge Scheduler refuses it: {error.response['Error'].get('Message', '')}"[:1000]
        now = now_ms()
        told = Firing(f"{schedules.firing_key(now)}-{schedule.timing}", now, Outcome.REFUSED, None, why)
        schedules.tell(schedules.told_when_due(schedule, told, None))
        forget(named)
        return 0
    return len(made)


def _tell(schedule: Schedule, name: str, expression: Expression) -> None:
    limits: dict[str, Any] = {
        key: datetime.fromtimestamp(at / 1000, UTC)
        for key, at in (("StartDate", expression.start), ("EndDate", expression.end))
        if at is not None
    }
    given = {
        "tenant": schedule.tenant,
        "scheduleId": schedule.id,
        # Put there by Scheduler: the time at which it should have fired, however late it does.
        "instant": "<aws.scheduler.scheduled-time>",
    }
    try:
        client("scheduler").create_schedule(
            Name=name,
            GroupName=_group(),
            ScheduleExpression=expression.text,
            ScheduleExpressionTimezone=expression.zone,
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": os.environ["FIRE_FUNCTION_ARN"],
                "RoleArn": os.environ["SCHEDULER_ROLE_ARN"],
                "Input": json.dumps(given),
                "RetryPolicy": {"MaximumEventAgeInSeconds": LATE_MS // 1000, "MaximumRetryAttempts": RETRIES},
                "DeadLetterConfig": {"Arn": os.environ["FIRE_DEAD_LETTERS_ARN"]},
            },
            **limits,
        )
    except ClientError as error:
        # Of that name there is only ever this.
        if error_code(error) != "ConflictException":
            raise


def _group() -> str:
    return os.environ["SCHEDULE_GROUP"]
