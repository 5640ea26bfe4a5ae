"""Finds what drive and settle missed: jobs that no execution moves on, and executions that no job needs.

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

from jobyard.lifecycle import executions, settle
from jobyard.lifecycle.drive import begin
from jobyard.model.transitions import WAITING
from jobyard.store import jobs
from jobyard.store.lifecycle import live_jobs

GRACE_MS = 60_000
logger = Logger()


class Repairs(NamedTuple):
    """How many jobs were started or failed, executions stopped, and attempts at any of these went wrong."""

    started: int = 0
    failed: int = 0
    stopped: int = 0
    errors: int = 0


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
    return repairs


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
