"""Ways through the functions of users, groups, collections and changes; and, in others, to what is shared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jobyard.authorizer import bearer
from jobyard.authorizer.access import Caller, Role
from jobyard.authorizer.secrets import hash_of
from jobyard.aws import client
from jobyard.model import Person
from jobyard.model.people import Kind, Permissions, User
from jobyard.model.source import NOWHERE
from jobyard.service import collections as shared
from jobyard.service import people
from jobyard.store import credentials, jobs, users, workflows
from jobyard.store.items import attribute
from tests.factories import ADA, a_workflow
from tests.integration.way import Way, sample
from tests.sam import seed

NOBODY, SHARED_WORKFLOW = "68f0c0de00000000000005e9", "68f0c0de0000000000000f11"
TOKEN = f"token-of-whom-it-is-shared-with-{'0' * 11}~{seed.TENANT}~{NOBODY}"
_COLLECTION = f"/webapi/v3/collections/{seed.COLLECTION_ID}"
_ADMIN = Caller(seed.TENANT, Person(seed.USER_ID, seed.USER_NAME), Role.CURATOR, seed.CLIENT_ID)
_GROUP = f"/webapi/v3/usergroups/{seed.GROUP_ID}"


def asking(name: str, method: str, path: str, body: Any = None, query: str = "") -> dict[str, Any]:
    """The sample of a function, asked for another of its routes."""
    event = sample(name)
    segments = path.split("/")[3:]
    named = {"collections": "collectionId", "usergroups": "userGroupId", "userGroups": "userGroupId",
             "users": "userId", "workflows": "workflowId", "schedules": "scheduleId"}  # fmt: skip
    event["pathParameters"] = {
        named[kind]: id for kind, id in zip(segments[::2], segments[1::2], strict=False) if kind in named
    }
    event |= {"rawPath": path, "rawQueryString": query}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    if body is not None:
        event["body"] = json.dumps(body)
    return event


def _done(answer: Any) -> None:
    assert answer["statusCode"] in (200, 201), answer


def users_() -> Iterator[Way]:
    new = {"firstName": "J", "lastName": "D", "email": "j@d"}
    rights = dict.fromkeys(
        ("canScheduleJobs", "canPrioritizeJobs", "canAssignJobs", "canCreateCollections", "isApiEnabled"), True
    )
    whole = new | rights | {"role": "Member", "defaultWorkerTag": "", "isActive": True}
    other = f"/webapi/v3/users/{seed.OTHER_USER_ID}"
    yield Way(asking("users", "POST", "/webapi/v3/users", new), check=_done)
    yield Way(asking("users", "PUT", other, whole), check=_done)
    yield Way(asking("users", "DELETE", other), _in_the_collection, _done)


@contextmanager
def _in_the_collection() -> Iterator[None]:
    shared.add(_ADMIN, NOWHERE, seed.COLLECTION_ID, Kind.USER, seed.OTHER_USER_ID, None, Permissions())
    yield


def usergroups() -> Iterator[Way]:
    renamed = {"name": "People", "role": "Viewer"}
    yield Way(asking("usergroups", "GET", "/webapi/v3/usergroups"), check=_done)
    yield Way(asking("usergroups", "POST", "/webapi/v3/usergroups", renamed), check=_done)
    yield Way(asking("usergroups", "PUT", _GROUP, renamed), check=_done)
    yield Way(asking("usergroups", "POST", f"{_GROUP}/users", [seed.OTHER_USER_ID]), check=_done)
    yield Way(asking("usergroups", "DELETE", f"{_GROUP}/users/{seed.OTHER_USER_ID}"), check=_done)
    yield Way(asking("usergroups", "DELETE", _GROUP, query="forceDelete=true"), check=_done)


def collections() -> Iterator[Way]:
    for what, field, id in (
        ("users", "userId", seed.OTHER_USER_ID),
        ("userGroups", "userGroupId", seed.GROUP_ID),
        ("workflows", "workflowId", seed.WORKFLOW_ID),
        ("schedules", "scheduleId", seed.SCHEDULE_ID),
    ):
        yield Way(asking("collections", "POST", f"{_COLLECTION}/{what}", {field: id}), check=_done)
        if what.startswith("user"):
            path = f"{_COLLECTION}/{what}/{id}/permissions"
            yield Way(asking("collections", "PUT", path, {"collectionsPermissions": {}}), check=_done)
        yield Way(asking("collections", "DELETE", f"{_COLLECTION}/{what}/{id}"), check=_done)
    body = {"name": "B", "ownerId": seed.OTHER_USER_ID}
    yield Way(asking("collections", "GET", "/webapi/v3/collections"), check=_done)
    yield Way(asking("collections", "PUT", _COLLECTION, body), check=_done)
    yield Way(asking("collections", "DELETE", _COLLECTION, query="forceDelete=true"), check=_done)
    yield Way(asking("collections", "POST", "/webapi/v3/collections", {"name": "C"}), check=_done)


def audit() -> Iterator[Way]:
    yield Way(sample("audit") | {"rawQueryString": ""}, check=_done)


# ---- What is shared


def by_whom_it_is_shared_with(name: str, check: Callable[[Any], None]) -> Way:
    """The sample of a function, for a job or workflow that is the caller's by a group alone."""
    event = json.loads(json.dumps(sample(name)).replace(f"Bearer {seed.TOKEN}", f"Bearer {TOKEN}"))
    if "workflowId" in (event["pathParameters"] or {}):
        event = json.loads(json.dumps(event).replace(seed.WORKFLOW_ID, SHARED_WORKFLOW))
    return Way(event, sharing, check)


@contextmanager
def sharing() -> Iterator[None]:
    """What the samples speak of is shared with a group, and a member of it is who is called NOBODY here."""
    member = User(
        seed.TENANT, NOBODY, "No", "Body", "n@b", Role.MEMBER, seed.CREATED_MS,
        may_prioritise=True, may_tag=True, api_enabled=True,
    )  # fmt: skip
    if users.get(seed.TENANT, NOBODY) is None:
        users.create(member, ())
        people.add_members(_ADMIN, NOWHERE, seed.GROUP_ID, [NOBODY])
        workflows.put(a_workflow(tenant=seed.TENANT, id=SHARED_WORKFLOW, public=False, owner=ADA.id))
        shared.add(_ADMIN, NOWHERE, seed.COLLECTION_ID, Kind.WORKFLOW, SHARED_WORKFLOW)
    holder = credentials.ApiClient("e" * 24, seed.TENANT, NOBODY, "No Body", Role.MEMBER, "", seed.CREATED_MS)
    credentials.put_client(holder)
    assert credentials.issue(hash_of(TOKEN), holder, seed.NEVER_S)
    for id in seed.JOBS:
        if jobs.get(seed.TENANT, id):
            client("dynamodb").update_item(
                TableName=seed.TABLE,
                Key={"pk": attribute(f"JOB#{seed.TENANT}#{id}"), "sk": attribute("JOB")},
                UpdateExpression="SET scheduleId = :id",
                ExpressionAttributeValues={":id": attribute(seed.SCHEDULE_ID)},
            )
    bearer.forget()
    yield
