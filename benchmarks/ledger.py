"""Write units by DynamoDB's own rules, from what stood in the table before and after a request.

DynamoDB Local's accounting of a transaction is not that of AWS: it rounds the bytes of all its items up together, and
doubles indexes, too. On AWS each item is rounded up to 1 KB by itself, and a transaction doubles what is the table's
only. In an index an entry that comes, goes or changes costs a unit for each KB, one that moves to another key two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from benchmarks.layout import size
from benchmarks.loader import patient
from jobyard.store.items import Attributes

_KB = 1024
_OPERATIONS = ("PutItem", "UpdateItem", "TransactWriteItems")


class Index(NamedTuple):
    name: str
    keys: tuple[str, str]
    shows: frozenset[str]

    def entry(self, image: Attributes) -> Attributes:
        """What it shows of an item; nothing where the item has not all its keys."""
        if not all(key in image for key in self.keys):
            return {}
        return {name: value for name, value in image.items() if name in self.shows}

    def units(self, before: Attributes, after: Attributes) -> int:
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old and new and all(old[key] == new[key] for key in self.keys):
            return _units(old, new)
        return sum(_units(each) for each in (old, new) if each)


def indexes(definition: dict[str, Any]) -> list[Index]:
    """Of a table, by the arguments of its CreateTable."""
    found = []
    for each in definition["GlobalSecondaryIndexes"]:
        keys = (each["KeySchema"][0]["AttributeName"], each["KeySchema"][1]["AttributeName"])
        shows = each["Projection"].get("NonKeyAttributes", [])
        found.append(Index(each["IndexName"], keys, frozenset({"pk", "sk", *keys, *shows})))
    return found


def units(before: Attributes, after: Attributes, of: list[Index], *, transaction: bool) -> dict[str, int]:
    """What the write of an item costs, by ``table`` and index."""
    found = {"table": _units(before, after) * (2 if transaction else 1)}
    return found | {index.name: cost for index in of if (cost := index.units(before, after))}


class Write(NamedTuple):
    """One item of one request, done or refused: ``charged`` is its cost by ``table`` and index."""

    operation: str
    key: Attributes
    before: Attributes
    after: Attributes
    charged: dict[str, int]


@contextmanager
def kept(dynamodb: Any, of: list[Index]) -> Iterator[dict[str, float]]:
    """What all writes of ``dynamodb``, a client, cost, by ``table`` and index."""
    total: dict[str, float] = {}

    def add(write: Write) -> None:
        for name, cost in write.charged.items():
            total[name] = total.get(name, 0) + cost

    with told(dynamodb, of, add):
        yield total


@contextmanager
def told(dynamodb: Any, of: list[Index], tell: Callable[[Write], None]) -> Iterator[None]:
    """``tell`` hears of each write of ``dynamodb``, a client, one that is refused included: AWS charges for it, too."""
    begun: list[tuple[str, Attributes, Attributes]] = []
    aside = _aside(os.environ["AWS_ENDPOINT_URL"])

    def image(table: str, key: Attributes) -> Attributes:
        found: Attributes = aside.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return found

    def before(params: dict[str, Any], **_: Any) -> None:
        begun[:] = [(table, key, image(table, key)) for table, key in _keys(params)]

    def after(model: Any, **_: Any) -> None:
        for table, key, was in begun:
            now = image(table, key)
            charged = units(was, now, of, transaction=model.name == "TransactWriteItems")
            tell(Write(model.name, key, was, now, charged))

    for operation in _OPERATIONS:
        dynamodb.meta.events.register(f"provide-client-params.dynamodb.{operation}", before)
        dynamodb.meta.events.register(f"after-call.dynamodb.{operation}", after)
    try:
        yield
    finally:
        for operation in _OPERATIONS:
            dynamodb.meta.events.unregister(f"provide-client-params.dynamodb.{operation}", before)
            dynamodb.meta.events.unregister(f"after-call.dynamodb.{operation}", after)


@cache
def _aside(endpoint: str) -> Any:
    """A client beside the one that is watched. To make one takes longer than what it is for."""
    del endpoint
    return patient()


def _keys(params: dict[str, Any]) -> Iterator[tuple[str, Attributes]]:
    for each in params.get("TransactItems", [{"": params}]):
        (write,) = each.values()
        given = write["Item"] if "Item" in write else write["Key"]
        yield write["TableName"], {"pk": given["pk"], "sk": given["sk"]}


def _units(*images: Attributes) -> int:
    return max(1, *(-(-size(image) // _KB) for image in images))
