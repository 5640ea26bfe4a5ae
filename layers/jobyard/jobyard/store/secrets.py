"""The secrets of q-sign: by SecretId for the authorizer, and by tenant for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.transactions import Write


class Secret(NamedTuple):
    """``sealed`` is the secret key, encrypted. ``bucket`` is taken where the Host names none.

    A temporary secret has ``token_hash`` and ``expires_at`` (seconds since the epoch); ``created_at`` and
    ``revoked_at`` are in milliseconds.
    """

    id: str
    tenant: str
    name: str
    sealed: str
    created_at: int
    bucket: str = ""
    token_hash: str | None = None
    expires_at: int | None = None
    revoked_at: int | None = None


def find(id: str) -> Secret | None:
    """The secret, unless it is revoked. Expired ones may be found too: who asks compares the time."""
    found = client("dynamodb").get_item(TableName=table_name(), Key=_credential_key(id), ConsistentRead=True)
    return _secret_of(found["Item"]) if "Item" in found else None


def put(secret: Secret, also: Sequence[Write] = ()) -> None:
    record = _record(secret)
    # What is listed has no need of the key itself.
    listed = {name: value for name, value in record.items() if name not in ("secretKey", "tokenHash")}
    client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table_name(), "Item": _credential_key(secret.id) | item(record)}},
            {"Put": {"TableName": table_name(), "Item": _listed_key(secret.tenant, secret.id) | item(listed)}},
            *also,
        ]
    )


def all_of(tenant: str) -> list[Secret]:
    """The tenant's secrets, revoked ones too, without their keys."""
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": attribute(f"SECRETS#{tenant}")},
        )
    )
    return [_secret_of(each) for page in pages for each in page["Items"]]


def revoke(tenant: str, id: str, at_ms: int, also: Sequence[Write] = ()) -> Secret | None:
    """Revoke the secret and forget its key, both or neither; None if the tenant has none of that id.

    One that was revoked before keeps its first time.
    """
    # Tenants apart: another tenant's secret is unknown, and no record is made of one that never was. Of two revocations
    # at once one marks the secret; the other finds that there is nothing left to do.
    not_yet = "attribute_exists(pk) AND attribute_not_exists(revokedAt)"
    mark = {
        "TableName": table_name(),
        "Key": _listed_key(tenant, id),
        "UpdateExpression": "SET revokedAt = :at",
        "ConditionExpression": not_yet,
        "ExpressionAttributeValues": item({":at": at_ms}),
    }
    deletion = {"TableName": table_name(), "Key": _credential_key(id)}
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
    found = client("dynamodb").query(
        TableName=table_name(),
        KeyConditionExpression="pk = :pk AND sk = :sk",
        ExpressionAttributeValues=item({":pk": f"SECRETS#{tenant}", ":sk": id}),
        ConsistentRead=True,
    )
    return next(map(_secret_of, found["Items"]), None)


def _record(secret: Secret) -> dict[str, Any]:
    return {
        "id": secret.id,
        "tenant": secret.tenant,
        "name": secret.name,
        "secretKey": secret.sealed,
        "createdAt": secret.created_at,
        "bucket": secret.bucket,
        "tokenHash": secret.token_hash,
        "expiresAt": secret.expires_at,
    }


def _secret_of(attributes: Attributes) -> Secret:
    record = plain_item(attributes)
    return Secret(
        record["id"],
        record["tenant"],
        record["name"],
        record.get("secretKey", ""),
        record["createdAt"],
        record["bucket"],
        record.get("tokenHash"),
        record.get("expiresAt"),
        record.get("revokedAt"),
    )


def _listed_key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"SECRETS#{tenant}"), "sk": attribute(id)}


def _credential_key(id: str) -> Attributes:
    return {"pk": attribute(f"CREDENTIAL#{id}"), "sk": attribute("CREDENTIAL")}
