"""Who is calling, in this dialect: an organisation by its API key, about one of its projects."""

from __future__ import annotations

from typing import NamedTuple

from jobyard.authorizer import Caller
from jobyard.authorizer.access import demand_administrator
from jobyard.authorizer.bearer import holder
from jobyard.errors import NotFound, Unauthenticated
from jobyard.http import Request
from jobyard.service import projects
from jobyard.service.projects import Project


class Call(NamedTuple):
    """``listed_in``: the jobs of a project are one list."""

    caller: Caller
    project: Project
    listed_in: str


def authenticated(request: Request) -> Call:
    """Key and project together: an unknown project, or another organisation's, is as wrong as an unknown key.

    Raises ``Unauthenticated``, or ``RoleForbidden`` for an access token that may not do all that a key may.
    """
    # The original splits the header there and wants two parts: other letter cases, and a bare key, are refused.
    parts = request.headers.get("authorization", "").split("Bearer ")
    if len(parts) != 2:
        raise Unauthenticated("No API key was given.")
    caller = holder(parts[1])
    demand_administrator(caller)
    try:
        project = projects.get(caller, request.path_parameters.get("projectKey", ""))
    except NotFound as error:
        raise Unauthenticated("The project is not the organisation's.") from error
    return Call(caller, project, f"openreplay#{caller.tenant}#{project.id}")
