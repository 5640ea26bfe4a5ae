"""Compares what lists count with what they list, a day at a time, and sets right what differs.

::

    the listings of the day     all-by-creation; and of those that ended on it, but were created before,
         |                      all-cells-by-end
         v
    what the rows should say    counts.Changes, as when jobs are counted one by one
         |
         v
    what the rows say           COUNT# of all four families, HOURS# of the facets that either of the two knows
         |
         v
    what differs twice          looked at once more after a while: indexes lag, and work goes on
         |
         v
    a row is set right          if it is still as it was seen

Counting a job moves its listing and its rows together, so what a row is wrong by does not change while work goes on; it
is only hard to see. Of a day that is over a difference is believed when the day's numbers have not moved between two
looks, though other days of the row may have; of today, when nothing of the row has.

Each list has its turn every ``EVERY_MINUTES``, by the clock, so nothing has to be remembered: by turns the day that has
just ended, and one of the days that are kept; these are through in less than a day. A turn over a day of *n* jobs costs

- for the listings some n / 19 read units, and as much for those jobs that were created on a day before;
- for the rows of ``COUNT#`` half a unit for each 4 KB: one for each facet and block of days, some 45 a unit where
  facets have few jobs;
- half a unit for each owner and each workflow of the jobs that were created on the day, or ended on it.

A list of 1,000,000 jobs in 90 days, of 200 owners, 50 workflows and 20,000 rows: about 580 for its 11,000 listings, 450
for the rows, 150 for the hours; 10 million a month. Each owner more of a day is a Query more: a list whose jobs all
have names of their own takes minutes, and a day that takes longer than a run has is left out each time, which the log
tells. Only where something differs it is all read again, at most ``LOOKS`` times.

What is not found: hours of a facet and day that neither a listing nor a row of ``COUNT#`` knows, which no list reads,
either; and a listing that is gone of a job that has ended (``lifecycle.lost``).
"""

from __future__ import annotations

import os
import time
from itertools import chain
from typing import NamedTuple
from zlib import crc32

from aws_lambda_powertools import Logger

from jobyard.aws import has_time_for
from jobyard.model import Job
from jobyard.model.listing import DAY_MS, Cell, Facet, cell
from jobyard.store import counts, recounts
from jobyard.store.counts import Changes, Row, RowKey
from jobyard.store.recounts import MISSING, Repair, Seen, counts_still

EVERY_MINUTES = 5
LOOKS = 4
LAG_SECONDS = 15.0
"""Between two looks: more than indexes lag, but for one whose writes are throttled. Only where something differs."""

_WRITES = 3
"""Tries of one repair: other days of a row may be counted in meanwhile."""

_WORTH_TIDYING = 12
"""Zeros that are worth a write of their own to be rid of."""

logger = Logger()


class Compared(NamedTuple):
    """A row as it is and as it should be."""

    seen: Seen
    right: Row

    @property
    def differences(self) -> dict[str, int]:
        names = self.seen.counts.keys() | self.right.counts.keys()
        by = {name: self.right.counts.get(name, 0) - self.seen.counts.get(name, 0) for name in names}
        return {name: number for name, number in by.items() if number}

    @property
    def drift(self) -> int:
        return sum(map(abs, self.differences.values()))

    @property
    def repair(self) -> Repair:
        sets = {name: self.right.counts[name] for name in self.differences if name in self.right.counts}
        return Repair(sets, (self.seen.zeros | self.differences.keys()) - sets.keys(), self.right.rest)


