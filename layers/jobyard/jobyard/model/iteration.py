"""When a schedule runs, as its author says it: the iterations of the vendor's contract, checked.

An iteration is one object: ``iterationType`` (Once, Hourly, Daily, Weekly, Monthly, Custom, Cron), ``startTime``,
``endTime``, and the contract of its type. What was given is kept as it was, so that it can be shown and sent back;
``model.recurrence`` makes instants of it. The names, and which members are needed, are of the vendor's Swagger
(``IterationContract``); limits that it does not state are those of the calendar and of EventBridge Scheduler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from jobyard.errors import Invalid

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
"""By their number in cron."""

HOURS_MOST = 8784
"""Between two runs of an hourly schedule: a leap year."""

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Those that EventBridge Scheduler's expressions know."""

# ISO 8601 as clients write it. ASCII only: \d would take other scripts' digits too.
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]{1,9})?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?\Z"
)
_INTEGER = re.compile(r"-?[0-9]{1,9}\Z")


class Iteration(NamedTuple):
    """``contract`` is that of ``kind``, in its canonical form; None where the type has none, or needs none."""

    kind: str
    start_time: str
    end_time: str | None = None
    contract: dict[str, Any] | None = None

    def given(self) -> dict[str, Any]:
        """The object that ``iteration_of`` makes this iteration of."""
        named = CONTRACTS[self.kind].name
        return {
            "iterationType": self.kind,
            "startTime": self.start_time,
            "endTime": self.end_time,
            **({named: self.contract} if named else {}),
        }


class Moment(NamedTuple):
    """A date and time as written. ``local`` has an offset only where a numeric one was written."""

    local: datetime

    @property
    def fixed(self) -> bool:
        return self.local.tzinfo is not None


def moment(field: str, text: str) -> Moment:
    """``text`` with seconds at the finest. ``Z`` is no offset: with a time zone, times are of that zone's clock.

    The vendor says so of every time in the contract ("according to that timezone provided"), and clients write the
    ``Z`` of their libraries all the same. Raises ``Invalid``.
    """
    found = _TIME.match(text.strip())
    try:
        if found is None:
            raise ValueError
        offset = found["offset"] or ""
        made = datetime.fromisoformat(f"{found['date']}T{found['clock']}{'' if offset in ('Z', 'z') else offset}")
        if not FIRST_YEAR <= made.year <= LAST_YEAR:
            raise ValueError
    except ValueError as error:
        allowed = f"yyyy-MM-ddThh:mm[:ss], of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise Invalid(field, f"{field}: {_shown(text)} is not a date and time. Allowed form: {allowed}.") from error
    return Moment(made)


def iteration_of(given: Any) -> Iteration:
    """The iteration that ``given`` says. Raises ``Invalid`` naming the member and what is allowed."""
    if not isinstance(given, Mapping):
        raise Invalid("iteration", "iteration: must be an object with iterationType and startTime.")
    kind = one_of("iteration.iterationType", given.get("iterationType"), CONTRACTS)
    start = _text(given, "startTime")
    if start is None:
        raise Invalid("iteration.startTime", "iteration.startTime: is required.")
    moment("iteration.startTime", start)
    # "Ignored" for one run only, says the contract.
    end = _text(given, "endTime") if kind != "Once" else None
    if end is not None:
        moment("iteration.endTime", end)
    named, check = CONTRACTS[kind]
    if named is None:
        return Iteration(kind, start, end)
    contract = given.get(named)
    # A daily schedule's has no member that is needed.
    if contract is None and kind == "Daily":
        contract = {}
    if not isinstance(contract, Mapping):
        raise Invalid(f"iteration.{named}", f"iteration.{named}: must be an object where iterationType is {kind}.")
    return Iteration(kind, start, end, check(f"iteration.{named}", contract))


def one_of(field: str, given: Any, allowed: Mapping[str, Any] | tuple[str, ...]) -> str:
    """The name among ``allowed`` that ``given`` is, in any letter case. Raises ``Invalid``."""
    for name in allowed:
        if isinstance(given, str) and given.strip().lower() == name.lower():
            return name
    raise Invalid(field, f"{field}: {_shown(given)} is not allowed. Allowed values: {', '.join(allowed)}.")


