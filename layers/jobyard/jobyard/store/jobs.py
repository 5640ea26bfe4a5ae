"""One job: written, read, and moved from status to status."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from copy import replace
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code, found_instead
from jobyard.model import TERMINAL, TRANSITIONS, Job, Message, Move, Person, Stand
from jobyard.model.ids import now_ms
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.records import JOB, MESSAGE, job_item, job_key, job_of, job_pk, move_record, place_record
from jobyard.store.transactions import Write

LIVING = "live, waitsIn"
"""What only a job that has not ended has: by these it is found in the indexes of such jobs."""

MOVES_KEPT = 20
"""Of a waiting job's moves the newest, which its messages tell."""

_CONDITION_FAILED = "ConditionalCheckFailedException"
_CANCELLED = "TransactionCanceledException"


class Moved(NamedTuple):
    """What a conditional write found: ``job`` as it is now (None: no such job), and whether the write was done."""

    done: bool
    job: Job | None


def put(job: Job) -> None:
    """Write a new job. Once this returned, the job cannot be lost."""
    # Closes the race of this request with its own retry, after an answer that was lost on the way: ids are random,
    # so whatever holds this one already is what the first try wrote.
    is_new = "attribute_not_exists(pk)"
    try:
        client("dynamodb").put_item(TableName=table_name(), Item=job_item(job), ConditionExpression=is_new)
    except ClientError as error:
        if error_code(error) != _CONDITION_FAILED:
            raise


def get(tenant: str, id: str) -> Job | None:
    """The job as the last write left it: a strongly consistent read of one item. None once it has expired."""
    found = client("dynamodb").get_item(TableName=table_name(), Key=job_key(tenant, id), ConsistentRead=True)
    return _unexpired(job_of(found["Item"])) if "Item" in found else None


def get_with_messages(tenant: str, id: str, newest: int) -> tuple[Job | None, list[Message]]:
    """The job and its ``newest`` messages, oldest first, in one Query (more only where they pass 1 MB).

    Of a job that has expired no more is told than of one that never was.
    """
    job: Job | None = None
    messages: list[Message] = []
    request: dict[str, Any] = {
        "TableName": table_name(),
        # From the job's own item up to its last message. Downwards, so that the newest messages come first and the
        # job itself last.
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": item({":pk": job_pk(tenant, id), ":first": JOB, ":last": f"{MESSAGE}~"}),
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": newest + 1,
    }
    while len(messages) < newest and job is None:
        page = client("dynamodb").query(**request)
        for each in page["Items"]:
            if each["sk"]["S"] == JOB:
                job = job_of(each)
            else:
                messages.append(message_of(each))
        if "LastEvaluatedKey" not in page:
            break
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    if job is None and messages:
        job = get(tenant, id)  # more messages than were asked for stand before the job's own item
    if job is None or _unexpired(job) is None:
        return None, []
    return job, messages[newest - 1 :: -1] if len(messages) > newest else messages[::-1]


def _unexpired(job: Job) -> Job | None:
    """The table removes an expired job when it gets round to it, within days; to everybody it is gone at its moment.

    Writes need not ask, as what they may change never expires: a job runs for 7 days at most, and is kept for 8 days or
    more from its start.
    """
    return None if job.expires_at is not None and job.expires_at * 1000 <= now_ms() else job


