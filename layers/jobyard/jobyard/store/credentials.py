"""Clients, and the credentials that are issued to them. Secrets are here as their SHA-256 only.

An access token and an API key are the same thing: ``CREDENTIAL#<hash>`` tells tenant, caller, role and expiry. Each
token leaves a pointer, ``TOKENS#<client>`` / ``<hash>``, so that revoking the client finds every one. The pointers are
apart from their client, so that who may write them may not write it.

Every client is some user's. What the user may is asked of the user, together with the credential: a change holds for
all of the user's tokens, however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.store import batch, transactions
from jobyard.store.conflicts import patiently
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.records import user_key
from jobyard.store.transactions import Write


class ApiClient(NamedTuple):
    """``created_at`` and ``revoked_at`` in milliseconds; ``user_id`` is whose jobs this client's jobs are.

    ``of_user`` is not set for clients from before there were users: they have the role that they were made with.
    """

    id: str
    tenant: str
    user_id: str
    name: str
    role: str
    secret_hash: str
    created_at: int
    revoked_at: int | None = None
    of_user: bool = True


class Credential(NamedTuple):
    """``expires_at`` in seconds since the epoch; None where it holds until it is revoked.

    Name, role and ``flags`` (may prioritise, tag, schedule) are the user's, as they are now; ``user_let_in`` whether
    the user is active and has access by API. Of an API key, which has no user, they are its own.
    """

    tenant: str
    user_id: str
    name: str
    role: str
    client_id: str
    expires_at: int | None
    flags: tuple[bool, bool, bool] = (False, False, False)
    user_let_in: bool = True


def find(secret_hash: str, user: tuple[str, str] | None = None) -> Credential | None:
    """The credential whose secret has this hash, and with ``user`` (tenant, id) is that user's, in one request.

    Expired ones are found too: who asks compares the time.
    """
    keys = [_credential_key(secret_hash)] + ([user_key(*user)] if user else [])
    found = {each["pk"]["S"].partition("#")[0]: each for each in batch.read(keys)}
    if "CREDENTIAL" not in found:
        return None
    record = plain_item(found["CREDENTIAL"])
    made = Credential(
        record["tenant"],
        record["userId"],
        record["name"],
        record["role"],
        record["clientId"],
        record.get("expiresAt"),
    )
    if user is None:
        return made
    # A user who is gone takes all credentials along.
    if user != (made.tenant, made.user_id) or "USER" not in found:
        return None
    holder = plain_item(found["USER"])
    return made._replace(
        name=f"{holder['firstName']} {holder['lastName']}".strip(),
        role=holder["role"],
        flags=(holder["canPrioritizeJobs"], holder["canAssignJobs"], holder["canScheduleJobs"]),
        user_let_in=holder["isActive"] and holder["isApiEnabled"],
    )


def get_client(id: str) -> ApiClient | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_client_key(id), ConsistentRead=True)
    return _client_of(found["Item"]) if "Item" in found else None


def put_client(api_client: ApiClient, also: Sequence[Write] = ()) -> None:
    """Write a client, and its user where this is the first."""
    record = {
        "id": api_client.id,
        "tenant": api_client.tenant,
        "userId": api_client.user_id,
        "name": api_client.name,
        "role": api_client.role,
        "secretHash": api_client.secret_hash,
        "createdAt": api_client.created_at,
        "ofUser": True,
    }
    pointer = {"pk": f"CLIENTS#{api_client.tenant}", "sk": api_client.id}
    # Who only finds callers does not load it, at each cold start.
    from jobyard.model.people import User
    from jobyard.store import users

    first, _, last = api_client.name.partition(" ")
    user = User(
        tenant=api_client.tenant,
        id=api_client.user_id,
        first_name=first,
        last_name=last,
        email="",
        role=api_client.role,
        created_at=api_client.created_at,
        may_create_collections=api_client.role == "Curator",
        api_enabled=True,
    )
    transactions.write(
        [
            transactions.put(_client_key(api_client.id) | item(record)),
            transactions.put(item(pointer)),
            users.made_with_client(user),
            *also,
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
    """Write a token of ``api_client``; False where the client was revoked meanwhile, or its user is not let in, and
    nothing was written.
    """
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
    if api_client.of_user:
        writes.append(_may_have_tokens(api_client.tenant, api_client.user_id))
    try:
        # Two tokens of one client at once are in each other's way: both check the same item.
        patiently(lambda: client("dynamodb").transact_write_items(TransactItems=writes))
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        if "ConditionalCheckFailed" not in {reason["Code"] for reason in cancellation_reasons(error)}:
            raise
        return False
    return True


def _may_have_tokens(tenant: str, user_id: str) -> Write:
    """Holds for a user who is active and has access by API."""
    let_in = "isActive = :yes AND isApiEnabled = :yes"
    return transactions.check(user_key(tenant, user_id), let_in, {":yes": True})


def revoke_client(id: str, tenant: str, at_ms: int, also: Sequence[Write] = ()) -> tuple[ApiClient, int] | None:
    """Revoke the client and delete every token that it was issued: the client and their number; None if unknown.

    What is written ``also`` goes with the first revocation; a repeated one deletes what a broken-off one left.
    """
    # Tenants apart: another tenant's client is unknown. Of two revocations at once one marks the client.
    not_yet = "tenant = :tenant AND attribute_not_exists(revokedAt)"
    values = {":at": at_ms, ":tenant": tenant}
    transactions.write([transactions.update(_client_key(id), "SET revokedAt = :at", not_yet, values), *also])
    marked = get_client(id)
    if marked is None or marked.tenant != tenant:
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
    return marked, len(pointers)


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
        record.get("ofUser", False),
    )


def _client_key(id: str) -> Attributes:
    return {"pk": attribute(f"CLIENT#{id}"), "sk": attribute("CLIENT")}


def _credential_key(secret_hash: str) -> Attributes:
    return {"pk": attribute(f"CREDENTIAL#{secret_hash}"), "sk": attribute("CREDENTIAL")}
