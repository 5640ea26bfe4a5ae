"""Collections: ``COLLECTION#<tenant>`` / ``<id>``, and each of their entries from both sides, written together:
``COLLECTION#<tenant>#<id>`` / ``<kind>#<id>`` and ``IN#<tenant>#<kind>#<id>`` / ``COLLECTION#<id>``.

A workflow or schedule that was deleted leaves its rows behind: they are passed over here, and taken out with the next
change.

Every change counts a revision of the collection and names the one that it was made from: changes of one collection
follow each other, and what an answer or an audit record tells of before and after was so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import batched
from typing import Any

from jobyard.aws import client
from jobyard.model.people import Collection, Entry, Kind, Permissions
from jobyard.store import batch, groups, sharing, transactions
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.reading import everything
from jobyard.store.records import user_key, workflow_key
from jobyard.store.sharing import COLLECTION, OWNED
from jobyard.store.transactions import Write

AT_ONCE = 40
"""Entries that one transaction removes: each is two rows, and there is room for what else is written."""


def key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"COLLECTION#{tenant}"), "sk": attribute(id)}


def get(tenant: str, id: str) -> Collection | None:
    """The collection with its entries. The collection first: a change in between is behind the revision that was
    read.
    """
    found = client("dynamodb").get_item(TableName=table_name(), Key=key(tenant, id), ConsistentRead=True)
    if "Item" not in found:
        return None
    entries = [_entry(each) for each in everything(f"COLLECTION#{tenant}#{id}")]
    gone = _gone(tenant, entries)
    return _collection(found["Item"], [each for each in entries if each not in gone], gone)


def _gone(tenant: str, entries: Sequence[Entry]) -> list[Entry]:
    """Of what is deleted without a look at the collections that it is in; ids never come back."""
    found: set[tuple[str, str]] = set()
    at = {_identity(key): each for each in entries if (key := _thing_key(tenant, each)) is not None}
    for part in batched(at, batch.MOST, strict=False):
        keys = [{"pk": attribute(pk), "sk": attribute(sk)} for pk, sk in part]
        found.update(map(_identity, batch.read(keys, ProjectionExpression="pk, sk")))
    return [each for identity, each in at.items() if identity not in found]


def _identity(of: Attributes) -> tuple[str, str]:
    return str(of["pk"]["S"]), str(of["sk"]["S"])


def _thing_key(tenant: str, entry: Entry) -> Attributes | None:
    """Where a workflow or schedule is. Users and groups leave their collections before they are deleted."""
    if entry.kind is Kind.WORKFLOW:
        return workflow_key(tenant, entry.id)
    if entry.kind is Kind.SCHEDULE:
        return sharing.schedule_key(tenant, entry.id)
    return None


def all_of(tenant: str) -> list[Collection]:
    """The tenant's collections, without their entries."""
    return [_collection(each, []) for each in everything(f"COLLECTION#{tenant}")]


def create(collection: Collection, also: Sequence[Write]) -> bool:
    """False where the owner may not create collections, or not any more."""
    writes = [
        _owner(collection.tenant, collection.owner, "canCreateCollections = :yes", {":yes": True}),
        # Ids are random: whatever holds this one is what the first try of this request wrote.
        transactions.put(_item(collection, 0), "attribute_not_exists(pk)"),
        transactions.put(_owned(collection, collection.owner)),
    ]
    return transactions.write([*writes, *also]) != 0


def replace(before: Collection, after: Collection, also: Sequence[Write]) -> int | None:
    """Write name and owner. None once done; 0 where it was changed since ``before``, 1 where there is no such owner."""
    seen = before.revision
    writes = [transactions.put(_item(after, seen + 1), "revision = :seen", {":seen": seen})]
    if after.owner != before.owner:
        writes += [
            _owner(after.tenant, after.owner, "attribute_exists(pk)", {}),
            transactions.put(_owned(after, after.owner)),
            transactions.delete(_owned_key(before, before.owner)),
        ]
    return transactions.write([*writes, *_removals(before, before.gone[:AT_ONCE]), *also])


def put(collection: Collection, entry: Entry, also: Sequence[Write]) -> int | None:
    """Add an entry, or change it. None once done; 0 where the collection was changed since it was read, 1 where there
    is no such thing.
    """
    of, into = _both(collection, entry)
    tenant = {"tenant": collection.tenant}
    # A transaction has one write for each item: one that is gone and is put in again is refused by its own.
    gone = [each for each in collection.gone if (each.kind, each.id) != (entry.kind, entry.id)]
    row = {
        "addedAt": entry.added_at,
        "until": entry.until,
        "permissions": entry.permissions and entry.permissions._asdict(),
    }
    return transactions.write(
        [
            transactions.revised(key(collection.tenant, collection.id), collection.revision),
            _exists(collection.tenant, entry),
            transactions.put(of | item(tenant | row)),
            transactions.put(into | item(tenant | {"until": entry.until})),
            *_removals(collection, gone[:AT_ONCE]),
            *also,
        ]
    )


def remove(collection: Collection, entries: Sequence[Entry], also: Sequence[Write]) -> bool:
    """Take up to ``AT_ONCE`` entries out; False where the collection was changed since it was read."""
    first = transactions.revised(key(collection.tenant, collection.id), collection.revision)
    out = [*entries, *collection.gone][:AT_ONCE]
    return transactions.write([first, *_removals(collection, out), *also]) is None


def delete(collection: Collection, also: Sequence[Write]) -> bool:
    """Delete a collection of up to ``AT_ONCE`` entries, with those that are gone; False where it was changed since it
    was read.
    """
    # What is added meanwhile counts a revision, so no row is left behind.
    writes = [
        transactions.delete(key(collection.tenant, collection.id), "revision = :seen", {":seen": collection.revision}),
        transactions.delete(_owned_key(collection, collection.owner)),
        *_removals(collection, [*collection.entries, *collection.gone]),
    ]
    return transactions.write([*writes, *also]) is None


def _removals(collection: Collection, entries: Sequence[Entry]) -> list[Write]:
    return [transactions.delete(each) for entry in entries for each in _both(collection, entry)]


def _both(collection: Collection, entry: Entry) -> tuple[Attributes, Attributes]:
    of = {
        "pk": attribute(f"COLLECTION#{collection.tenant}#{collection.id}"),
        "sk": attribute(f"{entry.kind}#{entry.id}"),
    }
    return of, sharing.key(collection.tenant, entry.kind, entry.id, COLLECTION, collection.id)


def _exists(tenant: str, entry: Entry) -> Write:
    """That the thing is there. Users and groups can be deleted at the same time, so they count a revision."""
    if entry.kind is Kind.USER:
        return transactions.revised(user_key(tenant, entry.id))
    if entry.kind is Kind.GROUP:
        return transactions.revised(groups.key(tenant, entry.id))
    if entry.kind is Kind.WORKFLOW:
        return transactions.check(workflow_key(tenant, entry.id), "attribute_exists(pk)")
    return transactions.check(sharing.schedule_key(tenant, entry.id), "attribute_exists(pk)")


def _owner(tenant: str, id: str, condition: str, values: dict[str, Any]) -> Write:
    """Counts a revision of the owner, who then cannot be deleted at the same time."""
    return transactions.update(user_key(tenant, id), "SET revision = revision + :one", condition, {":one": 1} | values)


def _owned_key(collection: Collection, owner: str) -> Attributes:
    return sharing.key(collection.tenant, Kind.USER, owner, OWNED, collection.id)


def _owned(collection: Collection, owner: str) -> Attributes:
    return _owned_key(collection, owner) | item({"tenant": collection.tenant})


def _item(collection: Collection, revision: int) -> Attributes:
    record = {
        "tenant": collection.tenant,
        "id": collection.id,
        "name": collection.name,
        "ownerId": collection.owner,
        "createdAt": collection.created_at,
        "revision": revision,
    }
    return key(collection.tenant, collection.id) | item(record)


def _collection(attributes: Attributes, entries: Sequence[Entry], gone: Sequence[Entry] = ()) -> Collection:
    record: dict[str, Any] = plain_item(attributes)
    return Collection(
        record["tenant"],
        record["id"],
        record["name"],
        record["ownerId"],
        record["createdAt"],
        record["revision"],
        tuple(entries),
        tuple(gone),
    )


def _entry(attributes: Attributes) -> Entry:
    record = plain_item(attributes)
    kind, _, id = record["sk"].partition("#")
    given = record.get("permissions")
    return Entry(Kind(kind), id, record["addedAt"], record.get("until"), Permissions(**given) if given else None)
