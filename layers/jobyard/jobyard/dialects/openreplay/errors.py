"""Every error as the original says it: ``{"error": …}``, but nothing at all to a caller that it does not know."""

from __future__ import annotations

from jobyard.dialects.openreplay.views import answered
from jobyard.errors import (
    AlreadyLive,
    Busy,
    ExecuteForbidden,
    IdempotencyConflict,
    JobyardError,
    NotCancellable,
    NotFound,
    RoleForbidden,
    Unauthenticated,
    Unavailable,
)
from jobyard.http import RETRY_AFTER, Response

_STATUSES: dict[type[JobyardError], int] = {
    ExecuteForbidden: 403,
    NotFound: 404,
    AlreadyLive: 409,
    IdempotencyConflict: 409,
    Busy: 503,
    Unavailable: 503,
}


def answer(error: JobyardError | None, _path: str) -> Response:
    """``None`` is what nobody foresaw: its reason is in the log and not in the answer."""
    match error:
        case None:
            return answered(500, {"error": "internal server error"})
        case Unauthenticated() | RoleForbidden():
            return Response(401)
        case NotFound(kind="page"):
            return Response(404, "404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})
        case NotFound():
            text = f"{error.kind.lower()} not found"
        case NotCancellable():
            text = f"the requested job has already been {error.status}"
        case AlreadyLive():
            text = "a deletion job for this user is already scheduled or running"
        case _:
            text = str(error)
    status = _STATUSES.get(type(error), 400)
    response = answered(status, {"error": text})
    return response._replace(headers=response.headers | RETRY_AFTER) if status == 503 else response
