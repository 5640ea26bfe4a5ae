"""The plain model that every answer is compared with: all jobs in memory, filtered and sorted one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from benchmarks.history import DAY, History
from jobyard.model import Status
from jobyard.model.ids import now_ms
from jobyard.service.filters import Filter, Sort

_ORDER = [
    {Status.CANCELLED},
    {Status.COMPLETED, Status.FAILED},
    {Status.INITIALIZING},
    {Status.QUEUED, Status.SCHEDULED},
    {Status.RUNNING},
]
_RANKS = {status: rank for rank, statuses in enumerate(_ORDER) for status in statuses}


class Entry(NamedTuple):
    """What a list knows of a job. ``ended``: when it completed or failed, else 0; ``expires_at`` in milliseconds."""

    created_at: int
    id: str
    owner: str
    workflow: str
    workflow_id: str
    status: Status
    priority: int
    ended: int
    expires_at: int


_KEYS: dict[Sort, Callable[[Entry], Any]] = {
    Sort.CREATED: lambda _: 0,
    Sort.WORKFLOW: lambda entry: entry.workflow,
    Sort.COMPLETED: lambda entry: entry.ended,
    Sort.PRIORITY: lambda entry: entry.priority,
    Sort.STATUS: lambda entry: _RANKS[entry.status],
}


class Truth:
    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = sorted(entries)
        self._by_owner: dict[str, list[Entry]] = {}
        self._by_workflow: dict[str, list[Entry]] = {}
        for entry in self._entries:
            self._by_owner.setdefault(entry.owner, []).append(entry)
            self._by_workflow.setdefault(entry.workflow, []).append(entry)
        self._sorted = cache(self._sort)

    @classmethod
    def of(cls, history: History) -> Truth:
        entries = []
        for job in history.jobs():
            assert job.expires_at
            by_itself = job.status in (Status.COMPLETED, Status.FAILED)
            entries.append(
                Entry(
                    job.created_at,
                    job.id,
                    job.owner.id,
                    job.workflow_name,
                    job.workflow_id,
                    job.status,
                    job.priority.rank,
                    (job.finished_at or 0) if by_itself else 0,
                    job.expires_at * 1000,
                )
            )
        return cls(entries)

    @property
    def owners(self) -> list[str]:
        """Who has most jobs, first."""
        return sorted(self._by_owner, key=lambda owner: (-len(self._by_owner[owner]), owner))

    @property
    def workflows(self) -> list[str]:
        return sorted(self._by_workflow, key=lambda name: (-len(self._by_workflow[name]), name))

    def ids(self, filter: Filter, sort: Sort, *, descending: bool) -> list[str]:
        """Of all that match, in their order."""
        now = now_ms() // DAY * DAY
        found = [entry for entry in self._among(filter, sort) if entry.expires_at > now and _takes(filter, entry)]
        if filter.owners is not None or filter.workflow_names is not None:
            found.sort(key=_KEYS[sort])
        ids = [entry.id for entry in found]
        return ids[::-1] if descending else ids

    def _among(self, filter: Filter, sort: Sort) -> list[Entry]:
        """In order of creation where it is one's or one workflow's, else in that of the list."""
        if filter.owners is not None:
            return sorted(entry for owner in filter.owners for entry in self._by_owner.get(owner, []))
        if filter.workflow_names is not None:
            return sorted(entry for name in filter.workflow_names for entry in self._by_workflow.get(name, []))
        return self._sorted(sort)

    def _sort(self, sort: Sort) -> list[Entry]:
        # Ties stay in order of creation.
        return sorted(self._entries, key=_KEYS[sort])


def _takes(filter: Filter, entry: Entry) -> bool:
    return (
        (filter.statuses is None or entry.status in filter.statuses)
        and (filter.ranks is None or entry.priority in filter.ranks)
        and (filter.owners is None or entry.owner in filter.owners)
        and (filter.workflow_names is None or entry.workflow in filter.workflow_names)
        and (filter.completed_from is None or 0 < entry.ended >= filter.completed_from)
        and (filter.completed_until is None or 0 < entry.ended < filter.completed_until)
    )
