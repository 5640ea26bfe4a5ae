"""Between plain values and DynamoDB's typed attributes.

botocore leaves this to boto3, whose import a cold start need not pay; these are the types that the table holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

Attributes = dict[str, dict[str, Any]]


def table_name() -> str:
    return os.environ["TABLE_NAME"]


def attribute(value: Any) -> dict[str, Any]:
    """``value`` as a typed attribute. Raises ``TypeError`` for a type that the table does not hold."""
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    if isinstance(value, dict):
        return {"M": {name: attribute(member) for name, member in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [attribute(member) for member in value]}
    if value is None:
        return {"NULL": True}
    raise TypeError(f"the table holds no {type(value).__name__}")


def item(values: dict[str, Any]) -> Attributes:
    """``values`` as an item; those that are None are left out, as an absent attribute is how the table says so."""
    return {name: attribute(value) for name, value in values.items() if value is not None}


def plain(attribute: dict[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind not in _PLAIN:
        raise TypeError(f"the table holds no attribute of type {kind}")
    return _PLAIN[kind](value)


def plain_item(attributes: Attributes) -> dict[str, Any]:
    values = {}
    for name, attribute in attributes.items():
        # Most are texts: a list of jobs has a thousand attributes.
        values[name] = attribute["S"] if "S" in attribute else plain(attribute)
    return values


def number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _same(value: Any) -> Any:
    return value


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "S": _same,
    "N": number,
    "M": plain_item,
    "BOOL": _same,
    "L": lambda members: [plain(member) for member in members],
    "SS": _same,
    "NULL": lambda _: None,
}
