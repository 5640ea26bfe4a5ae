"""Every error as CI's table of error codes has it; the codes are part of what clients act on.

The table of COS names some of them otherwise (403 ``SignatureDoesNotMatch`` and so on); this is a CI host. ``Resource``
is not in CI's form of an error, but the Python client takes none without it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from jobyard.authorizer.qsign import MalformedSignature, MissingSignature, SignatureExpired, SignatureMismatch
from jobyard.authorizer.signed import UnknownSecret
from jobyard.dialects.tencent import xml
from jobyard.errors import (
    Busy,
    CancelForbidden,
    ExecuteForbidden,
    IdempotencyConflict,
    Invalid,
    JobyardError,
    NotCancellable,
    NotFound,
    RoleForbidden,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from jobyard.http import RETRY_AFTER, Response


class MissingContent(Invalid):
    """There is no body."""


class InvalidContent(Invalid):
    """The body is not XML, not a request, or not what Content-MD5 says."""


class InvalidHost(Invalid):
    """No bucket is named."""


class _Said(NamedTuple):
    status: int
    code: str


_INVALID = _Said(400, "InvalidArgument")

ERRORS: dict[type[JobyardError], _Said] = {
    Invalid: _INVALID,
    TooLarge: _INVALID,
    MissingContent: _Said(400, "MissingContent"),
    InvalidContent: _Said(400, "InvalidContent"),
    InvalidHost: _Said(400, "InvalidHost"),
    NotCancellable: _INVALID,
    MissingSignature: _Said(401, "MissingAuthorization"),
    MalformedSignature: _Said(401, "InvalidAuthorization"),
    SignatureMismatch: _Said(401, "InvalidAuthorization"),
    SignatureExpired: _Said(401, "SignatureExpired"),
    UnknownSecret: _Said(401, "SecretidNotExist"),
    Unauthenticated: _Said(401, "AccessDenied"),
    RoleForbidden: _Said(403, "AccessDenied"),
    ExecuteForbidden: _Said(403, "AccessDenied"),
    CancelForbidden: _Said(403, "AccessDenied"),
    NotFound: _Said(404, "ResourceNotFound"),
    IdempotencyConflict: _Said(409, "InvalidArgument"),
    Busy: _Said(503, "SlowDown"),
    Unavailable: _Said(503, "ServiceUnavailable"),
}


def answer(error: JobyardError | None, path: str) -> Response:
    """``None`` is what nobody foresaw: its reason is in the log and not in the answer."""
    if error is None:
        return xml.refused(500, [("Code", "InternalError"), ("Message", "An error has occurred.")], path or "/")
    said = ERRORS.get(type(error), _INVALID)
    parts = [("Code", said.code), ("Message", str(error) or said.code)]
    if isinstance(error, SignatureMismatch) and error.format_string:
        parts += [("StringToSign", error.string_to_sign), ("FormatString", error.format_string)]
    if isinstance(error, SignatureExpired):
        parts.append(("ServerTime", datetime.fromtimestamp(error.server_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
    response = xml.refused(said.status, parts, path or "/")
    return response._replace(headers=response.headers | RETRY_AFTER) if said.status == 503 else response
