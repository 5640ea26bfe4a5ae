"""Collections: what is shared, and with whom. For administrators; every change is recorded with it."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from typing import Any

from jobyard.authorizer.access import Caller, demand_administrator
from jobyard.errors import Busy, Invalid, NotFound, RoleForbidden
from jobyard.model.ids import now_ms, object_id
from jobyard.model.people import Collection, Entry, Kind, Permissions
from jobyard.model.source import Source
from jobyard.service.audit import record
from jobyard.store import collections
from jobyard.store.collections import AT_ONCE
from jobyard.store.conflicts import tries

FIELDS = {
    Kind.USER: "userId",
    Kind.GROUP: "userGroupId",
    Kind.WORKFLOW: "workflowId",
    Kind.SCHEDULE: "scheduleId",
}
"""How requests name the thing."""

NAMES = {Kind.USER: "User", Kind.GROUP: "UserGroup", Kind.WORKFLOW: "Workflow", Kind.SCHEDULE: "Schedule"}


def all_of(caller: Caller) -> list[Collection]:
    """Without their entries."""
    demand_administrator(caller)
    return collections.all_of(caller.tenant)


def all_with_entries(caller: Caller) -> list[Collection]:
    found = (collections.get(caller.tenant, each.id) for each in all_of(caller))
    # One that is deleted meanwhile is none.
    return [each for each in found if each is not None]


def get(caller: Caller, id: str) -> Collection:
    """Raises ``NotFound``, also for one of another tenant."""
    demand_administrator(caller)
    found = collections.get(caller.tenant, id)
    if found is None:
        raise NotFound("Collection", id)
    return found


def create(caller: Caller, source: Source, name: str) -> Collection:
    """The caller owns it. Raises ``RoleForbidden`` for one who may not create collections."""
    demand_administrator(caller)
    now = now_ms()
    made = Collection(caller.tenant, object_id(now), name, caller.user.id, now)
    told = record(caller, source, "collection.create", "collection", made.id, {}, _shown(made))
    if not collections.create(made, [told]):
        raise RoleForbidden("You may not create collections.")
    return made


def change(caller: Caller, source: Source, id: str, name: str, owner: str) -> Collection:
    """Raises ``NotFound``, ``Invalid`` for an owner that is no user, ``Busy``."""

    def attempt(found: Collection) -> Collection | None:
        after = replace(found, name=name, owner=owner)
        told = record(caller, source, "collection.change", "collection", id, _shown(found), _shown(after))
        failed = collections.replace(found, after, [told])
        if failed == 1:
            raise Invalid("ownerId", f"ownerId: there is no user {owner}.")
        return after if failed is None else None

    return _of(caller, id, attempt)


def delete(caller: Caller, source: Source, id: str, *, force: bool) -> None:
    """Raises ``Invalid`` for one that is not empty, without ``force``; ``NotFound``, ``Busy``.

    One of many entries loses them first, some at once; where that is broken off, asking again goes on.
    """

    def demanded(found: Collection) -> dict[str, Any]:
        if found.entries and not force:
            raise Invalid("forceDelete", "forceDelete: the collection is not empty; it must be true to delete it.")
        return _shown(found) | {"entries": [_named(each) for each in found.entries[:AT_ONCE]]}

    def attempt(found: Collection) -> bool | None:
        told = record(caller, source, "collection.delete", "collection", id, demanded(found), {})
        return collections.delete(found, [told]) or None

    while len((found := get(caller, id)).entries) + len(found.gone) > AT_ONCE:
        told = record(caller, source, "collection.remove", "collection", id, demanded(found), _shown(found))
        part = found.entries[:AT_ONCE]
        collections.remove(found, part, [told] if part else [])
    _of(caller, id, attempt)


def add(
    caller: Caller,
    source: Source,
    id: str,
    kind: Kind,
    thing: str,
    until: int | None = None,
    permissions: Permissions | None = None,
) -> Collection:
    """Put a thing in; one that is in has ``until`` and ``permissions`` from here on.

    Raises ``NotFound`` (the collection), ``Invalid`` where there is no such thing, ``Busy``.
    """

    def attempt(found: Collection) -> Collection | None:
        had = found.entry(kind, thing)
        entry = Entry(kind, thing, had.added_at if had else now_ms(), until, permissions)
        return _put(caller, source, "collection.add", found, had, entry)

    return _of(caller, id, attempt)


def change_permissions(
    caller: Caller, source: Source, id: str, kind: Kind, thing: str, until: int | None, permissions: Permissions
) -> Collection:
    """Raises ``NotFound`` for the collection, and for a user or group that is not in it; ``Busy``."""

    def attempt(found: Collection) -> Collection | None:
        had = _demanded(found, kind, thing)
        entry = had._replace(until=until, permissions=permissions)
        return _put(caller, source, "collection.permissions", found, had, entry)

    return _of(caller, id, attempt)


def remove(caller: Caller, source: Source, id: str, kind: Kind, thing: str) -> Collection:
    """Raises ``NotFound`` for the collection, and for a thing that is not in it; ``Busy``."""

    def attempt(found: Collection) -> Collection | None:
        had = _demanded(found, kind, thing)
        told = record(caller, source, "collection.remove", "collection", id, _named(had), {})
        if not collections.remove(found, [had], [told]):
            return None
        return replace(found, entries=tuple(each for each in found.entries if each is not had))

    return _of(caller, id, attempt)


def _put(
    caller: Caller, source: Source, action: str, found: Collection, had: Entry | None, entry: Entry
) -> Collection | None:
    before = _named(had) if had else {}
    # Which one was changed is told although it is the same before and after.
    named = {FIELDS[entry.kind]: entry.id}
    before, after = {name: value for name, value in before.items() if name not in named}, _named(entry)
    told = record(caller, source, action, "collection", found.id, before, after)
    failed = collections.put(found, entry, [told])
    if failed == 1:
        field = FIELDS[entry.kind]
        raise Invalid(field, f"{field}: there is no {field.removesuffix('Id')} {entry.id[:64]}.")
    if failed is not None:
        return None
    others = tuple(each for each in found.entries if each is not had)
    return replace(found, entries=tuple(sorted([*others, entry], key=lambda each: (each.kind, each.id))))


def _demanded(found: Collection, kind: Kind, thing: str) -> Entry:
    had = found.entry(kind, thing)
    if had is None:
        raise NotFound(NAMES[kind], thing)
    return had


def _of[T](caller: Caller, id: str, attempt: Callable[[Collection], T | None]) -> T:
    """What ``attempt`` makes of the collection as it is; None is tried again, from what another left."""
    for _ in tries():
        done = attempt(get(caller, id))
        if done is not None:
            return done
    raise Busy("Too many others are changing the same collection at once; try again.")


def _shown(collection: Collection) -> dict[str, Any]:
    return {"name": collection.name, "ownerId": collection.owner}


def _named(entry: Entry) -> dict[str, Any]:
    named: dict[str, Any] = {FIELDS[entry.kind]: entry.id}
    if entry.permissions is not None:
        named |= {"expirationDate": entry.until, "collectionsPermissions": entry.permissions._asdict()}
    return named
