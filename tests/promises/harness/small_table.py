"""A table in memory, with as much of DynamoDB as counts and lists ask of it: thousands of histories in a minute.

What it leaves out (limits, prices, the network) the same properties meet on DynamoDB Local, with fewer histories.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jobyard.aws import ClientError
from jobyard.lifecycle import count
from jobyard.service import lists
from jobyard.store import counts, listings, transactions, workflows
from jobyard.store.items import Attributes
from local.template import load, table_definition

Key = tuple[str, str]
PAGE = 40
"""Items of a Query that is not limited: DynamoDB's pages end at a megabyte."""


_SAME_REVISION = ("revision = :revision", "(attribute_not_exists(revision) OR revision = :revision)")


class SmallTable:
    """Items by key, and of each partition of the table and its indexes the order."""

    def __init__(self) -> None:
        self._items: dict[Key, Attributes] = {}
        self._orders: dict[tuple[str, str], list[tuple[str, Key]]] = {}
        self._indexes = {"": ("pk", "sk")} | {
            each["IndexName"]: tuple(key["AttributeName"] for key in each["KeySchema"])
            for each in table_definition(load())["GlobalSecondaryIndexes"]
        }
        self.before_query: Callable[[dict[str, Any]], None] = lambda _: None

    def query(self, **request: Any) -> dict[str, Any]:
        self.before_query(request)
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        index = request.get("IndexName", "")
        if index:
            condition = "#partition = :partition AND #place BETWEEN :first AND :last"
            assert request["KeyConditionExpression"] == condition
            names = request["ExpressionAttributeNames"]
            assert (names["#partition"], names["#place"]) == self._indexes[index]
            partition, first, last = values[":partition"], values[":first"], values[":last"]
            assert first <= last, "DynamoDB refuses this"
        else:
            begins = values.get(":begins", "")
            assert request["KeyConditionExpression"].startswith("pk = :pk")
            partition, first, last = values[":pk"], begins, begins + "\U0010ffff"
        order = self._orders.get((index, partition), [])
        found = order[bisect_left(order, (first, ("", ""))) : bisect_right(order, (last, ("\U0010ffff", "")))]
        if request.get("ScanIndexForward") is False:
            found.reverse()
        if (start := request.get("ExclusiveStartKey")) is not None:
            place = start["place"], (start["pk"]["S"], start["sk"]["S"])
            back = request.get("ScanIndexForward") is False
            found = [each for each in found if (each < place if back else each > place)]
        limit = request.get("Limit", PAGE)
        assert limit > 0, "DynamoDB refuses this"
        page = {"Items": [self._items[key] for _, key in found[:limit]]}
        if len(found) >= limit:  # as DynamoDB says it: there may be nothing behind
            at, (pk, sk) = found[limit - 1]
            page["LastEvaluatedKey"] = {"place": at, "pk": {"S": pk}, "sk": {"S": sk}}  # type: ignore[assignment]
        return page

    def get_item(self, Key: Attributes, **_: Any) -> dict[str, Any]:  # noqa: N803
        found = self._items.get(_key(Key))
        return {} if found is None else {"Item": found}

    def put_item(self, Item: Attributes, **_: Any) -> None:  # noqa: N803
        self._put(Item)

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        ((table, request),) = RequestItems.items()
        found = [self._items[key] for each in request["Keys"] if (key := _key(each)) in self._items]
        return {"Responses": {table: found}}

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        assert len(TransactItems) <= 100
        keys = [_key(each["Put"]["Item"] if "Put" in each else each["Update"]["Key"]) for each in TransactItems]
        assert len(set(keys)) == len(keys), "DynamoDB refuses two writes of one item"
        if not all(self._holds(each["Put"]) for each in TransactItems if "Put" in each):
            reasons = {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]}
            raise ClientError({"Error": {"Code": "TransactionCanceledException"}, **reasons}, "TransactWriteItems")  # type: ignore[typeddict-item]
        for each in TransactItems:
            if "Put" in each:
                self._put(each["Put"]["Item"])
            else:
                self._update(each["Update"])

    def _holds(self, put: dict[str, Any]) -> bool:
        before = self._items.get(_key(put["Item"]))
        condition, values = put["ConditionExpression"], put.get("ExpressionAttributeValues", {})
        if condition == "attribute_not_exists(pk)":
            return before is None
        if condition == "attribute_not_exists(#names) OR #names = :had":
            return before is None or before["names"] == values[":had"]
        assert condition in (f"phase = :seen AND {same}" for same in _SAME_REVISION)
        seen = values[":seen"], values[":revision"]
        return before is not None and (before["phase"], before.get("revision", {"N": "0"})) == seen

    def _update(self, update: dict[str, Any]) -> None:
        now = dict(self._items.get(_key(update["Key"]), update["Key"]))
        names, values = update.get("ExpressionAttributeNames", {}), update["ExpressionAttributeValues"]
        added, _, rest = update["UpdateExpression"].partition("SET ")
        for name, value in re.findall(r"(#\w+) (:\w+)", added):
            had = int(now.get(names[name], {"N": "0"})["N"])
            now[names[name]] = {"N": str(had + int(values[value]["N"]))}
        for name, value in re.findall(r"(#?\w+) = (:\w+)", rest):
            now[names.get(name, name)] = values[value]
        self._put(now)

    def _put(self, item: Attributes) -> None:
        key = _key(item)
        before = self._items.get(key)
        if before is not None:
            for place, at in self._places(before):
                self._orders[place].remove((at, key))
        self._items[key] = item
        for place, at in self._places(item):
            insort(self._orders.setdefault(place, []), (at, key))

    def _places(self, item: Attributes) -> Iterator[tuple[tuple[str, str], str]]:
        for index, (partition, place) in self._indexes.items():
            if partition in item and place in item:
                yield (index, item[partition]["S"]), item[place]["S"]


def _key(attributes: Attributes) -> Key:
    return attributes["pk"]["S"], attributes["sk"]["S"]


@contextmanager
def in_memory() -> Iterator[SmallTable]:
    """The product's counts and lists use a small table meanwhile."""
    table = SmallTable()
    with pytest.MonkeyPatch.context() as patched:
        for module in (counts, listings, count, workflows, transactions):
            patched.setattr(module, "client", lambda _: table)
        # One after the other: threads would take longer, and their own order each time.
        patched.setattr(lists, "at_once", lambda calls: [call() for call in calls])
        for variable, value in {"TABLE_NAME": "small", "CURSOR_KEY": "k" * 64}.items():
            patched.setenv(variable, value)
        counts.forget()
        yield table
        counts.forget()
