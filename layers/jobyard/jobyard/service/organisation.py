"""What the operator does for clients of the openreplay dialect: API keys, and projects."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from jobyard.authorizer.access import Role
from jobyard.authorizer.secrets import hash_of, new_key
from jobyard.errors import Invalid
from jobyard.model.ids import new_project_key, now_ms, object_id
from jobyard.service.action import Action, Name, ObjectId
from jobyard.store import counters, keys, projects, workflows
from jobyard.store.keys import ApiKey
from jobyard.store.projects import Project

ProjectName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
# Ends with a slash, so that `data/app` cannot take the objects of `data/application` with it.
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!_.*'()=@-][A-Za-z0-9!_.*'()=@/-]{0,254}/$")]


class CreateKey(Action):
    """An API key may do everything in its tenant, as the vendor's organisation keys may."""

    action: Literal["keys.create"]
    name: Name

    def run(self) -> dict[str, Any]:
        secret, now = new_key(), now_ms()
        made = ApiKey(object_id(now), self.tenant, self.name, Role.CURATOR, hash_of(secret), now)
        keys.put(made, [self.told("key.create", "key", made.id, {}, {"name": made.name})])
        # The only time that the key itself is seen: the table has its hash.
        return _key(made) | {"apiKey": secret}


class ListKeys(Action):
    action: Literal["keys.list"]

    def run(self) -> list[dict[str, Any]]:
        return [_key(each) for each in keys.all_of(self.tenant)]


class RevokeKey(Action):
    action: Literal["keys.revoke"]
    keyId: ObjectId

    def run(self) -> dict[str, Any]:
        found = keys.get(self.tenant, self.keyId)
        if found is not None:
            now = now_ms()
            keys.revoke(found, now, [self.told("key.revoke", "key", found.id, {}, {"revokedAt": now})])
            found = keys.get(self.tenant, self.keyId)
        if found is None:
            raise Invalid("keyId", f"There is no API key {self.keyId} in tenant {self.tenant}.")
        return _key(found)


class CreateProject(Action):
    """``workflowId`` erases a user's data; ``bucket`` and ``prefix`` tell it where that is, if not at its own place."""

    action: Literal["projects.create"]
    name: ProjectName
    workflowId: Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")]
    bucket: Bucket | None = None
    prefix: Prefix | None = None

    def run(self) -> dict[str, Any]:
        if workflows.get(self.tenant, self.workflowId) is None:
            raise Invalid("workflowId", f"There is no workflow {self.workflowId} in tenant {self.tenant}.")
        own = f"users/{self.tenant}/"
        if self.prefix and (self.bucket or _data_bucket()) == _data_bucket() and not self.prefix.startswith(own):
            raise Invalid("prefix", f"In the data bucket, which all tenants share, it must begin with {own}")
        made = Project(
            key=new_project_key(),
            id=counters.next_number("projects"),
            tenant=self.tenant,
            name=self.name,
            workflow_id=self.workflowId,
            bucket=self.bucket or "",
            prefix=self.prefix or "",
            created_at=now_ms(),
        )
        projects.put(made, [self.told("project.create", "project", made.key, {}, _project(made))])
        return _project(made)


class ListProjects(Action):
    action: Literal["projects.list"]

    def run(self) -> list[dict[str, Any]]:
        return [_project(each) for each in projects.all_of(self.tenant)]


ACTIONS: dict[str, type[Action]] = {
    "keys.create": CreateKey,
    "keys.list": ListKeys,
    "keys.revoke": RevokeKey,
    "projects.create": CreateProject,
    "projects.list": ListProjects,
}


def _data_bucket() -> str:
    return os.environ["BUCKET_NAME"]


def _key(key: ApiKey) -> dict[str, Any]:
    shown = {"keyId": key.id, "tenant": key.tenant, "name": key.name, "createdAt": key.created_at}
    return shown if key.revoked_at is None else shown | {"revokedAt": key.revoked_at}


def _project(project: Project) -> dict[str, Any]:
    return {
        "projectKey": project.key,
        "projectId": project.id,
        "tenant": project.tenant,
        "name": project.name,
        "workflowId": project.workflow_id,
        "bucket": project.bucket,
        "prefix": project.prefix,
        "createdAt": project.created_at,
    }
