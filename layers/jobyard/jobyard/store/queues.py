"""Queues, and what waits in them: ``QUEUE#<tenant>`` / ``TAG#<tag>``, made when it is first needed or set.

Their slots are in ``store.slots``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.model.queue import NOTED_MOST, Queue
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, item, plain_item, table_name
from jobyard.store.records import job_key

WAITING_INDEX = "jobs-waiting"
_FAILED = "ConditionalCheckFailed"

type Change = Literal["taken", "noted", "more", "freed", "set"]
"""What was last done to a queue, for the stream: after ``taken`` and ``noted`` nobody has to look at it. ``more``:
whoever took jobs has left some for the next.
"""


class Waiting(NamedTuple):
    """A job that waits; in the order in which jobs are taken."""

    place: str
    tenant: str
    id: str

    @property
    def note(self) -> str:
        return f"{self.place}#{self.id}"


def queue_key(tenant: str, tag: str) -> Attributes:
    return item({"pk": f"QUEUE#{tenant}", "sk": f"TAG#{tag}"})


def get(tenant: str, tag: str) -> Queue:
    """As the last write left it. One that nobody has needed yet has no limit."""
    found = client("dynamodb").get_item(TableName=table_name(), Key=queue_key(tenant, tag), ConsistentRead=True)
    return queue_of(found["Item"]) if "Item" in found else Queue(tenant, tag)


def all_of(tenant: str) -> list[Queue]:
    """Those that were needed or set, in the order of their tags."""
    asked = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": item({":pk": f"QUEUE#{tenant}"})}
    return [queue_of(each) for each in _query(asked | {"ConsistentRead": True})]


def _query(asked: dict[str, Any]) -> Iterator[Attributes]:
    for page in client("dynamodb").get_paginator("query").paginate(TableName=table_name(), **asked):
        yield from page["Items"]


def queue_of(attributes: Attributes) -> Queue:
    record = plain_item(attributes)
    return Queue(
        record["tenant"],
        record["tag"],
        record.get("slots"),
        record.get("paused", False),
        record.get("running", 0),
        record["version"],
        record["updatedAt"],
        frozenset(record.get("noted", ())),
        record.get("uncounted"),
    )


def noted(queue: Queue) -> list[Waiting]:
    """The jobs that the queue's own item names."""
    return [Waiting(place, queue.tenant, id) for place, _, id in (each.rpartition("#") for each in queue.noted)]


def first(queue: Queue, at_most: int) -> list[Waiting]:
    """The jobs that are to be taken next, as the index has them: about a second behind the jobs themselves."""
    page = client("dynamodb").query(
        TableName=table_name(),
        IndexName=WAITING_INDEX,
        KeyConditionExpression="waitsIn = :queue",
        ExpressionAttributeValues=item({":queue": queue.name}),
        Limit=at_most,
    )
    return [_waiting_of(each) for each in page["Items"]]


def ahead(name: str, place: str, at_most: int) -> int:
    """How many jobs of a queue are taken before one at ``place``; ``at_most`` stands for as many and any more."""
    page = client("dynamodb").query(
        TableName=table_name(),
        IndexName=WAITING_INDEX,
        KeyConditionExpression="waitsIn = :queue AND waitsAt < :place",
        ExpressionAttributeValues=item({":queue": name, ":place": place}),
        Select="COUNT",
        Limit=at_most,
    )
    return int(page["Count"])


def notes_of(queue: Queue, jobs: Sequence[Waiting]) -> frozenset[str]:
    """What ``queue`` has noted of these jobs, wherever they stood then."""
    ids = {each.id for each in jobs}
    return frozenset(each.note for each in noted(queue) if each.id in ids)


def note(queue: Queue, jobs: Sequence[Waiting], change: Change = "noted") -> bool:
    """Name jobs that have to wait in the queue's own item, as many as fit; False where the queue has room for them.

    Whoever makes room after this reads of them with the queue itself, however far its index is behind. With the change
    ``more`` the room is not asked for, and the stream has somebody look.
    """
    new = [each.note for each in sorted(jobs) if each.note not in queue.noted][: NOTED_MOST - len(queue.noted)]
    if not new and change == "noted":
        return True
    names = {":change": change, ":tenant": queue.tenant, ":tag": queue.tag}
    update: dict[str, Any] = {
        "TableName": table_name(),
        "Key": queue_key(queue.tenant, queue.tag),
        "UpdateExpression": "SET #change = :change, tenant = :tenant, tag = :tag",
        "ExpressionAttributeNames": {"#change": "change"},
        "ExpressionAttributeValues": item(names),
    }
    if new:
        update["UpdateExpression"] += " ADD noted :new"
        update["ExpressionAttributeValues"] |= {":new": {"SS": new}}
    if change == "noted":
        # Against a slot that was given back, or a queue that was resumed, since it was read: either nobody has room
        # before this, or whoever finds some finds the job.
        update["ConditionExpression"] = "paused = :yes OR running >= slots OR attribute_exists(uncounted)"
        update["ExpressionAttributeValues"] |= item({":yes": True})
    return written(update)


