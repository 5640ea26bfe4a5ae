"""Look at a job, follow its messages, cancel it, fetch what it made.

``listed_in`` is the list that the job must be in: a job of another dialect, project or bucket is not found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from jobyard.authorizer.access import Caller, demand_administrator, may_cancel, may_see_job
from jobyard.errors import CancelForbidden, NotCancellable, NotFound
from jobyard.model import Job, Message, Output, Status
from jobyard.model.ids import now_ms
from jobyard.model.messages import life_messages
from jobyard.model.source import NOWHERE, Source
from jobyard.model.transitions import WAITING
from jobyard.service.audit import record
from jobyard.store import jobs
from jobyard.store.transactions import Write

NEWEST_MESSAGES = 1000
_MESSAGES_A_READ = 1000


class Cancelled(NamedTuple):
    """``deleted``: the job still waited, and is gone."""

    job: Job
    deleted: bool


def get(caller: Caller, listed_in: str, id: str) -> Job:
    """The job. Raises ``NotFound`` also for one that the caller may not see."""
    return _visible(caller, listed_in, jobs.get(caller.tenant, id), id)


def get_with_messages(caller: Caller, listed_in: str, id: str) -> tuple[Job, list[Message]]:
    """The job and its newest 1,000 messages, oldest first."""
    found, messages = jobs.get_with_messages(caller.tenant, id, NEWEST_MESSAGES)
    job = _visible(caller, listed_in, found, id)
    return job, sorted([*messages, *life_messages(job)])[-NEWEST_MESSAGES:]


def messages(
    caller: Caller, listed_in: str, id: str, after: str, at_most: int, size_of: Callable[[Message], int]
) -> tuple[list[Message], str | None]:
    """The job's messages whose key is greater than ``after``, oldest first, until their sizes reach ``at_most``.

    With them the key to go on after, or None where these were the last. For administrators only: ``RoleForbidden``.
    """
    demand_administrator(caller)
    job = _visible(caller, listed_in, jobs.get(caller.tenant, id), id)
    collected, last = _stored(caller.tenant, id, after, at_most, size_of)
    if last is not None:
        # It may have ended while its messages were read, before the last of them: the next page would not tell.
        job = jobs.get(caller.tenant, id) or job
    # What lies behind the last one read belongs to a later page, unless there is none.
    due = [each for each in life_messages(job) if each.key > after and (last is None or each.key <= last)]
    return sorted([*collected, *due]), last


def _stored(
    tenant: str, id: str, after: str, at_most: int, size_of: Callable[[Message], int]
) -> tuple[list[Message], str | None]:
    collected: list[Message] = []
    size, more = 0, True
    while more:
        page, more = jobs.messages_after(tenant, id, collected[-1].key if collected else after, _MESSAGES_A_READ)
        for message in page:
            if size >= at_most:
                return collected, collected[-1].key
            collected.append(message)
            size += size_of(message)
        if size >= at_most and more:
            return collected, collected[-1].key
    return collected, None


def cancel(
    caller: Caller, listed_in: str, id: str, source: Source = NOWHERE, *, delete_waiting: bool = False
) -> Cancelled:
    """Cancel the job, or with ``delete_waiting`` delete it if it still waits. ``source`` is where it was asked from.

    Raises ``NotFound``, ``CancelForbidden``, or ``NotCancellable`` once the job is in a final state. Decided by one
    conditional write, with which the record of it is written; what is answered here is what every later read says.
    """
    job = jobs.get(caller.tenant, id)
    if job is None or job.listed_in != listed_in:
        raise NotFound("Job", id)
    if not may_cancel(caller, job):
        raise CancelForbidden("You do not have permission to cancel this job.")
    if delete_waiting and job.status in WAITING:
        removed = jobs.delete(job, [_told(caller, source, "job.delete", job, {})])
        if removed.done:
            return Cancelled(job, deleted=True)
        if removed.job is None:
            raise NotFound("Job", id)
        # It began meanwhile; from there it never waits again, so this is the last fork.
    told = _told(caller, source, "job.cancel", job, {"status": Status.CANCELLED})
    moved = jobs.cancel(job, caller.user, now_ms(), [told])
    if moved.job is None:
        raise NotFound("Job", id)
    if not moved.done:
        raise NotCancellable(moved.job.status)
    return Cancelled(moved.job, deleted=False)


def _told(caller: Caller, source: Source, action: str, job: Job, after: dict[str, Any]) -> Write:
    """The status before is that which was read: the job may have moved on since, from one live status to another."""
    return record(caller, source, action, "job", job.id, {"status": job.status}, after)


def output(caller: Caller, listed_in: str, id: str, output_id: str) -> Output:
    """One output of the job. Raises ``NotFound`` for the job or the output."""
    job = get(caller, listed_in, id)
    for each in job.outputs:
        if each.id == output_id:
            return each
    raise NotFound("Output", output_id)


def _visible(caller: Caller, listed_in: str, job: Job | None, id: str) -> Job:
    if job is None or job.listed_in != listed_in or not may_see_job(caller, job):
        raise NotFound("Job", id)
    return job
