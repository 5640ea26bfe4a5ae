"""Jobs, workflows and callers for tests: every value may be given, the others are plausible."""

from __future__ import annotations

from typing import Any

from jobyard.authorizer import Caller, Role
from jobyard.model import Job, Person, Priority, Question, Runner, Status, Workflow
from jobyard.model.ids import object_id
from jobyard.model.iteration import iteration_of
from jobyard.model.schedule import Schedule

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:jobyard-workflow-profile"
NOW = 1_764_547_200_000
"""2025-12-01T00:00:00Z, in milliseconds."""

LIST = "alteryx#acme"

ADA = Person("aaaaaaaaaaaaaaaaaaaaaaaa", "Ada Admin")
BOB = Person("bbbbbbbbbbbbbbbbbbbbbbbb", "Bob Member")


def a_caller(user: Person = ADA, role: Role = Role.CURATOR, tenant: str = "acme") -> Caller:
    return Caller(tenant, user, role, "c" * 24)


def a_workflow(**values: Any) -> Workflow:
    usual: dict[str, Any] = {
        "tenant": "acme",
        "id": object_id(NOW),
        "name": "Profile",
        "owner": "",
        "public": True,
        "runner": Runner("lambda", FUNCTION),
        "settings": {},
        "created_at": NOW,
    }
    return Workflow(**usual | values)


def a_job(**values: Any) -> Job:
    status = values.get("status", Status.QUEUED)
    usual: dict[str, Any] = {
        "tenant": "acme",
        "listed_in": f"alteryx#{values.get('tenant', 'acme')}",
        "id": object_id(NOW),
        "workflow_id": "f" * 24,
        "workflow_name": "Profile",
        "owner": ADA,
        "status": status,
        "priority": Priority.DEFAULT,
        "created_at": NOW,
        "questions": (Question("input", "s3://data/inputs/acme/a.csv"),),
        "runner": Runner("lambda", FUNCTION),
        "queued_at": None if status is Status.SCHEDULED else NOW,
        "start_at": NOW + 3_600_000 if status is Status.SCHEDULED else None,
        "updated_at": NOW,
    }
    return Job(**usual | values)


def a_schedule(iteration: dict[str, Any] | None = None, **values: Any) -> Schedule:
    """Each day at noon, UTC, from the year 2198 on."""
    usual: dict[str, Any] = {
        "tenant": "acme",
        "id": object_id(NOW),
        "listed_in": f"alteryx#{values.get('tenant', 'acme')}",
        "workflow_id": "f" * 24,
        "owner": ADA,
        "role": Role.CURATOR,
        "iteration": iteration_of(iteration or {"iterationType": "Daily", "startTime": "2198-01-01T12:00:00"}),
        "created_at": NOW,
    }
    return Schedule(**usual | values)
