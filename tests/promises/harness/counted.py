"""What the lists read, against what it is made of: a plain recount of the jobs that are there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobyard.model import Job
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, GONE
from jobyard.store.counts import LISTS, Changes, RowKey, counts_of, day_of
from jobyard.store.items import plain, plain_item
from jobyard.store.listings import GONE_KEPT_SECONDS, listing_item
from jobyard.store.recounts import created_day

Counts = dict[tuple[RowKey, str], int]
"""Of each row and attribute."""


def assert_counted(items: Iterable[dict[str, Any]], jobs: Iterable[Job]) -> None:
    """``items`` are all of the table, ``jobs`` those of them that are jobs. What has expired may be counted or not."""
    now = now_ms()
    items = list(items)
    lists = {plain(each["sk"]) for each in items if each["pk"]["S"] == LISTS}
    kept = [job for job in jobs if job.expires_at is None or job.expires_at * 1000 > now]
    assert lists >= {job.listed_in for job in kept}, "lists that nobody can find"
    _assert_rows([each for each in items if each["pk"]["S"].startswith(("COUNT#", "HOURS#"))], kept, lists, now)
    _assert_listings([each for each in items if each["pk"]["S"].startswith("LISTED#")], kept, now)


def recount(jobs: Iterable[Job]) -> Counts:
    changes = Changes()
    for job in jobs:
        changes.add(job, 1)
    return {(key, name): number for key, row in changes.rows.items() for name, number in row.counts.items()}


def counted(rows: Iterable[dict[str, Any]], lists: set[str], now: int) -> Counts:
    """What the rows of ``lists`` say but for zeros and what has expired."""
    found: Counts = {}
    for row in rows:
        key = RowKey(row["pk"]["S"], row["sk"]["S"])
        for name, number in counts_of(row).items():
            made, kept = _made_and_kept(key, name, lists)
            if number and (not kept or (made + kept) * DAY_MS > now):
                found[key, name] = number
    return found


def _made_and_kept(key: RowKey, name: str, lists: set[str]) -> tuple[int, int]:
    """The day of creation of the jobs that an attribute counts, and for how many days they are kept."""
    # From behind: a facet may have the sign in its name.
    if key.pk.startswith("COUNT#"):
        return day_of(key, name), int(key.sk.split("#")[-2])
    kept = int(key.sk.split("#")[-1])
    (of,) = (each for each in lists if key.pk.startswith(f"HOURS#{each}#"))
    return created_day(name, kept, int(key.pk.removeprefix(f"HOURS#{of}#").partition("#")[0])), kept


def _assert_rows(rows: list[dict[str, Any]], jobs: list[Job], lists: set[str], now: int) -> None:
    actual, expected = counted(rows, lists, now), recount(jobs)
    assert actual == expected, f"counted {_less(actual, expected)}, recounted {_less(expected, actual)}"
    for row in rows:
        # Of a row that counts nothing any more, zeros may be gone.
        ends = (sum(_made_and_kept(RowKey(row["pk"]["S"], row["sk"]["S"]), name, lists)) for name in counts_of(row))
        last = max(ends, default=0)
        if "expiresAt" in row:
            assert plain(row["expiresAt"]) * 1000 > last * DAY_MS, "a row goes before the last of its jobs"


def _less(some: Counts, others: Counts) -> Counts:
    return {of: number for of, number in some.items() if others.get(of) != number}


def _assert_listings(listings: list[dict[str, Any]], jobs: list[Job], now: int) -> None:
    actual = {each["pk"]["S"]: plain_item(each) for each in listings}
    for job in jobs:
        expected = plain_item(listing_item(job))
        assert actual.pop(expected["pk"], None) == expected, f"the listing of {job.id}"
    for each in actual.values():
        if each["phase"] == GONE:
            assert set(each) == {"pk", "sk", "phase", "expiresAt"}, "a job that is gone is found in an index"
            assert each["expiresAt"] <= now // 1000 + GONE_KEPT_SECONDS
        else:
            assert each["expiresAt"] * 1000 <= now, f"the listing of a job that is gone: {each}"
