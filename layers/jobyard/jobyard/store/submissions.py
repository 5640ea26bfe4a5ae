"""A job, and what must be true of it together with others, written in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.errors import AlreadyLive, Busy, IdempotencyConflict
from jobyard.model import Job
from jobyard.store import jobs
from jobyard.store.conflicts import tries
from jobyard.store.items import Attributes, item, table_name
from jobyard.store.records import job_item, job_of

_FAILED, _PASSED = "ConditionalCheckFailed", "None"


class Once(NamedTuple):
    """A request that makes one job however often it is repeated.

    ``key_hash`` is over the caller and the key; ``request_hash`` over what was asked for; ``kept_seconds`` is how long
    the key stands. With ``repeats`` unset the request says that it is no repetition: it makes a job and takes the key
    over, unless a repetition of it that arrived since ``arrived_at`` (milliseconds) has overtaken it.
    """

    key_hash: str
    request_hash: str
    kept_seconds: int
    repeats: bool = True
    arrived_at: int = 0


class Overtaken(Exception):
    """A condition of what was to be written ``also`` does not hold any more: nothing was written."""


def put(
    job: Job,
    now_s: int,
    once: Once | None = None,
    sole: str | None = None,
    also: Sequence[dict[str, Any]] = (),
) -> tuple[Job, bool]:
    """Write ``job``; with ``once`` unless its key has made one, with ``sole`` unless a live job of that name is there.

    Returns the job, or the one that the key made before; and whether it was made before. Raises
    ``IdempotencyConflict`` where the key stands for another request, ``AlreadyLive``, ``Busy`` where too many try
    the same at once, and ``Overtaken`` of writes that are to be done in the same transaction, or none.
    """
    if once is None and sole is None and not also:
        jobs.put(job)
        return job, False
    ended: str | None = None
    for _ in tries():
        own = [_put(job_item(job), "attribute_not_exists(pk)", {})]
        if once is not None:
            own.append(_key(job, once, now_s))
        if sole is not None:
            own.append(_name(job, sole, ended))
        reasons = _write([*own, *also])
        if not reasons:
            return job, False
        if once is not None and reasons[1]["Code"] == _FAILED:
            return _first(reasons[1]["Item"], once), True
        # With a key that another has in hand just now nobody knows whose the name is: it may be this request's own.
        key_is_free = once is None or reasons[1]["Code"] == _PASSED
        if sole is not None and key_is_free and reasons[len(own) - 1]["Code"] == _FAILED:
            ended = _ended(job.tenant, reasons[len(own) - 1]["Item"])
        if _FAILED in {reason["Code"] for reason in reasons[len(own) :]}:
            raise Overtaken
        # Or another transaction over the same is under way: what it leaves behind decides the next try.
    raise Busy("Too many requests for the same at once; try again.")


def _write(writes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All or nothing; where it is nothing, the reasons, one for each write."""
    try:
        client("dynamodb").transact_write_items(TransactItems=writes)
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        return cancellation_reasons(error)
    return []


def made_before(tenant: str, once: Once, now_s: int) -> Job | None:
    """The job that the key has made. Raises ``IdempotencyConflict``."""
    key = {"pk": f"IDEMPOTENCY#{tenant}#{once.key_hash}", "sk": "IDEMPOTENCY"}
    found = client("dynamodb").get_item(TableName=table_name(), Key=item(key), ConsistentRead=True).get("Item")
    if found is None or int(found["expiresAt"]["N"]) <= now_s:
        return None
    return _first(found, once)


def _key(job: Job, once: Once, now_s: int) -> dict[str, Any]:
    record = {
        "pk": f"IDEMPOTENCY#{job.tenant}#{once.key_hash}",
        "sk": "IDEMPOTENCY",
        "request": once.request_hash,
        "repeats": once.repeats,
        "at": job.created_at,
        # The whole second behind the last moment for which it is kept.
        "expiresAt": -(-job.created_at // 1000) + once.kept_seconds,
    }
    # Of any number at once with one key, exactly one finds it free. An expired key is free: the table's own expiry may
    # be days late.
    is_free = "attribute_not_exists(pk) OR expiresAt <= :now"
    values: dict[str, Any] = {":now": now_s}
    if not once.repeats:
        # The request came first, but its own repetition may have been faster: then that one's job is the job.
        is_free += " OR repeats = :no OR #at < :arrived"
        values |= {":no": False, ":arrived": once.arrived_at}
    # The answer of the first time is kept with the key: the job itself may be deleted.
    write = _put(item(record) | {"job": {"M": job_item(job)}}, is_free, values)
    if not once.repeats:
        write["Put"]["ExpressionAttributeNames"] = {"#at": "at"}
    return write


def _first(found: Attributes, once: Once) -> Job:
    if found["request"]["S"] != once.request_hash:
        raise IdempotencyConflict("This Idempotency-Key was used before, with another request; use a new one.")
    return job_of(found["job"]["M"])


def _name(job: Job, sole: str, ended: str | None) -> dict[str, Any]:
    record = {"pk": f"SOLE#{job.tenant}#{sole}", "sk": "SOLE", "jobId": job.id, "expiresAt": job.expires_at}
    # Of any number at once exactly one takes the name: it is free, or still that of the ended job that was looked at.
    if ended is None:
        return _put(item(record), "attribute_not_exists(pk)", {})
    return _put(item(record), "attribute_not_exists(pk) OR jobId = :ended", {":ended": ended})


def _ended(tenant: str, found: Attributes) -> str:
    """The id of the job that has the name, if it has ended; ``AlreadyLive`` if not."""
    id = str(found["jobId"]["S"])
    holder = jobs.get(tenant, id)
    if holder is not None and not holder.terminal:
        raise AlreadyLive(f"Job {id} for the same has not ended yet.")
    return id


def _put(record: Attributes, condition: str, values: dict[str, Any]) -> dict[str, Any]:
    write: dict[str, Any] = {
        "TableName": table_name(),
        "Item": record,
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values:
        write["ExpressionAttributeValues"] = item(values)
    return {"Put": write}
