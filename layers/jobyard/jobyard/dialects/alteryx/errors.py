"""Every error as the vendor's API says it: ``{"message": …}``."""

from __future__ import annotations

from jobyard.errors import (
    Busy,
    CancelForbidden,
    ChangeForbidden,
    ExecuteForbidden,
    IdempotencyConflict,
    InUse,
    JobyardError,
    NotCancellable,
    NotChangeable,
    NotFound,
    RoleForbidden,
    Unauthenticated,
    Unavailable,
)
from jobyard.http import RETRY_AFTER, Response, json_response

DENIED = "Authorization has been denied for this request."
NOT_CHANGEABLE = "This job is not in 'Queued' state."
NOT_CANCELLABLE = "This job is not in 'Queued' or 'Running' state."

_STATUSES: dict[type[JobyardError], int] = {
    Unauthenticated: 401,
    RoleForbidden: 401,
    ExecuteForbidden: 403,
    ChangeForbidden: 403,
    NotFound: 404,
    IdempotencyConflict: 409,
    InUse: 409,
    Busy: 503,
    Unavailable: 503,
}
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: RETRY_AFTER}
_TEXTS: dict[type[JobyardError], str] = {
    Unauthenticated: DENIED,
    RoleForbidden: DENIED,
    CancelForbidden: "You do not have permission to cancel this job.",
    NotCancellable: NOT_CANCELLABLE,
    NotChangeable: NOT_CHANGEABLE,
}


def answer(error: JobyardError | None, _path: str) -> Response:
    """``None`` is what nobody foresaw: its reason is in the log and not in the answer."""
    if error is None:
        return json_response(500, {"message": "An error has occurred."})
    kind = type(error)
    status = _STATUSES.get(kind, 400)
    return json_response(status, {"message": _TEXTS.get(kind, str(error))}, _HEADERS.get(status))
