"""A recurrence as EventBridge Scheduler is told it.

One expression for each pattern, because a cron expression of Scheduler has days of the month or days of the week, and
a run that two of them name is one run: its key is the instant.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import replace
from datetime import UTC, datetime
from typing import NamedTuple

from jobyard.errors import Invalid
from jobyard.model.iteration import WEEKDAYS
from jobyard.model.recurrence import MINUTE_MS, Pattern, Recurrence

LONGEST = 256
"""Characters of an expression, says the API reference."""

_DAYS = [day[:3].upper() for day in WEEKDAYS]


class Expression(NamedTuple):
    """``start`` and ``end`` in milliseconds, both included; None where there is no limit."""

    text: str
    zone: str
    start: int | None
    end: int | None


def expressions(recurrence: Recurrence, now: int) -> list[Expression]:
    """What has all runs of ``recurrence`` after ``now`` and no other; nothing where none comes any more.

    Raises ``Invalid`` for what Scheduler cannot be told.
    """
    coming = recurrence.next_run(now)
    if coming is None:
        return []
    end = recurrence.end
    if recurrence.period:
        # A period is counted from the start date, so that has to be a run. It may not be long past, either.
        return [Expression(_rate(recurrence.period), "UTC", coming, end)]
    if not recurrence.patterns:
        at = datetime.fromtimestamp(coming / 1000, UTC)
        return [Expression(f"at({at:%Y-%m-%dT%H:%M:%S})", "UTC", None, None)]
    # Scheduler refuses a start date that is more than five minutes past.
    start = recurrence.start if recurrence.start > now else None
    return [
        Expression(_cron(each), recurrence.zone.key, start, end)
        for each in recurrence.patterns
        if replace(recurrence, patterns=(each,)).next_run(now) is not None
    ]


def _rate(period: int) -> str:
    minutes = period // MINUTE_MS
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"


def _cron(pattern: Pattern) -> str:
    days, weekdays = "*", "?"
    if pattern.days is not None:
        days = _listed(pattern.days, 1, 31)
    elif pattern.occurrence is not None:
        (weekday,) = pattern.weekdays or (0,)
        days, weekdays = "?", f"{weekday + 1}#{pattern.occurrence}"
    elif pattern.weekdays is not None:
        days, weekdays = "?", ",".join(_DAYS[each] for each in sorted(pattern.weekdays))
    fields = [_listed(pattern.minutes, 0, 59), _listed(pattern.hours, 0, 23), days, _listed(pattern.months, 1, 12)]
    text = f"cron({' '.join([*fields, weekdays, '*'])})"
    if len(text) > LONGEST:
        field = "iteration.cronContract.cronExpression"
        raise Invalid(field, f"{field}: names too many different times; at most {LONGEST} characters are allowed.")
    return text


def _listed(values: Collection[int], least: int, most: int) -> str:
    """``values`` with ranges for what follows on another; a star for all from ``least`` to ``most``."""
    if len(values) == most - least + 1:
        return "*"
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and parts[-1][-1] == value - 1:
            parts[-1].append(value)
        else:
            parts.append([value])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
