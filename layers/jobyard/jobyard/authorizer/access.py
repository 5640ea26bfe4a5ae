"""Who may do what: pure rules over a caller and what is asked for.

Administrators (Curators) see and cancel everything of their tenant. Others see and cancel what they ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobyard.errors import RoleForbidden
from jobyard.model import Job, Person, Workflow

USER_ID_LONGEST = 256
"""Characters: with a tenant's name it makes a key of an index, which may have 2,048 bytes."""


class Role(StrEnum):
    """The vendor's roles, from the least to the most."""

    NO_ACCESS = "NoAccess"
    VIEWER = "Viewer"
    MEMBER = "Member"
    ARTISAN = "Artisan"
    CURATOR = "Curator"


class Right(StrEnum):
    """What the vendor gives users one by one."""

    RUN = "run"
    PRIORITISE = "prioritise"
    TAG = "tag"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Caller:
    tenant: str
    user: Person
    role: Role
    client_id: str

    @property
    def administrator(self) -> bool:
        return self.role is Role.CURATOR

    def may(self, right: Right) -> bool:  # noqa: ARG002 - nobody but administrators has any yet
        return self.administrator


def demand_administrator(caller: Caller) -> None:
    if not caller.administrator:
        raise RoleForbidden("Only administrators may call this endpoint.")


def may_see_job(caller: Caller, job: Job) -> bool:
    return job.tenant == caller.tenant and (caller.administrator or job.owner.id == caller.user.id)


def may_cancel(caller: Caller, job: Job) -> bool:
    return may_see_job(caller, job)


def may_see_workflow(caller: Caller, workflow: Workflow) -> bool:
    return workflow.tenant == caller.tenant and (
        caller.administrator or workflow.public or workflow.owner == caller.user.id
    )


def may_execute(caller: Caller, workflow: Workflow) -> bool:
    """Public workflows: every role but NoAccess. Others: their owner and administrators."""
    return may_see_workflow(caller, workflow) and caller.role is not Role.NO_ACCESS
