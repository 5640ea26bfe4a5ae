"""Items of several keys in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobyard.aws import client
from jobyard.errors import Unavailable
from jobyard.store.conflicts import tries
from jobyard.store.items import Attributes, table_name

MOST = 100
"""Keys of one request, which is DynamoDB's own limit."""


def read(keys: Sequence[Attributes], **of: str) -> list[Attributes]:
    """The items of ``keys`` that there are, in any order, read consistently; ``of`` them, where it is
    given (``ProjectionExpression``), only that. Raises ``Unavailable``.
    """
    found: list[Attributes] = []
    asked: Any = {table_name(): {"Keys": list(keys), "ConsistentRead": True, **of}}
    for _ in tries():
        answer = client("dynamodb").batch_get_item(RequestItems=asked)
        found += answer["Responses"].get(table_name(), [])
        asked = answer.get("UnprocessedKeys")
        if not asked:
            return found
    raise Unavailable
