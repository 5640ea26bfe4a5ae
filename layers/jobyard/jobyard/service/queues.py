"""Queues: what they are set to, why a job waits in one, and moving a job that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jobyard.authorizer.access import Caller, Right, demand_administrator, may_see_job
from jobyard.errors import Busy, ChangeForbidden, Invalid, NotChangeable, NotFound
from jobyard.model import Job, Priority, Stand, Status
from jobyard.model.ids import now_ms
from jobyard.model.messages import instant
from jobyard.model.queue import SLOTS_MOST, Queue
from jobyard.model.source import Source
from jobyard.model.transitions import WAITING
from jobyard.service.audit import record
from jobyard.service.submit import WORKER_TAG_LONGEST
from jobyard.store import jobs, queues
from jobyard.store.conflicts import tries
from jobyard.store.records import waiting_place
from jobyard.store.transactions import Write

COUNTED_MOST = 1000
"""Jobs of a queue that are counted; a place behind them is not told."""

type Also = Callable[[Queue, Queue], Sequence[Write]]
"""Further writes of the transaction that makes a change, by what was before it and what is after it."""


class Waits(NamedTuple):
    """``position`` is 1 for the job that is taken next, None over ``COUNTED_MOST``; ``reason`` is what it waits for."""

    position: int | None = None
    reason: str | None = None


class Shown(NamedTuple):
    """``waiting`` is how many jobs wait, None for ``COUNTED_MOST`` or more."""

    queue: Queue
    waiting: int | None


def waits(job: Job) -> Waits:
    """Why a job waits and where it stands, about a second behind. Of one that does not wait, nothing."""
    if job.status is Status.SCHEDULED and job.start_at is not None:
        return Waits(None, f"its start at {instant(job.start_at)}")
    if job.status is not Status.QUEUED:
        return Waits()
    queue = queues.get(job.tenant, job.worker_tag)
    ahead = queues.ahead(queue.name, waiting_place(job), COUNTED_MOST)
    return Waits(ahead + 1 if ahead < COUNTED_MOST else None, queue.reason)


def paused(tenant: str, tag: str) -> bool:
    return queues.get(tenant, tag).paused


def shown(caller: Caller, tag: str) -> Shown:
    """One queue. Every tag has one: without a limit, and not paused, until it is set."""
    demand_administrator(caller)
    _check_tag(tag)
    return _with_waiting(queues.get(caller.tenant, tag))


def all_of(caller: Caller) -> list[Queue]:
    demand_administrator(caller)
    return queues.all_of(caller.tenant)


def put(caller: Caller, source: Source, tag: str, change: Callable[[Queue], tuple[int | None, bool]]) -> Shown:
    """Set what ``change`` makes of the queue as it is: the slots, and whether it is paused. Raises ``Busy``."""
    demand_administrator(caller)

    def told(before: Queue, after: Queue) -> list[Write]:
        return [record(caller, source, "queue.change", "queue", tag, settings(before), settings(after))]

    return _with_waiting(set_queue(caller.tenant, tag, change, told))


def settings(queue: Queue) -> dict[str, Any]:
    """What a record of a change says of a queue."""
    return {"slots": queue.slots, "paused": queue.paused}


def set_queue(tenant: str, tag: str, change: Callable[[Queue], tuple[int | None, bool]], also: Also) -> Queue:
    """As ``put``, for those whom IAM lets."""
    _check_tag(tag)
    for _ in tries():
        before = queues.get(tenant, tag)
        slots, paused = change(before)
        if slots is not None and not 0 <= slots <= SLOTS_MOST:
            raise Invalid("slots", f"slots: {slots} is not allowed. Allowed values: 0 to {SLOTS_MOST}, or null.")
        after = before._replace(slots=slots, paused=paused)
        if queues.put(before, slots, paused, now_ms(), also(before, after)):
            return queues.get(tenant, tag)
    raise Busy("Too many others are setting the same queue at once; try again.")


def move(caller: Caller, source: Source, listed_in: str, id: str, priority: Priority | None, tag: str | None) -> Job:
    """Give a job that waits another priority, or another tag, or both; None leaves one as it is.

    Raises ``NotFound``, ``ChangeForbidden``, ``NotChangeable`` once the job has begun, and ``Busy``.
    """
    if tag is not None:
        _check_tag(tag)
    for _ in tries():
        job = jobs.get(caller.tenant, id)
        if job is None or job.listed_in != listed_in or not may_see_job(caller, job):
            raise NotFound("Job", id)
        if priority is not None and not caller.may(Right.PRIORITISE):
            raise ChangeForbidden("You do not have permission to change the priority of a job.")
        if tag is not None and not caller.may(Right.TAG):
            raise ChangeForbidden("You do not have permission to change the worker tag of a job.")
        if job.status not in WAITING:
            raise NotChangeable(job.status)
        now = Stand(priority or job.priority, job.worker_tag if tag is None else tag)
        before = Stand(job.priority, job.worker_tag)
        if now == before:
            return job
        was, becomes = ({"priority": each.priority, "workerTag": each.tag} for each in (before, now))
        told = record(caller, source, "job.change", "job", job.id, was, becomes)
        moved = jobs.stand(job, now, caller.user, now_ms(), [told])
        if moved.done and moved.job is not None:
            return moved.job
    raise Busy("Too many others are changing the same job at once; try again.")


def _with_waiting(queue: Queue) -> Shown:
    waiting = queues.ahead(queue.name, "~", COUNTED_MOST)
    return Shown(queue, waiting if waiting < COUNTED_MOST else None)


def _check_tag(tag: str) -> None:
    if len(tag) > WORKER_TAG_LONGEST:
        raise Invalid("workerTag", f"workerTag: at most {WORKER_TAG_LONGEST} characters are allowed.")
