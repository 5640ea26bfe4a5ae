"""The operations of collections, in the alteryx dialect."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from jobyard.dialects.alteryx import people_views
from jobyard.dialects.alteryx.people_contracts import (
    AddScheduleContract,
    AddUserContract,
    AddUserGroupContract,
    AddWorkflowContract,
    CreateCollectionContract,
    UpdateCollectionContract,
    UpdatePermissionsContract,
)
from jobyard.errors import JobyardError, NotFound
from jobyard.model.people import Collection, Entry, Kind, Permissions
from openapi import samples
from openapi.alteryx import ID, TAG, WORKFLOW_ID, refusals
from openapi.alteryx_people import (
    BUSY,
    COLLECTION,
    DENIED,
    FORCE,
    GROUP,
    GROUP_ID,
    INVALID,
    USER,
    USER_ID,
    VIEW,
    body,
    list_of,
    operation,
)
from openapi.alteryx_people_models import AlteryxCollection, AlteryxReducedCollection
from openapi.parts import JSON, Spec, answer, path

_SCHEDULE = "692d4c00a1b2c3d4e5f6071b"
COLLECTION_ID = path("collectionId", "Of the collection.", ID, COLLECTION)
SCHEDULE_ID = path("scheduleId", "Of the schedule.", ID, _SCHEDULE)
_NO_COLLECTION = NotFound("Collection", COLLECTION)
_ACCOUNTING = Collection(
    "acme",
    COLLECTION,
    "Accounting",
    USER,
    samples.AT,
    0,
    (
        Entry(Kind.USER, USER, samples.AT, samples.AT + 86_400_000, Permissions(can_add_assets=True)),
        Entry(Kind.GROUP, GROUP, samples.AT, None, Permissions()),
        Entry(Kind.WORKFLOW, samples.WORKFLOW_ID, samples.AT),
        Entry(Kind.SCHEDULE, _SCHEDULE, samples.AT),
    ),
)
_SHARE = {"expirationDate": "2026-12-31T00:00:00Z", "collectionsPermissions": {"canAddAssets": True}}


def _entries(id: str, what: str, thing: str, parameter: Spec, contract: type[BaseModel], example: Any) -> Spec:
    """To put a kind of thing into a collection, and to take it out."""
    place = f"/webapi/v3/collections/{{collectionId}}/{what}"
    missing = NotFound(thing.capitalize(), parameter["example"])
    return {
        f"POST {place}": operation(
            f"add{id}ToCollection",
            f"Put a {thing} into a collection",
            f"A {thing} that is in it already stays.",
            _collection(INVALID, BUSY),
            parameters=[COLLECTION_ID],
            requestBody=body(contract, example),
        ),
        f"DELETE {place}/{{{parameter['name']}}}": operation(
            f"remove{id}FromCollection",
            f"Take a {thing} out of a collection",
            "What was shared by it is at once no longer.",
            _collection(missing, BUSY),
            parameters=[COLLECTION_ID, parameter],
        ),
    }


def _permissions(id: str, what: str, thing: str, parameter: Spec) -> Spec:
    place = f"/webapi/v3/collections/{{collectionId}}/{what}/{{{parameter['name']}}}/permissions"
    return {
        f"PUT {place}": operation(
            f"changePermissionsOf{id}",
            f"Change what a {thing} may do with a collection",
            "Permissions and the end of the share are replaced.",
            _collection(INVALID, NotFound(thing.capitalize(), parameter["example"]), BUSY),
            parameters=[COLLECTION_ID, parameter],
            requestBody=body(UpdatePermissionsContract, _SHARE),
        )
    }


def _collection(*errors: JobyardError) -> Spec:
    shown = people_views.full_collection(_ACCOUNTING)
    return {
        "200": answer("The collection, as it is now.", JSON, AlteryxCollection, example=shown),
        **refusals(*errors, *DENIED, _NO_COLLECTION),
    }


OPERATIONS: dict[str, Spec] = {
    "GET /webapi/v3/collections": operation(
        "listCollections",
        "List collections",
        "All of the tenant.",
        {
            "200": answer(
                "Collections.",
                JSON,
                list_of(AlteryxReducedCollection, AlteryxCollection),
                example=[people_views.reduced_collection(_ACCOUNTING)],
            ),
            **refusals(INVALID, *DENIED),
        },
        parameters=[VIEW],
    ),
    "POST /webapi/v3/collections": operation(
        "createCollection",
        "Make a collection",
        "The caller owns it, and must be a user who may create collections.",
        {
            "200": answer("Its id.", JSON, {"type": "string"}, example=COLLECTION),
            **refusals(INVALID, *DENIED),
        },
        requestBody=body(CreateCollectionContract, {"name": "Accounting"}),
    ),
    "GET /webapi/v3/collections/{collectionId}": operation(
        "getCollection",
        "Look at a collection",
        "With what is in it, and whom it is shared with.",
        _collection(),
        parameters=[COLLECTION_ID],
    ),
    "PUT /webapi/v3/collections/{collectionId}": operation(
        "changeCollection",
        "Change a collection",
        "Its name and owner.",
        _collection(INVALID, BUSY),
        parameters=[COLLECTION_ID],
        requestBody=body(UpdateCollectionContract, {"name": "Accounting", "ownerId": USER}),
    ),
    "DELETE /webapi/v3/collections/{collectionId}": operation(
        "deleteCollection",
        "Delete a collection",
        "One that is empty, or with forceDelete any; what was shared by it is shared no longer.",
        {"200": answer("The collection is gone."), **refusals(INVALID, *DENIED, _NO_COLLECTION, BUSY)},
        parameters=[COLLECTION_ID, FORCE],
    ),
    **_entries("User", "users", "user", USER_ID, AddUserContract, {"userId": USER} | _SHARE),
    **_permissions("User", "users", "user", USER_ID),
    **_entries("UserGroup", "userGroups", "usergroup", GROUP_ID, AddUserGroupContract, {"userGroupId": GROUP} | _SHARE),
    **_permissions("UserGroup", "userGroups", "usergroup", GROUP_ID),
    **_entries(
        "Workflow", "workflows", "workflow", WORKFLOW_ID, AddWorkflowContract, {"workflowId": samples.WORKFLOW_ID}
    ),
    **_entries("Schedule", "schedules", "schedule", SCHEDULE_ID, AddScheduleContract, {"scheduleId": _SCHEDULE}),
}


__all__ = ["OPERATIONS", "TAG"]
