"""Clients, and the credentials that are issued to them. Secrets are here as their SHA-256 only.

An access token and an API key are the same thing: ``CREDENTIAL#<hash>`` tells tenant, caller, role and expiry. Each
token leaves a pointer, ``TOKENS#<client>`` / ``<hash>``, so that revoking the client finds every one. The pointers are
apart from their client, so that who may write them may not write it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name


class ApiClient(NamedTuple):
    """``created_at`` and ``revoked_at`` in milliseconds; ``user_id`` is whose jobs this client's jobs are."""

    id: str
    tenant: str
    user_id: str
    name: str
    role: str
    secret_hash: str
    created_at: int
    revoked_at: int | None = None


class Credential(NamedTuple):
    """``expires_at`` in seconds since the epoch; None where it holds until it is revoked."""

    tenant: str
    user_id: str
    name: str
    role: str
    client_id: str
    expires_at: int | None


def find(secret_hash: str) -> Credential | None:
    """The credential whose secret has this hash. Expired ones are found too: who asks compares the time."""
    found = client("dynamodb").get_item(TableName=table_name(), Key=_credential_key(secret_hash), ConsistentRead=True)
    if "Item" not in found:
        return None
    record = plain_item(found["Item"])
    return Credential(
        record["tenant"],
        record["userId"],
        record["name"],
        record["role"],
        record["clientId"],
        record.get("expiresAt"),
    )


def get_client(id: str) -> ApiClient | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_client_key(id), ConsistentRead=True)
    return _client_of(found["Item"]) if "Item" in found else None


def put_client(api_client: ApiClient) -> None:
    record = {
        "id": api_client.id,
        "tenant": api_client.tenant,
        "userId": api_client.user_id,
        "name": api_client.name,
        "role": api_client.role,
        "secretHash": api_client.secret_hash,
        "createdAt": api_client.created_at,
    }
    pointer = {"pk": f"CLIENTS#{api_client.tenant}", "sk": api_client.id}
    client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table_name(), "Item": _client_key(api_client.id) | item(record)}},
            {"Put": {"TableName": table_name(), "Item": item(pointer)}},
        ]
    )


def clients_of(tenant: str) -> list[ApiClient]:
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": attribute(f"CLIENTS#{tenant}")},
        )
    )
    ids = [each["sk"]["S"] for page in pages for each in page["Items"]]
    return [found for found in map(get_client, ids) if found is not None]


def issue(secret_hash: str, api_client: ApiClient, expires_at: int) -> bool:
    """Write a token of ``api_client``; False where the client was revoked meanwhile, and nothing was written."""
    credential = {
        "tenant": api_client.tenant,
        "userId": api_client.user_id,
        "name": api_client.name,
        "role": api_client.role,
        "clientId": api_client.id,
        "expiresAt": expires_at,
    }
    pointer = {"pk": f"TOKENS#{api_client.id}", "sk": secret_hash, "expiresAt": expires_at}
    # Against a revocation at the same time: it marks the client before it looks for tokens. So a token is either
    # refused here, or its pointer stands before the mark and is found.
    still_valid = "attribute_exists(pk) AND attribute_not_exists(revokedAt)"
    writes = [
        {
            "ConditionCheck": {
                "TableName": table_name(),
                "Key": _client_key(api_client.id),
                "ConditionExpression": still_valid,
            }
        },
        {"Put": {"TableName": table_name(), "Item": _credential_key(secret_hash) | item(credential)}},
        {"Put": {"TableName": table_name(), "Item": item(pointer)}},
    ]
    try:
        # Two tokens of one client at once are in each other's way: both check the same item.
        patiently(lambda: client("dynamodb").transact_write_items(TransactItems=writes))
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        if cancellation_reasons(error)[0]["Code"] != "ConditionalCheckFailed":
            raise
        return False
    return True


def revoke_client(id: str, tenant: str, at_ms: int) -> tuple[ApiClient, int] | None:
    """Revoke the client and delete every token that it was issued: the client and their number; None if unknown."""
    try:
        marked = patiently(
            lambda: client("dynamodb").update_item(
                TableName=table_name(),
                Key=_client_key(id),
                # The first revocation's time stays; a repeated one deletes what a broken-off one left.
                UpdateExpression="SET revokedAt = if_not_exists(revokedAt, :at)",
                # Tenants apart: another tenant's client is unknown.
                ConditionExpression="tenant = :tenant",
                ExpressionAttributeValues=item({":at": at_ms, ":tenant": tenant}),
                ReturnValues="ALL_NEW",
            )
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return None
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": attribute(f"TOKENS#{id}")},
            ConsistentRead=True,
        )
    )
    pointers = [each for page in pages for each in page["Items"]]
    for pointer in pointers:
        # The token first: a break between the two leaves a pointer to nothing, never a token without one.
        for key in (_credential_key(pointer["sk"]["S"]), {"pk": pointer["pk"], "sk": pointer["sk"]}):
            client("dynamodb").delete_item(TableName=table_name(), Key=key)
    return _client_of(marked["Attributes"]), len(pointers)


def _client_of(attributes: Attributes) -> ApiClient:
    record: dict[str, Any] = plain_item(attributes)
    return ApiClient(
        record["id"],
        record["tenant"],
        record["userId"],
        record["name"],
        record["role"],
        record["secretHash"],
        record["createdAt"],
        record.get("revokedAt"),
    )


def _client_key(id: str) -> Attributes:
    return {"pk": attribute(f"CLIENT#{id}"), "sk": attribute("CLIENT")}


def _credential_key(secret_hash: str) -> Attributes:
    return {"pk": attribute(f"CREDENTIAL#{secret_hash}"), "sk": attribute("CREDENTIAL")}
