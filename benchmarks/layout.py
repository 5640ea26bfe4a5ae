"""How DynamoDB Local keeps a table in SQLite, as far as its own file tells: the columns of keys and indexes, the size
of an item by DynamoDB's rules, and the item as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jobyard.store.items import Attributes
from local.errors import LocalError

FILE = "shared-local-instance.db"
_NO_HASH = ("hashRangeValue BLOB NOT NULL DEFAULT 0", "hashRangeValue BLOB DEFAULT NULL")
_HASHES = {"hashValue", "rangeValue", "hashRangeValue"}

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Layout:
    """``keys``: for each attribute of a key the columns that hold its value."""

    table: str
    columns: tuple[str, ...]
    keys: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, database: sqlite3.Connection, table: str) -> Layout:
        columns = tuple(str(name) for _, name, *_ in database.execute(f'PRAGMA table_info("{table}")'))
        (told,) = database.execute("SELECT TableInfo FROM dm WHERE TableName = ?", (table,)).fetchone()
        keys: dict[str, set[str]] = {}
        for parts in json.loads(told)["SQLiteIndex"].values():
            for part in parts:
                keys.setdefault(part["DynamoDBAttribute"]["AttributeName"], set()).add(part["SQLiteColumnName"])
        return cls(table, columns, {name: tuple(sorted(of)) for name, of in keys.items()})

    def row(self, attributes: Attributes) -> Row:
        text = json.dumps(attributes, separators=(",", ":"), ensure_ascii=False).encode()
        values: dict[str, Any] = {"itemSize": size(attributes), "ObjectJSON": text}
        for name, columns in self.keys.items():
            # Of the keys that are numbers, none is here.
            value = attributes[name]["S"].encode() if name in attributes else None
            values |= dict.fromkeys(columns, value)
        # In some order of the keys, which a Scan's segments are parts of.
        digest = hashlib.sha1(values["hashKey"] + values.get("rangeKey", b""), usedforsecurity=False).digest()
        values |= {"hashValue": digest, "rangeValue": b"", "hashRangeValue": None}
        return tuple(values.get(column) for column in self.columns)

    def holds(self, database: sqlite3.Connection, attributes: Attributes) -> bool:
        """Whether the engine has written the item just so, but for its hashes."""
        ours = dict(zip(self.columns, self.row(attributes), strict=True))
        keys = [name for name in ("hashKey", "rangeKey") if ours.get(name) is not None]
        found = database.execute(
            f'SELECT * FROM "{self.table}" WHERE {" AND ".join(f"{name} = ?" for name in keys)}',  # noqa: S608
            [ours[name] for name in keys],
        ).fetchone()
        theirs = dict(zip(self.columns, found, strict=True))
        for each in (ours, theirs):
            each["ObjectJSON"] = json.loads(each["ObjectJSON"])
        return all(ours[name] == theirs[name] for name in self.columns if name not in _HASHES)

    def emptied(self, database: sqlite3.Connection) -> list[str]:
        """Make the table anew, empty and without indexes; returns the statements that make its indexes."""
        made = dict(
            database.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND sql NOT NULL", (self.table,))
        )
        statement = made.pop(self.table)
        if _NO_HASH[0] not in statement:
            raise LocalError("This release of DynamoDB Local keeps its data in another form than the pinned one.")
        database.execute(f'DROP TABLE "{self.table}"')
        # Compared with nothing, no row of equal keys comes before or behind: there is but the one.
        database.execute(statement.replace(*_NO_HASH))
        return list(made.values())

    def write(self, database: sqlite3.Connection, rows: Iterable[Row]) -> None:
        places = ", ".join("?" * len(self.columns))
        database.executemany(f'INSERT INTO "{self.table}" VALUES ({places})', rows)  # noqa: S608


def size(attributes: Attributes) -> int:
    """In bytes, as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in attributes.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(str(content).encode())
    if kind == "N":
        # Whole numbers: two digits a byte, without the noughts behind them.
        digits = str(content).lstrip("-")
        pairs = digits.rjust(len(digits) + len(digits) % 2, "0")
        while pairs.endswith("00"):
            pairs = pairs[:-2]
        return len(pairs) // 2 + 1 + int(content.startswith("-"))
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in content)
    return 1
