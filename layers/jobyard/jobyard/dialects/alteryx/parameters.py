"""The parameters of a request: liberal in letter case and form, exact in what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from jobyard.errors import Invalid, NotFound
from jobyard.http import Request
from jobyard.model import Priority, Status
from jobyard.model.ids import is_object_id
from jobyard.service.filters import Sort, Window

LIMIT, LIMIT_MOST = 50, 1000
OFFSET_MOST = 1_000_000_000

# ASCII only: int() and \d would take other scripts' digits too.
_NUMBER = re.compile(r"[0-9]{1,10}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

STATUSES: Mapping[str, frozenset[Status]] = {
    "Queued": frozenset({Status.SCHEDULED, Status.QUEUED}),
    "Initializing": frozenset({Status.INITIALIZING}),
    "Running": frozenset({Status.RUNNING}),
    "Complete": frozenset({Status.COMPLETED, Status.FAILED}),
    "Completed": frozenset({Status.COMPLETED, Status.FAILED}),
    "Cancelled": frozenset({Status.CANCELLED}),
}
SORTS: Mapping[str, Sort] = {
    "CreateDate": Sort.CREATED,
    "AppName": Sort.WORKFLOW,
    "CompletionDateTime": Sort.COMPLETED,
    "Priority": Sort.PRIORITY,
    "Status": Sort.STATUS,
}
DIRECTIONS: Mapping[str, bool] = {"asc": False, "desc": True}
# By name, or by the number in the vendor's queue: 4 is a chained app there, 6 a validation run, 5 nothing known.
PRIORITIES: Mapping[str, int] = {priority.value: priority.rank for priority in Priority} | {
    str(rank): rank for rank in range(7)
}
BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


def one_of[T](name: str, given: str, allowed: Mapping[str, T]) -> T:
    """The meaning of ``given``, in any letter case. Raises ``Invalid`` naming what is allowed."""
    for spelling, meaning in allowed.items():
        if spelling.lower() == given.lower():
            return meaning
    raise Invalid(name, f"{name}: {_shown(given)} is not allowed. Allowed values: {', '.join(allowed)}.")


def boolean(request: Request, name: str, default: bool) -> bool:
    given = request.value(name)
    return default if given is None else one_of(name, given, BOOLEANS)


def statuses(request: Request) -> frozenset[Status] | None:
    given = request.values("statuses")
    return frozenset().union(*(one_of("statuses", each, STATUSES) for each in given)) if given else None


def ranks(request: Request) -> frozenset[int] | None:
    given = request.values("priorities")
    if not given:
        return None
    return frozenset(one_of("priorities", each, PRIORITIES) for each in given)


def day_before_or_after(request: Request, name: str, *, after: bool) -> int | None:
    """The edge of a day, in milliseconds: its beginning, or with ``after`` its end. The day itself is left out."""
    given = request.value(name)
    if given is None:
        return None
    try:
        if not _DATE.match(given):
            raise ValueError
        day = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC)
        edge = day + timedelta(days=1) if after else day
    except (ValueError, OverflowError) as error:
        raise Invalid(name, f"{name}: {_shown(given)} is not a date. Allowed form: yyyy-MM-dd.") from error
    return int(edge.timestamp() * 1000)


def window(request: Request) -> Window:
    """Order and page, of either list."""
    sort, direction = request.value("sortField"), request.value("direction")
    cursor = request.value("cursor")
    if cursor is not None and request.value("offset") is not None:
        raise Invalid("offset", "offset: leave it out with a cursor, which knows where its page begins.")
    return Window(
        sort=one_of("sortField", sort, SORTS) if sort else Sort.CREATED,
        descending=one_of("direction", direction, DIRECTIONS) if direction else False,
        offset=number(request, "offset", 0, 0, OFFSET_MOST),
        limit=number(request, "limit", LIMIT, 1, LIMIT_MOST),
        cursor=cursor,
    )


def identifier(request: Request, name: str, kind: str) -> str:
    """An id of the path. One that is not of an id's form is the id of nothing: ``NotFound``."""
    given = request.path_parameters.get(name, "")
    id = given.lower()
    if not is_object_id(id):
        raise NotFound(kind, given)
    return id


def moment(request: Request, name: str) -> int | None:
    """A time of ISO 8601, of UTC where it names no zone, in milliseconds; a date alone is its beginning."""
    given = request.value(name)
    if given is None:
        return None
    try:
        # The plus sign of a zone is a space to who does not escape it.
        at = datetime.fromisoformat(given.replace(" ", "+") if given[10:11] == "T" else given)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        form = "Allowed form: yyyy-MM-ddTHH:mm:ssZ, or yyyy-MM-dd."
        raise Invalid(name, f"{name}: {_shown(given)} is not a time. {form}") from error


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.value(name)
    if given is None:
        return default
    if not _NUMBER.match(given) or not least <= int(given) <= most:
        raise Invalid(name, f"{name}: {_shown(given)} is not allowed. Allowed values: {least} to {most}.")
    return int(given)


def _shown(given: str) -> str:
    return repr(given if len(given) <= 64 else f"{given[:64]}…")
