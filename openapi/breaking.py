"""What a client of one document would miss in another.

Breaking is, for what clients send: a path, operation, parameter, body or member that is gone; one that must be there
now; a value that is refused now; a default that means something else. For what they read: a status of success, type of
content, header or member that is gone or may be absent; a value that was not there before. A new path, an optional
parameter, a new member of an answer and another status of refusal break nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openapi.compatible import CLIENT, SERVICE, Schema, differences
from openapi.parts import Spec

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def breaks(old: Spec, new: Spec) -> list[str]:
    """Each change of ``new`` that breaks a client made for ``old``: where, and what."""
    return list(_breaks(old, new))


def _breaks(old: Spec, new: Spec) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method in (each for each in _METHODS if each in item):
            operation = new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if operation is None:
                yield f"{where}: is gone"
            else:
                yield from _Operation(where, item[method], operation, old, new).breaks()
    for name, scheme in old.get("components", {}).get("securitySchemes", {}).items():
        found = new["components"]["securitySchemes"].get(name)
        if found is None or _without_notes(found) != _without_notes(scheme):
            yield f"the security scheme {name}: is another"


class _Operation:
    """One operation in both documents."""

    def __init__(self, where: str, old: Spec, new: Spec, old_root: Spec, new_root: Spec) -> None:
        self._where, self._old, self._new = where, old, new
        self._roots = old_root, new_root

    def breaks(self) -> Iterator[str]:
        yield from self._security()
        yield from self._parameters()
        yield from self._body()
        yield from self._responses()
        if self._old.get("operationId") != self._new.get("operationId"):
            # Generated clients have methods of that name.
            yield f"{self._where}: the operationId is {self._new.get('operationId')}"

    def _sent(self, old: Any, new: Any, where: str) -> Iterator[str]:
        yield from differences(Schema(old, self._roots[0]), Schema(new, self._roots[1]), SERVICE, where)

    def _read(self, old: Any, new: Any, where: str) -> Iterator[str]:
        yield from differences(Schema(new, self._roots[1]), Schema(old, self._roots[0]), CLIENT, where)

    def _security(self) -> Iterator[str]:
        old, new = self._old.get("security", []), self._new.get("security", [])
        if (gone := [each for each in old if each not in new]) and new:
            yield f"{self._where}: cannot be called by {', '.join(' and '.join(each) or 'anyone' for each in gone)}"
        if new and not old:
            yield f"{self._where}: cannot be called by anyone"

    def _parameters(self) -> Iterator[str]:
        old, new = _parameters(self._old), _parameters(self._new)
        for key, parameter in old.items():
            where = f"{self._where}, {key[0]} parameter {key[1]}"
            if key not in new:
                yield f"{where}: is gone"
                continue
            if new[key].get("required") and not parameter.get("required"):
                yield f"{where}: is required"
            if _style(parameter) != _style(new[key]):
                yield f"{where}: is written in another way"
            yield from self._sent(parameter.get("schema", {}), new[key].get("schema", {}), where)
        for key in new.keys() - old.keys():
            if new[key].get("required"):
                yield f"{self._where}, {key[0]} parameter {key[1]}: is new, and required"

    def _body(self) -> Iterator[str]:
        old, new = self._old.get("requestBody"), self._new.get("requestBody")
        if old is None:
            if new and new.get("required"):
                yield f"{self._where}: a body is required"
            return
        if new is None:
            yield f"{self._where}: the body is gone"
            return
        if new.get("required") and not old.get("required"):
            yield f"{self._where}: a body is required"
        for media, content in old["content"].items():
            where = f"{self._where}, {media} body"
            if media not in new["content"]:
                yield f"{where}: is gone"
            else:
                yield from self._sent(content.get("schema", {}), new["content"][media].get("schema", {}), where)

    def _responses(self) -> Iterator[str]:
        old, new = self._old["responses"], self._new["responses"]
        for status in new:
            if status not in old and not _refuses(status):
                yield f"{self._where}: may answer {status}"
        for status, response in old.items():
            where = f"{self._where}, answer {status}"
            if status in new:
                yield from self._response(response, new[status], where)
            elif not _refuses(status):
                yield f"{where}: is gone"

    def _response(self, old: Spec, new: Spec, where: str) -> Iterator[str]:
        for name, header in old.get("headers", {}).items():
            found = new.get("headers", {}).get(name)
            if found is None:
                yield f"{where}, header {name}: is gone"
                continue
            if header.get("required") and not found.get("required"):
                yield f"{where}, header {name}: need not be there"
            yield from self._read(header.get("schema", {}), found.get("schema", {}), f"{where}, header {name}")
        before, after = old.get("content", {}), new.get("content", {})
        for media in [*before, *(each for each in after if each not in before)]:
            if media not in after:
                yield f"{where}: has no {media}"
            elif media not in before:
                yield f"{where}: may be {media}"
            else:
                yield from self._read(before[media].get("schema", {}), after[media].get("schema", {}), where)


def _parameters(operation: Spec) -> dict[tuple[str, str], Spec]:
    """By place and name; names of headers in small letters."""
    return {
        (each["in"], each["name"].lower() if each["in"] == "header" else each["name"]): each
        for each in operation.get("parameters", [])
    }


def _style(parameter: Spec) -> tuple[Any, ...]:
    style = parameter.get("style", "form" if parameter["in"] in ("query", "cookie") else "simple")
    return style, parameter.get("explode", style == "form"), parameter.get("allowReserved", False)


def _refuses(status: str) -> bool:
    return status[0] in "45"


def _without_notes(scheme: Spec) -> Spec:
    return {name: each for name, each in scheme.items() if name != "description"}
