"""Writes that are done together or not at all, each with the condition that it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, item, table_name

Write = dict[str, Any]

MOST = 100
"""Writes of one transaction, which is DynamoDB's own limit."""


def put(record: Attributes, condition: str = "", values: dict[str, Any] | None = None) -> Write:
    return {"Put": _conditional({"TableName": table_name(), "Item": record}, condition, values)}


def delete(key: Attributes, condition: str = "", values: dict[str, Any] | None = None) -> Write:
    return {"Delete": _conditional({"TableName": table_name(), "Key": key}, condition, values)}


def check(key: Attributes, condition: str, values: dict[str, Any] | None = None) -> Write:
    return {"ConditionCheck": _conditional({"TableName": table_name(), "Key": key}, condition, values)}


def update(key: Attributes, expression: str, condition: str, values: dict[str, Any], **names: str) -> Write:
    write = _conditional({"TableName": table_name(), "Key": key, "UpdateExpression": expression}, condition, values)
    if names:
        write["ExpressionAttributeNames"] = {f"#{name}": given for name, given in names.items()}
    return {"Update": write}


def revised(key: Attributes, seen: int | None = None) -> Write:
    """Counts a change of the thing at ``key``, which exists, and with ``seen`` is still in that revision.

    Of two changes that were made from one revision the second finds another, and is made anew from that.
    """
    condition, values = "attribute_exists(pk)", {":one": 1}
    if seen is not None:
        condition, values = "revision = :seen", {":one": 1, ":seen": seen}
    return update(key, "SET revision = revision + :one", condition, values)


def write(writes: Sequence[Write]) -> int | None:
    """None once all is done; else, of those whose condition did not hold, the place of the first. Raises ``Busy``."""
    try:
        patiently(lambda: client("dynamodb").transact_write_items(TransactItems=list(writes)))
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        codes = [reason["Code"] for reason in cancellation_reasons(error)]
        if "ConditionalCheckFailed" not in codes:
            raise
        return codes.index("ConditionalCheckFailed")
    return None


def _conditional(write: Write, condition: str, values: dict[str, Any] | None) -> Write:
    if condition:
        write["ConditionExpression"] = condition
    if values:
        write["ExpressionAttributeValues"] = item(values)
    return write
