"""Who holds the slots of a queue.

Slots are counted, and each job says itself that it holds one (``slotOf``): both move in one transaction, so whatever is
repeated is done once, and costs the same however many jobs run. A set of ids would grow by a kilobyte for each forty.

In a queue without a limit nobody has to count: a job is claimed without a slot, on the condition that there is no limit
still. Once there is one, those that run are given slots, however few there are (``adopt``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.errors import Busy
from jobyard.model import LIVE, TERMINAL, TRANSITIONS, Status
from jobyard.model.queue import Queue, named
from jobyard.model.transitions import WAITING
from jobyard.store.conflicts import tries
from jobyard.store.items import item, table_name
from jobyard.store.queues import Change, Waiting, named_by, notes_of, queue_key, written
from jobyard.store.records import job_key
from jobyard.store.transactions import Write, check, update

SLOTS_INDEX = "jobs-holding-slots"
CLAIMED_AT_ONCE = 25
"""Of the 100 writes that one transaction may hold: the fewer, the fewer others it meets."""

_FAILED = "ConditionalCheckFailed"
_NOT_PAUSED = "(attribute_not_exists(paused) OR paused = :no)"


class Claimed(NamedTuple):
    """``refused`` were no longer waiting there; where ``changed``, the queue was not as seen, and none is taken."""

    jobs: list[Waiting]
    refused: list[Waiting]
    changed: bool = False


def claim(queue: Queue, jobs: Sequence[Waiting], at_ms: int, change: Change) -> Claimed:
    """Give each of ``jobs`` a slot and move it to initializing; none of them where ``queue`` has not as many any more.

    Raises ``Busy`` where others are in the way for too long.
    """

    def writes(left: Sequence[Waiting], refused: Sequence[Waiting]) -> list[Write]:
        over = notes_of(queue, (*left, *refused))
        return [_take(queue, len(left), at_ms, change, over), *(_claim(queue, each, at_ms) for each in left)]

    return _claimed(jobs, writes)


def claim_without(queue: Queue, jobs: Sequence[Waiting], at_ms: int) -> Claimed:
    """Move ``jobs`` to initializing without a slot; none of them where ``queue`` is not without a limit any more.

    At most ``CLAIMED_AT_ONCE``. Raises ``Busy`` where others are in the way for too long.
    """
    # Against a change of the slots or a pause since the queue was read: what is claimed after it, it holds for.
    values = {":no": False}
    unlimited = check(queue_key(queue.tenant, queue.tag), f"attribute_not_exists(slots) AND {_NOT_PAUSED}", values)

    def writes(left: Sequence[Waiting], _: Sequence[Waiting]) -> list[Write]:
        return [unlimited, *(_claim(queue, each, at_ms, slot=False) for each in left)]

    return _claimed(jobs, writes)


def _claimed(jobs: Sequence[Waiting], writes: Callable[[Sequence[Waiting], Sequence[Waiting]], list[Write]]) -> Claimed:
    """``writes`` are those of a transaction, the queue's first, then that of each that is left of ``jobs``."""
    left = list(jobs)
    refused: list[Waiting] = []
    for _ in tries():
        while left:
            try:
                client("dynamodb").transact_write_items(TransactItems=writes(left, refused))
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
    is_free = f"{_NOT_PAUSED} AND "
    if queue.slots is None:
        is_free += "attribute_not_exists(slots)"
    else:
        is_free += "slots = :slots AND running <= :room AND attribute_not_exists(uncounted)"
        values |= {":slots": queue.slots, ":room": queue.slots - count}
    return _count(queue.tenant, queue.tag, count, at_ms, change, is_free, values, over)


def _claim(queue: Queue, job: Waiting, at_ms: int, *, slot: bool = True) -> Write:
    transition = TRANSITIONS["initialize"]
    (source,) = transition.sources
    # Against another dispatcher that has the job, a cancel, and a move to another queue.
    return update(
        job_key(job.tenant, job.id),
        f"SET #status = :to, {'slotOf = :queue, ' if slot else ''}claimedAt = :now, updatedAt = :now REMOVE waitsIn",
        "#status = :from AND waitsIn = :queue",
        {":from": source, ":to": transition.target, ":queue": queue.name, ":now": at_ms},
        status="status",
    )


