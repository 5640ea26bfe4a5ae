"""The endpoints behind the template's own routes: each call goes through the Lambda handler that its route names."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode

from local.template import ROOT, load
from tests.contract.conformance import conforms

HOST = "abc123.execute-api.us-east-1.amazonaws.com"

CONTEXT = SimpleNamespace(
    aws_request_id="8286a188-ba32-4475-8077-530cd35c09a9", get_remaining_time_in_millis=lambda: 10_000
)
"""Lambda's, as far as an endpoint looks at it."""

LISTS = frozenset(
    {
        "/webapi/v3/jobs",
        "/webapi/v3/workflows/{workflowId}/jobs",
        "/public/{projectKey}/jobs",
        "/inventorytriggerjob",
    }
)
"""Routes whose GET reads what the stream keeps."""


def nothing() -> None:
    pass


before_list: Callable[[], object] = nothing
"""What happens before a list is read: a fixture may let the stream be told to its end."""

type Query = str | Mapping[str, str] | Sequence[tuple[str, str]]


class Route(NamedTuple):
    method: str
    path: str
    function: str


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def following(self) -> str | None:
        """The query of the page that a list's link leads to."""
        link = self.headers.get("Link")
        return None if link is None else link.partition("?")[2].partition(">")[0]

    @property
    def message(self) -> str:
        """The text of an error; its body has nothing else."""
        assert list(self.json) == ["message"]
        return str(self.json["message"])


class NoRoute(Exception):
    """The gateway has no such route; it answers 404 by itself."""


def call(
    method: str,
    path: str,
    token: str | None = None,
    query: Query = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    **event: Any,
) -> Answer:
    """What API Gateway makes of a request and of its handler's answer.

    ``path`` and a textual ``query`` are as on the wire. ``body`` is sent as JSON, text as it is, bytes in base64.
    Members of the event may be given instead of what follows from the request. What is answered must be documented.
    """
    given = {"authorization": f"Bearer {token}"} if token is not None else {}
    if body is not None and not isinstance(body, str | bytes):
        body, given["content-type"] = json.dumps(body), "application/json"
    given |= {name.lower(): value for name, value in (headers or {}).items()}
    routed, function, parameters = _routed(method, path)
    request: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": _decoded(path),
        "rawQueryString": query if isinstance(query, str) else urlencode(query),
        "headers": {"host": HOST, "x-forwarded-proto": "https", "accept": "application/json"} | given,
        "requestContext": {
            "apiId": "abc123",
            "domainName": HOST,
            "requestId": "JKJaXmPLvHcESHA=",
            "timeEpoch": time.time_ns() // 1_000_000,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if parameters:
        request["pathParameters"] = parameters
    if body is not None:
        request["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    if method == "GET" and routed in LISTS:
        before_list()
    answered = _handler(function)(request | event, CONTEXT)
    # Lambda writes the answer as JSON in UTF-8, and refuses what is longer than 6 MB.
    sent = json.dumps(answered, ensure_ascii=False).encode()
    assert len(sent) <= 6 * 1024 * 1024
    assert set(answered) == {"statusCode", "headers", "body", "isBase64Encoded"}
    if "isBase64Encoded" not in event:  # of an event that the gateway does not make, no client can be told
        conforms(method, routed, answered["statusCode"], answered["headers"], answered["body"])
    return Answer(answered["statusCode"], answered["headers"], answered["body"])


@cache
def routes() -> list[Route]:
    """Every route of the template's gateway, but the default one."""
    return [
        Route(event["Properties"]["Method"], event["Properties"]["Path"], resource["Properties"]["CodeUri"])
        for resource in load()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    ]


def _routed(method: str, path: str) -> tuple[str, str, dict[str, str]]:
    """The route's path, its function, and the parameters in the path."""
    for route in routes():
        if route.method == method and (match := _pattern(route.path).fullmatch(path)):
            return route.path, route.function, {name: _decoded(value) for name, value in match.groupdict().items()}
    raise NoRoute(f"{method} {path}")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    return re.compile(pattern + "/?")


def _decoded(path: str) -> str:
    """As the gateway decodes a path: every escape but that of the percent sign."""
    return unquote(path.replace("%25", "%2525"), errors="replace")


@cache
def _handler(folder: str) -> Any:
    spec = spec_from_file_location(f"{folder.replace('/', '.')}.app", ROOT / folder / "app.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler
