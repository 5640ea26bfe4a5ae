"""/v3/users: the tenant's users, for administrators."""

from __future__ import annotations

from copy import replace

from jobyard.authorizer import Caller
from jobyard.dialects.alteryx.bodies import read
from jobyard.dialects.alteryx.caller import administrator
from jobyard.dialects.alteryx.parameters import BOOLEANS, boolean, identifier, moment, one_of
from jobyard.dialects.alteryx.people_contracts import ROLES, CreateUserContract, UpdateUserContract
from jobyard.dialects.alteryx.people_views import full_user, reduced_user
from jobyard.dialects.alteryx.shapes import operation
from jobyard.http import Request, Response, json_response
from jobyard.model.people import User
from jobyard.service import people
from jobyard.service.people import UserFilter

VIEWS = {"Default": reduced_user, "Full": full_user}


def answer(request: Request) -> Response:
    who = administrator(request)
    return operation(request, _OPERATIONS)(who, request)


def _list(who: Caller, request: Request) -> Response:
    active, role, view = request.value("active"), request.value("role"), request.value("view")
    verbose = full_user if boolean(request, "verbose", False) else reduced_user
    shown = one_of("view", view, VIEWS) if view else verbose
    filter = UserFilter(
        active=one_of("active", active, BOOLEANS) if active else None,
        email=request.value("email"),
        role=one_of("role", role, ROLES) if role else None,
        first_name=request.value("firstName"),
        last_name=request.value("lastName"),
        created_after=moment(request, "createdAfter"),
        created_before=moment(request, "createdBefore"),
    )
    return json_response(200, [shown(each) for each in people.all_users(who, filter)])


def _get(who: Caller, request: Request) -> Response:
    return json_response(200, full_user(people.user(who, identifier(request, "userId", "User"))))


def _create(who: Caller, request: Request) -> Response:
    contract = read(request, CreateUserContract)
    return json_response(201, full_user(people.create_user(who, request.source, contract.made)))


def _change(who: Caller, request: Request) -> Response:
    id = identifier(request, "userId", "User")
    contract = read(request, UpdateUserContract)

    def changed(user: User) -> User:
        return replace(contract.made(user.tenant, user.id, user.created_at), revision=user.revision)

    return json_response(200, full_user(people.change_user(who, request.source, id, changed)))


def _delete(who: Caller, request: Request) -> Response:
    people.delete_user(who, request.source, identifier(request, "userId", "User"))
    return Response(200)


_OPERATIONS = {
    "GET users": _list,
    "POST users": _create,
    "GET users/{userId}": _get,
    "PUT users/{userId}": _change,
    "DELETE users/{userId}": _delete,
}