def give_back(name: str, ids: Sequence[str], at_ms: int) -> int:
    """Take their slots from jobs that have ended; how many had one. May be repeated.

    Raises ``Busy`` where others are in the way for too long.
    """
    # Against a record of the stream that is delivered twice, and reconcile beside it: a slot is given back once.
    return _change(name, ids, -1, at_ms, "freed", "REMOVE slotOf", "slotOf = :queue", TERMINAL)


def adopt(name: str, ids: Sequence[str], at_ms: int) -> int:
    """Give slots of the queue ``name`` to jobs of it that run without one, be there as many or not; how many did.

    May be repeated. Raises ``Busy`` where others are in the way for too long.
    """
    # Against another who does the same: each is counted once.
    unslotted = "queue = :queue AND attribute_not_exists(slotOf)"
    return _change(name, ids, 1, at_ms, "taken", "SET slotOf = :queue", unslotted, LIVE - WAITING)


def _change(
    name: str,
    ids: Sequence[str],
    each: int,
    at_ms: int,
    change: Change,
    expression: str,
    condition: str,
    among: Collection[Status],
) -> int:
    """Change jobs that meet the condition and are ``among`` these statuses, and the count of their queue with them."""
    tenant, tag = named(name)
    statuses = {f":{status}": status for status in sorted(among)}
    condition += f" AND #status IN ({', '.join(statuses)})"
    values = {":queue": name, **statuses}
    left, done = list(dict.fromkeys(ids)), 0
    for _ in tries():
        while left:
            now = left[:CLAIMED_AT_ONCE]
            # Without a condition of its own: that of each job sees to it that it is counted once.
            count = _count(tenant, tag, each * len(now), at_ms, change)
            moves = [update(job_key(tenant, id), expression, condition, values, status="status") for id in now]
            try:
                client("dynamodb").transact_write_items(TransactItems=[count, *moves])
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                _, *others = (reason["Code"] for reason in cancellation_reasons(error))
                gone = [id for id, code in zip(now, others, strict=True) if code == _FAILED]
                if not gone:
                    break
                left = [id for id in left if id not in gone]
            else:
                done += len(now)
                left = left[len(now) :]
        if not left:
            return done
    raise Busy("Too many others are changing the slots of the same queue at once; try again.")


def set_counted(queue: Queue) -> bool:
    """Let jobs be taken from a queue whose running ones are counted by now; False where that is not so as ``queue`` was
    seen.
    """
    return written(
        {
            "TableName": table_name(),
            "Key": queue_key(queue.tenant, queue.tag),
            "UpdateExpression": "SET #change = :change REMOVE uncounted",
            # Against a limit that was taken away and given again since: then others may run uncounted.
            "ConditionExpression": "uncounted = :seen",
            "ExpressionAttributeNames": {"#change": "change"},
            "ExpressionAttributeValues": item({":seen": queue.uncounted, ":change": "set"}),
        }
    )


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
    write: dict[str, Any] = {
        "TableName": table_name(),
        "Key": queue_key(tenant, tag),
        "UpdateExpression": "SET tenant = :tenant, tag = :tag, #change = :change, updatedAt = :now "
        "ADD running :by, version :one",
        "ExpressionAttributeNames": {"#change": "change"},
        "ExpressionAttributeValues": item(common | dict(values)),
    }
    if over:
        write["UpdateExpression"] += " DELETE noted :over"
        write["ExpressionAttributeValues"] |= {":over": {"SS": sorted(over)}}
    if condition is not None:
        write["ConditionExpression"] = condition
    return {"Update": write}


def held() -> dict[str, list[str]]:
    """The ids of all jobs that hold a slot, by the names of queues, as the index has them."""
    found: dict[str, list[str]] = {}
    pages = client("dynamodb").get_paginator("scan").paginate(TableName=table_name(), IndexName=SLOTS_INDEX)
    for each in (each for page in pages for each in page["Items"]):
        found.setdefault(str(each["slotOf"]["S"]), []).append(named_by(each)[1])
    return found


def set_running(queue: Queue, running: int, at_ms: int) -> bool:
    """Set right how many jobs hold a slot, unless anything has happened to ``queue`` since it was read."""
    write: dict[str, Any] = {
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
    return written(write)
