"""/v3/collections: what is shared and with whom, for administrators."""

from __future__ import annotations

from jobyard.authorizer import Caller
from jobyard.dialects.alteryx.bodies import read
from jobyard.dialects.alteryx.caller import administrator
from jobyard.dialects.alteryx.parameters import boolean, identifier, one_of
from jobyard.dialects.alteryx.people_contracts import (
    AddScheduleContract,
    AddUserContract,
    AddUserGroupContract,
    AddWorkflowContract,
    CreateCollectionContract,
    UpdateCollectionContract,
    UpdatePermissionsContract,
)
from jobyard.dialects.alteryx.people_views import full_collection, reduced_collection
from jobyard.dialects.alteryx.shapes import Operation, operation
from jobyard.http import Request, Response, json_response
from jobyard.model.people import Collection, Kind
from jobyard.service import collections
from jobyard.service.collections import FIELDS, NAMES

VIEWS = {"Default": False, "Full": True}


def answer(request: Request) -> Response:
    who = administrator(request)
    return operation(request, _OPERATIONS)(who, request)


def _list(who: Caller, request: Request) -> Response:
    view = request.value("view")
    if view and one_of("view", view, VIEWS):
        return json_response(200, [full_collection(each) for each in collections.all_with_entries(who)])
    return json_response(200, [reduced_collection(each) for each in collections.all_of(who)])


def _get(who: Caller, request: Request) -> Response:
    return _shown(collections.get(who, _id(request)))


def _create(who: Caller, request: Request) -> Response:
    return json_response(200, collections.create(who, request.source, read(request, CreateCollectionContract).name).id)


def _change(who: Caller, request: Request) -> Response:
    id, contract = _id(request), read(request, UpdateCollectionContract)
    return _shown(collections.change(who, request.source, id, contract.name, contract.ownerId))


def _delete(who: Caller, request: Request) -> Response:
    id = _id(request)
    collections.delete(who, request.source, id, force=boolean(request, "forceDelete", False))
    return Response(200)


def _add_user(who: Caller, request: Request) -> Response:
    id, contract = _id(request), read(request, AddUserContract)
    return _shared(who, request, id, Kind.USER, contract.userId, contract)


def _add_group(who: Caller, request: Request) -> Response:
    id, contract = _id(request), read(request, AddUserGroupContract)
    return _shared(who, request, id, Kind.GROUP, contract.userGroupId, contract)


def _shared(
    who: Caller, request: Request, id: str, kind: Kind, thing: str, contract: UpdatePermissionsContract
) -> Response:
    permissions = contract.collectionsPermissions.permissions()
    return _shown(collections.add(who, request.source, id, kind, thing, contract.until, permissions))


def _add_workflow(who: Caller, request: Request) -> Response:
    id, contract = _id(request), read(request, AddWorkflowContract)
    return _shown(collections.add(who, request.source, id, Kind.WORKFLOW, contract.workflowId))


def _add_schedule(who: Caller, request: Request) -> Response:
    id, contract = _id(request), read(request, AddScheduleContract)
    return _shown(collections.add(who, request.source, id, Kind.SCHEDULE, contract.scheduleId))


def _remove(kind: Kind) -> Operation:
    def removed(who: Caller, request: Request) -> Response:
        return _shown(collections.remove(who, request.source, _id(request), kind, _thing(request, kind)))

    return removed


def _permit(kind: Kind) -> Operation:
    def permitted(who: Caller, request: Request) -> Response:
        id, thing = _id(request), _thing(request, kind)
        contract = read(request, UpdatePermissionsContract)
        permissions = contract.collectionsPermissions.permissions()
        return _shown(collections.change_permissions(who, request.source, id, kind, thing, contract.until, permissions))

    return permitted


def _id(request: Request) -> str:
    return identifier(request, "collectionId", "Collection")


def _thing(request: Request, kind: Kind) -> str:
    return identifier(request, FIELDS[kind], NAMES[kind])


def _shown(collection: Collection) -> Response:
    return json_response(200, full_collection(collection))


_OPERATIONS: dict[str, Operation] = {
    "GET collections": _list,
    "POST collections": _create,
    "GET collections/{collectionId}": _get,
    "PUT collections/{collectionId}": _change,
    "DELETE collections/{collectionId}": _delete,
    "POST collections/{collectionId}/users": _add_user,
    "DELETE collections/{collectionId}/users/{userId}": _remove(Kind.USER),
    "PUT collections/{collectionId}/users/{userId}/permissions": _permit(Kind.USER),
    "POST collections/{collectionId}/userGroups": _add_group,
    "DELETE collections/{collectionId}/userGroups/{userGroupId}": _remove(Kind.GROUP),
    "PUT collections/{collectionId}/userGroups/{userGroupId}/permissions": _permit(Kind.GROUP),
    "POST collections/{collectionId}/workflows": _add_workflow,
    "DELETE collections/{collectionId}/workflows/{workflowId}": _remove(Kind.WORKFLOW),
    "POST collections/{collectionId}/schedules": _add_schedule,
    "DELETE collections/{collectionId}/schedules/{scheduleId}": _remove(Kind.SCHEDULE),
}