def forget(queue: Queue, jobs: Sequence[Waiting]) -> None:
    """Take the names of jobs from the queue's own item that wait there no longer."""
    if over := notes_of(queue, jobs):
        patiently(
            lambda: client("dynamodb").update_item(
                TableName=table_name(),
                Key=queue_key(queue.tenant, queue.tag),
                UpdateExpression="SET #change = :change DELETE noted :over",
                # One that is noted again meanwhile, at the same place, may be taken with it: the index has it by then.
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#change": "change"},
                ExpressionAttributeValues=item({":change": "noted"}) | {":over": {"SS": sorted(over)}},
            )
        )


def written(update: dict[str, Any]) -> bool:
    """Carry out one conditional write; False where its condition does not hold."""
    try:
        patiently(lambda: client("dynamodb").update_item(**update))
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def put(seen: Queue, slots: int | None, paused: bool, at_ms: int, also: Sequence[dict[str, Any]] = ()) -> bool:
    """Set the slots and the pause, with the writes ``also`` or none of them; False where they are not as ``seen``.

    How many jobs run is left as it is: that may be more than there are slots now, until enough of them have ended.
    Where there was no limit they have to be counted first (``Queue.uncounted``).
    """
    values: dict[str, Any] = {
        ":tenant": seen.tenant,
        ":tag": seen.tag,
        ":paused": paused,
        ":was_paused": seen.paused,
        ":zero": 0,
        ":one": 1,
        ":now": at_ms,
        ":change": "set",
    }
    sets = (
        "SET tenant = :tenant, tag = :tag, paused = :paused, running = if_not_exists(running, :zero), "
        "#change = :change, updatedAt = :now"
    )
    removes = " REMOVE slots, uncounted"
    if slots is not None:
        sets, removes = f"{sets}, slots = :slots", ""
        values[":slots"] = slots
        if seen.slots is None:
            sets += ", uncounted = if_not_exists(version, :zero) + :one"
    # Against another who sets the same queue: what one did not mean to change must not be set back. Jobs that are taken
    # or end meanwhile are in nobody's way.
    as_seen = "attribute_not_exists(slots)" if seen.slots is None else "slots = :had"
    as_seen += " AND (paused = :was_paused" + (")" if seen.paused else " OR attribute_not_exists(paused))")
    if seen.slots is not None:
        values[":had"] = seen.slots
    update: dict[str, Any] = {
        "TableName": table_name(),
        "Key": queue_key(seen.tenant, seen.tag),
        "UpdateExpression": f"{sets}{removes} ADD version :one",
        "ConditionExpression": as_seen,
        "ExpressionAttributeNames": {"#change": "change"},
        "ExpressionAttributeValues": item(values),
    }
    try:
        patiently(lambda: client("dynamodb").transact_write_items(TransactItems=[{"Update": update}, *also]))
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException" or cancellation_reasons(error)[0]["Code"] != _FAILED:
            raise
        return False
    return True


def note_waiting(tenant: str, id: str, queue: Queue, reason: str, at_ms: int) -> bool:
    """Write down that a job has to wait, and what for; once, and only while it does."""
    update = {
        "TableName": table_name(),
        "Key": job_key(tenant, id),
        "UpdateExpression": "SET waitsSince = :now, waitsFor = :reason",
        # Against a claim or a cancel meanwhile, and a second delivery: what was told of a job stays.
        "ConditionExpression": "waitsIn = :queue AND attribute_not_exists(waitsSince)",
        "ExpressionAttributeValues": item({":now": at_ms, ":reason": reason, ":queue": queue.name}),
    }
    return written(update)


def _waiting_of(attributes: Attributes) -> Waiting:
    return Waiting(str(attributes["waitsAt"]["S"]), *named_by(attributes))


def named_by(attributes: Attributes) -> tuple[str, str]:
    _, tenant, id = attributes["pk"]["S"].split("#", 2)
    return tenant, id
