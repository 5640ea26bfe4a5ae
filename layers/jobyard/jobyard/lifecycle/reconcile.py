"""Finds what drive, settle and count missed: jobs that no execution moves on, executions that no job needs, slots that
nobody gave back and jobs that wait beside free ones, jobs that are not listed as they are (``lifecycle.lost``), and
counts that are wrong (``lifecycle.recount``).

Every source that it reads lags a little (the index, ListExecutions, DescribeExecution), so nothing younger than
``GRACE_MS`` is touched, each suspicion is checked again on the thing itself, and what is done about it is a conditional
write or a call that may be repeated.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from aws_lambda_powertools import Logger

from jobyard.aws import has_time_for, within
from jobyard.errors import Unavailable
from jobyard.lifecycle import executions, lost, recount, settle
from jobyard.lifecycle.dispatch import dispatch
from jobyard.lifecycle.drive import start
from jobyard.lifecycle.lost import Name, Suspect
from jobyard.model import Job, Status
from jobyard.model.ids import now_ms as clock_ms
from jobyard.model.queue import named
from jobyard.store import jobs, queues, recounts, slots
from jobyard.store.lifecycle import LiveJob, live_jobs

GRACE_MS = 60_000
logger = Logger()


class Repairs(NamedTuple):
    """How many jobs were started or failed, executions stopped, and attempts at any of these went wrong; how many jobs
    were counted that count had missed; by how many, all in all, counts were wrong; how many jobs were claimed that
    nobody had, and how many slots given back.
    """

    started: int = 0
    failed: int = 0
    stopped: int = 0
    errors: int = 0
    recounted: int = 0
    drift: int = 0
    claimed: int = 0
    freed: int = 0


def reconcile(now_ms: int, seconds: float, tell: Callable[[Mapping[str, int]], None] = lambda _: None) -> Repairs:
    """Repair for at most about ``seconds``; what is left is for the next run.

    ``tell`` hears, by the names of queues, how many jobs have waited for longer than ``GRACE_MS``. So only those with
    slots, or paused, are among them: whoever submits jobs names tags, and each would be a metric to pay for.
    """
    ends = time.monotonic() + seconds
    old = now_ms - GRACE_MS
    # First the executions: a job that ends between the two reads is then an execution too many, which is looked at
    # again, and not a job without one.
    running = {each.job_id: each.began_at for each in executions.running()}
    # What has not changed for longest comes first: the time may be too short for all.
    live = {each.id: each for each in sorted(live_jobs(), key=lambda each: each.updated_at)}
    repairs = Repairs()
    for job in live.values():
        if job.updated_at < old and _is_without(job, running) and time.monotonic() < ends:
            repairs = _attempt(repairs, job.id, partial(_repair, job.tenant, job.id))
    waiting = Counter(each.queue for each in live.values() if each.status is Status.QUEUED and each.updated_at < old)
    tell(waiting)
    repairs = _with_queues(repairs, live, waiting, old, ends)
    for id, began_at in running.items():
        if id not in live and began_at < old and time.monotonic() < ends:
            repairs = _attempt(repairs, id, partial(_stop, id, old))
    with within(ends - time.monotonic()):
        return _with_lists(repairs, list(live.values()), now_ms)


def _with_queues(
    repairs: Repairs, live: Mapping[str, LiveJob], waiting: Mapping[str, int], old: int, ends: float
) -> Repairs:
    # Before the queues: a slot that is taken or given back after this changes its queue, which then is left alone.
    held = _held()
    if held is None:
        repairs = repairs._replace(errors=repairs.errors + 1)
    # The last job of a queue may have ended unheard of: nothing that lives leads to its slot.
    forgotten = {name for name, ids in (held or {}).items() if not live.keys() >= set(ids)}
    slotless = defaultdict[str, list[str]](list)
    for each in live.values():
        if each.slotless and each.updated_at < old:
            slotless[each.queue].append(each.id)
    for name in sorted({each.queue for each in live.values()} | forgotten):
        if time.monotonic() < ends:
            holders = None if held is None else held.get(name, [])
            repair = partial(_repair_queue, name, name in waiting, name in forgotten, slotless[name], holders, old)
            repairs = _attempt_all(repairs, name, repair)
    return repairs


def _held() -> dict[str, list[str]] | None:
    """None where AWS does not tell: that nobody is known to hold a slot is not that nobody does."""
    try:
        return slots.held()
    except Exception:
        logger.exception("who holds slots cannot be read")
        return None


def _with_lists(repairs: Repairs, live: list[LiveJob], now_ms: int) -> Repairs:
    if not has_time_for(0):
        return repairs
    names = recounts.lists()
    # In another order each minute: where the time is too short for all, it is not always the same that are left out.
    first = now_ms // 60_000 % max(len(names), 1)
    names = names[first:] + names[:first]
    shown: dict[Name, Job] = {}
    for name in names:
        repairs = _in_time(repairs, name, partial(_show, shown, name, now_ms))
    for suspect in lost.suspects(live, shown, now_ms - GRACE_MS):
        repairs = _in_time(repairs, suspect.id, partial(_heal, suspect, now_ms - GRACE_MS))
    for name in names:
        repairs = _in_time(repairs, name, partial(_compare, name, now_ms))
    return repairs


def _show(shown: dict[Name, Job], listed_in: str, now_ms: int) -> Repairs:
    shown |= lost.shown_live(listed_in, now_ms)
    return Repairs()


def _heal(suspect: Suspect, old: int) -> Repairs:
    return Repairs(recounted=int(lost.heal(suspect, old)))


def _compare(listed_in: str, now_ms: int) -> Repairs:
    day = recount.day_due(listed_in, now_ms)
    return Repairs() if day is None else Repairs(drift=recount.compare(listed_in, day, now_ms))


def _in_time(repairs: Repairs, about: str, repair: Callable[[], Repairs]) -> Repairs:
    if not has_time_for(0):
        return repairs
    try:
        done = repair()
    except Exception as problem:
        if isinstance(problem, Unavailable) and not has_time_for(0):
            logger.info("left for another run", about=about)
            return repairs
        logger.exception("a repair of the lists went wrong", about=about)
        done = Repairs(errors=1)
    return Repairs(*(a + b for a, b in zip(repairs, done, strict=True)))


def _attempt_all(repairs: Repairs, about: str, repair: Callable[[], Repairs]) -> Repairs:
    try:
        done = repair()
    except Exception:
        logger.exception("a repair went wrong", about=about)
        done = Repairs(errors=1)
    if done.claimed or done.freed:
        logger.warning("repaired", queue=about, claimed=done.claimed, freed=done.freed)
    return Repairs(*(a + b for a, b in zip(repairs, done, strict=True)))


def _attempt(repairs: Repairs, id: str, repair: Callable[[], str | None]) -> Repairs:
    """``repair`` says which count of ``Repairs`` it adds to."""
    try:
        done = repair()
    except Exception:
        logger.exception("a repair went wrong", job_id=id)
        done = "errors"
    if done is None:
        return repairs
    if done != "errors":
        logger.warning("repaired", job_id=id, repair=done)
    return repairs._replace(**{done: getattr(repairs, done) + 1})


def _is_without(job: LiveJob, running: Mapping[str, int]) -> bool:
    """Whether nothing may move a job on. A queue moves those that wait; a claimed one's execution may not know."""
    if job.status is Status.QUEUED:
        return False
    return job.id not in running or job.status is Status.INITIALIZING


