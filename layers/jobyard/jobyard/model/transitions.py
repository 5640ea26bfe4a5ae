"""The life of a job, as data.

The store's conditions are made from this table; the state machine's are compared with it by test.
``target`` is None where the job is removed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    INITIALIZING = "initializing"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    # As equal texts have it; an enumeration's own is by the name, and a function written in Python.
    __hash__ = str.__hash__


class Transition(NamedTuple):
    sources: frozenset[Status]
    target: Status | None


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
LIVE = frozenset(Status) - TERMINAL
WAITING = frozenset({Status.SCHEDULED, Status.QUEUED})

TRANSITIONS: dict[str, Transition] = {
    "enqueue": Transition(frozenset({Status.SCHEDULED}), Status.QUEUED),
    "initialize": Transition(frozenset({Status.QUEUED}), Status.INITIALIZING),
    "start": Transition(frozenset({Status.INITIALIZING}), Status.RUNNING),
    "complete": Transition(frozenset({Status.RUNNING}), Status.COMPLETED),
    "fail": Transition(LIVE, Status.FAILED),
    "cancel": Transition(LIVE, Status.CANCELLED),
    "delete": Transition(WAITING, None),
}
