"""What operations are made of. Schemas are JSON Schema as dictionaries, or pydantic models that stand for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from jobyard.errors import (
    AlreadyLive,
    Busy,
    CancelForbidden,
    ChangeForbidden,
    ExecuteForbidden,
    IdempotencyConflict,
    InUse,
    Invalid,
    JobyardError,
    NotCancellable,
    NotChangeable,
    NotFound,
    RoleForbidden,
    Unauthenticated,
    Unavailable,
)
from jobyard.http import Response
from jobyard.service.cursors import LONGEST as CURSOR_LONGEST
from jobyard.service.submit import KEY_KEPT_SECONDS, KEY_LONGEST

type Spec = dict[str, Any]
type Refuse = Callable[[JobyardError | None, str], Response]

JSON = "application/json"
XML = "application/xml"
FORM = "application/x-www-form-urlencoded"

WHY: Mapping[type[JobyardError] | None, str] = {
    Invalid: "The request cannot be understood; the message names what is wrong.",
    Unauthenticated: "There is no such caller: the credential is missing, unknown, expired or revoked.",
    RoleForbidden: "The caller's role may not call this endpoint.",
    ExecuteForbidden: "The caller may not run this workflow.",
    CancelForbidden: "The caller may not cancel this job.",
    ChangeForbidden: "The caller may not change this about a job.",
    NotChangeable: "The job waits no longer.",
    NotFound: "There is nothing of that id that the caller may know of.",
    NotCancellable: "The job is in a final state.",
    AlreadyLive: "A job for the same user has not ended yet.",
    InUse: "Something still belongs to what would be deleted.",
    IdempotencyConflict: "The Idempotency-Key was used before, with another request.",
    Busy: "Too many others wrote the same at once; nothing was written, and the request may be repeated.",
    Unavailable: "AWS refused, or did not answer. What was asked may have been done: with an Idempotency-Key it may be "
    "repeated.",
    None: "Something that nobody foresaw; the log has the reason.",
}


class Body(BaseModel):
    """The base of models that only describe: nothing is read or written by them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Spec:
        made = handler.resolve_ref_schema(handler(core))
        for each in made.get("properties", {}).values():
            # What ``optional`` makes: absent, and not null.
            if each.get("default", ...) is None:
                del each["default"]
        return made


class Answered(Body):
    """What Jobyard makes: all members are named, and there are no others."""

    model_config = ConfigDict(extra="forbid")


def optional(description: str, **more: Any) -> Any:
    """The field of a model that may be absent."""
    return Field(default=None, description=description, **more)


def one_of(values: Iterable[Any], **more: Any) -> Any:
    """The field of a model that has one of ``values``."""
    return Field(json_schema_extra={"enum": list(dict.fromkeys(values))}, **more)


def pattern(compiled: re.Pattern[str]) -> str:
    """As JSON Schema writes it: of the whole text, and without Python's own sign for its end."""
    body = compiled.pattern.removesuffix(r"\Z")
    return f"^(?:{body})$" if "|" in body else f"^{body}$"


def query(name: str, description: str, schema: Spec, **more: Any) -> Spec:
    """A parameter of the query. All are optional, and an empty one is an absent one."""
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def several(name: str, description: str, items: Spec, **more: Any) -> Spec:
    """A parameter of the query with any number of values."""
    listed = {"type": "array", "items": items}
    return query(name, description, listed, style="form", explode=True, **more)


def choice(values: Iterable[str], **more: Any) -> Spec:
    return {"type": "string", "enum": list(values), **more}


CURSOR = query(
    "cursor",
    "Where the page begins, as the Link header of the page before has it; good for the same caller, filters and order.",
    {"type": "string", "maxLength": CURSOR_LONGEST},
)
NEXT = {
    "Link": {
        "description": "Where the next page is, with rel=next; the last page has none.",
        "schema": {"type": "string"},
    }
}


def path(name: str, description: str, schema: Spec, example: str) -> Spec:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def header(name: str, description: str, schema: Spec) -> Spec:
    return {"name": name, "in": "header", "description": description, "schema": schema}


IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    f"Makes the request safe to repeat for {KEY_KEPT_SECONDS // 3600} hours: the same key and request is answered as "
    "the first time; with another request it is 409. Keys are each caller's own.",
    {"type": "string", "minLength": 1, "maxLength": KEY_LONGEST},
)
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "The Idempotency-Key had made this job before; nothing was written now.",
        "schema": {"type": "string", "const": "true"},
    }
}


def answer(
    description: str,
    content: str = "",
    schema: Any = None,
    *,
    headers: Mapping[str, Spec] | None = None,
    example: Any = None,
    links: Mapping[str, Spec] | None = None,
) -> Spec:
    """A response; without ``content`` it has no body."""
    made: Spec = {"description": description}
    if headers:
        made["headers"] = dict(headers)
    if content:
        made["content"] = {content: {"schema": schema} | ({} if example is None else {"example": example})}
    if links:
        made["links"] = dict(links)
    return made


def refusals(refuse: Refuse, schema: Any, path: str, errors: Sequence[JobyardError | None]) -> dict[str, Spec]:
    """The responses to ``errors`` by status, as ``refuse``, which answers them in the deployed code, makes them.

    ``None`` is the error that nobody foresaw.
    """
    grouped: dict[str, list[tuple[JobyardError | None, Response]]] = {}
    for error in errors:
        given = refuse(error, path)
        grouped.setdefault(str(given.status), []).append((error, given))
    return {status: _refusal(several, schema) for status, several in sorted(grouped.items())}


def _refusal(given: Sequence[tuple[JobyardError | None, Response]], schema: Any) -> Spec:
    described = " ".join(dict.fromkeys(_why(error) for error, _ in given))
    every = [response.headers for _, response in given]
    names = dict.fromkeys(name for headers in every for name in headers if name != "Content-Type")
    described_headers: dict[str, Spec] = {
        name: {"schema": {"type": "string"}, "required": all(name in headers for headers in every)} for name in names
    }
    made = answer(described, headers=described_headers)
    for error, response in given:
        if response.body:
            media = media_type(response)
            content = made.setdefault("content", {}).setdefault(
                media, {"schema": schema if media in (JSON, XML) else {"type": "string"}, "examples": {}}
            )
            name = "Unforeseen" if error is None else type(error).__name__
            content["examples"].setdefault(name, {"summary": _why(error), "value": shown(response)})
    return made


def media_type(response: Response) -> str:
    return response.headers["Content-Type"].partition(";")[0]


# Each answer has others; a document is the same whenever it is made.
_OWN = re.compile(r"<(RequestId|TraceId)>[^<]+</")


def shown(response: Response) -> Any:
    if media_type(response) == JSON:
        return json.loads(response.body)
    return _OWN.sub(lambda found: f"<{found[1]}>NjJiOTZjNWFfMTIzNDU2NzhfYWJjZF8x</", response.body)


def _why(error: JobyardError | None) -> str:
    kinds = (None,) if error is None else type(error).__mro__
    for kind in kinds:
        if kind in WHY:
            return WHY[kind]
    raise LookupError(f"{type(error).__name__} has no description")
