"""What the lists read, as it is once the table's stream has been told to its end: in this process, and at once.

What the stream itself does (late, twice, out of its turn) the promises try with a real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Any

import pytest
from botocore.client import BaseClient
from types_boto3_dynamodb import DynamoDBClient

from jobyard.lifecycle import count
from jobyard.lifecycle.count import Told
from jobyard.model.listing import GONE, PHASES
from jobyard.store import counts, listings
from jobyard.store.listings import Listing, listing_of
from jobyard.store.records import JOB, job_of

_one_at_a_time = Lock()
"""Clients are put in place of others, and back."""

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")


class CatchingUp:
    """Catches up where anybody in this process has written to a table since it last did."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table
        self._written = True

    def __call__(self) -> None:
        if self._written:
            catch_up(self._dynamodb, self._table)
            self._written = False

    def watch(self, patched: pytest.MonkeyPatch) -> None:
        call = BaseClient._make_api_call  # type: ignore[attr-defined]

        def watched(client: BaseClient, operation: str, *asked: Any) -> Any:
            self._written |= operation in _WRITES
            return call(client, operation, *asked)

        patched.setattr(BaseClient, "_make_api_call", watched)


def catch_up(dynamodb: DynamoDBClient, table: str) -> int:
    """Let count have what has become of the table's jobs; how many were not counted so before.

    All of it goes through ``dynamodb``: a test that watches the product's client, or breaks it, is not concerned.
    """
    with _one_at_a_time, pytest.MonkeyPatch.context() as patched:
        for module in (counts, listings, count):
            patched.setattr(module, "client", lambda _: dynamodb)
        return count.settle(_news(dynamodb, table))


def _news(dynamodb: DynamoDBClient, table: str) -> list[Told]:
    jobs: dict[str, Told] = {}
    listed: dict[str, Listing] = {}
    for each in _items(dynamodb, table):
        kind, _, of = each["pk"]["S"].partition("#")
        if kind == "LISTED":
            listed[of] = listing_of(each)
        elif each["sk"]["S"] == JOB:
            job = job_of(each)
            jobs[of] = Told(job, PHASES[job.status])
    counted = {of: (seen.phase, seen.revision) for of, seen in listed.items()}
    changed = [told for of, told in jobs.items() if of not in counted or counted[of] < told.order]
    gone = [Told(seen.job, GONE) for of, seen in listed.items() if seen.job is not None and of not in jobs]
    return changed + gone


def _items(dynamodb: DynamoDBClient, table: str) -> Iterator[dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression="sk = :job OR begins_with(pk, :listed)",
        ExpressionAttributeValues={":job": {"S": JOB}, ":listed": {"S": "LISTED#"}},
    )
    for page in pages:
        yield from (dict(each) for each in page["Items"])
