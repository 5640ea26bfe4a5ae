"""Keeps what the lists read: an item for each job, and how many there are. Told by the table's stream.

A stream delivers at least once, perhaps late, and its batches may be cut and run at once. So what is counted of a job
stands in the job's own listing, with the phase of its life and how often it was changed in it, and moves together with
the counts in one transaction, on the condition that both are still as they were seen. An image of what has been
counted, or passed, adds nothing; and a batch that died in the middle is simply done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.errors import Busy
from jobyard.model import Job
from jobyard.model.ids import now_ms
from jobyard.model.listing import GONE, PHASES
from jobyard.store import listings
from jobyard.store.conflicts import tries
from jobyard.store.counts import Changes, naming, remember_named, unnamed, update
from jobyard.store.listings import Listing
from jobyard.store.records import JOB, job_of, shown_item

ACTIONS_MOST = 100
"""DynamoDB's own limit of one transaction."""

_BYTES_MOST = 3_000_000
"""Of listings in one transaction; DynamoDB takes 4 MB, counts included."""

_READ_AT_ONCE = 100
"""DynamoDB's own limit for BatchGetItem."""

logger = Logger()


class Told(NamedTuple):
    """The latest that was told of a job; ``phase`` is ``GONE`` where it was removed."""

    job: Job
    phase: int

    @property
    def order(self) -> tuple[int, int]:
        """Of two that were told of one job the later is the greater: one that waits may be changed, and waits on."""
        return self.phase, 0 if self.phase == GONE else self.job.revision


class Counted(NamedTuple):
    """How many jobs were counted anew, and how many records could not be read at all."""

    jobs: int = 0
    unreadable: int = 0


def count(records: Iterable[dict[str, Any]]) -> Counted:
    """Count what the records of a batch tell. Raises ``Busy`` where others are in the way for too long."""
    latest: dict[tuple[str, str], Told] = {}
    unreadable = 0
    for record in records:
        try:
            told = _told(record)
        except Exception:
            # It would not be any better the next time, and must not hold up those behind it.
            logger.exception("a record cannot be counted", keys=record.get("dynamodb", {}).get("Keys"))
            unreadable += 1
            continue
        if told is not None:
            keep(latest, told)
    return Counted(settle(latest.values()), unreadable)


def keep(latest: dict[tuple[str, str], Told], told: Told) -> None:
    key = told.job.tenant, told.job.id
    if key not in latest or latest[key].order < told.order:
        latest[key] = told


def settle(told: Iterable[Told]) -> int:
    """Count jobs as they were told, each at most once; how many were not counted so before."""
    now = now_ms()
    # What has expired is counted no more, however late its removal is told.
    due = [each for each in told if each.job.expires_at is None or each.job.expires_at * 1000 > now]
    done = 0
    for first in range(0, len(due), _READ_AT_ONCE):
        for attempt in _again():
            due_now = due[first : first + _READ_AT_ONCE]
            seen = listings.seen([(each.job.tenant, each.job.id) for each in due_now])
            news = [each for each in due_now if _is_news(each, seen)]
            moved = _move_all(news, seen, now // 1000)
            done += moved
            if moved == len(news):
                break
            logger.info("others count the same jobs", jobs=len(news), attempt=attempt)
    return done


def _again() -> Iterator[int]:
    yield from tries()
    raise Busy("Too many others are counting the same jobs at once; try again.")


def _told(record: dict[str, Any]) -> Told | None:
    change = record["dynamodb"]
    if change["Keys"]["sk"]["S"] != JOB:
        return None
    gone = record["eventName"] == "REMOVE"
    job = job_of(change["OldImage" if gone else "NewImage"])
    if not job.listed_in:
        raise ValueError("the job is in no list")
    return Told(job, GONE if gone else PHASES[job.status])


def _is_news(told: Told, seen: dict[tuple[str, str], Listing]) -> bool:
    before = seen.get((told.job.tenant, told.job.id))
    return before is None or (before.phase, before.revision) < told.order


def _move_all(news: list[Told], seen: dict[tuple[str, str], Listing], now_s: int) -> int:
    """As many at once as fit in a transaction; how many jobs were done before others were in the way."""
    done = 0
    while done < len(news):
        step = _fitting(news[done:], seen)
        if not _move(step, seen, now_s):
            return done
        done += len(step)
    return done


def _fitting(news: list[Told], seen: dict[tuple[str, str], Listing]) -> list[Told]:
    """The longest beginning of ``news`` that one transaction holds."""
    changes = Changes()
    size = 0
    for number, each in enumerate(news):
        _add(changes, each, seen)
        # In JSON no text is shorter than it is to DynamoDB.
        size += len(json.dumps(shown_item(each.job)))
        # One more for each list that may have to be named.
        lists = {each.job.listed_in for each in news[: number + 1]}
        if number + 1 + changes.touched + len(lists) > ACTIONS_MOST or size > _BYTES_MOST:
            return news[: max(number, 1)]
    return news


def _add(changes: Changes, told: Told, seen: dict[tuple[str, str], Listing]) -> None:
    before = seen.get((told.job.tenant, told.job.id))
    if before is not None and before.job is not None:
        changes.add(before.job, -1)
    if told.phase != GONE:
        changes.add(told.job, 1)


def _move(news: list[Told], seen: dict[tuple[str, str], Listing], now_s: int) -> bool:
    """Write listings and counts together; False where another has counted one of the jobs since it was seen."""
    changes = Changes()
    writes = []
    for each in news:
        _add(changes, each, seen)
        gone = each.phase == GONE
        record = listings.gone_item(each.job, now_s) if gone else listings.listing_item(each.job)
        writes.append(listings.put(record, seen.get((each.job.tenant, each.job.id))))
    writes += [update(key, row) for key, row in changes.rows.items()]
    new_lists = unnamed({each.job.listed_in for each in news})
    writes += [naming(each) for each in sorted(new_lists)]
    for _ in tries():
        try:
            client("dynamodb").transact_write_items(TransactItems=writes)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            codes = {reason["Code"] for reason in cancellation_reasons(error)}
            if "ConditionalCheckFailed" in codes:
                return False
            if "TransactionConflict" not in codes:
                raise
        else:
            remember_named(new_lists)
            return True
    raise Busy("Too many others are counting at once; try again.")
