"""Fills Amazon's DynamoDB Local with what the lists read of a history, and keeps it for the next run.

Through its API the engine takes a few hundred items a second, whatever the batches: a million jobs, with the rows that
count them, would take the better part of an hour. So the tables are made and a sample is written through the API, and
the rest goes into the engine's own SQLite file, in the same form. Before that, the sample is written in this way, too,
and compared: a release of the engine that keeps its data otherwise is refused.

Left out are the engine's hashes, by which it orders rows of equal keys, of which there are none in an index here, and
by which a Scan goes on from page to page: so scan in segments (``references``).
"""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import batched
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.session import get_session

import jobyard.model.listing
import jobyard.store.counts
import jobyard.store.listings
import jobyard.store.records
from benchmarks import history as history_module
from benchmarks.history import DAY, DAYS, LIST, History
from benchmarks.layout import FILE, Layout, Row
from benchmarks.progress import told
from jobyard.aws import client
from jobyard.model import Job
from jobyard.store.counts import CREATED, Changes, RowKey, axis_of, day_of
from jobyard.store.items import Attributes, item
from jobyard.store.listings import listing_item
from jobyard.store.records import shown_item, workflow_item
from local.dynamodb import ENVIRONMENT, SHA512, cache, running
from local.errors import LocalError
from local.processes import locked
from local.template import load, table_definition

TABLE, REFERENCE = "jobs", "reference"
BY_CREATION = "by-creation"
_SAMPLE = 25
WORTH_TIDYING = 12
"""As lifecycle.recount has it."""

_COUNTS_AT_ONCE = 5000
_SOURCES = (jobyard.model.listing, jobyard.store.counts, jobyard.store.listings, jobyard.store.records, history_module)

Counted = tuple[dict[str, int], int | None]
"""What a row counts, and when it expires."""


class _Day(NamedTuple):
    """``rows``: of the table, of the reference, and what is added to those that count, to which other days add, too."""

    jobs: int
    rows: tuple[list[Row], list[Row], dict[tuple[str, str], Counted]]


