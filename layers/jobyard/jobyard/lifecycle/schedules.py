"""Compares what EventBridge Scheduler holds with the timers: what a crash left undone is done, what is too many goes.

Scheduler is read first and the timers, strongly consistent, after it. A timer is written before Scheduler is told, so
a name that is of no timer's timing is of a schedule that was changed or deleted. What is missing may have been made
between the two reads; to tell Scheduler once more is harmless.

A run that was due, and that nothing has come of for longer than AWS tries to deliver it, was missed. One that waits for
the job of the run before starts, where drive has not heard of that one's end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

from aws_lambda_powertools import Logger

from jobyard.aws import has_time_for
from jobyard.model.schedule import Outcome, Schedule
from jobyard.service import scheduler
from jobyard.service.firing import release, without_job
from jobyard.store import schedules, timers
from jobyard.store.schedules import firing_key
from jobyard.store.timers import Timer

GRACE_MS = 5 * 60_000
"""Beyond ``LATE_MS``, in which Lambda runs what it was given in the end."""

_LOOKED_AT = 1000
"""Runs of one schedule that are looked for in one go."""

logger = Logger()


class Compared(NamedTuple):
    """How many schedules Scheduler was told of, names were removed, runs were found missed or were started that had
    waited, and attempts failed.
    """

    armed: int = 0
    orphans: int = 0
    missed: int = 0
    released: int = 0
    errors: int = 0


def compare(now: int) -> Compared:
    """Do what is left to be done; as far as the time goes."""
    try:
        return _compare(now)
    except Exception:
        logger.exception("schedules were not compared")
        return Compared(errors=1)


def _compare(now: int) -> Compared:
    held = list(scheduler.held())
    known = {scheduler.prefix(timer.tenant, timer.id): timer for timer in timers.every()}
    present: defaultdict[str, set[str]] = defaultdict(set)
    done = Compared()
    for name in held:
        prefix = scheduler.prefix_of(name)
        if prefix is None:
            continue
        timer = known.get(prefix)
        if timer and timer.due_at is not None and name.startswith(f"{prefix}{timer.timing}-"):
            present[prefix].add(name)
        else:
            done = _attempt(done, "orphans", name, partial(_forget, name))
    for prefix, timer in known.items():
        if timer.armed != timer.timing or (timer.due_at is not None and len(present[prefix]) < timer.parts):
            done = _attempt(done, "armed", timer.id, partial(_arm, timer))
        if timer.due_at is not None and timer.due_at < now - scheduler.LATE_MS - GRACE_MS:
            done = _attempt(done, "missed", timer.id, partial(_miss, timer, now - scheduler.LATE_MS - GRACE_MS))
        if timer.waiting:
            done = _attempt(done, "released", timer.id, partial(_release, timer))
    return done


def _attempt(done: Compared, what: str, about: str, repair: Callable[[], bool]) -> Compared:
    if not has_time_for(0):
        return done
    try:
        repaired = repair()
    except Exception:
        logger.exception("a repair of a schedule went wrong", about=about)
        return done._replace(errors=done.errors + 1)
    if repaired:
        logger.warning("repaired", about=about, repair=what)
    return done._replace(**{what: getattr(done, what) + repaired})


def _forget(name: str) -> bool:
    scheduler.forget([name])
    return True


def _arm(timer: Timer) -> bool:
    scheduler.arm(timer.tenant, timer.id)
    return True


def _release(timer: Timer) -> bool:
    return release(timer.tenant, timer.id) is not None


def _miss(timer: Timer, until: int) -> bool:
    """Make it known which run was missed, and wait for the next from there on."""
    schedule = schedules.get(timer.tenant, timer.id)
    if schedule is None or not schedule.enabled or timer.due_at is None:
        return False
    due = list(islice(schedule.recurrence.runs(timer.due_at, until), _LOOKED_AT))
    missed = [run for run in due if schedules.firing(timer.tenant, timer.id, firing_key(run)) is None]
    if not missed:
        # Younger firings were delivered before an older one, whose next run is theirs.
        return _wait_for_next(schedule, due[-1] if due else until)
    many = f" So were {len(missed) - 1} before it." if len(missed) > 1 else ""
    reason = f"The run of {_instant(missed[-1])} was missed: it was not delivered in time.{many}"
    return without_job(schedule, missed[-1], Outcome.MISSED, reason) is not None


def _wait_for_next(schedule: Schedule, run: int) -> bool:
    schedules.change(schedule, schedule, schedule.next_run(run))
    return False


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
