"""Who holds the slots of a queue.

Slots are counted, and each job says itself that it holds one (``slotOf``): both move in one transaction, so whatever is
repeated is done once, and costs the same however many jobs run. A set of ids would grow by a kilobyte for each forty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.errors import Busy
from jobyard.model import TERMINAL, TRANSITIONS
from jobyard.model.queue import Queue, named
from jobyard.store.conflicts import tries
from jobyard.store.items import item, table_name
from jobyard.store.queues import Change, Waiting, named_by, notes_of, queue_key, written
from jobyard.store.records import job_key

SLOTS_INDEX = "jobs-holding-slots"
CLAIMED_AT_ONCE = 25
"""Of the 100 writes that one transaction may hold: the fewer, the fewer others it meets."""

_FAILED = "ConditionalCheckFailed"


class Claimed(NamedTuple):
    """``refused`` were no longer waiting there; where ``changed``, the queue was not as seen, and none is taken."""

    jobs: list[Waiting]
    refused: list[Waiting]
    changed: bool = False


def claim(queue: Queue, jobs: Sequence[Waiting], at_ms: int, change: Change) -> Claimed:
    """Give each of ``jobs`` a slot and move it to initializing; none of them where ``queue`` has not as many any more.

    Raises ``Busy`` where others are in the way for too long.
    """
    left = list(jobs)
    refused: list[Waiting] = []
    for _ in tries():
        while left:
            over = notes_of(queue, (*left, *refused))
            writes = [_take(queue, len(left), at_ms, change, over), *(_claim(queue, each, at_ms) for each in left)]
            try:
                client("dynamodb").transact_write_items(TransactItems=writes)
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                own, *others = (reason["Code"] for reason in cancellation_reasons(error))
                if own == _FAILED:
                    return Claimed([], refused, changed=True)
                gone = [each for each, code in zip(left, others, strict=True) if code == _FAILED]
                refused += gone
                left = [each for each in left if each not in gone]
                if not gone:
                    break  # another transaction is in the way, which has to end first
            else:
                return Claimed(left, refused)
        if not left:
            return Claimed([], refused)
    raise Busy("Too many others are taking jobs from the same queue at once; try again.")


def _take(queue: Queue, count: int, at_ms: int, change: Change, over: frozenset[str]) -> dict[str, Any]:
    values: dict[str, Any] = {":no": False}
    # Against other dispatchers, and against a change of the slots or a pause since the queue was read: however many
    # claim at once, no more jobs hold a slot than there are.
    is_free = "(attribute_not_exists(paused) OR paused = :no) AND "
    if queue.slots is None:
        is_free += "attribute_not_exists(slots)"
    else:
        is_free += "slots = :slots AND running <= :room"
        values |= {":slots": queue.slots, ":room": queue.slots - count}
    return _count(queue.tenant, queue.tag, count, at_ms, change, is_free, values, over)


def _claim(queue: Queue, job: Waiting, at_ms: int) -> dict[str, Any]:
    transition = TRANSITIONS["initialize"]
    (source,) = transition.sources
    values = {":from": source, ":to": transition.target, ":queue": queue.name, ":now": at_ms}
    update = {
        "TableName": table_name(),
        "Key": job_key(job.tenant, job.id),
        "UpdateExpression": "SET #status = :to, slotOf = :queue, claimedAt = :now, updatedAt = :now REMOVE waitsIn",
        # Against another dispatcher that has the job, a cancel, and a move to another queue.
        "ConditionExpression": "#status = :from AND waitsIn = :queue",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": item(values),
    }
    return {"Update": update}


def give_back(name: str, ids: Sequence[str], at_ms: int) -> int:
    """Take their slots from jobs that have ended; how many had one. May be repeated.

    Raises ``Busy`` where others are in the way for too long.
    """
    tenant, tag = named(name)
    left = list(dict.fromkeys(ids))
    for _ in tries():
        while left:
            # Without a condition of its own: that of each job sees to it that it is counted once.
            freed = _count(tenant, tag, -len(left), at_ms, "freed")
            try:
                client("dynamodb").transact_write_items(TransactItems=[freed, *(_free(name, id) for id in left)])
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                _, *others = (reason["Code"] for reason in cancellation_reasons(error))
                gone = [id for id, code in zip(left, others, strict=True) if code == _FAILED]
                left = [id for id in left if id not in gone]
                if not gone:
                    break
            else:
                return len(left)
        if not left:
            return 0
    raise Busy("Too many others are giving back slots of the same queue at once; try again.")


def _free(name: str, id: str) -> dict[str, Any]:
    ended = {f":{status}": status for status in sorted(TERMINAL)}
    update = {
        "TableName": table_name(),
        "Key": job_key(named(name)[0], id),
        "UpdateExpression": "REMOVE slotOf",
        # Against a record of the stream that is delivered twice, and reconcile beside it: a slot is given back once.
        "ConditionExpression": f"slotOf = :queue AND #status IN ({', '.join(ended)})",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": item({":queue": name, **ended}),
    }
    return {"Update": update}


def _count(
    tenant: str,
    tag: str,
    by: int,
    at_ms: int,
    change: Change,
    condition: str | None = None,
    values: Mapping[str, Any] = {},
    over: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    common = {":by": by, ":one": 1, ":tenant": tenant, ":tag": tag, ":now": at_ms, ":change": change}
    update: dict[str, Any] = {
        "TableName": table_name(),
        "Key": queue_key(tenant, tag),
        "UpdateExpression": "SET tenant = :tenant, tag = :tag, #change = :change, updatedAt = :now "
        "ADD running :by, version :one",
        "ExpressionAttributeNames": {"#change": "change"},
        "ExpressionAttributeValues": item(common | dict(values)),
    }
    if over:
        update["UpdateExpression"] += " DELETE noted :over"
        update["ExpressionAttributeValues"] |= {":over": {"SS": sorted(over)}}
    if condition is not None:
        update["ConditionExpression"] = condition
    return {"Update": update}


def held() -> dict[str, list[str]]:
    """The ids of all jobs that hold a slot, by the names of queues, as the index has them."""
    found: dict[str, list[str]] = {}
    pages = client("dynamodb").get_paginator("scan").paginate(TableName=table_name(), IndexName=SLOTS_INDEX)
    for each in (each for page in pages for each in page["Items"]):
        found.setdefault(str(each["slotOf"]["S"]), []).append(named_by(each)[1])
    return found


def set_running(queue: Queue, running: int, at_ms: int) -> bool:
    """Set right how many jobs hold a slot, unless anything has happened to ``queue`` since it was read."""
    update: dict[str, Any] = {
        "TableName": table_name(),
        "Key": queue_key(queue.tenant, queue.tag),
        "UpdateExpression": "SET running = :running, #change = :change, updatedAt = :now ADD version :one",
        # Against every claim and every slot that was given back since: each raises the version.
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeNames": {"#change": "change"},
        "ExpressionAttributeValues": item(
            {":running": running, ":change": "set", ":now": at_ms, ":one": 1, ":seen": queue.version}
        ),
    }
    return written(update)
