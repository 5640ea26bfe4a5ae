"""Users, groups and collections: who there is in a tenant, and what is shared with whom.

Times are milliseconds since the epoch, UTC. ``revision`` counts the changes of a thing: a change names the one that it
was made from.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What can be in a collection; the value is how the table's keys say it."""

    USER = "USER"
    GROUP = "GROUP"
    WORKFLOW = "WORKFLOW"
    SCHEDULE = "SCHEDULE"


class User(NamedTuple):
    """``role`` is one of the vendor's names; the flags say what the user may beyond the role."""

    tenant: str
    id: str
    first_name: str
    last_name: str
    email: str
    role: str
    created_at: int
    active: bool = True
    may_schedule: bool = False
    may_prioritise: bool = False
    may_tag: bool = False
    may_create_collections: bool = False
    api_enabled: bool = False
    default_worker_tag: str = ""
    revision: int = 0

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Member(NamedTuple):
    """Of a group: ``by`` is the id of the user who added it."""

    user_id: str
    added_at: int
    by: str


class Group(NamedTuple):
    """``role`` is kept and shown, as the vendor has it; no right follows from it."""

    tenant: str
    id: str
    name: str
    role: str
    created_at: int
    revision: int = 0
    members: tuple[Member, ...] = ()


class Permissions(NamedTuple):
    """The vendor's: what a user or group may do with a collection in its own interface."""

    is_admin: bool = False
    can_add_assets: bool = False
    can_remove_assets: bool = False
    can_update_assets: bool = False
    can_add_users: bool = False
    can_remove_users: bool = False


class Entry(NamedTuple):
    """Something in a collection. ``until`` and ``permissions`` are of users and groups only: from ``until`` on the
    entry shares nothing, None is for ever.
    """

    kind: Kind
    id: str
    added_at: int
    until: int | None = None
    permissions: Permissions | None = None


class Collection(NamedTuple):
    """``gone`` are entries of what is no more: they share nothing, and the next change takes them out."""

    tenant: str
    id: str
    name: str
    owner: str
    created_at: int
    revision: int = 0
    entries: tuple[Entry, ...] = ()
    gone: tuple[Entry, ...] = ()

    def entry(self, kind: Kind, id: str) -> Entry | None:
        return next((each for each in self.entries if each.kind is kind and each.id == id), None)

    def ids(self, kind: Kind) -> list[str]:
        return [each.id for each in self.entries if each.kind is kind]
