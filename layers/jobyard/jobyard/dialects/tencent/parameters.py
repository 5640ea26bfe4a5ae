"""The parameters of a request: names in any letter case, an empty one is an absent one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from jobyard.dialects.tencent import times
from jobyard.dialects.tencent.ids import is_job_id, is_workflow_id
from jobyard.errors import Invalid, NotFound
from jobyard.http import Request
from jobyard.model import Job, Status
from jobyard.model.listing import DAY_MS, cell, facets
from jobyard.service.filters import Filter, Window

SIZE, SIZE_MOST = 10, 100
TYPES = ("Workflow", "Job")
KINDS = {type: kind for kind, type in enumerate(TYPES)}
"""As which kind the jobs of a type are counted."""

ALL = frozenset(Status)
STATES: Mapping[str, frozenset[Status]] = {
    "All": ALL,
    "Submitted": frozenset({Status.SCHEDULED, Status.QUEUED}),
    "Running": frozenset({Status.INITIALIZING, Status.RUNNING}),
    "Success": frozenset({Status.COMPLETED}),
    "Failed": frozenset({Status.FAILED}),
    # Of jobs that wait in a paused queue; of one that is not, none.
    "Pause": frozenset({Status.QUEUED}),
    "Cancel": frozenset({Status.CANCELLED}),
}

# ASCII only: int() and \d would take other scripts' digits too.
_SIZE = re.compile(r"[0-9]{1,3}\Z")
_FIRST_MS, _LAST_MS = 0, 9_999_999_999_999


class Query(NamedTuple):
    """What a list is asked for."""

    filter: Filter
    window: Window
    job_id: str | None

    def takes(self, job: Job) -> bool:
        """Whether the one job that was asked for is also what else was asked for."""
        of = facets(job)
        return (
            self.filter.takes(job.created_at // DAY_MS, cell(job))
            and self.filter.takes_time(job.created_at)
            and (self.filter.owners is None or of.who in self.filter.owners)
            and (self.filter.workflows is None or (of.workflow_name, of.workflow_id) in self.filter.workflows)
        )


def query(request: Request, paused: Callable[[], bool] = lambda: False) -> Query:
    """Parameters that are not known are ignored; ``paused``: the queue of the jobs is. Raises ``Invalid``."""
    given: dict[str, str] = {}
    for name, value in request.query:
        if value.strip():
            given.setdefault(name.lower(), value.strip())
    first, last = _time(given, "startCreationTime", _FIRST_MS), _time(given, "endCreationTime", _LAST_MS)
    statuses, workflow_id = _statuses(given, paused), given.get("workflowid")
    if workflow_id is not None and not is_workflow_id(workflow_id):
        # That of no workflow, and perhaps too long for a key.
        statuses, workflow_id = frozenset(), None
    filter = Filter(
        statuses=None if statuses == ALL else statuses,
        ranks=frozenset({one_of("type", given["type"], KINDS)}) if "type" in given else None,
        owners=frozenset({given["name"]}) if "name" in given else None,
        workflows=None if workflow_id is None else frozenset({("", workflow_id)}),
        created_from=first,
        # What is shown to the second is compared to the second.
        created_until=min(last + 1000, _LAST_MS + 1),
    )
    window = Window(
        descending=one_of("orderByTime", given.get("orderbytime", "Desc"), {"Desc": True, "Asc": False}),
        limit=_size(given),
        cursor=given.get("nexttoken"),
    )
    return Query(filter, window, given.get("jobid"))


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


def _statuses(given: Mapping[str, str], paused: Callable[[], bool]) -> frozenset[Status]:
    names = [name.strip() for name in given.get("states", "All").split(",") if name.strip()]
    if not names:
        return ALL
    found = frozenset().union(*(one_of("states", name, STATES) for name in names))
    lower = {name.lower() for name in names}
    one_of_both = found < ALL and ("pause" in lower) != ("submitted" in lower)
    # The one or the other is the state of all jobs that are queued.
    return found - {Status.QUEUED} if one_of_both and paused() != ("pause" in lower) else found


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
