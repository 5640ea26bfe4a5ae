"""What the functions that look after jobs need of the table: all that live, and to clear away what a job leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import random
from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.errors import Busy
from jobyard.model import LIVE, Status
from jobyard.model.transitions import WAITING
from jobyard.store.items import Attributes, item, plain_item, table_name
from jobyard.store.records import LIVE_SHARDS, MESSAGE, job_pk

LIVE_INDEX = "jobs-live"
_BATCH = 25  # DynamoDB's own limit for BatchWriteItem
_TRIES = 8


class LiveJob(NamedTuple):
    """What the index of live jobs shows; ``updated_at`` in milliseconds, ``queue`` is a name.

    ``slotted``: whether it holds a slot of its queue.
    """

    tenant: str
    id: str
    status: Status
    updated_at: int
    queue: str
    slotted: bool

    @property
    def slotless(self) -> bool:
        """Whether it runs though nobody counts it: its queue had no limit when it was claimed."""
        return self.status in LIVE - WAITING and not self.slotted


def live_jobs() -> Iterator[LiveJob]:
    """Every job that has not ended, as the index shows it: about a second behind the jobs themselves."""
    for shard in LIVE_SHARDS:
        pages = (
            client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=table_name(),
                IndexName=LIVE_INDEX,
                KeyConditionExpression="live = :shard",
                ExpressionAttributeValues=item({":shard": shard}),
            )
        )
        for page in pages:
            for each in page["Items"]:
                record = plain_item(each)
                yield LiveJob(
                    record["tenant"],
                    record["id"],
                    Status(record["status"]),
                    record["updatedAt"],
                    record["queue"],
                    "slotOf" in record,
                )


def delete_messages(tenant: str, id: str) -> int:
    """Delete all messages of the job; returns their number. May be repeated, and go on where it was broken off."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk AND begins_with(sk, :message)",
            ExpressionAttributeValues=item({":pk": job_pk(tenant, id), ":message": MESSAGE}),
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
        )
    )
    deleted = 0
    for page in pages:
        keys: list[Attributes] = page["Items"]
        for first in range(0, len(keys), _BATCH):
            batch = keys[first : first + _BATCH]
            _delete(batch)
            deleted += len(batch)
    return deleted


def _delete(keys: list[Attributes]) -> None:
    """Raises ``Busy`` where DynamoDB goes on leaving some of them undone."""
    requests: dict[str, Any] = {table_name(): [{"DeleteRequest": {"Key": key}} for key in keys]}
    for attempt in range(_TRIES):
        requests = client("dynamodb").batch_write_item(RequestItems=requests).get("UnprocessedItems", {})
        if not requests:
            return
        time.sleep(0.05 * 2**attempt * random())  # noqa: S311
    raise Busy("DynamoDB took no more deletions for now.")
