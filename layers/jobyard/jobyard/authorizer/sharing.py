"""What is shared with a caller through collections, by the caller's own name or by a group.

Read anew for each request that needs it: a share that is withdrawn, or expires, is at once none any more. Two reads at
the same time tell what the thing is in, and what the caller is in; only where the caller is in groups, and no share is
the caller's own, is there a third. Of no tenant but the caller's is anything read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from jobyard.authorizer.access import Caller, Role
from jobyard.aws import at_once
from jobyard.model.ids import now_ms
from jobyard.model.people import Kind
from jobyard.store import sharing
from jobyard.store.sharing import COLLECTION, GROUP, Link


def schedule_reaches(caller: Caller, id: str) -> bool:
    """Whether the caller owns the schedule, or it is in a collection that is shared with the caller.

    One that was deleted reaches nobody, though its rows may still be in collections.
    """
    tenant = caller.tenant
    owns, links = partial(sharing.owner_of_schedule, tenant, id), partial(sharing.links, tenant)
    reads: list[Callable[[], Any]] = [
        owns,
        partial(links, Kind.SCHEDULE, id),
        partial(links, Kind.USER, caller.user.id),
    ]
    owner, things, callers = at_once(reads)
    return owner is not None and (owner == caller.user.id or _meet(caller, things, callers))


def workflow_reaches(caller: Caller, id: str) -> bool:
    """Whether the workflow is in a collection that is shared with the caller."""
    things, callers = at_once(
        [
            partial(sharing.links, caller.tenant, Kind.WORKFLOW, id),
            partial(sharing.links, caller.tenant, Kind.USER, caller.user.id),
        ]
    )
    return _meet(caller, things, callers)


def shared_with(caller: Caller, kind: Kind) -> frozenset[str]:
    """The ids of all things of ``kind`` that are shared with the caller: as many reads as the caller is in groups and
    collections, in two steps, or three where there are groups.
    """
    if caller.role is Role.NO_ACCESS:
        return frozenset()
    tenant, now = caller.tenant, now_ms()
    callers = sharing.links(tenant, Kind.USER, caller.user.id)
    groups = [each.id for each in callers if each.into == GROUP]
    of_groups = at_once([partial(sharing.links, tenant, Kind.GROUP, each) for each in groups])
    collections = {each.id for each in chain(callers, *of_groups) if each.into != GROUP and each.holds(now)}
    things = at_once([partial(sharing.in_collection, tenant, each, kind) for each in sorted(collections)])
    return frozenset(chain.from_iterable(things))


def _meet(caller: Caller, things: list[Link], callers: list[Link]) -> bool:
    if caller.role is Role.NO_ACCESS:
        return False
    now = now_ms()
    collections = {each.id for each in things if each.into == COLLECTION}
    # The owner of a collection has what is in it, as if it were shared.
    if any(each.into != GROUP and each.id in collections and each.holds(now) for each in callers):
        return True
    groups = [each.id for each in callers if each.into == GROUP]
    if not groups or not collections:
        return False
    return any(each.holds(now) for each in sharing.of_groups(caller.tenant, groups, sorted(collections)))