def day_due(listed_in: str, now_ms: int) -> int | None:
    """The day (since the epoch) that is to be compared in this minute, if any is."""
    # So that not all lists are due in one minute.
    turn, wait = divmod(now_ms // 60_000 + crc32(listed_in.encode()), EVERY_MINUTES)
    if wait:
        return None
    if turn % 2:
        return now_ms // DAY_MS - 1
    days = kept_days(listed_in, now_ms)
    return days[turn // 2 % len(days)]


def kept_days(listed_in: str, now_ms: int) -> list[int]:
    """The days of creation whose jobs may not have expired yet: those of the retention, and others that count any."""
    today = now_ms // DAY_MS
    usual = range(today - int(os.environ["RETENTION_DAYS"]), today + 1)
    others = {
        day
        for tally in counts.days(listed_in, "all")
        for day, numbers in tally.days.items()
        if any(counts_still(day, each.kept, today) for each in numbers)
    }
    return sorted(others.union(usual))


def compare(listed_in: str, day: int, now_ms: int) -> int:
    """Set right what the rows of a day say; the sum of what they were wrong by. Raises ``Unavailable`` out of time."""
    today = now_ms // DAY_MS
    drift: dict[RowKey, int] = {}
    before: dict[RowKey, Compared] = {}
    for number in range(LOOKS):
        if number:
            if not has_time_for(LAG_SECONDS):
                break
            time.sleep(LAG_SECONDS)
        rows = _look(listed_in, day, today)
        if not number:
            _tidy(rows)
        wrong = {key: row for key, row in rows.items() if row.differences}
        for key, row in wrong.items():
            if key in before and _is_same(before[key], row, day < today) and _set_right(key, row, day, today):
                drift[key] = row.drift
                logger.warning("counts had drifted", list=listed_in, day=day, row=key.pk.split("#")[0], by=row.drift)
        before = {key: row for key, row in wrong.items() if key not in drift}
        if not before:
            break
    else:
        logger.info("counts that move are left for the next turn", list=listed_in, day=day, rows=len(before))
    return sum(drift.values())


def _look(listed_in: str, day: int, today: int) -> dict[RowKey, Compared]:
    found = recounts.counted(listed_in, day, today)
    right = _right(listed_in, day, today, found.later)
    partitions = found.hours | {key.pk for key in right if key.pk.startswith("HOURS#")}
    seen = found.rows | {key: row for pk in sorted(partitions) for key, row in recounts.hours(pk, day, today).items()}
    return {key: Compared(seen.get(key, MISSING), right.get(key, Row({}, {}))) for key in seen.keys() | right.keys()}


def _right(listed_in: str, day: int, today: int, later: set[Cell]) -> dict[RowKey, Row]:
    """What the rows should say of the day; ``later`` as in ``Counted``."""
    changes = Changes()
    for job in chain(recounts.created_on(listed_in, day), recounts.ended_on(listed_in, day, later)):
        if _counts(job, today):
            changes.add(job, 1)
    hours = counts.hours_pk(listed_in, Facet(), day)
    rows = {}
    # Both kinds of jobs are counted on other days, too: by their end, or by their creation.
    for key, row in changes.rows.items():
        if key.pk.startswith("COUNT#"):
            numbers = {name: number for name, number in row.counts.items() if counts.day_of(key, name) == day}
            if numbers:
                rows[key] = row._replace(counts=numbers)
        elif key.pk.startswith(hours):
            rows[key] = row
    return rows


def _counts(job: Job, today: int) -> bool:
    return counts_still(job.created_at // DAY_MS, cell(job).kept, today)


def _is_same(before: Compared, now: Compared, over: bool) -> bool:
    same = before.seen.counts == now.seen.counts and before.right.counts == now.right.counts
    return same and (over or before.seen.version == now.seen.version)


def _set_right(key: RowKey, row: Compared, day: int, today: int) -> bool:
    """Whether the row is right now, where it was still as it was seen."""
    for number in range(_WRITES):
        now = recounts.row_now(key, day, today)
        if number and now.counts == row.right.counts:
            # It was this one's own write, of which only the answer was lost.
            return True
        if not _is_same(row, row._replace(seen=now), day < today):
            return False
        if recounts.set_right(key, now.version, row._replace(seen=now).repair):
            return True
    return False


def _tidy(rows: dict[RowKey, Compared]) -> None:
    for key, row in rows.items():
        if len(row.seen.zeros) >= _WORTH_TIDYING and not row.differences:
            recounts.set_right(key, row.seen.version, Repair({}, row.seen.zeros, {}))
