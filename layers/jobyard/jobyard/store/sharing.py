"""What a user, group, workflow or schedule is in: ``IN#<tenant>#<kind>#<id>`` / ``COLLECTION#<id>`` | ``GROUP#<id>`` |
``OWNED#<id>``.

The other side of each row is the collection's or group's own; both are written in one transaction. So who may do
something is read from the rows of the two that are concerned, however many collections there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import batched
from typing import NamedTuple

from jobyard.aws import client
from jobyard.model.people import Kind
from jobyard.store import batch
from jobyard.store.items import Attributes, attribute, plain_item, table_name
from jobyard.store.reading import everything

COLLECTION, GROUP, OWNED = "COLLECTION", "GROUP", "OWNED"


class Link(NamedTuple):
    """``into`` is COLLECTION, GROUP or OWNED (a collection that the user owns); from ``until`` on it holds no more."""

    into: str
    id: str
    until: int | None

    def holds(self, now_ms: int) -> bool:
        return self.until is None or now_ms < self.until


def key(tenant: str, kind: Kind, id: str, into: str, into_id: str) -> Attributes:
    return {"pk": attribute(f"IN#{tenant}#{kind}#{id}"), "sk": attribute(f"{into}#{into_id}")}


def links(tenant: str, kind: Kind, id: str) -> list[Link]:
    """All that a thing is in."""
    return [_link(each) for each in everything(f"IN#{tenant}#{kind}#{id}")]


def in_collection(tenant: str, id: str, kind: Kind) -> list[str]:
    """The ids of the things of ``kind`` that are in a collection."""
    found = everything(f"COLLECTION#{tenant}#{id}", f"{kind}#")
    return [str(each["sk"]["S"]).partition("#")[2] for each in found]


def of_groups(tenant: str, groups: Sequence[str], collections: Sequence[str]) -> list[Link]:
    """By which any of ``groups`` are in any of ``collections``."""
    wanted = [key(tenant, Kind.GROUP, group, COLLECTION, each) for group in groups for each in collections]
    found: list[Link] = []
    for part in batched(wanted, batch.MOST, strict=False):
        found += map(_link, batch.read(part))
    return found


def schedule_key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"SCHEDULE#{tenant}"), "sk": attribute(id)}


def owner_of_schedule(tenant: str, id: str) -> str | None:
    """None of one that is no more."""
    found = client("dynamodb").get_item(TableName=table_name(), Key=schedule_key(tenant, id), ConsistentRead=True)
    return str(found["Item"]["ownerId"]["S"]) if "Item" in found else None


def _link(attributes: Attributes) -> Link:
    record = plain_item(attributes)
    into, _, id = record["sk"].partition("#")
    return Link(into, id, record.get("until"))
