"""Parts of the contracts that bodies of requests are, in all the forms in which clients write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from jobyard.dialects.alteryx.parameters import one_of
from jobyard.errors import Invalid
from jobyard.model import Priority

PRIORITIES: Mapping[str, Priority] = {
    **{priority.value: priority for priority in Priority},
    "0": Priority.LOW,
    "1": Priority.MEDIUM,
    "2": Priority.HIGH,
    "3": Priority.CRITICAL,
}


def priority_of(given: Any) -> Any:
    if given is None or given == "":
        return Priority.DEFAULT
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError(f"allowed values: {', '.join(PRIORITIES)}")
    try:
        return one_of("priority", str(given), PRIORITIES)
    except (Invalid, ValueError) as error:
        raise ValueError(f"allowed values: {', '.join(PRIORITIES)}") from error


def _questions(given: Any) -> Any:
    """A list of ``{"name", "value"}``, one such object, or an object of names and values."""
    if given is None or given == "":
        return []
    if isinstance(given, dict):
        if set(given) <= {"name", "value"} and "name" in given:
            return [given]
        return [{"name": name, "value": value} for name, value in given.items()]
    return given


def _text(given: Any) -> Any:
    """Numbers and booleans as JSON writes them; null is the empty text."""
    if given is None:
        return ""
    if isinstance(given, bool | int | float):
        return json.dumps(given, allow_nan=False)
    return given


Text = Annotated[str, BeforeValidator(_text)]
PriorityName = Annotated[Priority, BeforeValidator(priority_of)]


class QuestionContract(BaseModel):
    name: str
    value: Text = ""


Questions = Annotated[list[QuestionContract], BeforeValidator(_questions)]
