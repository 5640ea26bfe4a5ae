"""How many jobs there are: of each facet of a list on each day, and in slots of some minutes.

``COUNT#<list>#<family>`` / ``<facet>#<kept>#<block>``: of a block of days of creation, each attribute the jobs of one
day and one cell, as ``5c0`` (the day's place in its block, and ``Cell.short``). A block is sixteen days, so that a row
that each change writes to stays under a kilobyte; but 64 where a row is of somebody's and of one workflow: of these
there are many, with few jobs each, and most of what it costs to read them is their keys.
``HOURS#<list>#<day>#<facet>`` / ``<hour>#<kept>``: of an hour, each attribute the jobs of one cell that were created in
one slot of it (``5c0``), or completed in one (``.5c0``): most complete in the hour of their creation, and are counted
by one write. A slot is five minutes, or ten seconds in the first two of an hour: that is when schedules fire, and jobs
come by the hundred. Those of somebody and of one workflow are too few to need them.

Rows say how long their jobs are kept: those of expired jobs are passed over, and leave by themselves.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.model import Job
from jobyard.model.listing import DAY_MS, Cell, Facet, cell, ended_at, facets, facets_to_count
from jobyard.store.items import Attributes, attribute, item, plain, table_name

LISTS = "LISTS"
_BLOCK_DAYS = {"all": 16, "who": 16, "what": 16, "both": 64}
HOUR_MS = 3600 * 1000
_SLOTS = (*range(0, 120, 10), 120, *range(300, 3600, 300))
"""When the slots of an hour begin, in seconds of it."""

CREATED, ENDED = "created", "ended"
_PLACES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
_MARKS = {CREATED: "", ENDED: "."}
"""How the names of attributes of a row of ``HOURS#`` begin, by axis; with the place of no slot."""

_COUNT = re.compile(r"\.?[0-9A-Za-z_-][sqircfx][0-9](\+-?[0-9]+)?\Z")
_KEPT_LONGER_DAYS = 2
"""Than their jobs, so that no row goes before the last of them."""


class Tally(NamedTuple):
    """The jobs of one facet, by day of creation (days since the epoch) and cell.

    ``name`` is the whole name of the facet's workflow.
    """

    facet: Facet
    name: str
    days: dict[int, dict[Cell, int]]


class RowKey(NamedTuple):
    pk: str
    sk: str


class Row(NamedTuple):
    """What is added to one row: to which attribute how much; ``rest`` is what a row tells beside its counts."""

    counts: dict[str, int]
    rest: dict[str, Any]


