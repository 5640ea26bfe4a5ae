"""What a list can be asked for."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from jobyard.model import Status
from jobyard.model.listing import DAY_MS, Cell


class Sort(StrEnum):
    CREATED = "created"
    WORKFLOW = "workflow"
    COMPLETED = "completed"
    PRIORITY = "priority"
    STATUS = "status"


class Filter(NamedTuple):
    """None takes every value. Times in milliseconds, the first included, the last not; days of completion begin and
    end at midnight, UTC.

    ``ranks`` and ``owners`` are what a job's facets have as ``kind`` and ``who``, ``workflows`` names with ids. What
    is created from or until some time is in order of creation, and can only be walked: it has no total and no offset.
    """

    statuses: frozenset[Status] | None = None
    ranks: frozenset[int] | None = None
    owners: frozenset[str] | None = None
    workflow_names: frozenset[str] | None = None
    completed_from: int | None = None
    completed_until: int | None = None
    workflows: frozenset[tuple[str, str]] | None = None
    created_from: int | None = None
    created_until: int | None = None

    def takes(self, day: int, of: Cell) -> bool:
        """Whether jobs of a cell that were created on a day match; of owners and workflows their facets decide."""
        return (
            (self.statuses is None or of.status in self.statuses)
            and (self.ranks is None or of.kind in self.ranks)
            and (self._ended_any_time or (of.ended >= 0 and self._ended_on((day + of.ended) * DAY_MS)))
            and (self.created_from is None or (day + 1) * DAY_MS > self.created_from)
            and (self.created_until is None or day * DAY_MS < self.created_until)
        )

    def takes_time(self, created_at: int) -> bool:
        """Whether a job that was created then matches."""
        return (self.created_from is None or self.created_from <= created_at) and (
            self.created_until is None or created_at < self.created_until
        )

    @property
    def _ended_any_time(self) -> bool:
        return self.completed_from is None and self.completed_until is None

    def _ended_on(self, midnight: int) -> bool:
        return (self.completed_from is None or self.completed_from <= midnight) and (
            self.completed_until is None or midnight < self.completed_until
        )

    def asked(self) -> str:
        """The same text for the same filter."""
        return repr([sorted(value) if isinstance(value, frozenset) else value for value in self])


class Window(NamedTuple):
    """An order, and a page of it: behind ``offset`` jobs, or where the page before said that it goes on."""

    sort: Sort = Sort.CREATED
    descending: bool = False
    offset: int = 0
    limit: int = 50
    cursor: str | None = None
