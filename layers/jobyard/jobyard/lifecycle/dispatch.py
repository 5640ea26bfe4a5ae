"""Takes jobs from a queue, as long as there are slots: highest priority first, first in first out within one.

Any number may do this at once. Each reads the queue and the first of those that wait, and claims them in one
transaction, in which the queue's own condition holds back what is too many and each job's what another has taken. A job
that is claimed is initializing; the stream tells of it, and its execution begins.

Where a queue has no limit, and is not paused, nobody has to choose: the job that the stream tells of is claimed without
a slot, and begun by whoever claimed it (``claim_at_once``). Of its end nobody needs to hear, so the stream is not asked
to tell either.

Nothing is waited for. Whenever a job is queued, a slot becomes free or a queue is set, somebody looks. The index of the
jobs that wait is behind; so the record of a job that was just queued names that job, and one for which there is no slot
is noted in the queue's own item, on the condition that there is none: whoever makes room later reads it there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aws_lambda_powertools import Logger

from jobyard.model import Job, Status
from jobyard.model.ids import now_ms
from jobyard.model.queue import Queue, named
from jobyard.store import jobs, queues, slots
from jobyard.store.lifecycle import live_jobs
from jobyard.store.queues import Waiting
from jobyard.store.records import waiting_place
from jobyard.store.slots import CLAIMED_AT_ONCE

ROUNDS = 8
"""Claims in a row, of up to ``CLAIMED_AT_ONCE`` jobs each; what is left then, the stream has somebody else take."""

_CHANGED_MOST = 20
"""Tries where the queue changes each time: somebody has taken jobs then, or set it."""

logger = Logger()


class Taken(NamedTuple):
    """``due`` are those whose execution has to begin now; ``left`` wait, because the queue has a limit or is paused."""

    due: list[Job]
    left: list[Waiting]


def claim_at_once(queue: Queue, told: Collection[Job]) -> Taken:
    """Claim jobs that have just been queued, from a queue that was seen to have no limit.

    One that was claimed so before is due again: whoever did may have died before it began. Raises ``Busy``.
    """
    jobs_of = {waiting_of(job): job for job in told}
    due: list[Job] = []
    left = sorted(jobs_of)
    while left:
        now, after = left[:CLAIMED_AT_ONCE], left[CLAIMED_AT_ONCE:]
        claimed = slots.claim_without(queue, now, now_ms())
        if claimed.changed:
            break
        for each in claimed.jobs:
            logger.info("claimed", job_id=each.id, tenant=queue.tenant, queue=queue.tag)
        due += [jobs_of[each] for each in claimed.jobs]
        gone = [jobs.get(each.tenant, each.id) for each in claimed.refused]
        due += [job for job in gone if job and job.status is Status.INITIALIZING and job.slot_of is None]
        left = after
    return Taken(due, left)


def waiting_of(job: Job) -> Waiting:
    return Waiting(waiting_place(job), job.tenant, job.id)


def dispatch(name: str, told: Collection[Waiting] = (), seen: Queue | None = None) -> int:
    """Claim what may be claimed of the queue ``name``; how many jobs were.

    ``told`` are jobs that have just been queued, which its index may not have yet; of those of them that still have to
    wait it is written down. ``seen`` is the queue as it was just read. Raises ``Busy``.
    """
    tenant, tag = named(name)
    done = changed = rounds = 0
    passed: set[str] = set()
    while True:
        queue, seen = _counted(seen or queues.get(tenant, tag)), None
        due = _due(queue, told, passed) if queue.room(1) else []
        left = [each for each in told if each.id not in passed]
        if not due:
            if not left or queues.note(queue, left):
                break
            changed += 1
        else:
            rounds += 1
            last = rounds == ROUNDS and len(due) == CLAIMED_AT_ONCE
            claimed = slots.claim(queue, due, now_ms(), "more" if last else "taken")
            if not claimed.jobs:
                queues.forget(queue, claimed.refused)
            for each in claimed.jobs:
                logger.info("claimed", job_id=each.id, tenant=tenant, queue=tag)
            done += len(claimed.jobs)
            passed.update(each.id for each in (*claimed.jobs, *claimed.refused))
            changed += claimed.changed
        if rounds >= ROUNDS + changed or changed > _CHANGED_MOST:
            left = [each for each in told if each.id not in passed]
            if left:
                queues.note(queues.get(tenant, tag), left, "more")
            break
    reason = queue.reason
    if reason:
        for each in sorted(left):
            queues.note_waiting(each.tenant, each.id, queue, reason, now_ms())
    return done


def _counted(queue: Queue) -> Queue:
    """As it is once slots were given to the jobs that run, where the queue had no limit: until then none is taken.

    One that was claimed in the last moment before the limit was set may not be in the index yet: of that ``reconcile``
    takes care.
    """
    if queue.uncounted is None:
        return queue
    running = [each.id for each in live_jobs() if each.queue == queue.name and each.slotless]
    adopted = slots.adopt(queue.name, running, now_ms())
    slots.set_counted(queue)
    logger.info("a queue has a limit", tenant=queue.tenant, queue=queue.tag, running=adopted)
    return queues.get(queue.tenant, queue.tag)


def _due(queue: Queue, told: Collection[Waiting], passed: Collection[str]) -> list[Waiting]:
    """The next of those that wait, as many as there is room for."""
    room = queue.room(CLAIMED_AT_ONCE)
    # The index, and what was noted, may still have what was claimed a moment ago. Of a job that has been moved they may
    # have another place than was told: that is only a matter of order.
    known = (*queues.noted(queue), *told, *queues.first(queue, room + len(passed)))
    found = {each.id: each for each in known if each.id not in passed}
    return sorted(found.values())[:room]