REFERENCE_TABLE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "listedIn", "created")
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": BY_CREATION,
            "KeySchema": [
                {"AttributeName": "listedIn", "KeyType": "HASH"},
                {"AttributeName": "created", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
"""As in the usual sample: an item for each job, and one index."""


@contextmanager
def loaded(history: History) -> Iterator[float | None]:
    """The jobs of ``history`` in a database, as the functions find it, through their environment.

    Gives the seconds that loading them took; None where a run before had done it.
    """
    home = cache() / "bench-lists"
    folder = home / f"{history.size}-{_digest(history)}"
    with locked(home / f"{history.size}.lock"):
        seconds = None
        if not folder.exists():
            for old in home.glob(f"{history.size}-*"):
                shutil.rmtree(old)
            began = time.monotonic()
            with tempfile.TemporaryDirectory(dir=home, prefix=f"{history.size}-") as scratch:
                _fill(Path(scratch), history)
                Path(scratch).rename(folder)
                Path(scratch).mkdir()
            seconds = time.monotonic() - began
        with serving(folder):
            yield seconds


@contextmanager
def serving(folder: Path | None) -> Iterator[None]:
    """The engine, with this process's environment and clients turned to it."""
    with running(folder) as endpoint:
        os.environ.update(ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint, "TABLE_NAME": TABLE})
        client.cache_clear()
        try:
            yield
        finally:
            client.cache_clear()


def patient() -> Any:
    """A client that waits for what no function would: a table to be made, a million jobs to be scanned."""
    return get_session().create_client("dynamodb", config=Config(read_timeout=900, retries={"total_max_attempts": 1}))


def table() -> dict[str, Any]:
    """The arguments of CreateTable, but for the stream, which nobody reads here."""
    definition = table_definition(load())
    definition.pop("StreamSpecification", None)
    return definition


def reference_item(job: Job) -> Attributes:
    place = jobyard.model.listing.place(job.created_at, job.id)
    return shown_item(job) | item({"pk": f"JOB#{job.id}", "sk": "JOB", "created": place})


def count_item(key: RowKey, counts: dict[str, int], expires_at: int | None, yesterday: int) -> Attributes:
    """As it is after all that its jobs went through: a count that is back at nothing stays in its row as a nought.

    Noughts of days that are over go in reconcile's turns as soon as they are a dozen. So there are those of
    ``yesterday``, the newest day that jobs were created on, and of all days before it what a row has less than a dozen.
    """
    passed: dict[str, int] = {}
    older: dict[str, int] = {}
    for name in counts:
        # Nobody waits or runs by the time of completion.
        if axis_of(name) == CREATED:
            noughts = passed if _day_of(key, name) >= yesterday else older
            noughts |= {nought: 0 for status in "qir" if (nought := f"{name[0]}{status}{name[2]}") not in counts}
    left = dict(list(older.items())[: len(older) % WORTH_TIDYING])
    return item(key._asdict() | passed | left | counts | {"expiresAt": expires_at, "version": 4 * sum(counts.values())})


def _day_of(key: RowKey, name: str) -> int:
    """Of creation, since the epoch, what an attribute counts that counts by creation."""
    if key.pk.startswith("HOURS#"):
        return int(key.pk.removeprefix(f"HOURS#{LIST}#").partition("#")[0])
    return day_of(key, name)


def _digest(history: History) -> str:
    """Another one where another database would be made."""
    made_by = "".join(inspect.getsource(each) for each in _SOURCES) + Path(__file__).read_text(encoding="utf-8")
    return hashlib.sha256(f"{tuple(history)} {SHA512} {table()} {made_by}".encode()).hexdigest()[:16]


def _fill(folder: Path, history: History) -> None:
    sample = history.day(0)[:_SAMPLE]
    with serving(folder):
        dynamodb = patient()
        for name, definition in ((TABLE, table()), (REFERENCE, REFERENCE_TABLE)):
            dynamodb.create_table(TableName=name, **definition)
        for name, attributes in _sampled(sample):
            dynamodb.put_item(TableName=name, Item=attributes)
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-4000000", "temp_store=MEMORY", "threads=2"):
            database.execute(f"PRAGMA {pragma}")
        layouts = {name: Layout.of(database, name) for name in (TABLE, REFERENCE)}
        for name, attributes in _sampled(sample):
            if not layouts[name].holds(database, attributes):
                raise LocalError("This release of DynamoDB Local keeps its data in another form than the pinned one.")
        indexes = {name: layout.emptied(database) for name, layout in layouts.items()}
        database.execute("BEGIN")
        _write_jobs(database, layouts, history)
        others = [workflow_item(each) for each in history.workflows] + [
            item({"pk": "LISTS", "sk": LIST, "named": True})
        ]
        layouts[TABLE].write(database, [layouts[TABLE].row(each) for each in others])
        database.execute("COMMIT")
        every = [statement for statements in indexes.values() for statement in statements]
        for statement in told("Making indexes", len(every), ((1, each) for each in every)):
            database.execute(statement)


def _sampled(jobs: list[Job]) -> Iterator[tuple[str, Attributes]]:
    changes = Changes()
    for job in jobs:
        changes.add(job, 1)
        yield TABLE, listing_item(job)
        yield REFERENCE, reference_item(job)
    for key, row in changes.rows.items():
        yield TABLE, count_item(key, row.counts, row.rest.get("expiresAt"), jobs[0].created_at // DAY)


def _write_jobs(database: sqlite3.Connection, layouts: dict[str, Layout], history: History) -> None:
    """All jobs and the rows that count them, made in as many processes as there are cores, a day at a time."""
    counted: dict[tuple[str, str], Counted] = {}
    with get_context("spawn").Pool(initializer=_begin, initargs=(history, layouts)) as pool:
        days = pool.imap(_day, range(DAYS))
        for rows, reference_rows, changed in told("Loading jobs", history.size, ((day.jobs, day.rows) for day in days)):
            layouts[TABLE].write(database, rows)
            layouts[REFERENCE].write(database, reference_rows)
            for key, (counts, expires_at) in changed.items():
                had, _ = counted.setdefault(key, ({}, expires_at))
                for name, number in counts.items():
                    had[name] = had.get(name, 0) + number
        parts = pool.imap(_counts, batched(counted.items(), _COUNTS_AT_ONCE, strict=False))
        for rows in told("Loading counts", len(counted), ((len(part), part) for part in parts)):
            layouts[TABLE].write(database, rows)


# In the processes that make the rows.

_given: tuple[History, dict[str, Layout]]


def _begin(history: History, layouts: dict[str, Layout]) -> None:
    global _given
    _given = history, layouts


def _day(number: int) -> _Day:
    history, layouts = _given
    jobs = history.day(number)
    changes = Changes()
    for job in jobs:
        changes.add(job, 1)
    rows = [layouts[TABLE].row(listing_item(job)) for job in jobs]
    changed: dict[tuple[str, str], Counted] = {
        (key.pk, key.sk): (row.counts, row.rest.get("expiresAt")) for key, row in changes.rows.items()
    }
    return _Day(len(jobs), (rows, [layouts[REFERENCE].row(reference_item(job)) for job in jobs], changed))


def _counts(part: Iterable[tuple[tuple[str, str], Counted]]) -> list[Row]:
    history, layouts = _given
    table = layouts[TABLE]
    return [table.row(count_item(RowKey(*key), *counted, history.today // DAY - 1)) for key, counted in part]
