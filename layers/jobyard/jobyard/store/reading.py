"""Whole partitions: of what a person reads as one list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobyard.aws import client
from jobyard.store.items import Attributes, item, table_name


def everything(pk: str, begins: str = "") -> Iterator[Attributes]:
    """All items of a partition, or those whose sort keys begin so, in their order, read consistently."""
    request: dict[str, Any] = {
        "TableName": table_name(),
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": item({":pk": pk}),
        "ConsistentRead": True,
    }
    if begins:
        request["KeyConditionExpression"] += " AND begins_with(sk, :begins)"
        request["ExpressionAttributeValues"] |= item({":begins": begins})
    while True:
        page = client("dynamodb").query(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
