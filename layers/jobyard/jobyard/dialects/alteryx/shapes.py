"""Which operation of a resource a request asks for: one function serves a whole family of routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jobyard.authorizer import Caller
from jobyard.errors import NotFound
from jobyard.http import Request, Response

type Operation = Callable[[Caller, Request], Response]


def operation(request: Request, operations: Mapping[str, Operation]) -> Operation:
    """Of ``operations``, by method and path below the version: ``PUT users/{userId}``.

    The gateway has found the route and says what its parameters are; so the path is what comes of one of the routes.
    """
    asked = _segments(request.path.replace("%25", "%"))
    for key, made in operations.items():
        method, _, path = key.partition(" ")
        if method == request.method and path.count("{") == len(request.path_parameters):
            wanted = _segments(path.format_map(_Named(request.path_parameters)))
            if asked[-len(wanted) :] == wanted:
                return made
    raise NotFound("Endpoint", request.path)


class _Named(dict[str, str]):
    """A parameter that the route has not is no route's."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def _segments(path: str) -> list[str]:
    # Before them there may be a stage, or the base path of a domain of one's own; between them a slash too many.
    return [each for each in path.split("/") if each]
