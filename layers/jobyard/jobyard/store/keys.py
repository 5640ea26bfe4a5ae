"""API keys of an organisation: credentials that hold until they are revoked. Kept as their SHA-256 only.

``CREDENTIAL#<hash>`` tells a request's caller, as it does for an access token; ``KEYS#<tenant>`` / ``<id>`` is what an
operator sees of the key, and leads to the credential.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.transactions import Write


class ApiKey(NamedTuple):
    """``created_at`` and ``revoked_at`` in milliseconds; ``name`` is shown as the submitter of its jobs."""

    id: str
    tenant: str
    name: str
    role: str
    secret_hash: str
    created_at: int
    revoked_at: int | None = None


def put(key: ApiKey, also: Sequence[Write] = ()) -> None:
    credential = {
        "pk": f"CREDENTIAL#{key.secret_hash}",
        "sk": "CREDENTIAL",
        "tenant": key.tenant,
        "userId": key.id,
        "name": key.name,
        "role": key.role,
        "clientId": key.id,
    }
    record = {
        "tenant": key.tenant,
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "secretHash": key.secret_hash,
        "createdAt": key.created_at,
    }
    client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table_name(), "Item": item(credential)}},
            {"Put": {"TableName": table_name(), "Item": _key(key.tenant, key.id) | item(record)}},
            *also,
        ]
    )


def get(tenant: str, id: str) -> ApiKey | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_key(tenant, id), ConsistentRead=True)
    return _api_key_of(found["Item"]) if "Item" in found else None


def all_of(tenant: str) -> list[ApiKey]:
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": attribute(f"KEYS#{tenant}")},
        )
    )
    return [_api_key_of(each) for page in pages for each in page["Items"]]


def revoke(key: ApiKey, at_ms: int, also: Sequence[Write] = ()) -> None:
    """Delete the credential and mark the key, both or neither. A key that is revoked keeps its first time."""
    # Of two revocations at once one marks the key; the other finds that there is nothing left to do.
    not_yet = "attribute_exists(pk) AND attribute_not_exists(revokedAt)"
    credential = {"pk": attribute(f"CREDENTIAL#{key.secret_hash}"), "sk": attribute("CREDENTIAL")}
    mark = {
        "TableName": table_name(),
        "Key": _key(key.tenant, key.id),
        "UpdateExpression": "SET revokedAt = :at",
        "ConditionExpression": not_yet,
        "ExpressionAttributeValues": item({":at": at_ms}),
    }
    deletion = {"TableName": table_name(), "Key": credential}
    try:
        patiently(
            lambda: client("dynamodb").transact_write_items(
                TransactItems=[{"Update": mark}, {"Delete": deletion}, *also]
            )
        )
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        if cancellation_reasons(error)[0]["Code"] != "ConditionalCheckFailed":
            raise


def _api_key_of(attributes: Attributes) -> ApiKey:
    record: dict[str, Any] = plain_item(attributes)
    return ApiKey(
        record["id"],
        record["tenant"],
        record["name"],
        record["role"],
        record["secretHash"],
        record["createdAt"],
        record.get("revokedAt"),
    )


def _key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"KEYS#{tenant}"), "sk": attribute(id)}
