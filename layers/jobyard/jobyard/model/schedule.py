"""A schedule: what is to run, whose it is, when, and what came of its runs."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from jobyard.model.iteration import Iteration
from jobyard.model.job import Person, Priority, Question
from jobyard.model.recurrence import Recurrence
from jobyard.model.timing import recurrence_of


class Overlap(StrEnum):
    """What becomes of a run that is due while the job of the one before has not ended."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


WAITING_MOST = 10
"""Runs of a schedule that wait; those that are due beyond are skipped."""


class Outcome(StrEnum):
    """What came of the last run: a job; none yet, or none, for its overlap, or because the owner may not, or nothing
    happened.
    """

    STARTED = "started"
    WAITING = "waiting"
    SKIPPED = "skipped"
    REFUSED = "refused"
    MISSED = "missed"


class State(StrEnum):
    ACTIVE = "Active"
    DISABLED = "Disabled"
    COMPLETED = "Completed"
    WAITING = "Waiting"
    SKIPPED = "Skipped"
    ERROR = "Error"
    MISSED = "Missed"


_STATES = {Outcome.SKIPPED: State.SKIPPED, Outcome.REFUSED: State.ERROR, Outcome.MISSED: State.MISSED}


class Schedule(NamedTuple):
    """Times in milliseconds; ``time_zone`` is empty for UTC. ``listed_in`` is the list that its jobs are in.

    ``role`` is the role in which the owner last wrote it, which counts for owners who are no users here. ``version``
    grows with every write, ``timing`` with those that change when it runs. ``last_run_at`` is the instant that the last
    job was for, ``waiting`` has those of the runs that wait for its end, the oldest first.
    """

    tenant: str
    id: str
    listed_in: str
    workflow_id: str
    owner: Person
    role: str
    iteration: Iteration
    created_at: int
    time_zone: str = ""
    name: str = ""
    comment: str = ""
    priority: Priority = Priority.DEFAULT
    worker_tag: str = ""
    credential_id: str = ""
    questions: tuple[Question, ...] = ()
    enabled: bool = True
    overlap: Overlap = Overlap.ALLOW
    modified_at: int | None = None
    modified_by: str = ""
    version: int = 1
    timing: int = 1
    run_count: int = 0
    last_run_at: int | None = None
    last_job_id: str | None = None
    last_error: str | None = None
    outcome: Outcome | None = None
    waiting: tuple[int, ...] = ()

    @property
    def recurrence(self) -> Recurrence:
        return recurrence_of(self.iteration, self.time_zone)

    def next_run(self, after: int) -> int | None:
        """None while it is disabled."""
        return self.recurrence.next_run(after) if self.enabled else None

    def state(self, now: int) -> State:
        """What the last run came to goes before that there is no other."""
        if not self.enabled:
            return State.DISABLED
        if self.waiting:
            return State.WAITING
        if self.outcome in _STATES:
            return _STATES[self.outcome]
        return State.COMPLETED if self.next_run(now) is None else State.ACTIVE
