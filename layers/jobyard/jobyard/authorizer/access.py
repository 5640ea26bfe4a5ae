"""Who may do what: rules over a caller and what is asked for.

Administrators (Curators) see, do and cancel everything of their tenant. Others see and cancel the jobs that they ran,
and those of schedules that they own or that are shared with them through a collection; they run public workflows, their
own, and from Member up those that are shared with them. Whatever no rule here allows is refused.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from jobyard.errors import RoleForbidden
from jobyard.model import Job, Person, Workflow

if TYPE_CHECKING:
    from jobyard.model.schedule import Schedule

USER_ID_LONGEST = 256
"""Characters: with a tenant's name it makes a key of an index, which may have 2,048 bytes."""


class Role(StrEnum):
    """The vendor's roles, from the least to the most. ``EVALUATED`` is no role but the wish for the default one: no
    caller has it.
    """

    EVALUATED = "Evaluated"

    NO_ACCESS = "NoAccess"
    VIEWER = "Viewer"
    MEMBER = "Member"
    ARTISAN = "Artisan"
    CURATOR = "Curator"


class Right(StrEnum):
    """What a user may do beyond looking: the vendor's flags, and running, which follows from the role."""

    RUN = "run"
    PRIORITISE = "prioritise"
    TAG = "tag"
    SCHEDULE = "schedule"


_RUN_PUBLIC = frozenset({Role.VIEWER, Role.MEMBER, Role.ARTISAN, Role.CURATOR})
_RUN_SHARED = frozenset({Role.MEMBER, Role.ARTISAN, Role.CURATOR})


class Caller(NamedTuple):
    """``given`` are the rights that the user has beside those of the role."""

    tenant: str
    user: Person
    role: Role
    client_id: str
    given: frozenset[Right] = frozenset()

    @property
    def rights(self) -> frozenset[Right]:
        of_role = Right if self.administrator else [Right.RUN] if self.role in _RUN_PUBLIC else []
        return self.given.union(of_role)

    @property
    def administrator(self) -> bool:
        return self.role is Role.CURATOR

    def may(self, right: Right) -> bool:
        return right in self.rights


def effective(role: str) -> Role:
    """The role that ``role`` comes to now: ``Evaluated`` is whatever the stack's default is at the time."""
    return Role(os.environ["DEFAULT_ROLE"]) if role == Role.EVALUATED else Role(role)


def demand_administrator(caller: Caller) -> None:
    if not caller.administrator:
        raise RoleForbidden("Only administrators may call this endpoint.")


def may_see_job(caller: Caller, job: Job) -> bool:
    """Costs nothing for administrators and for who ran the job; else, of a schedule's job, reads what is shared."""
    if job.tenant != caller.tenant:
        return False
    if caller.administrator or job.owner.id == caller.user.id:
        return True
    return job.schedule_id is not None and _schedule_reaches(caller, job.schedule_id)


def may_cancel(caller: Caller, job: Job) -> bool:
    return may_see_job(caller, job)


def may_see_workflow(caller: Caller, workflow: Workflow) -> bool:
    """Costs nothing for administrators, of public workflows and for their owner; else reads what is shared."""
    if workflow.tenant != caller.tenant:
        return False
    if caller.administrator or workflow.public or workflow.owner == caller.user.id:
        return True
    return _workflow_reaches(caller, workflow.id)


def may_execute(caller: Caller, workflow: Workflow) -> bool:
    """Public workflows: from Viewer up. Shared ones: from Member up. One's own: from Viewer up. Administrators all."""
    if workflow.tenant != caller.tenant or caller.role not in _RUN_PUBLIC:
        return False
    if caller.administrator or workflow.public or workflow.owner == caller.user.id:
        return True
    return caller.role in _RUN_SHARED and _workflow_reaches(caller, workflow.id)


def may_see_schedule(caller: Caller, schedule: Schedule) -> bool:
    """Its owner, administrators, and with whom it is shared. Costs nothing but for the last."""
    if schedule.tenant != caller.tenant:
        return False
    return has_schedule(caller, schedule) or _schedule_reaches(caller, schedule.id)


def may_change_schedule(caller: Caller, schedule: Schedule) -> bool:
    """Its owner, if he may schedule, and administrators: a share is of its jobs."""
    return schedule.tenant == caller.tenant and has_schedule(caller, schedule) and caller.may(Right.SCHEDULE)


def has_schedule(caller: Caller, schedule: Schedule) -> bool:
    """Without any share; of one of the caller's tenant."""
    return caller.administrator or schedule.owner.id == caller.user.id


# Loaded only where the caller's own does not decide: most requests never ask.


def _schedule_reaches(caller: Caller, id: str) -> bool:
    from jobyard.authorizer.sharing import schedule_reaches

    return schedule_reaches(caller, id)


def _workflow_reaches(caller: Caller, id: str) -> bool:
    from jobyard.authorizer.sharing import workflow_reaches

    return workflow_reaches(caller, id)