def _hourly(field: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    hours = _number(f"{field}.hours", contract.get("hours", 0), 0, HOURS_MOST)
    minutes = _number(f"{field}.minutes", contract.get("minutes", 0), 0, 59)
    if not hours and not minutes:
        raise Invalid(field, f"{field}: hours and minutes must not both be 0.")
    return {"hours": hours, "minutes": minutes}


def _daily(field: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    return {"runOnlyWorkWeek": _boolean(f"{field}.runOnlyWorkWeek", contract.get("runOnlyWorkWeek"))}


def _weekly(field: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    days = _list(f"{field}.daysOfWeek", contract.get("daysOfWeek"), lambda name, day: one_of(name, day, WEEKDAYS))
    return {"daysOfWeek": sorted(set(days), key=WEEKDAYS.index)}


def _monthly(field: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    given = contract.get("simpleDayOfMonth")
    # It is required; where it is left out, the other members say which is meant.
    simple = _boolean(f"{field}.simpleDayOfMonth", "dayOfMonth" in contract if given is None else given)
    if simple:
        day = _number(f"{field}.dayOfMonth", contract.get("dayOfMonth"), 1, 31)
        return {"simpleDayOfMonth": True, "dayOfMonth": day}
    return {
        "simpleDayOfMonth": False,
        "occurrence": _number(f"{field}.occurrence", contract.get("occurrence"), 1, 5),
        "dayOfWeek": one_of(f"{field}.dayOfWeek", contract.get("dayOfWeek"), WEEKDAYS),
    }


def _custom(field: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    days = _list(f"{field}.daysOfMonth", contract.get("daysOfMonth"), lambda name, day: _number(name, day, 1, 31))
    months = _list(f"{field}.months", contract.get("months"), lambda name, month: _number(name, month, 1, 12))
    return {"daysOfMonth": sorted(set(days)), "months": sorted(set(months))}


def _cron(field: str, contract: Mapping[str, Any]) -> dict[str, Any]:
    expression = contract.get("cronExpression")
    if not isinstance(expression, str) or len(expression.split()) != 5:
        allowed = "five fields: minute, hour, day of the month, month, day of the week"
        raise Invalid(f"{field}.cronExpression", f"{field}.cronExpression: {_shown(expression)} must have {allowed}.")
    return {"cronExpression": " ".join(expression.split())}


class _Contract(NamedTuple):
    name: str | None
    check: Callable[[str, Mapping[str, Any]], dict[str, Any]]


CONTRACTS: Mapping[str, _Contract] = {
    "Once": _Contract(None, lambda *_: {}),
    "Hourly": _Contract("hourlyContract", _hourly),
    "Daily": _Contract("dailyContract", _daily),
    "Weekly": _Contract("weeklyContract", _weekly),
    "Monthly": _Contract("monthlyContract", _monthly),
    "Custom": _Contract("customContract", _custom),
    "Cron": _Contract("cronContract", _cron),
}
"""By iteration type, the member that has its contract."""


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Invalid(f"iteration.{name}", f"iteration.{name}: must be a text.")
    return value


def _number(field: str, given: Any, least: int, most: int) -> int:
    if isinstance(given, str) and _INTEGER.match(given.strip()):
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise Invalid(field, f"{field}: {_shown(given)} is not allowed. Allowed values: {least} to {most}.")
    return given


def _boolean(field: str, given: Any) -> bool:
    if given is None or given == "":
        return False
    return given if isinstance(given, bool) else one_of(field, given, ("true", "false")) == "true"


def _list[T](field: str, given: Any, check: Callable[[str, Any], T]) -> list[T]:
    if not isinstance(given, list) or not 0 < len(given) <= 100:
        raise Invalid(field, f"{field}: must be a list of 1 to 100 values.")
    return [check(field, each) for each in given]


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 64 else f"{text[:64]}…"
