"""Whole partitions: of what a person reads as one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobyard.aws import client
from jobyard.store.items import Attributes, item, table_name


def everything(pk: str) -> Iterator[Attributes]:
    """All items of a partition, in their order, read consistently."""
    request: dict[str, Any] = {
        "TableName": table_name(),
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": item({":pk": pk}),
        "ConsistentRead": True,
    }
    while True:
        page = client("dynamodb").query(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
