"""Schedules, what came of each of their firings, and what EventBridge Scheduler is to hold for them.

``SCHEDULE#<tenant>`` / ``<id>`` is the schedule. ``FIRING#<tenant>#<schedule>`` / ``<ms>`` is one run that was due, and
what came of it: of any number of deliveries of one firing exactly one writes it. ``TIMERS`` / ``<tenant>#<id>`` says
until which ``timing`` of the schedule Scheduler has been told, and when it is due (``store.timers``).

Every write of a schedule is under the condition of its version, and writes its timer in the same transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from copy import replace
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.errors import Busy
from jobyard.model import Person, Priority, Question
from jobyard.model.iteration import Iteration
from jobyard.model.schedule import Outcome, Overlap, Schedule
from jobyard.store import timers
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name

KEPT_SECONDS = 90 * 24 * 3600
"""How long it is known what came of a firing; EventBridge gives up within a day."""

type Writes = Sequence[dict[str, Any]]


class Firing(NamedTuple):
    """``key`` tells it from all others of its schedule; ``at`` is the instant that it is for, in milliseconds."""

    key: str
    at: int
    outcome: Outcome
    job_id: str | None
    error: str | None


def firing_key(at: int) -> str:
    return f"{at:013d}"


def get(tenant: str, id: str) -> Schedule | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_key(tenant, id), ConsistentRead=True)
    return schedule_of(found["Item"]) if "Item" in found else None


def all_of(tenant: str, after: str = "") -> list[Schedule]:
    """Those whose ids are greater than ``after``, in the order of their ids, which is that of their creation."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk AND sk > :after",
            ExpressionAttributeValues=item({":pk": f"SCHEDULE#{tenant}", ":after": after or " "}),
            ConsistentRead=True,
        )
    )
    return [schedule_of(each) for page in pages for each in page["Items"]]


def create(schedule: Schedule, due: int | None, also: Writes = ()) -> bool:
    """``due`` is its first run, in milliseconds. False where a condition of ``also`` did not hold."""
    # Ids are random: whatever holds this one is what this request's own first try wrote.
    put = _put(schedule_item(schedule), "attribute_not_exists(pk)", {})
    return _write([put, timers.due_at(schedule, due), *also])


def change(before: Schedule, after: Schedule, due: int | None, also: Writes = ()) -> Schedule | None:
    """Write ``after`` in place of ``before``; None where that is not what stands there any more."""
    made = replace(after, version=before.version + 1)
    return made if _write([_put_over(before, made), timers.due_at(made, due), *also]) else None


def delete(schedule: Schedule, also: Writes = ()) -> bool:
    """Whether it stood there as it was read."""
    condition, values = _unchanged(schedule)
    removal = {
        "TableName": table_name(),
        "Key": _key(schedule.tenant, schedule.id),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": item(values),
    }
    return _write([{"Delete": removal}, timers.removed(schedule), *also])


def firing(tenant: str, id: str, key: str) -> Firing | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_firing_key(tenant, id, key), ConsistentRead=True)
    if "Item" not in found:
        return None
    record = plain_item(found["Item"])
    return Firing(key, record["at"], Outcome(record["outcome"]), record.get("jobId"), record.get("error"))


def told(before: Schedule, told: Firing) -> list[dict[str, Any]]:
    """The writes that make it known what came of a firing, all or none, with the job where there is one.

    Of one firing that is delivered twice, or of two at once, one finds its key free and the schedule as it was read.
    """
    after = _after(before, told)
    writes = [_firing_put(before, told), _put_over(before, after)]
    return writes if after.waiting == before.waiting else [*writes, timers.waits(after)]


def told_when_due(before: Schedule, told: Firing, due: int | None) -> list[dict[str, Any]]:
    """The same of a run that the schedule was due for, which is due next at ``due``."""
    after = _after(before, told)
    return [_firing_put(before, told), _put_over(before, after), timers.due_at(after, due)]


def _after(before: Schedule, told: Firing) -> Schedule:
    counts = told.outcome is Outcome.STARTED
    waiting = {at for at in before.waiting if firing_key(at) != told.key}
    if told.outcome is Outcome.WAITING:
        waiting.add(told.at)
    return replace(
        before,
        version=before.version + 1,
        run_count=before.run_count + counts,
        # An older firing may come after a younger one.
        last_run_at=max(told.at, before.last_run_at or 0) if counts else before.last_run_at,
        last_job_id=told.job_id or before.last_job_id,
        last_error=told.error,
        outcome=told.outcome,
        waiting=tuple(sorted(waiting)),
    )


def _firing_put(before: Schedule, told: Firing) -> dict[str, Any]:
    if told.key not in map(firing_key, before.waiting):
        return told_of(before.tenant, before.id, told)
    # What it came to in the end stands in the place of its waiting. That may have been longer than such is kept.
    condition, values = "attribute_not_exists(pk) OR outcome = :waiting", {":waiting": Outcome.WAITING}
    return _put(_firing_item(before.tenant, before.id, told), condition, values)


