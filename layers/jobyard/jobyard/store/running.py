"""What the function that runs a job reads and writes of it.

Every write but a message's is conditional on the job still running: a function that is too slow to notice a
cancel, or is delivered a second time after the job has ended, changes nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jobyard.aws import ClientError, client, error_code
from jobyard.model import Output, Status
from jobyard.model.messages import message_key
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.records import MESSAGE, job_key, job_pk

MAX_OUTPUTS = 100
# Each lost race means that another call attached one of at most MAX_OUTPUTS files, so not all are lost.
_ATTEMPTS = MAX_OUTPUTS + 1

_CONDITION_FAILED = "ConditionalCheckFailedException"

# Against a cancel that the function has not noticed yet, and a second delivery of a job that has ended.
STILL_RUNNING = "#status = :running"


class NotRunning(Exception):
    """The job is in a final state, or is gone; ``status`` is None when it is gone."""

    def __init__(self, status: str | None) -> None:
        super().__init__(f"the job is {status or 'gone'}")
        self.status = status


class TooManyOutputs(Exception):
    pass


class Glance(NamedTuple):
    """What a running function needs to know of its job; ``status`` is None when there is no such job.

    ``expires_at`` is in seconds since the epoch.
    """

    status: str | None
    output_ids: tuple[str, ...]
    expires_at: int | None

    @property
    def running(self) -> bool:
        return self.status == Status.RUNNING


def glance(tenant: str, job_id: str) -> Glance:
    # Consistent: what a cancel answered must be seen by the first read after it.
    found = client("dynamodb").get_item(
        TableName=table_name(),
        Key=job_key(tenant, job_id),
        ConsistentRead=True,
        ProjectionExpression="#status, outputs, expiresAt",
        ExpressionAttributeNames={"#status": "status"},
    )
    return _glance(found.get("Item"))


def put_message(
    tenant: str,
    job_id: str,
    key: tuple[int, int, str],
    level: int,
    text: str,
    tool_id: int,
    expires_at: int | None,
) -> None:
    """``key`` is the message's millisecond, the writer's count within it, and the writer."""
    # No condition: the key is this call's own, so the SDK's retry of a write whose answer was lost puts the
    # same item again; and what a function says while it stops after a cancel is worth keeping.
    client("dynamodb").put_item(
        TableName=table_name(),
        Item=item(
            {
                "pk": job_pk(tenant, job_id),
                "sk": f"{MESSAGE}{message_key(*key)}",
                "at": key[0],
                "level": level,
                "text": text,
                "toolId": tool_id,
                "expiresAt": expires_at,
            }
        ),
    )


def set_progress(tenant: str, job_id: str, progress: float) -> None:
    """``progress`` is 0 to 1. Leaves ``updatedAt`` alone: progress is no change in the job's life.

    Raises NotRunning.
    """
    try:
        value = {":progress": attribute(round(progress, 4))}
        _update(tenant, job_id, "SET progress = :progress", STILL_RUNNING, value)
    except ClientError as refused:
        raise NotRunning(_now(refused).status) from None


def add_output(tenant: str, job_id: str, output: Output, seen: tuple[str, ...]) -> tuple[str, ...]:
    """Lists ``output``, or replaces the one of the same id; returns the ids of all outputs, in their order.

    ``seen`` are the ids as the caller last saw them; a stale view costs one more call and nothing else.
    Raises NotRunning, TooManyOutputs.
    """
    for _ in range(_ATTEMPTS):
        try:
            if output.id in seen:
                _replace(tenant, job_id, output, seen.index(output.id))
                return seen
            if len(seen) >= MAX_OUTPUTS:
                raise TooManyOutputs
            _append(tenant, job_id, output, len(seen))
        except ClientError as refused:
            now = _now(refused)
            if not now.running:
                raise NotRunning(now.status) from None
            seen = now.output_ids
        else:
            return (*seen, output.id)
    raise TooManyOutputs


def _append(tenant: str, job_id: str, output: Output, count: int) -> None:
    # Against two calls that append at once, and the retry of an append whose answer was lost: only the one
    # that saw the list as it is may lengthen it. Nothing is ever removed, so equal length means equal lists.
    list_as_seen = "size(outputs) = :count"
    if not count:
        list_as_seen = f"(attribute_not_exists(outputs) OR {list_as_seen})"
    _update(
        tenant,
        job_id,
        "SET outputs = list_append(if_not_exists(outputs, :none), :new)",
        f"{STILL_RUNNING} AND {list_as_seen}",
        {":none": attribute([]), ":new": attribute([_record(output)]), ":count": attribute(count)},
    )


def _replace(tenant: str, job_id: str, output: Output, place: int) -> None:
    # Against a view of the list that is wrong: another file's entry is never overwritten.
    same_output = f"outputs[{place}].id = :id"
    _update(
        tenant,
        job_id,
        f"SET outputs[{place}] = :new",
        f"{STILL_RUNNING} AND {same_output}",
        {":new": attribute(_record(output)), ":id": attribute(output.id)},
    )


def _update(tenant: str, job_id: str, expression: str, condition: str, values: Attributes) -> None:
    # Against the deletion of a job that waits, a transaction, which a function that just began can meet.
    patiently(
        lambda: client("dynamodb").update_item(
            TableName=table_name(),
            Key=job_key(tenant, job_id),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":running": attribute(Status.RUNNING), **values},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    )


def _now(refused: ClientError) -> Glance:
    """The job as it was when it refused a write. Raises ``refused`` when that was no failed condition."""
    if error_code(refused) != _CONDITION_FAILED:
        raise refused
    return _glance(refused.response.get("Item"))


def _glance(found: Any) -> Glance:
    job = plain_item(found or {})
    return Glance(job.get("status"), tuple(output["id"] for output in job.get("outputs", ())), job.get("expiresAt"))


def _record(output: Output) -> dict[str, Any]:
    return {
        "id": output.id,
        "name": output.name,
        "fileName": output.file_name,
        "format": output.format,
        "key": output.key,
        "size": output.size,
    }
