"""Timers: for each schedule, what EventBridge Scheduler is to hold, and whether it does.

``TIMERS`` / ``<tenant>#<id>``. One partition for the whole stack, because ``reconcile`` compares all of it with all
that Scheduler holds. A timer is written with every write of its schedule, in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from jobyard.aws import ClientError, client, error_code
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name

if TYPE_CHECKING:
    from jobyard.model.schedule import Schedule

TIMERS = "TIMERS"


class Timer(NamedTuple):
    """``timing`` is the schedule's; ``armed`` the timing that Scheduler was told last (0 is none), in ``parts``
    expressions. ``due_at`` is the next run, in milliseconds, until something came of it; None where none comes.
    ``waiting`` runs of it wait.
    """

    tenant: str
    id: str
    timing: int
    armed: int
    parts: int
    due_at: int | None
    waiting: int = 0


def get(tenant: str, id: str) -> Timer | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_key(tenant, id), ConsistentRead=True)
    return _timer_of(found["Item"]) if "Item" in found else None


def every() -> list[Timer]:
    """Those of all tenants, strongly consistent."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=item({":pk": TIMERS}),
            ConsistentRead=True,
        )
    )
    return [_timer_of(each) for page in pages for each in page["Items"]]


def mark_armed(tenant: str, id: str, timing: int, parts: int) -> bool:
    """Scheduler holds ``parts`` expressions of ``timing``; False where that is not the timing any more."""
    try:
        patiently(
            lambda: client("dynamodb").update_item(
                TableName=table_name(),
                Key=_key(tenant, id),
                UpdateExpression="SET armed = :timing, parts = :parts",
                # Against a change of the schedule meanwhile: what Scheduler was told is not it.
                ConditionExpression="timing = :timing",
                ExpressionAttributeValues=item({":timing": timing, ":parts": parts}),
            )
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def due_at(schedule: Schedule, due: int | None) -> dict[str, Any]:
    """The write that goes with one of its schedule."""
    values = {
        ":tenant": schedule.tenant,
        ":id": schedule.id,
        ":timing": schedule.timing,
        ":waiting": len(schedule.waiting),
        ":none": 0,
        ":due": due,
    }
    sets = (
        "SET tenant = :tenant, id = :id, timing = :timing, waiting = :waiting, "
        "armed = if_not_exists(armed, :none), parts = if_not_exists(parts, :none)"
    )
    return {
        "Update": {
            "TableName": table_name(),
            "Key": _key(schedule.tenant, schedule.id),
            "UpdateExpression": f"{sets} REMOVE dueAt" if due is None else f"{sets}, dueAt = :due",
            "ExpressionAttributeValues": item(values),
        }
    }


def waits(schedule: Schedule) -> dict[str, Any]:
    """The write that goes with one of its schedule that changes only how many runs wait."""
    return {
        "Update": {
            "TableName": table_name(),
            "Key": _key(schedule.tenant, schedule.id),
            "UpdateExpression": "SET waiting = :waiting",
            "ExpressionAttributeValues": item({":waiting": len(schedule.waiting)}),
        }
    }


def removed(schedule: Schedule) -> dict[str, Any]:
    return {"Delete": {"TableName": table_name(), "Key": _key(schedule.tenant, schedule.id)}}


def _timer_of(attributes: Attributes) -> Timer:
    record = plain_item(attributes)
    return Timer(
        tenant=record["tenant"],
        id=record["id"],
        timing=record["timing"],
        armed=record["armed"],
        parts=record["parts"],
        due_at=record.get("dueAt"),
        waiting=record["waiting"],
    )


def _key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(TIMERS), "sk": attribute(f"{tenant}#{id}")}