def messages_after(tenant: str, id: str, after: str, at_most: int) -> tuple[list[Message], bool]:
    """Up to ``at_most`` messages whose key is greater than ``after``, oldest first; whether there may be more."""
    page = client("dynamodb").query(
        TableName=table_name(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :after AND :last",
        ExpressionAttributeValues=item(
            # A key and one more character is the next key that there could be.
            {":pk": job_pk(tenant, id), ":after": f"{MESSAGE}{after} ", ":last": f"{MESSAGE}~"}
        ),
        ConsistentRead=True,
        Limit=at_most,
    )
    return [message_of(each) for each in page["Items"]], "LastEvaluatedKey" in page


def message_of(attributes: Attributes) -> Message:
    record = plain_item(attributes)
    return Message(
        record["sk"].removeprefix(MESSAGE),
        record["at"],
        record["level"],
        record["text"],
        record.get("toolId", -1),
    )


def cancel(job: Job, by: Person, at_ms: int, also: Sequence[Write] = ()) -> Moved:
    """Move ``job`` to cancelled from any live status. Whoever's write succeeds has decided how the job ends."""
    values = {"finishedAt": at_ms, "updatedAt": at_ms, "cancelledBy": by._asdict()}
    return move(job, "cancel", values, also)


def fail(job: Job, error: str, at_ms: int) -> Moved:
    """Move ``job`` to failed from any live status, with the reason."""
    return move(job, "fail", {"finishedAt": at_ms, "updatedAt": at_ms, "error": error})


def stand(job: Job, now: Stand, by: Person, at_ms: int, also: Sequence[Write] = ()) -> Moved:
    """Give ``job`` another priority or tag while it waits, with the writes ``also`` or nothing."""
    move = Move(at_ms, by.name, Stand(job.priority, job.worker_tag), now)
    moved = replace(
        job,
        priority=now.priority,
        worker_tag=now.tag,
        revision=job.revision + 1,
        moves=(*job.moves, move)[-MOVES_KEPT:],
        updated_at=at_ms,
        # What it waits for is another thing in another queue.
        waits_since=job.waits_since if now.tag == job.worker_tag else None,
    )
    sets: dict[str, Any] = {
        "priority": moved.priority,
        "workerTag": moved.worker_tag,
        "revision": moved.revision,
        "moves": [move_record(each) for each in moved.moves],
        "updatedAt": at_ms,
    } | {name: value for name, value in place_record(moved).items() if value is not None}
    values = item({f":set_{name}": value for name, value in sets.items()})
    values |= item({":from": job.status, ":revision": job.revision})
    update = {
        "TableName": table_name(),
        "Key": job_key(job.tenant, job.id),
        "UpdateExpression": f"SET {', '.join(f'#{name} = :set_{name}' for name in sets)}"
        + ("" if moved.waits_since == job.waits_since else " REMOVE waitsSince, waitsFor"),
        # Against a claim, a start time that has come, a cancel, and another who moves the same job: a job that runs is
        # moved nowhere, and one that waits stands where the index says.
        "ConditionExpression": "#status = :from AND "
        + ("#revision = :revision" if job.revision else "(attribute_not_exists(#revision) OR #revision = :revision)"),
        "ExpressionAttributeNames": {"#status": "status", **{f"#{name}": name for name in sets}},
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    found = _written_together({"Update": update}, also)
    if found is None:
        return Moved(True, moved)
    return Moved(False, job_of(found) if found else None)


def delete(job: Job, also: Sequence[Write] = ()) -> Moved:
    """Remove ``job`` while it still waits."""
    names, values, may_leave = _may_leave("delete")
    deletion = {
        "TableName": table_name(),
        "Key": job_key(job.tenant, job.id),
        "ConditionExpression": may_leave,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    # A transaction, were it of one, because it carries a token: a plain DeleteItem could not tell its own work from
    # that of another who deleted the job.
    found = _written_together({"Delete": deletion}, also)
    if found is None:
        return Moved(True, job)
    return Moved(False, job_of(found) if found else None)


def move(job: Job, transition: str, values: dict[str, Any], also: Sequence[Write] = ()) -> Moved:
    """Make ``transition`` (a name of the table of transitions) and set ``values``, if the job's status allows it.

    What is written ``also`` is written together with it or not at all.
    """
    names, conditions, may_leave = _may_leave(transition)
    target = TRANSITIONS[transition].target
    # Tells this request's own first try, whose answer was lost, from another's change.
    change = {"change": secrets.token_hex(8)}
    changes: dict[str, Any] = {"status": target} | values | change
    names |= {f"#set_{name}": name for name in changes}
    sets = ", ".join(f"#set_{name} = :set_{name}" for name in changes)
    update = {
        "TableName": table_name(),
        "Key": job_key(job.tenant, job.id),
        "UpdateExpression": f"SET {sets}" + (f" REMOVE {LIVING}" if target in TERMINAL else ""),
        "ConditionExpression": may_leave,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": conditions | item({f":set_{name}": value for name, value in changes.items()}),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if also:
        found = _written_together({"Update": update}, also)
        # A transaction tells nothing of what it wrote.
        return Moved(True, get(job.tenant, job.id) or job) if found is None else _found_instead(found, change["change"])
    try:
        moved = patiently(lambda: client("dynamodb").update_item(**update, ReturnValues="ALL_NEW"))
    except ClientError as error:
        if error_code(error) != _CONDITION_FAILED:
            raise
        return _found_instead(found_instead(error), change["change"])
    return Moved(True, job_of(moved["Attributes"]))


def _written_together(write: Write, also: Sequence[Write]) -> Attributes | None:
    """None once all is written; else what stands where the condition of ``write`` does not hold, empty for nothing."""
    # One for all tries: one whose answer was lost is told that it succeeded.
    token = secrets.token_hex(16)
    try:
        patiently(
            lambda: client("dynamodb").transact_write_items(TransactItems=[write, *also], ClientRequestToken=token)
        )
    except ClientError as error:
        if error_code(error) != _CANCELLED:
            raise
        reason, *_ = cancellation_reasons(error)
        if reason["Code"] != "ConditionalCheckFailed":
            raise
        return dict(reason.get("Item", {}))
    return None


def _found_instead(found: Attributes | None, change: str) -> Moved:
    if not found:
        return Moved(False, None)
    return Moved(found.get("change") == attribute(change), job_of(found))


def _may_leave(transition: str) -> tuple[dict[str, str], Attributes, str]:
    """The condition under which a job may make ``transition``.

    It closes every race between two changes of status: of any number that start from the same status, the first to
    be written moves the job away, and the condition of the others no longer holds. Nor does it hold for a job that
    is gone.
    """
    sources = sorted(TRANSITIONS[transition].sources)
    values = item({f":from_{source}": source for source in sources})
    return {"#status": "status"}, values, f"#status IN ({', '.join(values)})"
