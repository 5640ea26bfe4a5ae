"""Lists of jobs: filtered, sorted and cut to a page, with the exact total of what matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from jobyard.authorizer.access import USER_ID_LONGEST, Caller, demand_administrator, may_see_workflow
from jobyard.errors import NotFound
from jobyard.model import Job, Status
from jobyard.store import lists, records, workflows

_OWNERS_ONE_BY_ONE = 10


class Sort(StrEnum):
    CREATED = "created"
    WORKFLOW = "workflow"
    COMPLETED = "completed"
    PRIORITY = "priority"
    STATUS = "status"


class Filter(NamedTuple):
    """None takes every value. Times in milliseconds; ``completed_from`` is included, ``completed_until`` is not."""

    statuses: frozenset[Status] | None = None
    ranks: frozenset[int] | None = None
    owners: frozenset[str] | None = None
    workflow_names: frozenset[str] | None = None
    completed_from: int | None = None
    completed_until: int | None = None

    def takes(self, job: Job) -> bool:
        return (
            (self.statuses is None or job.status in self.statuses)
            and (self.ranks is None or job.priority.rank in self.ranks)
            and (self.owners is None or job.owner.id in self.owners)
            and (self.workflow_names is None or job.workflow_name in self.workflow_names)
            # Days before 1970 are negative: that a job has completed at all must be asked for.
            and (self.completed_from is None or 0 < _completed_at(job) >= self.completed_from)
            and (self.completed_until is None or 0 < _completed_at(job) < self.completed_until)
        )


def _completed_at(job: Job) -> int:
    """When the job ended by itself; 0 for one that has not, or that was cancelled."""
    return job.finished_at or 0 if job.status in (Status.COMPLETED, Status.FAILED) else 0


class Window(NamedTuple):
    sort: Sort = Sort.CREATED
    descending: bool = False
    offset: int = 0
    limit: int = 50


class Page(NamedTuple):
    jobs: list[Job]
    total: int


# By name; but what every dialect shows alike stands together, or a list would return to a status that it had left.
_STATUS_ORDER = {
    Status.CANCELLED: 0,
    Status.COMPLETED: 1,
    Status.FAILED: 1,
    Status.INITIALIZING: 2,
    Status.QUEUED: 3,
    Status.SCHEDULED: 3,
    Status.RUNNING: 4,
}

# Jobs that have not completed sort before all that have; ties stand in order of creation.
_SORT_KEYS: dict[Sort, Callable[[Job], Any]] = {
    Sort.CREATED: lambda job: job.created_at,
    Sort.WORKFLOW: lambda job: job.workflow_name,
    Sort.COMPLETED: _completed_at,
    Sort.PRIORITY: lambda job: job.priority.rank,
    Sort.STATUS: lambda job: _STATUS_ORDER[job.status],
}


def all_jobs(caller: Caller, listed_in: str, filter: Filter, window: Window) -> Page:
    """All jobs of a list. For administrators only: ``RoleForbidden``."""
    demand_administrator(caller)
    # Of many the whole index is read once, instead of one after the other until the time is over.
    if filter.owners is None or len(filter.owners) > _OWNERS_ONE_BY_ONE:
        found: Iterable[Job] = lists.of(listed_in)
    else:
        owners = sorted(owner for owner in filter.owners if len(owner) <= USER_ID_LONGEST)
        found = (job for owner in owners for job in lists.of_owner(listed_in, owner))
    return _page(found, filter, window)


def newest(caller: Caller, listed_in: str, offset: int, limit: int) -> list[Job]:
    """A page of a list, newest first, read no further than its end. For administrators only: ``RoleForbidden``."""
    demand_administrator(caller)
    return list(islice(lists.of(listed_in, newest_first=True), offset, offset + limit))


def created_between(caller: Caller, listed_in: str, first: str, last: str, *, newest_first: bool) -> Iterator[Job]:
    """The jobs of a list between two places in it (``place``), read as they are taken.

    For administrators only: ``RoleForbidden``.
    """
    demand_administrator(caller)
    return lists.created_between(listed_in, first, last, newest_first=newest_first)


def place(job: Job) -> str:
    """Where a job stands in its list. Begins with the time of its creation: 13 digits of milliseconds, and ``#``."""
    return records.place(job.created_at, job.id)


def jobs_of_workflow(caller: Caller, listed_in: str, workflow_id: str, filter: Filter, window: Window) -> Page:
    """The workflow's jobs that the caller may see. Raises ``NotFound`` (the workflow)."""
    workflow = workflows.get(caller.tenant, workflow_id)
    if workflow is None or not may_see_workflow(caller, workflow):
        raise NotFound("Workflow", workflow_id)
    if not caller.administrator:
        filter = filter._replace(owners=frozenset({caller.user.id}))
    return _page(lists.of_workflow(listed_in, workflow_id), filter, window)


def _page(found: Iterable[Job], filter: Filter, window: Window) -> Page:
    matching = [job for job in found if filter.takes(job)]
    key = _SORT_KEYS[window.sort]
    matching.sort(key=lambda job: (key(job), job.created_at, job.id), reverse=window.descending)
    return Page(matching[window.offset : window.offset + window.limit], len(matching))
