"""Bodies, read by a contract: JSON objects, or the fields of a form."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from jobyard.errors import Invalid
from jobyard.http import Request, demand_short


def read[Contract: BaseModel](request: Request, contract: type[Contract]) -> Contract:
    """Raises ``Invalid``, which names the member; ``TooLarge``."""
    demand_short(request.body)
    try:
        if is_form(request):
            return contract.model_validate(_members(request))
        return contract.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        raise invalid(error) from error


def is_form(request: Request) -> bool:
    # Tools that are given a body and no type call it a form; one that begins as JSON is JSON whatever they say.
    named = "x-www-form-urlencoded" in request.headers.get("content-type", "").lower()
    return named and not request.body.lstrip().startswith((b"{", b"[", b'"'))


def invalid(error: ValidationError) -> Invalid:
    """The first of its errors, by the name of the member."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or None
    return Invalid(field, f"{field or 'The body'}: {first['msg'].removeprefix('Value error, ')}.")


def _members(request: Request) -> dict[str, Any]:
    """A form's fields; ``a.b`` and ``a[b]`` are the member b of a. Empty ones are null."""
    made: dict[str, Any] = {}
    for name, (value, *_) in request.form.items():
        outer, _, inner = name.removesuffix("]").replace("[", ".", 1).partition(".")
        if not inner:
            made[outer] = value or None
        elif isinstance(members := made.setdefault(outer, {}), dict):
            members[inner] = value or None
    return made
