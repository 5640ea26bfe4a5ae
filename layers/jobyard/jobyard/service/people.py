"""Users and their groups. For administrators; every change is recorded with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import replace
from typing import Any, NamedTuple

from jobyard.authorizer.access import Caller, demand_administrator
from jobyard.errors import Busy, InUse, Invalid, NotFound
from jobyard.model.ids import is_object_id, now_ms, object_id
from jobyard.model.people import Group, Kind, Member, User
from jobyard.model.source import Source
from jobyard.service.audit import record
from jobyard.store import collections, groups, ownership, sharing, users, workflows
from jobyard.store.conflicts import tries
from jobyard.store.sharing import GROUP, OWNED

MEMBERS_AT_ONCE = 100
"""Users that one request adds to a group."""

_NO_SUCH_USER = "There is no such user."
_BUSY = "Too many others are changing the same thing at once; try again."


class UserFilter(NamedTuple):
    """None is not asked for; texts are compared whole, in any letter case. Times in milliseconds, edges left out."""

    active: bool | None = None
    email: str | None = None
    role: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    created_after: int | None = None
    created_before: int | None = None

    def takes(self, user: User) -> bool:
        texts = (
            (self.email, user.email),
            (self.role, user.role),
            (self.first_name, user.first_name),
            (self.last_name, user.last_name),
        )
        after = -math.inf if self.created_after is None else self.created_after
        before = math.inf if self.created_before is None else self.created_before
        return (
            self.active in (None, user.active)
            and all(wanted is None or wanted.casefold() == has.casefold() for wanted, has in texts)
            and after < user.created_at < before
        )


class Added(NamedTuple):
    """``failed``: why, by the id of the user."""

    number: int
    failed: dict[str, str]


def all_users(caller: Caller, filter: UserFilter) -> list[User]:
    demand_administrator(caller)
    return [each for each in users.all_of(caller.tenant) if filter.takes(each)]


def user(caller: Caller, id: str) -> User:
    """Raises ``NotFound``, also for one of another tenant."""
    demand_administrator(caller)
    found = users.get(caller.tenant, id)
    if found is None:
        raise NotFound("User", id)
    return found


def create_user(caller: Caller, source: Source, make: Callable[[str, str, int], User]) -> User:
    """``make`` is given tenant, id and time."""
    demand_administrator(caller)
    now = now_ms()
    made = make(caller.tenant, object_id(now), now)
    users.create(made, [record(caller, source, "user.create", "user", made.id, {}, _shown(made))])
    return made


def change_user(caller: Caller, source: Source, id: str, change: Callable[[User], User]) -> User:
    """Of two changes at once the second is made from what the first left. Raises ``NotFound``, ``Busy``."""
    demand_administrator(caller)
    for _ in tries():
        before = user(caller, id)
        after = change(before)
        told = record(caller, source, "user.change", "user", id, _shown(before), _shown(after))
        if users.replace(after, [told]):
            return replace(after, revision=before.revision + 1)
    raise Busy(_BUSY)


def delete_user(caller: Caller, source: Source, id: str) -> None:
    """Raises ``InUse`` where the user owns something or is in a group, ``NotFound``, ``Busy``.

    The user leaves all collections first; where that is broken off, asking again goes on.
    """
    demand_administrator(caller)
    for _ in tries():
        found = user(caller, id)
        links = sharing.links(caller.tenant, Kind.USER, id)
        _demand_nothing_owned(found, links)
        for link in links:
            _leave(caller, source, link.id, Kind.USER, id)
        if users.remove(found, [record(caller, source, "user.delete", "user", id, _shown(found), {})]):
            return
    raise Busy(_BUSY)


def _demand_nothing_owned(found: User, links: Sequence[sharing.Link]) -> None:
    owned = {
        "collections": [each.id for each in links if each.into == OWNED],
        "workflows": [each.id for each in workflows.all_of(found.tenant) if each.owner == found.id],
        "schedules": ownership.schedules_of(found.tenant, found.id),
        "user groups that the user is in": [each.id for each in links if each.into == GROUP],
    }
    left = [f"{name}: {', '.join(ids)}" for name, ids in owned.items() if ids]
    if left:
        raise InUse(f"User {found.id} cannot be deleted; there still are {'; '.join(left)}.")


def _leave(caller: Caller, source: Source, collection_id: str, kind: Kind, id: str) -> None:
    """Take a user or group that is about to be deleted out of a collection."""
    for _ in tries():
        found = collections.get(caller.tenant, collection_id)
        entry = found.entry(kind, id) if found else None
        if found is None or entry is None:
            return
        told = record(caller, source, "collection.remove", "collection", collection_id, {kind.lower(): id}, {})
        if collections.remove(found, [entry], [told]):
            return
    raise Busy(_BUSY)


# ---- Groups


def all_groups(caller: Caller) -> list[Group]:
    demand_administrator(caller)
    return groups.all_of(caller.tenant)


def group(caller: Caller, id: str) -> Group:
    """With its members. Raises ``NotFound``, also for one of another tenant."""
    demand_administrator(caller)
    found = groups.get(caller.tenant, id)
    if found is None:
        raise NotFound("UserGroup", id)
    return found


def create_group(caller: Caller, source: Source, name: str, role: str) -> Group:
    demand_administrator(caller)
    now = now_ms()
    made = Group(caller.tenant, object_id(now), name, role, now)
    told = record(caller, source, "usergroup.create", "usergroup", made.id, {}, {"name": name, "role": role})
    groups.create(made, [told])
    return made


def change_group(caller: Caller, source: Source, id: str, name: str, role: str) -> Group:
    def attempt(found: Group) -> Group | None:
        before, after = {"name": found.name, "role": found.role}, {"name": name, "role": role}
        changed = replace(found, name=name, role=role)
        told = record(caller, source, "usergroup.change", "usergroup", id, before, after)
        return changed if groups.replace(changed, [told]) else None

    return _of_group(caller, id, attempt)


def add_members(caller: Caller, source: Source, id: str, user_ids: Sequence[str]) -> Added:
    """One after the other: what can be added is. Raises ``NotFound`` (the group), ``Invalid``, ``Busy``."""
    if not 0 < len(user_ids) <= MEMBERS_AT_ONCE:
        raise Invalid("userIds", f"userIds: 1 to {MEMBERS_AT_ONCE} are allowed, not {len(user_ids)}.")
    group(caller, id)
    failed: dict[str, str] = {}
    count = 0
    for each in dict.fromkeys(user_ids):
        why = _add_member(caller, source, id, each)
        if why is None:
            count += 1
        else:
            failed[each] = why
    return Added(count, failed)


def _add_member(caller: Caller, source: Source, id: str, user_id: str) -> str | None:
    """Why it could not be; None where it is a member now."""
    if not is_object_id(user_id):
        return _NO_SUCH_USER

    def attempt(found: Group) -> Sequence[str] | None:
        if any(each.user_id == user_id for each in found.members):
            return ["The user is a member already."]
        member = Member(user_id, now_ms(), caller.user.id)
        told = record(caller, source, "usergroup.add", "usergroup", id, {}, {"user": user_id})
        failed = groups.add(found, member, [told])
        return None if failed == 0 else [] if failed is None else [_NO_SUCH_USER]

    return next(iter(_of_group(caller, id, attempt)), None)


def remove_member(caller: Caller, source: Source, id: str, user_id: str) -> Group:
    """The group without the user, who need not have been in it."""

    def attempt(found: Group) -> Group | None:
        left = tuple(each for each in found.members if each.user_id != user_id)
        if len(left) == len(found.members):
            return found
        told = record(caller, source, "usergroup.remove", "usergroup", id, {"user": user_id}, {})
        return replace(found, members=left) if groups.remove(found, user_id, [told]) else None

    return _of_group(caller, id, attempt)


def delete_group(caller: Caller, source: Source, id: str, *, force: bool) -> None:
    """Raises ``Invalid`` for a group with members without ``force``. With it they leave first, one by one; where that
    is broken off, asking again goes on.
    """

    def attempt(found: Group) -> bool | None:
        if found.members and not force:
            raise Invalid("forceDelete", "forceDelete: the user group is not empty; it must be true to delete it.")
        links = sharing.links(caller.tenant, Kind.GROUP, id)
        if found.members or links:
            for member in found.members:
                remove_member(caller, source, id, member.user_id)
            for link in links:
                _leave(caller, source, link.id, Kind.GROUP, id)
            found = group(caller, id)
            if found.members:
                return None
        before = {"name": found.name, "role": found.role}
        told = record(caller, source, "usergroup.delete", "usergroup", id, before, {})
        return groups.delete(found, [told]) or None

    _of_group(caller, id, attempt)


def _of_group[T](caller: Caller, id: str, attempt: Callable[[Group], T | None]) -> T:
    """What ``attempt`` makes of the group as it is; None is tried again, from what another left."""
    for _ in tries():
        done = attempt(group(caller, id))
        if done is not None:
            return done
    raise Busy(_BUSY)


def _shown(user: User) -> dict[str, Any]:
    """What the record of a change says of a user."""
    return {
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "role": user.role,
        "isActive": user.active,
        "canScheduleJobs": user.may_schedule,
        "canPrioritizeJobs": user.may_prioritise,
        "canAssignJobs": user.may_tag,
        "canCreateCollections": user.may_create_collections,
        "isApiEnabled": user.api_enabled,
        "defaultWorkerTag": user.default_worker_tag,
    }
