"""A tenant that all three dialects know, with something behind each path."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from jobyard.authorizer import Caller, Role
from jobyard.handlers import DIALECTS
from jobyard.model import Job, Output, Status
from jobyard.model.people import Kind, Permissions
from jobyard.model.schedule import Schedule
from jobyard.model.source import NOWHERE
from jobyard.service import collections, people
from jobyard.store import schedules
from tests.contract import api
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import WORKFLOW_ID, a_key, a_tencent_job
from tests.contract.tencent.signing import HOST, authorization
from tests.contract.yard import Yard
from tests.factories import a_schedule

OUTPUT_ID = "1" * 24
WHOLE_USER = {
    "firstName": "Jane",
    "lastName": "Doe",
    "email": "jane@example.com",
    "role": "Member",
    "defaultWorkerTag": "",
    "canScheduleJobs": False,
    "canPrioritizeJobs": False,
    "canAssignJobs": False,
    "canCreateCollections": False,
    "isApiEnabled": True,
    "isActive": True,
}


class World:
    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.client = yard.client()
        self.organisation = Organisation(yard)
        # A temporary one: its token is looked for after the signature, as nothing is with a lasting one.
        self.key = a_key(lifetimeSeconds=3600)
        self.workflow = yard.workflow()
        yard.workflow(id=WORKFLOW_ID, name="inventory")
        self._numbers = iter(range(1000, 1_000_000))

    def credentials(self, method: str, target: str, host: str = HOST) -> dict[str, str]:
        """The headers of a caller who may do everything, for a path as on the wire."""
        path = urlsplit(target).path
        dialect = dialect_of(path)
        if dialect == "alteryx":
            return {"authorization": f"Bearer {self.client.token}"}
        if dialect == "openreplay":
            return {"authorization": f"Bearer {self.organisation.api_key}"}
        signed = authorization(self.key, method, unquote(path, errors="replace"), None, {"host": host})
        return {"host": host, "authorization": signed, "x-cos-security-token": self.key.token}

    def job(self, path: str, status: Status = Status.RUNNING) -> Job:
        """A new job of the dialect that the path is of."""
        ended = 1_764_547_300_000 if status not in (Status.SCHEDULED, Status.QUEUED, Status.RUNNING) else None
        dialect = dialect_of(path)
        if dialect == "openreplay":
            return self.organisation.job(next(self._numbers), status=status, finished_at=ended)
        if dialect == "tencent":
            return a_tencent_job(self.yard, status=status, finished_at=ended)
        output = Output(OUTPUT_ID, "Profile", "a.csv", "csv", "outputs/a.csv", 1)
        return self.yard.job(
            status=status, outputs=[output], owner=self.client.user, workflow_id=self.workflow.id, finished_at=ended
        )

    def schedule(self) -> Schedule:
        """A new one of the caller's, which is never due."""
        made = a_schedule(owner=self.client.user, workflow_id=self.workflow.id)
        schedules.create(made, None)
        return made

    def parameters(self, path: str, status: Status = Status.RUNNING) -> dict[str, str]:
        """What the parameters in a path, as the document has it, stand for."""
        known = {
            "workflowId": self.workflow.id,
            "outputId": OUTPUT_ID,
            "projectKey": self.organisation.project.key,
            "userId": "shekar",
            "tag": "gpu",
        }
        if "/usergroups" in path or "/collections" in path or "/v3/users" in path:
            known |= self._shared(path)
        elif "{scheduleId}" in path:
            known["scheduleId"] = self.schedule().id
        if "{jobId}" in path:
            known["jobId"] = self.job(path, status).id
        return {name: value for name, value in known.items() if f"{{{name}}}" in path}

    def _shared(self, path: str) -> dict[str, str]:
        """A collection, a group, and a user; what a path names as in another is in it."""
        curator = Caller("acme", self.client.user, Role.CURATOR, self.client.id)
        user = self.yard.client(Role.MEMBER).user.id
        group = people.create_group(curator, NOWHERE, "Analysts", "Viewer").id
        collection = collections.create(curator, NOWHERE, "Accounting").id
        schedule = self.schedule().id
        if "/usergroups/{userGroupId}/users/{" in path:
            people.add_members(curator, NOWHERE, group, [user])
        for part, kind, id in (
            ("/{userId}", Kind.USER, user),
            ("/{userGroupId}", Kind.GROUP, group),
            ("/{workflowId}", Kind.WORKFLOW, self.workflow.id),
            ("/{scheduleId}", Kind.SCHEDULE, schedule),
        ):
            if "/collections" in path and part in path:
                collections.add(curator, NOWHERE, collection, kind, id, None, Permissions())
        return {"collectionId": collection, "userGroupId": group, "userId": user, "scheduleId": schedule}

    def body(self, key: str) -> dict[str, Any] | list[str] | None:
        """That an operation of people and collections needs; None where it needs none."""
        user = self.yard.client(Role.MEMBER).user.id
        method, _, route = key.partition(" ")
        if method not in ("POST", "PUT") or not re.search("/v3/(users|usergroups|collections)", route):
            return None
        if route.endswith("/permissions"):
            return {"collectionsPermissions": {}}
        if re.search("/usergroups/.*/users$", route):
            return [user]
        if "/v3/users" in route:
            return WHOLE_USER
        if re.search("/v3/usergroups", route):
            return {"name": "Analysts", "role": "Viewer"}
        things = {
            "userId": user,
            "userGroupId": self._shared("")["userGroupId"],
            "workflowId": self.workflow.id,
            "scheduleId": self.schedule().id,
        }
        return {"name": "Accounting", "ownerId": user} | things

    def path(self, route: api.Route, status: Status = Status.RUNNING) -> str:
        """The path of a route, with something behind it."""
        path = route.path.replace("+}", "}")
        return path.format(**self.parameters(path, status))


def dialect_of(path: str) -> str:
    return DIALECTS[path.split("/")[1]]
