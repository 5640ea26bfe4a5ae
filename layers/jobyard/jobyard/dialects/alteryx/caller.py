"""Who is calling, in this dialect: a bearer token."""

from __future__ import annotations

from jobyard.authorizer import Caller, authenticate
from jobyard.http import Request


def caller(request: Request) -> Caller:
    return authenticate(request.headers.get("authorization"))