def told_of(tenant: str, id: str, told: Firing) -> dict[str, Any]:
    """The write of the firing alone, under the condition that its key is free."""
    return _put(_firing_item(tenant, id, told), "attribute_not_exists(pk)", {})


def _firing_item(tenant: str, id: str, told: Firing) -> Attributes:
    record = {
        "at": told.at,
        "outcome": told.outcome,
        "jobId": told.job_id,
        "error": told.error,
        "expiresAt": told.at // 1000 + KEPT_SECONDS,
    }
    return _firing_key(tenant, id, told.key) | item(record)


def tell(writes: Sequence[dict[str, Any]]) -> bool:
    """Make it known what came of a firing without a job; False where something stood otherwise."""
    return _write(list(writes))


def schedule_item(schedule: Schedule) -> Attributes:
    return _key(schedule.tenant, schedule.id) | item(
        {
            "tenant": schedule.tenant,
            "id": schedule.id,
            "listedIn": schedule.listed_in,
            "workflowId": schedule.workflow_id,
            "ownerId": schedule.owner.id,
            "ownerName": schedule.owner.name,
            "role": schedule.role,
            "iteration": {name: value for name, value in schedule.iteration._asdict().items() if value is not None},
            "timeZone": schedule.time_zone,
            "name": schedule.name,
            "comment": schedule.comment,
            "priority": schedule.priority,
            "workerTag": schedule.worker_tag,
            "credentialId": schedule.credential_id,
            "questions": [question._asdict() for question in schedule.questions],
            "enabled": schedule.enabled,
            "overlapPolicy": schedule.overlap,
            "createdAt": schedule.created_at,
            "modifiedAt": schedule.modified_at,
            "modifiedBy": schedule.modified_by,
            "version": schedule.version,
            "timing": schedule.timing,
            "runCount": schedule.run_count,
            "lastRunAt": schedule.last_run_at,
            "lastJobId": schedule.last_job_id,
            "lastError": schedule.last_error,
            "outcome": schedule.outcome,
            "waiting": list(schedule.waiting),
        }
    )


def schedule_of(attributes: Attributes) -> Schedule:
    record: dict[str, Any] = plain_item(attributes)
    return Schedule(
        tenant=record["tenant"],
        id=record["id"],
        listed_in=record["listedIn"],
        workflow_id=record["workflowId"],
        owner=Person(record["ownerId"], record["ownerName"]),
        role=record["role"],
        iteration=Iteration(**record["iteration"]),
        created_at=record["createdAt"],
        time_zone=record["timeZone"],
        name=record["name"],
        comment=record["comment"],
        priority=Priority(record["priority"]),
        worker_tag=record["workerTag"],
        credential_id=record["credentialId"],
        questions=tuple(Question(**question) for question in record["questions"]),
        enabled=record["enabled"],
        overlap=Overlap(record["overlapPolicy"]),
        modified_at=record.get("modifiedAt"),
        modified_by=record.get("modifiedBy", ""),
        version=record["version"],
        timing=record["timing"],
        run_count=record["runCount"],
        last_run_at=record.get("lastRunAt"),
        last_job_id=record.get("lastJobId"),
        last_error=record.get("lastError"),
        outcome=Outcome(record["outcome"]) if "outcome" in record else None,
        waiting=tuple(record["waiting"]),
    )


def _key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"SCHEDULE#{tenant}"), "sk": attribute(id)}


def _firing_key(tenant: str, id: str, key: str) -> Attributes:
    return {"pk": attribute(f"FIRING#{tenant}#{id}"), "sk": attribute(key)}


def _unchanged(schedule: Schedule) -> tuple[str, dict[str, Any]]:
    """Closes every race of two who write a schedule: of any number who have read the same, the first changes its
    version, and the condition of the others no longer holds. Nor does it for one that is deleted.
    """
    return "version = :version", {":version": schedule.version}


def _put_over(before: Schedule, after: Schedule) -> dict[str, Any]:
    condition, values = _unchanged(before)
    return _put(schedule_item(after), condition, values)


def _put(record: Attributes, condition: str, values: dict[str, Any]) -> dict[str, Any]:
    write: dict[str, Any] = {"TableName": table_name(), "Item": record, "ConditionExpression": condition}
    if values:
        write["ExpressionAttributeValues"] = item(values)
    return {"Put": write}


def _write(writes: list[dict[str, Any]]) -> bool:
    """All or nothing; False where a condition did not hold. Raises ``Busy``."""
    # With a token, a retry after a lost answer is told that it succeeded.
    token = secrets.token_hex(16)
    try:
        patiently(lambda: client("dynamodb").transact_write_items(TransactItems=writes, ClientRequestToken=token))
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        if "ConditionalCheckFailed" not in {reason["Code"] for reason in cancellation_reasons(error)}:
            raise Busy("The schedule is being changed by others; try again.") from error
        return False
    return True
