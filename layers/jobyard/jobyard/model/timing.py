"""An iteration and a time zone, as the author of a schedule gives them, to a recurrence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from jobyard.errors import Invalid
from jobyard.model.iteration import WEEKDAYS, Iteration, moment
from jobyard.model.recurrence import MINUTE_MS, Pattern, Recurrence, instant_of

UTC_NAME = "UTC"
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,49}\Z")
"""A name of the IANA database, as long as Scheduler takes one."""

_PART = re.compile(
    r"(?:(?P<star>\*)|(?P<low>[0-9A-Za-z]{1,3})(?:-(?P<high>[0-9A-Za-z]{1,3}))?)(?:/(?P<step>[0-9]{1,2}))?\Z"
)
_MONTH_NAMES = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAY_NAMES = [day[:3].upper() for day in WEEKDAYS]


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; UTC for none. Raises ``Invalid``."""
    if not name:
        return ZoneInfo(UTC_NAME)
    try:
        if not _ZONE.match(name):
            raise ValueError
        return ZoneInfo(name)
    # A name may also be that of a folder or of another file of the database.
    except (ValueError, OSError, KeyError) as error:
        shown = repr(name if len(name) <= 64 else f"{name[:64]}…")
        allowed = "names of the IANA time zone database, as America/New_York, or empty for UTC"
        raise Invalid("timeZone", f"timeZone: {shown} is not known. Allowed values: {allowed}.") from error


def recurrence_of(iteration: Iteration, time_zone: str) -> Recurrence:
    """When ``iteration`` runs. Raises ``Invalid`` naming the member.

    ``startTime`` is the first moment from which it may run; it also gives the time of day, but to Hourly, whose runs
    are counted from it, and to Cron. But for Once its seconds are cut off: patterns are of minutes.
    """
    zone = zone_of(time_zone)
    start = _instant("iteration.startTime", iteration.start_time, zone, exists=iteration.kind == "Once")
    end = None if iteration.end_time is None else _instant("iteration.endTime", iteration.end_time, zone)
    if end is not None and end < start:
        raise Invalid("iteration.endTime", "iteration.endTime: must not be before iteration.startTime.")
    if iteration.kind == "Once":
        return Recurrence(zone, start)
    start -= start % MINUTE_MS
    contract = iteration.contract or {}
    if iteration.kind == "Hourly":
        return Recurrence(zone, start, end, period=(contract["hours"] * 60 + contract["minutes"]) * MINUTE_MS)
    if iteration.kind == "Cron":
        patterns = _cron(contract["cronExpression"])
    else:
        clock = moment("iteration.startTime", iteration.start_time).local
        if clock.tzinfo is not None:
            clock = clock.astimezone(zone)
        patterns = (_ON_DAYS[iteration.kind](frozenset({clock.minute}), frozenset({clock.hour}), contract),)
    found = Recurrence(zone, start, end, patterns=patterns)
    if found.next_run(start - 1) is None:
        raise Invalid("iteration", "iteration: there is no such day, or none between startTime and endTime.")
    return found


def _daily(minutes: frozenset[int], hours: frozenset[int], contract: Mapping[str, Any]) -> Pattern:
    return Pattern(minutes, hours, weekdays=frozenset(range(1, 6)) if contract["runOnlyWorkWeek"] else None)


def _weekly(minutes: frozenset[int], hours: frozenset[int], contract: Mapping[str, Any]) -> Pattern:
    return Pattern(minutes, hours, weekdays=frozenset(map(WEEKDAYS.index, contract["daysOfWeek"])))


def _monthly(minutes: frozenset[int], hours: frozenset[int], contract: Mapping[str, Any]) -> Pattern:
    if contract["simpleDayOfMonth"]:
        return Pattern(minutes, hours, days=frozenset({contract["dayOfMonth"]}))
    weekday = frozenset({WEEKDAYS.index(contract["dayOfWeek"])})
    return Pattern(minutes, hours, weekdays=weekday, occurrence=contract["occurrence"])


def _custom(minutes: frozenset[int], hours: frozenset[int], contract: Mapping[str, Any]) -> Pattern:
    return Pattern(minutes, hours, frozenset(contract["months"]), days=frozenset(contract["daysOfMonth"]))


_ON_DAYS: Mapping[str, Callable[[frozenset[int], frozenset[int], Mapping[str, Any]], Pattern]] = {
    "Daily": _daily,
    "Weekly": _weekly,
    "Monthly": _monthly,
    "Custom": _custom,
}


def _instant(field: str, text: str, zone: ZoneInfo, *, exists: bool = False) -> int:
    local = moment(field, text).local
    if local.tzinfo is not None:
        return int(local.timestamp()) * 1000
    found = instant_of(local, zone)
    if found is None and exists:
        raise Invalid(field, f"{field}: clocks are put forward in {zone.key}, and {text} is left out.")
    # As a limit, such a time is that of clocks that were not put forward.
    return int(local.replace(tzinfo=zone).timestamp()) * 1000 if found is None else found


def _cron(expression: str) -> tuple[Pattern, ...]:
    """The patterns of a crontab's five fields.

    Where both kinds of days are restricted, either is enough, as ``cron`` has it: that is two patterns.
    """
    texts = expression.split()
    minutes = _values("minute", texts[0], 0, 59)
    hours = _values("hour", texts[1], 0, 23)
    days = _values("day of the month", texts[2], 1, 31)
    months = _values("month", texts[3], 1, 12, _MONTH_NAMES, 1)
    weekdays = frozenset(day % 7 for day in _values("day of the week", texts[4], 0, 7, _DAY_NAMES, 0))
    on_days = Pattern(minutes, hours, months, days=days if len(days) < 31 else None)
    on_weekdays = Pattern(minutes, hours, months, weekdays=weekdays if len(weekdays) < 7 else None)
    if on_weekdays.weekdays is None:
        # A list of all weekdays restricts nothing, though with days of the month it would be "either".
        return (on_days,) if texts[4].startswith("*") else (Pattern(minutes, hours, months),)
    if on_days.days is None:
        return (on_weekdays,) if texts[2].startswith("*") else (Pattern(minutes, hours, months),)
    if texts[2].startswith("*") or texts[4].startswith("*"):
        # cron takes a field that begins with a star as one that is not restricted, and wants both to hold then.
        raise _bad_cron(f"{expression!r} restricts both kinds of days by a step; a list of days is allowed instead")
    return (on_days, on_weekdays)


def _values(
    name: str, text: str, least: int, most: int, names: list[str] | None = None, first: int = 0
) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        matched = _PART.match(part)
        if matched is None:
            raise _bad_cron(f"{part[:64]!r} is not a {name}")
        step = int(matched["step"] or 1)
        if matched["star"]:
            low, high = least, most
        else:
            low = _value(name, matched["low"], names, first)
            # A single value with a step goes on to the last, as in most crons.
            high = _value(name, matched["high"], names, first) if matched["high"] else most if matched["step"] else low
        if not step or not least <= low <= high <= most:
            raise _bad_cron(f"{part[:64]!r} is not a {name}; allowed values: {least} to {most}")
        found.update(range(low, high + 1, step))
    return frozenset(found)


def _value(name: str, text: str, names: list[str] | None, first: int) -> int:
    if text.isdigit():
        return int(text)
    if names is None or text.upper() not in names:
        raise _bad_cron(f"{text!r} is not a {name}")
    return names.index(text.upper()) + first


def _bad_cron(why: str) -> Invalid:
    field = "iteration.cronContract.cronExpression"
    return Invalid(field, f"{field}: {why}.")
