"""Whether every value of one schema is a value of another: the question behind each change of a body or parameter.

It knows the keywords that the generator uses. Another one that differs is told of, so that nothing passes unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from openapi.parts import Spec

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
# What tells a reader or a generator of code something, and refuses no value.
_NOTES = {"title", "description", "example", "examples", "deprecated", "readOnly", "writeOnly", "$ref"}
_KNOWN = {
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "default",
}
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Schema(NamedTuple):
    """``root`` is the document that references are looked up in."""

    schema: Any
    root: Spec

    def resolved(self) -> Spec:
        found: Any = self.schema
        while isinstance(found, dict) and "$ref" in found:
            place: Any = self.root
            for step in found["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            found = place | {name: each for name, each in found.items() if name != "$ref"}
        return {} if found is True else {"enum": []} if found is False else found

    def inner(self, schema: Any) -> Schema:
        return Schema(schema, self.root)


class Reader(NamedTuple):
    """Who reads the values. A client that reads answers skips members that it does not know; for the service a member
    that it knows no more is one that it does not obey.
    """

    skips_new_members: bool

    @property
    def defaults_matter(self) -> bool:
        """What an absent value means is the service's business."""
        return not self.skips_new_members


CLIENT, SERVICE = Reader(True), Reader(False)


def differences(given: Schema, taken: Schema, reader: Reader, where: str = "") -> Iterator[str]:
    """Why some value of ``given`` is none of ``taken``; nothing where each is one. ``where`` names the place."""
    yield from _differences(given, taken, reader, where, ())


def _differences(given: Schema, taken: Schema, reader: Reader, where: str, seen: tuple[Any, ...]) -> Iterator[str]:
    mine, theirs = given.resolved(), taken.resolved()
    pair = (id(given.schema), id(taken.schema))
    if (mine == theirs and given.root is taken.root) or pair in seen:
        return
    seen = (*seen, pair)
    if reader.defaults_matter and mine.get("default") != theirs.get("default"):
        yield f"{where}: the default is {theirs.get('default')!r}, and was {mine.get('default')!r}"
    mine_each, theirs_each = _branches(mine), _branches(theirs)
    if len(mine_each) > 1 or len(theirs_each) > 1:
        for branch in mine_each:
            # The nearest one is told of: of the same type, with the fewest differences.
            types = _types(given.inner(branch).resolved())
            tries = [
                (
                    types.isdisjoint(_types(taken.inner(each).resolved())),
                    list(_differences(given.inner(branch), taken.inner(each), reader, where, seen)),
                )
                for each in theirs_each
            ]
            yield from min(tries, key=lambda tried: (bool(tried[1]), tried[0], len(tried[1])))[1]
        return
    yield from _plain(mine, theirs, where)
    # ``anyOf`` beside other keywords narrows them: it is compared as it is written.
    for name in ("anyOf", "oneOf"):
        if name in theirs and mine.get(name) != theirs[name]:
            yield f"{where}: {name} changed"
    if "object" in _types(mine) and ("properties" in mine or "properties" in theirs or "object" in _types(theirs)):
        yield from _members(given, taken, reader, where, seen)
    if "items" in theirs and "array" in _types(mine):
        inner = given.inner(mine.get("items", {})), taken.inner(theirs["items"])
        yield from _differences(*inner, reader, f"{where}[]", seen)


def _branches(schema: Spec) -> list[Spec]:
    """The alternatives of a schema that is nothing else; itself where it is none or more."""
    for name in ("anyOf", "oneOf"):
        if name in schema and not set(schema) - _NOTES - {name, "default"}:
            return [schema[name]] if isinstance(schema[name], dict) else list(schema[name])
    return [schema]


def _types(schema: Spec) -> set[str]:
    given = schema.get("type", list(_TYPES))
    return {given} if isinstance(given, str) else set(given)


def _values(schema: Spec) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _plain(mine: Spec, theirs: Spec, where: str) -> Iterator[str]:
    allowed = _types(theirs) | ({"integer"} if "number" in _types(theirs) else set())
    if more := sorted(_types(mine) - allowed):
        yield f"{where}: may be {', '.join(more)}, and not only {theirs['type']}"
        return
    if (values := _values(theirs)) is not None:
        own = _values(mine)
        if own is None:
            yield f"{where}: may be any value, and not only {values}"
        elif more_values := [each for each in own if each not in values]:
            yield f"{where}: may be {', '.join(map(repr, more_values))}"
    yield from _bounds(mine, theirs, where)
    for name in sorted((set(mine) | set(theirs)) - _NOTES - _KNOWN - {*_AT_LEAST, *_AT_MOST}):
        # How a value is written ("xml") has no direction; a pattern is obeyed by no other, as far as one can tell.
        if mine.get(name) != theirs.get(name) and (name in theirs or name == "xml"):
            yield f"{where}: {name} is {mine.get(name)!r}, and not {theirs.get(name)!r}"


def _bounds(mine: Spec, theirs: Spec, where: str) -> Iterator[str]:
    beyond: list[tuple[tuple[str, ...], Callable[[Any, Any], bool]]] = [
        (_AT_LEAST, lambda own, bound: own < bound),
        (_AT_MOST, lambda own, bound: own > bound),
    ]
    for names, outside in beyond:
        for name in names:
            if name in theirs and _values(mine) is None and (name not in mine or outside(mine[name], theirs[name])):
                yield f"{where}: {name} is {mine.get(name, 'nothing')}, and not {theirs[name]}"


def _members(given: Schema, taken: Schema, reader: Reader, where: str, seen: tuple[Any, ...]) -> Iterator[str]:
    mine, theirs = given.resolved(), taken.resolved()
    own, known = mine.get("properties", {}), theirs.get("properties", {})
    for name in theirs.get("required", []):
        if name not in mine.get("required", []):
            yield f"{where}.{name}: is required, and need not be there"
    for name, schema in own.items():
        if name in known:
            inner = given.inner(schema), taken.inner(known[name])
            yield from _differences(*inner, reader, f"{where}.{name}", seen)
        elif not reader.skips_new_members:
            yield f"{where}.{name}: is not known any more"
    if reader.skips_new_members:
        for name in sorted(set(known) - set(own)):
            yield f"{where}.{name}: is gone"
    rest, taken_rest = mine.get("additionalProperties", True), theirs.get("additionalProperties", True)
    if isinstance(rest, dict) and isinstance(taken_rest, dict):
        yield from _differences(given.inner(rest), taken.inner(taken_rest), reader, f"{where}.*", seen)
    elif taken_rest is not True and rest is not False and not reader.skips_new_members:
        yield f"{where}: may have other members than are known"