def _repair(tenant: str, id: str) -> str | None:
    execution = executions.find(id)
    job = jobs.get(tenant, id)
    if job is None or job.terminal or job.status is Status.QUEUED:
        return None
    if execution and execution.going_on:
        waits = job.status is Status.INITIALIZING and job.token is not None
        return "started" if waits and executions.resume(job) else None
    if execution is None and job.status in (Status.SCHEDULED, Status.INITIALIZING):
        return "started" if start(job) else None
    if execution is None:
        why = "The execution of the job is gone."
    else:
        why = settle.reason(execution.status, execution.error, execution.cause)
    return "failed" if settle.fail(tenant, id, why) else None


def _repair_queue(
    name: str, waits: bool, forgotten: bool, slotless: list[str], holders: list[str] | None, old: int
) -> Repairs:
    """Slots of jobs that have ended are given back; a job that ``waits`` though it need not is claimed.

    ``slotless`` run without a slot, which is to be in a queue without a limit only; ``holders`` are who holds its
    slots, where that is known.
    """
    queue = queues.get(*named(name))
    if queue.slots is None and not waits and not forgotten:
        return Repairs()
    if queue.slots is not None and slotless:
        slots.adopt(name, slotless, clock_ms())
        # Who holds a slot was read before that.
        holders = None
    freed = 0
    # What has just happened to it the stream is about to tell, and the indexes are about to show.
    if holders is not None and (queue.slots is not None or forgotten) and queue.updated_at < old:
        found = [job for id in holders if (job := jobs.get(queue.tenant, id)) and job.slot_of == name]
        ended = [job.id for job in found if _has_long_ended(job, old)]
        freed = slots.give_back(name, ended, clock_ms()) if ended else 0
        still = len(found)
        if not freed and still != queue.running and slots.set_running(queue, still, clock_ms()):
            logger.warning("a queue had counted its slots wrong", queue=name, counted=queue.running, held=still)
    claimed = dispatch(name) if waits or queue.uncounted is not None else 0
    # In a queue where something has just happened, a slot that was found free is none that was forgotten.
    return Repairs(claimed=claimed if freed or queue.updated_at < old else 0, freed=freed)


def _has_long_ended(job: Job, old: int) -> bool:
    return job.terminal and (job.finished_at or 0) < old


def _stop(id: str, old: int) -> str | None:
    execution = executions.find(id)
    if execution is None or not execution.going_on or execution.tenant is None:
        return None
    job = jobs.get(execution.tenant, id)
    # One that has just ended: its execution is about to end, too.
    if job and not _has_long_ended(job, old):
        return None
    executions.stop(id, job.runner if job else None)
    return "stopped"
