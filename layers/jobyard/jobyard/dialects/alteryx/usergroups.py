"""/v3/usergroups: groups of users, for administrators."""

from __future__ import annotations

from pydantic import BaseModel, TypeAdapter, ValidationError

from jobyard.authorizer import Caller
from jobyard.dialects.alteryx.bodies import is_form, read
from jobyard.dialects.alteryx.caller import administrator
from jobyard.dialects.alteryx.parameters import boolean, identifier
from jobyard.dialects.alteryx.people_contracts import UserGroupContract
from jobyard.dialects.alteryx.people_views import full_group, reduced_group
from jobyard.dialects.alteryx.shapes import operation
from jobyard.errors import Invalid
from jobyard.http import Request, Response, demand_short, json_response
from jobyard.service import people


class _Named(BaseModel):
    userIds: list[str] | str


_IDS: TypeAdapter[list[str] | str | _Named] = TypeAdapter(list[str] | str | _Named)


def answer(request: Request) -> Response:
    who = administrator(request)
    return operation(request, _OPERATIONS)(who, request)


def _list(who: Caller, _: Request) -> Response:
    return json_response(200, [reduced_group(each) for each in people.all_groups(who)])


def _get(who: Caller, request: Request) -> Response:
    return json_response(200, full_group(people.group(who, _id(request))))


def _create(who: Caller, request: Request) -> Response:
    contract = read(request, UserGroupContract)
    return json_response(201, people.create_group(who, request.source, contract.name, contract.role).id)


def _change(who: Caller, request: Request) -> Response:
    id, contract = _id(request), read(request, UserGroupContract)
    changed = people.change_group(who, request.source, id, contract.name, contract.role)
    return json_response(200, full_group(changed))


def _delete(who: Caller, request: Request) -> Response:
    id = _id(request)
    people.delete_group(who, request.source, id, force=boolean(request, "forceDelete", False))
    return Response(200)


def _add(who: Caller, request: Request) -> Response:
    id, ids = _id(request), _user_ids(request)
    added = people.add_members(who, request.source, id, ids)
    view = {
        "successfullyAddedUserCount": added.number,
        "totalUsersSubmittedCount": len(ids),
        "failedUserReasons": added.failed,
    }
    return json_response(200, view)


def _remove(who: Caller, request: Request) -> Response:
    id, user_id = _id(request), identifier(request, "userId", "User")
    return json_response(200, full_group(people.remove_member(who, request.source, id, user_id)))


def _id(request: Request) -> str:
    return identifier(request, "userGroupId", "UserGroup")


def _user_ids(request: Request) -> list[str]:
    """A list of ids, the same with commas, or either as the member ``userIds``."""
    demand_short(request.body)
    try:
        if is_form(request):
            given: list[str] | str | _Named = request.form.get("userIds") or request.form.get("") or []
        else:
            given = _IDS.validate_json(request.body)
    except ValidationError as error:
        raise Invalid("userIds", "userIds: must be a list of ids of users.") from error
    named = given.userIds if isinstance(given, _Named) else given
    parts = [part for each in ([named] if isinstance(named, str) else named) for part in each.split(",")]
    return [part.strip().lower() for part in parts if part.strip()]


_OPERATIONS = {
    "GET usergroups": _list,
    "POST usergroups": _create,
    "GET usergroups/{userGroupId}": _get,
    "PUT usergroups/{userGroupId}": _change,
    "DELETE usergroups/{userGroupId}": _delete,
    "POST usergroups/{userGroupId}/users": _add,
    "DELETE usergroups/{userGroupId}/users/{userId}": _remove,
}
