"""What EventBridge Scheduler does with an expression, read from its user guide and reference, minute by minute.

Nothing here is shared with the product: expressions are read again, and time is walked through instead of computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60_000
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def invocations(text: str, zone: str, start: int | None, end: int | None, from_: int, until: int) -> list[int]:
    """The instants in ``[from_, until)``, in milliseconds, at which a schedule calls its target.

    ``from_`` is on a whole minute, and after the creation of the schedule.
    """
    kind, _, given = text.removesuffix(")").partition("(")
    first, last = max(from_, start or 0), until - 1 if end is None else min(until - 1, end)
    if kind == "at":
        at = int(datetime.fromisoformat(given).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
        return [at] if from_ <= at < until else []
    if kind == "rate":
        value, unit = given.split(" ")
        assert unit in ("minute", "minutes")
        assert start is not None, "without a start date a rate begins at the creation"
        period = int(value) * MINUTE
        return [run for run in range(start, last + 1, period) if run >= first]
    assert kind == "cron"
    runs = cron_test(given)
    return [at for at, local in _clock(ZoneInfo(zone), from_, until - 1) if first <= at <= last and runs(local)]


@lru_cache(maxsize=8)
def _clock(zone: ZoneInfo, first: int, last: int) -> list[tuple[int, datetime]]:
    """Each minute, and what the clocks of ``zone`` show; of a minute that they show twice, the first.

    A minute that they leave out does not come.
    """
    shown = (
        (at, datetime.fromtimestamp(at / 1000, zone)) for at in range(-(-first // MINUTE) * MINUTE, last + 1, MINUTE)
    )
    return [(at, local) for at, local in shown if local.fold == 0]


def cron_test(given: str) -> Callable[[datetime], bool]:
    """Whether a time of the wall clock is of the six fields ``given``."""
    minute, hour, day, month, weekday, year = given.split(" ")
    assert year == "*"
    assert (day == "?") != (weekday == "?"), "one of the two must be a question mark"
    minutes, hours, months = _set(minute, 0, 59), _set(hour, 0, 23), _set(month, 1, 12)
    days = None if day == "?" else _set(day, 1, 31)

    def on(local: date) -> bool:
        if days is not None:
            return local.day in days
        number = local.isoweekday() % 7 + 1
        if found := re.fullmatch(r"([1-7])#([1-5])", weekday):
            return number == int(found[1]) and (local.day + 6) // 7 == int(found[2])
        return weekday == "*" or number in {DAYS.index(each) + 1 for each in weekday.split(",")}

    return lambda local: local.minute in minutes and local.hour in hours and local.month in months and on(local)


def _set(text: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        found |= set(range(least, most + 1)) if part == "*" else set(range(int(low), int(high or low) + 1))
    assert found <= set(range(least, most + 1))
    return found
