"""Between plain values and DynamoDB's typed attributes.

botocore leaves this to boto3, whose import a cold start need not pay; these are the types that the table holds.
"""

from __future__ import annotations

import os
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
    if kind in ("S", "BOOL", "SS"):
        return value
    if kind == "N":
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if kind == "M":
        return plain_item(value)
    if kind == "L":
        return [plain(member) for member in value]
    if kind == "NULL":
        return None
    raise TypeError(f"the table holds no attribute of type {kind}")


def plain_item(attributes: Attributes) -> dict[str, Any]:
    return {name: plain(value) for name, value in attributes.items()}
