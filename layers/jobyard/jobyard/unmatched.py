"""Requests that match no route because of slashes, at the end or doubled: their endpoint is asked all the same.

API Gateway compares paths to the letter, and a route cannot be declared for each way to write them. Clients do add
slashes, so what comes by the default route is compared without regard to them, and handed to the function that serves
the endpoint, with the event as it came: what a caller signed stays what it signed.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any, NamedTuple

from jobyard.aws import ClientError, client, error_code, is_passing
from jobyard.handlers import DIALECTS, errors_of, refused

_NOT_FOUND = {
    "statusCode": 404,
    "headers": {"Content-Type": "application/json"},
    "body": '{"message":"Not Found"}',
    "isBase64Encoded": False,
}
_TOO_LARGE = _NOT_FOUND | {"statusCode": 413, "body": '{"message":"Request Entity Too Large"}'}


class Route(NamedTuple):
    """``segments`` of the path, the names of parameters in braces."""

    key: str
    method: str
    segments: tuple[str, ...]
    function: str


class Match(NamedTuple):
    route: Route
    parameters: dict[str, str]


@cache
def routes() -> tuple[Route, ...]:
    """The gateway's own, from the environment, which has no more room than 4 KB: ``ROUTES`` is JSON, the name of each
    function and a list of what it serves, ``<method>,<method> <path>``.
    """
    return tuple(
        Route(f"{method} {path}", method, _segments(path), function)
        for function, served in json.loads(os.environ["ROUTES"]).items()
        for methods, path in (each.split(" ") for each in served)
        for method in methods.split(",")
    )


def match(method: str, path: str) -> Match | None:
    """The route that ``path`` is another way to write."""
    segments = _segments(path)
    # Before the dialect's own first segment there may be the base path of a domain.
    first = next((place for place, segment in enumerate(segments) if segment in DIALECTS), 0)
    asked = segments[first:]
    for route in routes():
        if route.method != method or len(route.segments) != len(asked):
            continue
        pairs = list(zip(route.segments, asked, strict=True))
        if all(wanted.startswith("{") or wanted == given for wanted, given in pairs):
            named = {wanted.strip("{+}"): given for wanted, given in pairs if wanted.startswith("{")}
            return Match(route, named)
    return None


def answer(event: dict[str, Any]) -> dict[str, Any]:
    found = match(event["requestContext"]["http"]["method"], event["rawPath"])
    if found is None:
        return _NOT_FOUND
    request = event | {"routeKey": found.route.key, "pathParameters": found.parameters}
    # As short as it came: escaped, letters of other scripts would take three times their room, and there is a limit.
    payload = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    try:
        invoked = client("lambda").invoke(FunctionName=found.route.function, Payload=payload)
        response: dict[str, Any] = json.load(invoked["Payload"])
    except Exception as error:
        if isinstance(error, ClientError) and error_code(error) == "RequestTooLargeException":
            return _TOO_LARGE
        if not is_passing(error):
            raise
        # Not tried again here: the endpoint may have done what was asked.
        return refused(error, event["rawPath"], errors_of(event["rawPath"])).to_event()
    if "FunctionError" in invoked:
        # As the gateway would see it: a function that failed is an answer of 500.
        raise RuntimeError(f"{found.route.function} failed: {response.get('errorMessage')}")
    return response


def _segments(path: str) -> tuple[str, ...]:
    return tuple(segment for segment in path.split("/") if segment)