class Changes:
    """What jobs that come, change and go add to the rows that count them."""

    def __init__(self) -> None:
        self._rows: dict[RowKey, Row] = {}

    def add(self, job: Job, number: int) -> None:
        """``number`` is 1 for a job as it is now, -1 for it as it was."""
        of = cell(job)
        end = ended_at(job)
        for facet in facets_to_count(job):
            self._add_day(job, facet, of, number)
            if facet.family != "both":
                self._add_hour(job, facet, CREATED, job.created_at, of, number)
                if end is not None:
                    self._add_hour(job, facet, ENDED, end, of, number)

    @property
    def touched(self) -> int:
        """No fewer than there are ``rows``."""
        return len(self._rows)

    @property
    def rows(self) -> dict[RowKey, Row]:
        """Those that change."""
        changed = {
            key: Row({name: number for name, number in row.counts.items() if number}, row.rest)
            for key, row in self._rows.items()
        }
        return {key: row for key, row in changed.items() if row.counts}

    def _add_day(self, job: Job, facet: Facet, of: Cell, number: int) -> None:
        key, place = day_key(job.listed_in, facet, of.kept, job.created_at // DAY_MS)
        rest: dict[str, Any] = {}
        name = facets(job).workflow_name
        if facet.workflow_id and facet.workflow_name != name:
            rest["name"] = name
        self._add(key, f"{place}{of.short}", number, rest | _expiry(block_of(key).stop, of))

    def _add_hour(self, job: Job, facet: Facet, axis: str, at: int, of: Cell, number: int) -> None:
        day = at // DAY_MS
        key = RowKey(hours_pk(job.listed_in, facet, day), f"{at // HOUR_MS % 24:02d}#{of.kept:05d}")
        self._add(key, f"{_MARKS[axis]}{_PLACES[_slot(at)]}{of.short}", number, _expiry(day + 1, of))

    def _add(self, key: RowKey, name: str, number: int, rest: dict[str, Any]) -> None:
        row = self._rows.setdefault(key, Row(defaultdict(int), rest))
        row.counts[name] += number


def _expiry(after_day: int, of: Cell) -> dict[str, int]:
    return {"expiresAt": (after_day + of.kept + _KEPT_LONGER_DAYS) * DAY_MS // 1000} if of.kept else {}


def update(key: RowKey, row: Row) -> dict[str, Any]:
    """The write of a transaction that adds ``row``. ``version`` tells of each that there was."""
    names = {f"#n{place}": name for place, name in enumerate(row.counts)}
    values = {f":n{place}": attribute(number) for place, number in enumerate(row.counts.values())}
    adds = ", ".join(f"#n{place} :n{place}" for place in range(len(row.counts)))
    sets = ", ".join(f"#r_{name} = :r_{name}" for name in row.rest)
    names |= {f"#r_{name}": name for name in row.rest} | {"#version": "version"}
    values |= item({f":r_{name}": value for name, value in row.rest.items()}) | item({":one": 1})
    return {
        "Update": {
            "TableName": table_name(),
            "Key": item(key._asdict()),
            "UpdateExpression": f"ADD {adds}, #version :one" + (f" SET {sets}" if sets else ""),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
    }


_named: set[str] = set()
"""Lists that this process has named."""


def unnamed(lists: set[str]) -> set[str]:
    """Those of ``lists`` that this process has not named yet: the next transaction is to do so."""
    return lists - _named


def naming(listed_in: str) -> dict[str, Any]:
    """The write of a transaction by which a list can be found again."""
    return {
        "Update": {
            "TableName": table_name(),
            "Key": item({"pk": LISTS, "sk": listed_in}),
            "UpdateExpression": "SET named = :yes",
            "ExpressionAttributeValues": item({":yes": True}),
        }
    }


def remember_named(lists: set[str]) -> None:
    _named.update(lists)


def forget() -> None:
    """As a new process begins."""
    _named.clear()


def hours_pk(listed_in: str, facet: Facet, day: int) -> str:
    """That of all jobs is what those of the day's other facets begin with."""
    return f"HOURS#{listed_in}#{day}#{facet.key}"


def day_key(listed_in: str, facet: Facet, kept: int, day: int) -> tuple[RowKey, str]:
    """The row that counts a facet's jobs of a day of creation, and how the names of its attributes for that begin."""
    block, place = divmod(day, _BLOCK_DAYS[facet.family])
    return RowKey(f"COUNT#{listed_in}#{facet.family}", f"{facet.key}#{kept:05d}#{block:05d}"), _PLACES[place]


def block_of(key: RowKey) -> range:
    """The days of creation that a row of ``COUNT#`` counts."""
    days = _BLOCK_DAYS[key.pk.rpartition("#")[2]]
    begin = int(key.sk.rpartition("#")[2]) * days
    return range(begin, begin + days)


def day_of(key: RowKey, name: str) -> int:
    """The day of creation that an attribute of a row of ``COUNT#`` counts."""
    return block_of(key)[_PLACES.index(name[0])]


def axis_of(name: str) -> str:
    """By what an attribute of a row of ``HOURS#`` counts its jobs."""
    return ENDED if name.startswith(_MARKS[ENDED]) else CREATED


def cell_of(name: str, kept: int) -> Cell:
    """Whose jobs an attribute counts, of a row whose jobs are kept so long."""
    return Cell.of_short(name.removeprefix(_MARKS[ENDED])[1:], kept)


def counts_of(attributes: Attributes) -> dict[str, int]:
    """A row's own counts, by the names of their attributes."""
    return {name: int(value["N"]) for name, value in attributes.items() if _COUNT.match(name)}


def days(listed_in: str, family: str, begins: str = "") -> list[Tally]:
    """All facets of the family whose key begins so, a Query in all: a row for each of them and block of days."""
    found: dict[str, Tally] = {}
    pk = f"COUNT#{listed_in}#{family}"
    for row in rows(pk, begins):
        facet_key, kept = _parted(row["sk"]["S"])
        block = block_of(RowKey(pk, row["sk"]["S"]))
        name = plain(row["name"]) if "name" in row else ""
        tally = found.get(facet_key) or found.setdefault(facet_key, _tally(family, facet_key, name))
        for attribute_name, number in counts_of(row).items():
            # What has drifted below nothing is nothing, until reconcile sets it right.
            if number > 0:
                day = block[_PLACES.index(attribute_name[0])]
                tally.days.setdefault(day, {})[cell_of(attribute_name, kept)] = number
    return list(found.values())


class Slot(NamedTuple):
    """From ``begin`` until ``end`` (milliseconds), the number of a cell's jobs."""

    begin: int
    end: int
    cell: Cell
    number: int


def slots(listed_in: str, facet: Facet, axis: str, day: int) -> list[Slot]:
    """Those of a day that hold any job."""
    found = []
    for row in rows(hours_pk(listed_in, facet, day)):
        hour, _, kept = row["sk"]["S"].partition("#")
        for name, number in counts_of(row).items():
            if number > 0 and axis_of(name) == axis:
                slot = _PLACES.index(name.removeprefix(_MARKS[axis])[0])
                begin, end = (day * DAY_MS + int(hour) * HOUR_MS + edge for edge in _edges(slot))
                found.append(Slot(begin, end, cell_of(name, int(kept)), number))
    return found


def _slot(at: int) -> int:
    """The number of the slot, in its hour, of a time in milliseconds."""
    return bisect_right(_SLOTS, at % HOUR_MS // 1000) - 1


def _edges(slot: int) -> tuple[int, int]:
    """Where in its hour a slot begins and ends, in milliseconds."""
    begin, end = (*_SLOTS, 3600)[slot : slot + 2]
    return begin * 1000, end * 1000


def rows(pk: str, begins: str = "") -> Iterator[Attributes]:
    """A partition's rows; eventually consistent, for half the price."""
    request: dict[str, Any] = {
        "TableName": table_name(),
        "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :begins)" if begins else ""),
        "ExpressionAttributeValues": item({":pk": pk, ":begins": begins or None}),
    }
    while True:
        page = client("dynamodb").query(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _parted(sk: str) -> tuple[str, int]:
    key, kept, _ = sk.rsplit("#", 2)
    return key, int(kept)


def _tally(family: str, key: str, name: str) -> Tally:
    parts = key.split("\n")
    who = parts.pop(0) if family in ("who", "both") else ""
    workflow_name, workflow_id = parts if family in ("what", "both") else ("", "")
    return Tally(Facet(who, workflow_name, workflow_id), name or workflow_name, {})
