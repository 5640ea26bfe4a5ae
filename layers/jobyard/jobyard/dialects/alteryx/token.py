"""POST /oauth2/token: client credentials, in the body or by HTTP Basic; errors as in RFC 6749, section 5.2.

For what is not the client's fault that section has no codes: those of section 4.1.2.1 are used.
"""

from __future__ import annotations

import base64
from typing import NamedTuple
from urllib.parse import unquote_plus

from jobyard.errors import Busy, JobyardError, Unauthenticated, Unavailable
from jobyard.http import RETRY_AFTER, Request, Response, json_response
from jobyard.model.ids import is_object_id
from jobyard.service import tokens

_HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_HEADERS_OF = {401: {"WWW-Authenticate": 'Basic realm="jobyard"'}, 503: RETRY_AFTER}


class _Refused(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description


class _Credentials(NamedTuple):
    id: str
    secret: str


def answer(request: Request) -> Response:
    try:
        return json_response(200, _granted(request), _HEADERS)
    except _Refused as refused:
        return _error(refused.status, refused.error, refused.description)


def refuse(error: JobyardError | None, _path: str) -> Response:
    if isinstance(error, Busy | Unavailable):
        return _error(503, "temporarily_unavailable", str(error))
    if error is None:
        return _error(500, "server_error", "An error has occurred.")
    return _error(400, "invalid_request", str(error))


def _error(status: int, error: str, description: str) -> Response:
    headers = _HEADERS | _HEADERS_OF.get(status, {})
    return json_response(status, {"error": error, "error_description": description}, headers)


def _granted(request: Request) -> dict[str, str | int]:
    form = _form(request)
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise _Refused(400, "invalid_request", "grant_type is missing; client_credentials is the one that is known.")
    if grant_type != "client_credentials":
        raise _Refused(400, "unsupported_grant_type", "grant_type must be client_credentials.")
    given = _credentials(request, form)
    try:
        if not is_object_id(given.id):
            raise Unauthenticated("Unknown client.")
        token = tokens.issue(given.id, given.secret)
    except Unauthenticated as error:
        raise _Refused(401, "invalid_client", "Unknown client, or a wrong secret.") from error
    return {"access_token": token.value, "token_type": "bearer", "expires_in": token.lifetime}


def _form(request: Request) -> dict[str, str]:
    """The body's fields that are known; clients send more (``scope``, ``resource``), which mean nothing here."""
    fields = request.form
    known = {name: fields[name] for name in ("grant_type", "client_id", "client_secret") if name in fields}
    if any(len(values) > 1 for values in known.values()):
        raise _Refused(400, "invalid_request", "A parameter is given more than once.")
    return {name: values[0] for name, values in known.items()}


def _credentials(request: Request, form: dict[str, str]) -> _Credentials:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError as error:  # neither base64 nor UTF-8, or not even ASCII
            raise _Refused(401, "invalid_client", "The Authorization header is not HTTP Basic.") from error
        if not colon:
            raise _Refused(401, "invalid_client", "The Authorization header is not HTTP Basic.")
        return _Credentials(unquote_plus(id), unquote_plus(secret))
    if not form.get("client_id") or not form.get("client_secret"):
        raise _Refused(401, "invalid_client", "client_id and client_secret are missing, in the body or by HTTP Basic.")
    return _Credentials(form["client_id"], form["client_secret"])
