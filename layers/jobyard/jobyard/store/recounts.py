"""What reconcile reads to compare a list's counts with its jobs, a day at a time, and how it sets a row right.

What counts is a day's: of a row of ``COUNT#`` the attributes of the day's place in the block, of one of ``HOURS#`` all
whose jobs have not expired. Of jobs that were created on the day that is all or none; of those that completed on it
each attribute has its own day of creation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from jobyard.aws import ClientError, client, error_code
from jobyard.model import Job
from jobyard.model.listing import DAY_MS, Cell, Facet
from jobyard.store import counts, listings
from jobyard.store.conflicts import patiently
from jobyard.store.counts import CREATED, ENDED, RowKey
from jobyard.store.items import Attributes, item, table_name
from jobyard.store.listings import Stretch

FAMILIES = ("all", "who", "what", "both")
_PAGE_JOBS = 1500
"""About a megabyte, which is what a Query reads at most."""


class Seen(NamedTuple):
    """A row as it was found. ``zeros`` are attributes that count nothing any more, and never will.

    ``version`` is None where there is no row.
    """

    version: int | None
    counts: dict[str, int]
    zeros: frozenset[str]


MISSING = Seen(None, {}, frozenset())


class Counted(NamedTuple):
    """Of a list's rows of counts those of the day, and what else has to be looked at because of them.

    ``hours`` are partitions of rows of ``HOURS#``; ``later`` the cells of jobs that ended on the day and were created
    before it.
    """

    rows: dict[RowKey, Seen]
    hours: set[str]
    later: set[Cell]


class Repair(NamedTuple):
    """``rest`` is what the row has to tell beside its counts."""

    sets: dict[str, int]
    removes: frozenset[str]
    rest: dict[str, Any]


def lists() -> list[str]:
    """The names of all lists that were ever counted in."""
    return [each["sk"]["S"] for each in counts.rows(counts.LISTS)]


def created_on(listed_in: str, day: int) -> Iterator[Job]:
    """The jobs of a day of creation, as they are listed."""
    yield from _of(Stretch(listed_in, Facet(), None, CREATED, *_day(day)))


def ended_on(listed_in: str, day: int, cells: Iterable[Cell]) -> Iterator[Job]:
    """Those of ``cells`` that ended on a day."""
    for cell in sorted(cells):
        yield from _of(Stretch(listed_in, Facet(), cell, ENDED, *_day(day)))


def in_cell(listed_in: str, cell: Cell) -> Iterator[Job]:
    """All jobs that are listed in a cell."""
    yield from _of(Stretch(listed_in, Facet(), cell, CREATED, "0", "9~"))


def counted(listed_in: str, day: int, today: int) -> Counted:
    """Read the list's rows of all families and facets: those of facets without any job are found by nothing else."""
    found = Counted({}, set(), set())
    for family in FAMILIES:
        pk = f"COUNT#{listed_in}#{family}"
        for each in counts.rows(pk):
            key = RowKey(pk, each["sk"]["S"])
            facet_key, kept, _ = key.sk.rsplit("#", 2)
            if day in counts.block_of(key) and counts_still(day, int(kept), today):
                found.rows[key] = seen_of(each, day, today)
            facet = None if family == "both" else _facet(facet_key)
            for name, number in counts.counts_of(each).items():
                created = counts.day_of(key, name)
                if number and counts_still(created, int(kept), today):
                    _note(found, listed_in, facet, counts.cell_of(name, int(kept)), created, day)
    # Where rows of the day before are missing, that day's turn makes them; until then this one's hours are not wrong.
    for begin, _, cell, _ in counts.slots(listed_in, Facet(), ENDED, day):
        if cell.ended > 0 and counts_still(begin // DAY_MS - cell.ended, cell.kept, today):
            found.later.add(cell)
    return found


def _note(found: Counted, listed_in: str, facet: Facet | None, cell: Cell, created: int, day: int) -> None:
    ended = cell.ended >= 0 and created + cell.ended == day
    if ended and created < day:
        found.later.add(cell)
    if facet is not None and (created == day or ended):
        found.hours.add(counts.hours_pk(listed_in, facet, day))


def hours(pk: str, day: int, today: int) -> dict[RowKey, Seen]:
    """The rows of a partition: of a facet's jobs that were created, or ended, on a day."""
    return {RowKey(pk, each["sk"]["S"]): seen_of(each, day, today) for each in counts.rows(pk)}


def row_now(key: RowKey, day: int, today: int) -> Seen:
    """What has become of a row, consistently read."""
    answer = client("dynamodb").get_item(TableName=table_name(), Key=item(key._asdict()), ConsistentRead=True)
    return seen_of(answer["Item"], day, today) if "Item" in answer else MISSING


def seen_of(row: Attributes, day: int, today: int) -> Seen:
    key = RowKey(row["pk"]["S"], row["sk"]["S"])
    version = int(row["version"]["N"]) if "version" in row else None
    numbers = counts.counts_of(row)
    if key.pk.startswith("HOURS#"):
        kept = int(key.sk.rpartition("#")[2])
        mine = {
            name: number
            for name, number in numbers.items()
            if number and counts_still(created_day(name, kept, day), kept, today)
        }
        over = set(numbers) if day < today else set()
    else:
        mine = {name: number for name, number in numbers.items() if number and counts.day_of(key, name) == day}
        over = {name for name in numbers if counts.day_of(key, name) < today}
    return Seen(version, mine, frozenset(name for name in over if not numbers[name]))


def set_right(key: RowKey, version: int | None, repair: Repair) -> bool:
    """Write ``repair`` unless the row has changed since it had ``version``; whether it was written."""
    # Against jobs that are counted meanwhile, and another reconcile: each change of a row has a version of its own.
    as_seen = "attribute_not_exists(version)" if version is None else "version = :seen"
    sets: dict[str, Any] = repair.sets | repair.rest | {"version": (version or 0) + 1}
    names = {f"#s{place}": name for place, name in enumerate(sets)}
    values = {f":s{place}": value for place, value in enumerate(sets.values())}
    removes = {f"#r{place}": name for place, name in enumerate(sorted(repair.removes))}
    expression = "SET " + ", ".join(f"#s{place} = :s{place}" for place in range(len(sets)))
    if removes:
        expression += f" REMOVE {', '.join(removes)}"
    try:
        patiently(
            lambda: client("dynamodb").update_item(
                TableName=table_name(),
                Key=item(key._asdict()),
                UpdateExpression=expression,
                ConditionExpression=as_seen,
                ExpressionAttributeNames=names | removes,
                ExpressionAttributeValues=item(values | {":seen": version}),
            )
        )
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def counts_still(day: int, kept: int, today: int) -> bool:
    """Whether jobs that were created on ``day`` have not expired."""
    return not kept or today < day + kept


def created_day(name: str, kept: int, day: int) -> int:
    """When the jobs were created that an attribute of a day's row of ``HOURS#`` counts."""
    return day if counts.axis_of(name) == CREATED else day - counts.cell_of(name, kept).ended


def _of(stretch: Stretch) -> Iterator[Job]:
    begin: Attributes | None = None
    while True:
        page = listings.read(stretch, False, _PAGE_JOBS, begin)
        yield from page.jobs
        if page.following is None:
            return
        begin = page.following


def _day(day: int) -> tuple[str, str]:
    """Before the first place of a day, and before the first of the next."""
    return f"{day * DAY_MS:013d}", f"{(day + 1) * DAY_MS:013d}"


def _facet(key: str) -> Facet:
    """One that has this key."""
    who, _, id = key.partition("\n")
    return Facet("", who, id) if id else Facet(who)
