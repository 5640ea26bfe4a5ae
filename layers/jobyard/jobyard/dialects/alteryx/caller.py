"""Who is calling, in this dialect: a bearer token."""

from __future__ import annotations

from jobyard.authorizer import Caller, authenticate
from jobyard.authorizer.access import demand_administrator
from jobyard.http import Request


def caller(request: Request) -> Caller:
    return authenticate(request.headers.get("authorization"))


def listed_in(who: Caller) -> str:
    """All of a tenant's jobs that were submitted in this dialect are one list."""
    return f"alteryx#{who.tenant}"


def administrator(request: Request) -> Caller:
    """The caller of an endpoint for administrators: others learn nothing of it, not even what it would refuse."""
    who = caller(request)
    demand_administrator(who)
    return who
