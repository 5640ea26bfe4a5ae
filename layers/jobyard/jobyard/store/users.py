"""Users: ``USER#<tenant>`` / ``<id>``. A tenant's users are one partition, which one Query lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobyard.aws import client
from jobyard.model.people import User
from jobyard.store import transactions
from jobyard.store.items import Attributes, item, plain_item, table_name
from jobyard.store.reading import everything
from jobyard.store.records import user_key
from jobyard.store.transactions import Write


def get(tenant: str, id: str) -> User | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=user_key(tenant, id), ConsistentRead=True)
    return of(found["Item"]) if "Item" in found else None


def all_of(tenant: str) -> list[User]:
    return [of(each) for each in everything(f"USER#{tenant}")]


def create(user: User, also: Sequence[Write]) -> None:
    # Ids are random: whatever holds this one is what the first try of this request wrote.
    transactions.write([transactions.put(_item(user), "attribute_not_exists(pk)"), *also])


def replace(user: User, also: Sequence[Write]) -> bool:
    """Write ``user``, made from the revision that it names; False where there is another by now."""
    seen = user.revision
    # Against two changes at once: what the second has read is no longer what it would replace.
    write = transactions.put(_item(user, seen + 1), "revision = :seen", {":seen": seen})
    return transactions.write([write, *also]) is None


def remove(user: User, also: Sequence[Write]) -> bool:
    """Delete ``user``; False where it was changed since it was read, or got a thing that it owns."""
    # Whatever comes to own or join something counts a revision of its user, so nothing is left behind.
    write = transactions.delete(user_key(user.tenant, user.id), "revision = :seen", {":seen": user.revision})
    return transactions.write([write, *also]) is None


def made_with_client(user: User) -> Write:
    """Makes ``user`` where there is none of its id; one that is there stays as it is."""
    record = {name: value for name, value in _record(user, 0).items() if value is not None}
    sets = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in record)
    values = {f":{name}": value for name, value in record.items()}
    return transactions.update(
        user_key(user.tenant, user.id), f"SET {sets}", "", values, **{name: name for name in record}
    )


def of(attributes: Attributes) -> User:
    record: dict[str, Any] = plain_item(attributes)
    return User(
        tenant=record["tenant"],
        id=record["id"],
        first_name=record["firstName"],
        last_name=record["lastName"],
        email=record["email"],
        role=record["role"],
        created_at=record["createdAt"],
        active=record["isActive"],
        may_schedule=record["canScheduleJobs"],
        may_prioritise=record["canPrioritizeJobs"],
        may_tag=record["canAssignJobs"],
        may_create_collections=record["canCreateCollections"],
        api_enabled=record["isApiEnabled"],
        default_worker_tag=record["defaultWorkerTag"],
        revision=record["revision"],
    )


def _item(user: User, revision: int = 0) -> Attributes:
    return user_key(user.tenant, user.id) | item(_record(user, revision))


def _record(user: User, revision: int) -> dict[str, Any]:
    return {
        "tenant": user.tenant,
        "id": user.id,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "role": user.role,
        "createdAt": user.created_at,
        "isActive": user.active,
        "canScheduleJobs": user.may_schedule,
        "canPrioritizeJobs": user.may_prioritise,
        "canAssignJobs": user.may_tag,
        "canCreateCollections": user.may_create_collections,
        "isApiEnabled": user.api_enabled,
        "defaultWorkerTag": user.default_worker_tag,
        "revision": revision,
    }
