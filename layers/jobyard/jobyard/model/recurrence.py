"""The instants at which a schedule runs.

A recurrence is one instant, a period, or patterns of the wall clock of a time zone, each of which is one cron
expression of EventBridge Scheduler: what is computed here is what Scheduler does with these expressions.

Where clocks are changed it is what Scheduler's user guide says of daylight saving time: a time of a pattern that does
not exist is left out, one that there is twice counts once, and here that is its first; periods know no clocks.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jobyard.model.iteration import LAST_YEAR

MINUTE_MS = 60_000
_YEARS_AHEAD = 41
"""Where a pattern has a day at all, so many years have one: the fifth weekday of a February comes after 28 years, or 40
where a century has no leap day."""


class Pattern(NamedTuple):
    """Minutes of the wall clock, on days of the month or on weekdays (0 is Sunday), or with neither on all days.

    ``occurrence`` counts the weekday in its month, from 1.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int] = frozenset(range(1, 13))
    days: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None
    occurrence: int | None = None

    def on(self, day: date) -> bool:
        return (
            day.month in self.months
            and (self.days is None or day.day in self.days)
            and (self.weekdays is None or day.isoweekday() % 7 in self.weekdays)
            and (self.occurrence is None or (day.day - 1) // 7 + 1 == self.occurrence)
        )


class Recurrence(NamedTuple):
    """From ``start`` to ``end``, both included, in milliseconds. Either ``patterns``, or ``period`` in milliseconds,
    counted from ``start``; with neither it is ``start`` alone.
    """

    zone: ZoneInfo
    start: int
    end: int | None = None
    period: int | None = None
    patterns: tuple[Pattern, ...] = ()

    def next_run(self, after: int) -> int | None:
        """The first run after the instant ``after``, in milliseconds; None where none comes any more."""
        if self.patterns:
            from_ = max(after + 1, self.start)
            found = min((run for each in self.patterns if (run := _first(each, self.zone, from_))), default=None)
        elif self.period:
            passed = max(-1, (after - self.start) // self.period)
            found = self.start + (passed + 1) * self.period
        else:
            found = self.start if self.start > after else None
        return None if found is None or (self.end is not None and found > self.end) else found

    def run_of(self, instant: int) -> int | None:
        """The run that something which happens at ``instant`` stands for: Scheduler is exact to the minute.

        Its guide does not say at which of the two passes it runs what clocks show twice. Here it is the first; what
        happens at the second stands for that.
        """
        for each in (instant, _first_pass(instant, self.zone)) if self.patterns else (instant,):
            run = self.next_run(each - MINUTE_MS)
            if run is not None and run <= each:
                return run
        return None

    def runs(self, from_: int, until: int) -> Iterator[int]:
        """All runs from ``from_`` (included) to ``until`` (not)."""
        run = self.next_run(from_ - 1)
        while run is not None and run < until:
            yield run
            run = self.next_run(run)


def instant_of(local: datetime, zone: ZoneInfo) -> int | None:
    """When the clocks of ``zone`` show ``local``, for the first time; None where they never do. In milliseconds."""
    there = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if there.astimezone(zone).replace(tzinfo=None, fold=0) != local:
        return None
    return int(there.timestamp()) * 1000


def _first_pass(instant: int, zone: ZoneInfo) -> int:
    """When clocks showed for the first time what they show at ``instant``."""
    shown = datetime.fromtimestamp(instant // 1000, zone)
    return int(shown.replace(fold=0).timestamp()) * 1000 + instant % 1000


def _first(pattern: Pattern, zone: ZoneInfo, from_: int) -> int | None:
    # Wall times are in the order of their instants: of those that there are twice the first ones count. So nothing of
    # what the clocks have shown before can come after.
    began = datetime.fromtimestamp(from_ / 1000, zone).replace(tzinfo=None, fold=0, second=0, microsecond=0)
    hours, minutes = sorted(pattern.hours), sorted(pattern.minutes)
    for day in _days(pattern, began.date()):
        today = day == began.date()
        for hour in hours:
            if today and hour < began.hour:
                continue
            for minute in minutes:
                if today and (hour, minute) < (began.hour, began.minute):
                    continue
                local = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001
                run = instant_of(local, zone)
                if run is not None and run >= from_:
                    return run
    return None


def _days(pattern: Pattern, first: date) -> Iterator[date]:
    for months in range(_YEARS_AHEAD * 12):
        year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
        if year > LAST_YEAR:
            return
        if month + 1 not in pattern.months:
            continue
        for number in range(first.day if months == 0 else 1, monthrange(year, month + 1)[1] + 1):
            day = date(year, month + 1, number)
            if pattern.on(day):
                yield day
