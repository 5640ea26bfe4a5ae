"""The operations of users, groups, collections and changes, in the alteryx dialect."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from jobyard.authorizer.access import Role
from jobyard.dialects.alteryx import people_views
from jobyard.dialects.alteryx.parameters import LIMIT, LIMIT_MOST
from jobyard.dialects.alteryx.people_contracts import (
    CreateUserContract,
    UpdateUserContract,
    UserGroupContract,
)
from jobyard.errors import Busy, InUse, Invalid, JobyardError, NotFound, RoleForbidden, Unauthenticated
from jobyard.model.people import Group, Member, User
from jobyard.service.people import MEMBERS_AT_ONCE
from jobyard.store.audit import Record
from openapi import samples
from openapi.alteryx import ACCESS_TOKEN, ID, TAG, refusals
from openapi.alteryx_people_models import (
    AlteryxAddedUsers,
    AlteryxChange,
    AlteryxReducedUser,
    AlteryxReducedUserGroup,
    AlteryxUser,
    AlteryxUserGroup,
)
from openapi.parts import CURSOR, FORM, JSON, NEXT, Spec, answer, choice, path, query

USER, GROUP, COLLECTION = "6b027a5e2c45d0f1a2b3c4d6", "692d4c00a1b2c3d4e5f60719", "692d4c00a1b2c3d4e5f6071a"
USER_ID = path("userId", "Of the user.", ID, USER)
GROUP_ID = path("userGroupId", "Of the group.", ID, GROUP)

DENIED: tuple[JobyardError, ...] = (Unauthenticated(), RoleForbidden())
INVALID = Invalid("name", "name: Field required.")
BUSY = Busy("Too many others are changing the same thing at once; try again.")
_NO_USER, _NO_GROUP = NotFound("User", USER), NotFound("UserGroup", GROUP)
_IN_USE = InUse(f"User {USER} cannot be deleted; there still are collections: {COLLECTION}.")

_JANE = User("acme", USER, "Jane", "Doe", "jane@example.com", Role.EVALUATED, samples.AT, api_enabled=True)
_ANALYSTS = Group("acme", GROUP, "Analysts", Role.VIEWER, samples.AT, 0, (Member(USER, samples.AT, USER),))
_CHANGE = Record(
    tenant="acme",
    key=f"{samples.AT}-0a1b2c3d4e5f6071",
    at=samples.AT,
    user_id=USER,
    user_name="Jane Doe",
    client_id="692d4c00a1b2c3d4e5f6071c",
    ip="192.0.2.1",
    user_agent="curl/8.14.1",
    action="collection.change",
    kind="collection",
    id=COLLECTION,
    before={"name": "Accounts"},
    after={"name": "Accounting"},
    expires_at=samples.AT // 1000,
)
FORCE = query("forceDelete", "Deletes it although it is not empty.", {"type": "boolean", "default": False})
_TIME = {"type": "string", "format": "date-time"}
_ROLES = choice([role.value for role in Role])
VIEW = query("view", "How much is told of each.", choice(["Default", "Full"], default="Default"))


def body(contract: type[BaseModel], example: Any) -> Spec:
    """The product's own model, where the schema that it makes is not of use without what it refers to."""
    made = contract.model_json_schema(ref_template="#/components/schemas/{model}")
    inner = made.pop("$defs", {})
    made.pop("description", None)
    for name, each in made["properties"].items():
        given = [each.get("$ref", ""), *(part.get("$ref", "") for part in each.get("anyOf", []))]
        for reference in filter(None, given):
            made["properties"][name] = inner[reference.rpartition("/")[2]] | (
                {"default": each["default"]} if "default" in each else {}
            )
    return {
        "required": True,
        "content": {JSON: {"schema": made, "example": example}, FORM: {"schema": made}},
    }


def operation(id: str, summary: str, description: str, responses: Spec, **more: Any) -> Spec:
    return {
        "operationId": id,
        "summary": summary,
        "description": f"{description} For Curators.",
        "security": ACCESS_TOKEN,
        **more,
        "responses": responses,
    }


