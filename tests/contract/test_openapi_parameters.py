"""What the code reads of a request is what the document says that it reads: seen by looking on while it reads.

A parameter of the query is found by comparing its name, one way or another; so the names that a request is given here
note what they are compared with. One of each name that occurs in the code is given, so that a table of names that is
made first and looked into later has something to compare. Headers are asked for by name.
"""

from __future__ import annotations

import inspect
import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import CodeType
from typing import Any, Self

import pytest

from jobyard.http import Request
from tests.contract import api
from tests.contract.conformance import operation
from tests.contract.world import World, dialect_of
from tests.contract.yard import Yard

ROUTES = api.routes()

# Not the client's to choose: who sends a request, where to, and of what kind, is HTTP's own.
TRANSPORT = {"host", "x-forwarded-proto", "content-type", "content-length", "authorization", "user-agent"}


class Seen:
    def __init__(self) -> None:
        self.parameters: set[str] = set()
        self.headers: set[str] = set()


class Name(str):
    """The name of a parameter; notes what it is compared with."""

    __slots__ = ("seen",)
    seen: Seen

    def __new__(cls, text: str, seen: Seen) -> Self:
        made = super().__new__(cls, text)
        made.seen = seen
        return made

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and not isinstance(other, Name):
            self.seen.parameters.add(str(other))
        return super().__eq__(other)

    __hash__ = str.__hash__

    def lower(self) -> Name:
        return Name(super().lower(), self.seen)


class Headers(dict[str, str]):
    """Notes which are asked for."""

    def __init__(self, headers: dict[str, str], seen: Seen) -> None:
        super().__init__(headers)
        self._seen = seen

    def get(self, name: str, default: Any = None) -> Any:
        self._seen.headers.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self._seen.headers.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._seen.headers.add(str(name))
        return super().__contains__(name)


def constants(dialect: str) -> set[str]:
    """Every text in the code of a dialect."""
    package = import_module(f"jobyard.dialects.{dialect}")
    found: set[str] = set()
    for each in pkgutil.iter_modules(package.__path__):
        source = inspect.getsource(import_module(f"{package.__name__}.{each.name}"))
        found |= set(_texts(compile(source, each.name, "exec")))
    return found


def _texts(code: CodeType) -> Iterator[str]:
    for each in code.co_consts:
        if isinstance(each, str):
            yield each
        elif isinstance(each, CodeType):
            yield from _texts(each)
        elif isinstance(each, tuple):
            yield from (text for text in each if isinstance(text, str))


CURSORS = ("nexttoken", "cursor")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    looked = Seen()
    from_event = Request.from_event

    def watched(event: dict[str, Any]) -> Request:
        request = from_event(event)
        query: list[tuple[str, str]] = [(Name(name, looked), value) for name, value in request.query]
        return request._replace(query=query, headers=Headers(request.headers, looked))

    monkeypatch.setattr(Request, "from_event", watched)
    return looked


@pytest.mark.parametrize("route", ROUTES, ids=[f"{route.method} {route.path}" for route in ROUTES])
def test_what_the_code_reads_is_documented_and_nothing_else(tenancy: Yard, seen: Seen, route: api.Route) -> None:
    described = operation(f"{route.method} {route.path.replace('+}', '}')}").get("parameters", [])
    world = World(tenancy)
    names = {text for text in constants(dialect_of(route.path)) if text.isidentifier()}
    # In small letters too, as a table of names in any letter case is looked into.
    examples = {each["name"].lower(): _value(each) for each in described if each["in"] == "query"}
    names |= {name.lower() for name in names}
    query = [(name, examples.get(name.lower(), "1")) for name in sorted(names) if name.lower() not in CURSORS]
    # What leads to a page is looked for after all others, and this is nothing that does.
    for asked in (query, *([*query, (name, "1")] for name in CURSORS)):
        _ask(world, route, asked)
    documented = {each["name"] for each in described if each["in"] == "query"}
    assert {name.lower() for name in seen.parameters} == {name.lower() for name in documented}
    headers = {each["name"].lower() for each in described if each["in"] == "header"}
    assert {name.lower() for name in seen.headers} - TRANSPORT == headers


def _value(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    items = schema.get("items", schema)
    pattern_example = {"after": "1764576000000-000001-0a1b2c3d"}
    fallback = items["enum"][0] if "enum" in items else {"integer": "1", "boolean": "true"}.get(items.get("type"), "a")
    return str(parameter.get("example", pattern_example.get(parameter["name"], fallback)))


def _ask(world: World, route: api.Route, query: list[tuple[str, str]]) -> None:
    needed = world.body(f"{route.method} {route.path}")
    body = None if needed is None else json.dumps(needed)
    if route.path.endswith("token"):
        body = f"grant_type=client_credentials&client_id={world.client.id}&client_secret={world.client.secret}"
    elif (route.method, route.path) == ("POST", "/inventorytriggerjob"):
        body = operation("POST /inventorytriggerjob")["requestBody"]["content"]["application/xml"]["example"]
    path = world.path(route)
    api.call(route.method, path, None, query, body, world.credentials(route.method, path))
