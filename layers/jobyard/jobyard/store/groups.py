"""Groups of users: ``GROUP#<tenant>`` / ``<id>``, and each membership from both sides, written together:
``GROUP#<tenant>#<id>`` / ``USER#<user>`` and ``IN#<tenant>#USER#<user>`` / ``GROUP#<id>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobyard.aws import client
from jobyard.model.people import Group, Kind, Member
from jobyard.store import sharing, transactions
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.reading import everything
from jobyard.store.records import user_key
from jobyard.store.transactions import Write


def key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"GROUP#{tenant}"), "sk": attribute(id)}


def get(tenant: str, id: str) -> Group | None:
    """The group with its members. The group first: a change in between is behind the revision that was read."""
    found = client("dynamodb").get_item(TableName=table_name(), Key=key(tenant, id), ConsistentRead=True)
    if "Item" not in found:
        return None
    return _group(found["Item"], [_member(each) for each in everything(f"GROUP#{tenant}#{id}")])


def all_of(tenant: str) -> list[Group]:
    """The tenant's groups, without their members."""
    return [_group(each, []) for each in everything(f"GROUP#{tenant}")]


def create(group: Group, also: Sequence[Write]) -> None:
    # Ids are random: whatever holds this one is what the first try of this request wrote.
    transactions.write([transactions.put(_item(group, 0), "attribute_not_exists(pk)"), *also])


def replace(group: Group, also: Sequence[Write]) -> bool:
    """Write the group itself, made from the revision that it names; False where there is another by now."""
    # Against two changes at once, and against a deletion in between.
    write = transactions.put(_item(group, group.revision + 1), "revision = :seen", {":seen": group.revision})
    return transactions.write([write, *also]) is None


def add(group: Group, member: Member, also: Sequence[Write]) -> int | None:
    """Make a user a member. None once done; 0 where the group was changed since it was read, 1 where there is no such
    user.
    """
    into, of = _both(group, member.user_id)
    row = {"tenant": group.tenant, "userId": member.user_id, "addedAt": member.added_at, "by": member.by}
    return transactions.write(
        [
            transactions.revised(key(group.tenant, group.id), group.revision),
            # Against the user's deletion at the same time, which would leave a row of nobody.
            transactions.revised(user_key(group.tenant, member.user_id)),
            transactions.put(into | item(row)),
            transactions.put(of | item({"tenant": group.tenant})),
            *also,
        ]
    )


def remove(group: Group, user_id: str, also: Sequence[Write]) -> bool:
    """Take a member out; False where the group was changed since it was read."""
    into, of = _both(group, user_id)
    first = transactions.revised(key(group.tenant, group.id), group.revision)
    return transactions.write([first, transactions.delete(into), transactions.delete(of), *also]) is None


def delete(group: Group, also: Sequence[Write]) -> bool:
    """Delete a group that has no members and is in no collection; False where it was changed since it was read."""
    # Whoever joins it meanwhile counts a revision, so no row is left behind.
    write = transactions.delete(key(group.tenant, group.id), "revision = :seen", {":seen": group.revision})
    return transactions.write([write, *also]) is None


def _both(group: Group, user_id: str) -> tuple[Attributes, Attributes]:
    into = {"pk": attribute(f"GROUP#{group.tenant}#{group.id}"), "sk": attribute(f"USER#{user_id}")}
    return into, sharing.key(group.tenant, Kind.USER, user_id, sharing.GROUP, group.id)


def _item(group: Group, revision: int) -> Attributes:
    record = {
        "tenant": group.tenant,
        "id": group.id,
        "name": group.name,
        "role": group.role,
        "createdAt": group.created_at,
        "revision": revision,
    }
    return key(group.tenant, group.id) | item(record)


def _group(attributes: Attributes, members: Sequence[Member]) -> Group:
    record: dict[str, Any] = plain_item(attributes)
    return Group(
        record["tenant"],
        record["id"],
        record["name"],
        record["role"],
        record["createdAt"],
        record["revision"],
        tuple(members),
    )


def _member(attributes: Attributes) -> Member:
    record = plain_item(attributes)
    return Member(record["userId"], record["addedAt"], record["by"])
