"""What the function that runs a job reads and writes of it. Attribute values are in DynamoDB's wire form.

Every write but a message's is conditional on the job still running: a function that is too slow to notice a cancel,
or is delivered a second time after the job has ended, changes nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jobyard.model import Output, Status
from jobyard.model.messages import message_key

MAX_OUTPUTS = 100
# Each lost race means that another call attached one of at most MAX_OUTPUTS files, so this many cannot all be lost.
_ATTEMPTS = MAX_OUTPUTS + 1

STILL_RUNNING = "#status = :running"


class NotRunning(Exception):
    """The job is in a final state, or is gone; ``status`` is None when it is gone."""

    def __init__(self, status: str | None) -> None:
        super().__init__(f"the job is {status or 'gone'}")
        self.status = status


class TooManyOutputs(Exception):
    pass


class Glance(NamedTuple):
    """What a running function needs to know of its job; ``status`` is None when there is no such job."""

    status: str | None
    output_ids: tuple[str, ...]
    expires_at: int | None

    @property
    def running(self) -> bool:
        return self.status == Status.RUNNING


class RunningJob:
    """One job in the table, as the function that runs it may touch it.

    ``client`` is a botocore DynamoDB client. Its errors come out as they are, after its own retries.
    """

    def __init__(self, client: Any, table: str, tenant: str, job_id: str) -> None:
        self._client = client
        self._table = table
        self._pk = {"S": f"JOB#{tenant}#{job_id}"}
        self._key = {"pk": self._pk, "sk": {"S": "JOB"}}

    def glance(self) -> Glance:
        # Consistent: what a cancel answered must be seen by the first read after it.
        answer = self._client.get_item(
            TableName=self._table,
            Key=self._key,
            ConsistentRead=True,
            ProjectionExpression="#status, outputs, expiresAt",
            ExpressionAttributeNames={"#status": "status"},
        )
        return _glance(answer.get("Item"))

    def write_message(
        self, at: int, sequence: int, writer: str, level: int, text: str, tool_id: int, expires_at: int | None
    ) -> None:
        """``at`` in milliseconds since the epoch, ``expires_at`` in seconds."""
        item: dict[str, Any] = {
            "pk": self._pk,
            "sk": {"S": f"MSG#{message_key(at, sequence, writer)}"},
            "text": {"S": text},
            "level": {"N": str(level)},
            "toolId": {"N": str(tool_id)},
            "at": {"N": str(at)},
        }
        if expires_at is not None:
            item["expiresAt"] = {"N": str(expires_at)}
        # No condition: the key is this call's own, so the SDK's retry of a write whose answer was lost puts the same
        # item again; and what a function says while it stops after a cancel is worth keeping.
        self._client.put_item(TableName=self._table, Item=item)

    def set_progress(self, progress: float) -> None:
        """``progress`` is 0 to 1. Leaves ``updatedAt`` alone: progress is no change of the job's life.

        Raises NotRunning.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="SET progress = :progress",
                # Against a cancel, and against a second delivery of a job that has ended.
                ConditionExpression=STILL_RUNNING,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":running": {"S": Status.RUNNING},
                    ":progress": {"N": f"{progress:.4f}"},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refused:
            raise NotRunning(_glance(refused.response.get("Item")).status) from None

    def add_output(self, output: Output, seen: tuple[str, ...]) -> tuple[str, ...]:
        """Lists ``output``, or replaces the one of the same id; returns the ids of all outputs, in their order.

        ``seen`` are the ids as the caller last saw them; a stale view costs one more call and nothing else.
        Raises NotRunning, TooManyOutputs.
        """
        for _ in range(_ATTEMPTS):
            try:
                if output.id in seen:
                    self._replace(output, seen.index(output.id))
                    return seen
                if len(seen) >= MAX_OUTPUTS:
                    raise TooManyOutputs
                self._append(output, len(seen))
                return (*seen, output.id)
            except self._client.exceptions.ConditionalCheckFailedException as refused:
                now = _glance(refused.response.get("Item"))
                if not now.running:
                    raise NotRunning(now.status) from None
                seen = now.output_ids
        raise TooManyOutputs

    def _append(self, output: Output, count: int) -> None:
        # Against two calls that append at once, and against the retry of an append whose answer was lost: only the
        # one that saw the list as it is may lengthen it. Outputs are never removed, so an equal length is an equal list.
        list_as_seen = "size(outputs) = :count" if count else "(attribute_not_exists(outputs) OR size(outputs) = :count)"
        self._update(
            "SET outputs = list_append(if_not_exists(outputs, :none), :new)",
            f"{STILL_RUNNING} AND {list_as_seen}",
            {":none": {"L": []}, ":new": {"L": [_to_map(output)]}, ":count": {"N": str(count)}},
        )

    def _replace(self, output: Output, place: int) -> None:
        # Against a view of the list that is wrong: another file's entry is never overwritten.
        same_output = f"outputs[{place}].id = :id"
        self._update(
            f"SET outputs[{place}] = :new",
            f"{STILL_RUNNING} AND {same_output}",
            {":new": _to_map(output), ":id": {"S": output.id}},
        )

    def _update(self, expression: str, condition: str, values: dict[str, Any]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=self._key,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":running": {"S": Status.RUNNING}, **values},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def _glance(item: dict[str, Any] | None) -> Glance:
    if not item:
        return Glance(None, (), None)
    outputs = item.get("outputs", {}).get("L", ())
    expires = item.get("expiresAt")
    return Glance(
        item.get("status", {}).get("S"),
        tuple(entry["M"]["id"]["S"] for entry in outputs),
        int(expires["N"]) if expires else None,
    )


def _to_map(output: Output) -> dict[str, Any]:
    return {
        "M": {
            "id": {"S": output.id},
            "name": {"S": output.name},
            "fileName": {"S": output.file_name},
            "format": {"S": output.format},
            "key": {"S": output.key},
            "size": {"N": str(output.size)},
        }
    }
