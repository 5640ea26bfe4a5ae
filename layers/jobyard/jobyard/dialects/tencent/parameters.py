"""The parameters of a request: names in any letter case, an empty one is an absent one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from jobyard.dialects.tencent import times
from jobyard.dialects.tencent.ids import is_job_id
from jobyard.errors import Invalid, NotFound
from jobyard.http import Request
from jobyard.model import Status

SIZE, SIZE_MOST = 10, 100
TYPES = ("Workflow", "Job")

ALL = frozenset(Status)
STATES: Mapping[str, frozenset[Status]] = {
    "All": ALL,
    "Submitted": frozenset({Status.SCHEDULED, Status.QUEUED}),
    "Running": frozenset({Status.INITIALIZING, Status.RUNNING}),
    "Success": frozenset({Status.COMPLETED}),
    "Failed": frozenset({Status.FAILED}),
    # Of jobs that wait in a paused queue; there is none that can be paused.
    "Pause": frozenset(),
    "Cancel": frozenset({Status.CANCELLED}),
}

# ASCII only: int() and \d would take other scripts' digits too.
_SIZE = re.compile(r"[0-9]{1,3}\Z")
_PLACE = re.compile(r"[0-9]{13}#b[0-9a-f]{32}\Z")
TOKEN_LONGEST = 200
_FIRST_MS, _LAST_MS = 0, 9_999_999_999_999


class Query(NamedTuple):
    """What a list is asked for; ``first`` and ``last`` are times of creation in milliseconds, both included.

    ``after`` is the place of the last job of the page before; empty for the first page.
    """

    size: int
    newest_first: bool
    statuses: frozenset[Status]
    type: str | None
    workflow_id: str | None
    name: str | None
    job_id: str | None
    first: int
    last: int
    after: str = ""

    def between(self) -> tuple[str, str]:
        """The places from which and to which the list is read."""
        first, last = f"{self.first:013d}#", f"{self.last:013d}#~"
        if self.after and self.newest_first:
            last = min(last, self.after)
        elif self.after:
            first = max(first, self.after)
        return first, last

    def next_token(self, listed_in: str, place: str) -> str:
        """Of use for the same list, filter and order only. It holds no secret: a place tells what the list shows."""
        return base64.urlsafe_b64encode(f"{place}#{self._digest(listed_in)}".encode()).decode()

    def continued(self, listed_in: str, token: str) -> Query:
        """Raises ``Invalid`` for what ``next_token`` did not make for this query."""
        try:
            if len(token) > TOKEN_LONGEST:
                raise ValueError
            after, _, digest = base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii").rpartition("#")
            if not _PLACE.match(after) or digest != self._digest(listed_in):
                raise ValueError
        except (ValueError, binascii.Error) as error:
            raise Invalid(
                "nextToken", "nextToken: use the NextToken of an answer to the same query, unchanged."
            ) from error
        return self._replace(after=after)

    def _digest(self, listed_in: str) -> str:
        asked = (listed_in, sorted(self.statuses), self._replace(size=0, after="", statuses=frozenset()))
        return sha256(repr(asked).encode()).hexdigest()[:16]


def query(request: Request, listed_in: str) -> Query:
    """Parameters that are not known are ignored. Raises ``Invalid``."""
    given: dict[str, str] = {}
    for name, value in request.query:
        if value.strip():
            given.setdefault(name.lower(), value.strip())
    first, last = _time(given, "startCreationTime", _FIRST_MS), _time(given, "endCreationTime", _LAST_MS)
    asked = Query(
        size=_size(given),
        newest_first=one_of("orderByTime", given.get("orderbytime", "Desc"), {"Desc": True, "Asc": False}),
        statuses=_statuses(given),
        type=one_of("type", given["type"], {type: type for type in TYPES}) if "type" in given else None,
        workflow_id=given.get("workflowid"),
        name=given.get("name"),
        job_id=given.get("jobid"),
        first=first,
        # What is shown to the second is compared to the second.
        last=min(last + 999, _LAST_MS),
    )
    return asked.continued(listed_in, given["nexttoken"]) if "nexttoken" in given else asked


def job_id(request: Request) -> str:
    """The id of the path. One that is not of an id's form is the id of nothing: ``NotFound``."""
    # The PHP client doubles the slash before it.
    given = request.path_parameters.get("jobId", "").strip("/")
    if not is_job_id(given):
        raise NotFound("Job", given[:64])
    return given


def _size(given: Mapping[str, str]) -> int:
    size = given.get("size", str(SIZE))
    if not _SIZE.match(size) or not 1 <= int(size) <= SIZE_MOST:
        raise Invalid("size", f"size: {shown(size)} is not allowed. Allowed values: 1 to {SIZE_MOST}.")
    return int(size)


def _statuses(given: Mapping[str, str]) -> frozenset[Status]:
    names = [name.strip() for name in given.get("states", "All").split(",") if name.strip()]
    return frozenset().union(*(one_of("states", name, STATES) for name in names)) if names else ALL


def _time(given: Mapping[str, str], name: str, default: int) -> int:
    if name.lower() not in given:
        return default
    found = times.read(given[name.lower()])
    if found is None:
        raise Invalid(
            name, f"{name}: {shown(given[name.lower()])} is not a time. Allowed form: 2022-06-27T15:23:10+0800."
        )
    return min(max(found, _FIRST_MS), _LAST_MS)


def one_of[T](name: str, given: str, allowed: Mapping[str, T]) -> T:
    """The meaning of ``given``, in any letter case. Raises ``Invalid`` naming what is allowed."""
    for spelling, meaning in allowed.items():
        if spelling.lower() == given.lower():
            return meaning
    raise Invalid(name, f"{name}: {shown(given)} is not allowed. Allowed values: {', '.join(allowed)}.")


def shown(given: str) -> str:
    return repr(given if len(given) <= 64 else f"{given[:64]}…")
