"""Finds what drive, settle and count missed: jobs that no execution moves on, executions that no job needs, jobs that
are not listed as they are (``lifecycle.lost``), and counts that are wrong (``lifecycle.recount``).

Every source that it reads lags a little (the index, ListExecutions, DescribeExecution), so nothing younger than
``GRACE_MS`` is touched, each suspicion is checked again on the thing itself, and what is done about it is a conditional
write or a call that may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from aws_lambda_powertools import Logger

from jobyard.aws import has_time_for, within
from jobyard.errors import Unavailable
from jobyard.lifecycle import executions, lost, recount, settle
from jobyard.lifecycle.drive import begin
from jobyard.lifecycle.lost import Name, Suspect
from jobyard.model import Job
from jobyard.model.transitions import WAITING
from jobyard.store import jobs, recounts
from jobyard.store.lifecycle import LiveJob, live_jobs

GRACE_MS = 60_000
logger = Logger()


class Repairs(NamedTuple):
    """How many jobs were started or failed, executions stopped, and attempts at any of these went wrong; how many jobs
    were counted that count had missed; and by how many, all in all, counts were wrong.
    """

    started: int = 0
    failed: int = 0
    stopped: int = 0
    errors: int = 0
    recounted: int = 0
    drift: int = 0


def reconcile(now_ms: int, seconds: float) -> Repairs:
    """Repair for at most about ``seconds``; what is left is for the next run."""
    ends = time.monotonic() + seconds
    old = now_ms - GRACE_MS
    # First the executions: a job that ends between the two reads is then an execution too many, which is looked at
    # again, and not a job without one.
    running = {each.job_id: each.began_at for each in executions.running()}
    live = {each.id: each for each in live_jobs()}
    repairs = Repairs()
    for job in live.values():
        if job.id not in running and job.updated_at < old and time.monotonic() < ends:
            repairs = _attempt(repairs, job.id, partial(_repair, job.tenant, job.id))
    for id, began_at in running.items():
        if id not in live and began_at < old and time.monotonic() < ends:
            repairs = _attempt(repairs, id, partial(_stop, id, old))
    with within(ends - time.monotonic()):
        return _with_lists(repairs, list(live.values()), now_ms)


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


def _repair(tenant: str, id: str) -> str | None:
    execution = executions.find(id)
    if execution and execution.going_on:
        return None
    job = jobs.get(tenant, id)
    if job is None or job.terminal:
        return None
    if execution is None and job.status in WAITING:
        return "started" if begin(job) else None
    if execution is None:
        why = "The execution of the job is gone."
    else:
        why = settle.reason(execution.status, execution.error, execution.cause)
    return "failed" if settle.fail(tenant, id, why) else None


def _stop(id: str, old: int) -> str | None:
    execution = executions.find(id)
    if execution is None or not execution.going_on or execution.tenant is None:
        return None
    job = jobs.get(execution.tenant, id)
    # One that has just ended: its execution is about to end, too.
    if job and (not job.terminal or (job.finished_at or 0) >= old):
        return None
    executions.stop(id, job.runner if job else None)
    return "stopped"