_NEW_USER = {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com"}
_RIGHTS = {
    "role": "Member",
    "defaultWorkerTag": "",
    "canScheduleJobs": True,
    "canPrioritizeJobs": False,
    "canAssignJobs": False,
    "canCreateCollections": False,
    "isApiEnabled": True,
    "isActive": True,
}
_FULL_USER = people_views.full_user(_JANE)
_FULL_GROUP = people_views.full_group(_ANALYSTS)
_NEW_GROUP = {"name": "Analysts", "role": "Viewer"}


def list_of(*models: Any) -> Spec:
    items = models[0] if len(models) == 1 else {"anyOf": list(models)}
    return {"type": "array", "items": items}


USERS: dict[str, Spec] = {
    "GET /webapi/v3/users": operation(
        "listUsers",
        "List users",
        "All of the tenant, or those that are asked for; texts are compared whole, in any letter case.",
        {
            "200": answer(
                "Users.",
                JSON,
                list_of(AlteryxReducedUser, AlteryxUser),
                example=[people_views.reduced_user(_JANE)],
            ),
            **refusals(INVALID, *DENIED),
        },
        parameters=[
            VIEW,
            query("verbose", "The same as view=Full.", {"type": "boolean", "default": False}),
            query("active", "Active or not.", {"type": "boolean"}),
            query("email", "Of this address.", {"type": "string"}),
            query("role", "Of this role.", _ROLES),
            query("firstName", "Of this first name.", {"type": "string"}),
            query("lastName", "Of this last name.", {"type": "string"}),
            query("createdAfter", "Made after this time.", _TIME, example="2025-12-01T00:00:00Z"),
            query("createdBefore", "Made before this time.", _TIME, example="2025-12-01T00:00:00Z"),
        ],
    ),
    "POST /webapi/v3/users": operation(
        "createUser",
        "Make a user",
        "Without a role it is Evaluated: the stack's default role, whatever it is at the time.",
        {
            "201": answer("The user.", JSON, AlteryxUser, example=_FULL_USER),
            **refusals(INVALID, *DENIED),
        },
        requestBody=body(CreateUserContract, _NEW_USER),
    ),
    "GET /webapi/v3/users/{userId}": operation(
        "getUser",
        "Look at a user",
        "All that is known of the user.",
        {
            "200": answer("The user.", JSON, AlteryxUser, example=_FULL_USER),
            **refusals(*DENIED, _NO_USER),
        },
        parameters=[USER_ID],
    ),
    "PUT /webapi/v3/users/{userId}": operation(
        "changeUser",
        "Change a user",
        "The whole user. What is taken away is gone from all of the user's tokens within 30 seconds.",
        {
            "200": answer("The user, as it is now.", JSON, AlteryxUser, example=_FULL_USER),
            **refusals(INVALID, *DENIED, _NO_USER, BUSY),
        },
        parameters=[USER_ID],
        requestBody=body(UpdateUserContract, _NEW_USER | _RIGHTS),
    ),
    "DELETE /webapi/v3/users/{userId}": operation(
        "deleteUser",
        "Delete a user",
        "A user who owns nothing and is in no group; the shares in collections go along.",
        {"200": answer("The user is gone."), **refusals(*DENIED, _NO_USER, _IN_USE, BUSY)},
        parameters=[USER_ID],
    ),
}

_IDS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MEMBERS_AT_ONCE}
GROUPS: dict[str, Spec] = {
    "GET /webapi/v3/usergroups": operation(
        "listUserGroups",
        "List user groups",
        "Without their members.",
        {
            "200": answer(
                "Groups.", JSON, list_of(AlteryxReducedUserGroup), example=[people_views.reduced_group(_ANALYSTS)]
            ),
            **refusals(*DENIED),
        },
    ),
    "POST /webapi/v3/usergroups": operation(
        "createUserGroup",
        "Make a user group",
        "It has no members yet.",
        {
            "201": answer("Its id.", JSON, {"type": "string"}, example=GROUP),
            **refusals(INVALID, *DENIED),
        },
        requestBody=body(UserGroupContract, _NEW_GROUP),
    ),
    "GET /webapi/v3/usergroups/{userGroupId}": operation(
        "getUserGroup",
        "Look at a user group",
        "With its members.",
        {
            "200": answer("The group.", JSON, AlteryxUserGroup, example=_FULL_GROUP),
            **refusals(*DENIED, _NO_GROUP),
        },
        parameters=[GROUP_ID],
    ),
    "PUT /webapi/v3/usergroups/{userGroupId}": operation(
        "changeUserGroup",
        "Change a user group",
        "Its name and role.",
        {
            "200": answer("The group, as it is now.", JSON, AlteryxUserGroup, example=_FULL_GROUP),
            **refusals(INVALID, *DENIED, _NO_GROUP, BUSY),
        },
        parameters=[GROUP_ID],
        requestBody=body(UserGroupContract, _NEW_GROUP),
    ),
    "DELETE /webapi/v3/usergroups/{userGroupId}": operation(
        "deleteUserGroup",
        "Delete a user group",
        "One that is empty, or with forceDelete any; what was shared with it is shared no longer.",
        {
            "200": answer("The group is gone."),
            **refusals(
                Invalid("forceDelete", "forceDelete: the user group is not empty; it must be true to delete it."),
                *DENIED,
                _NO_GROUP,
                BUSY,
            ),
        },
        parameters=[GROUP_ID, FORCE],
    ),
    "POST /webapi/v3/usergroups/{userGroupId}/users": operation(
        "addUsersToUserGroup",
        "Add users to a group",
        "Those who can be are added; of the others the answer says why not.",
        {
            "200": answer(
                "How many were.",
                JSON,
                AlteryxAddedUsers,
                example={"successfullyAddedUserCount": 1, "totalUsersSubmittedCount": 1, "failedUserReasons": {}},
            ),
            **refusals(INVALID, *DENIED, _NO_GROUP, BUSY),
        },
        parameters=[GROUP_ID],
        requestBody={
            "required": True,
            "content": {
                JSON: {
                    "schema": {"anyOf": [_IDS, {"type": "string"}, {"type": "object", "required": ["userIds"]}]},
                    "example": [USER],
                },
                FORM: {"schema": {"type": "object", "properties": {"userIds": {"type": "string"}}}},
            },
        },
    ),
    "DELETE /webapi/v3/usergroups/{userGroupId}/users/{userId}": operation(
        "removeUserFromUserGroup",
        "Take a user out of a group",
        "One who is not in it is out of it.",
        {
            "200": answer("The group, as it is now.", JSON, AlteryxUserGroup, example=_FULL_GROUP),
            **refusals(*DENIED, _NO_GROUP, BUSY),
        },
        parameters=[GROUP_ID, USER_ID],
    ),
}

AUDIT: dict[str, Spec] = {
    "GET /webapi/v3/audit": operation(
        "listChanges",
        "List what persons changed",
        "Newest first. A page may have fewer than there are: where a Link leads on, there may be more.",
        {
            "200": answer(
                "Changes.", JSON, list_of(AlteryxChange), headers=NEXT, example=[people_views.change(_CHANGE)]
            ),
            **refusals(INVALID, *DENIED),
        },
        parameters=[
            query("from", "Made at this time or later.", _TIME, example="2025-12-01T00:00:00Z"),
            query("to", "Made before this time.", _TIME, example="2025-12-01T00:00:00Z"),
            query("user", "By the user of this id.", {"type": "string"}),
            query("kind", "Of this kind of thing.", {"type": "string"}, example="collection"),
            query("id", "Of the thing of this id.", {"type": "string"}),
            query("action", "What was done.", {"type": "string"}, example="collection.change"),
            query(
                "limit",
                "Changes to answer with.",
                {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT},
            ),
            CURSOR,
        ],
    ),
}

OPERATIONS: dict[str, Spec] = {**USERS, **GROUPS, **AUDIT}

__all__ = ["OPERATIONS", "TAG"]
