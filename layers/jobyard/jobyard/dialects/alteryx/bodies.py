"""Bodies that are JSON objects, read by a contract."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from jobyard.errors import Invalid
from jobyard.http import Request, demand_short


def contract_of[Contract: BaseModel](kind: type[Contract], request: Request) -> Contract:
    """Raises ``Invalid``, which names the member; ``TooLarge``."""
    demand_short(request.body)
    try:
        return kind.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Invalid:
    first: Any = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or None
    return Invalid(field, f"{field or 'The body'}: {first['msg'].removeprefix('Value error, ')}.")
