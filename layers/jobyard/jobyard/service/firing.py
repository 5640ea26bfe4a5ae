"""A run of a schedule is due, or somebody wants one now: one job, however often it is told.

The schedule as it stands decides: a firing is a run of it, or nothing. What came of it is written with the job, in one
transaction, under a key that is the instant. So of two deliveries the second finds the key taken; of two firings at
once one finds the schedule changed, and looks again.

A run that has to wait for the job of the one before is kept with the schedule, in the same way. It starts when drive
hears of that job's end, or reconcile finds that it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from jobyard.authorizer.access import Caller, Role, effective
from jobyard.errors import AlreadyLive, Busy, ExecuteForbidden, Invalid, NotFound
from jobyard.model import Job, Person, Priority, Question
from jobyard.model.ids import now_ms
from jobyard.model.schedule import WAITING_MOST, Outcome, Overlap, Schedule
from jobyard.service.submit import Request, prepare
from jobyard.store import jobs, schedules, users
from jobyard.store.conflicts import tries
from jobyard.store.schedules import Firing, firing_key
from jobyard.store.submissions import Once, Overtaken, made_before, put

type Told = Callable[[Schedule, Firing], list[dict[str, Any]]]
"""The writes that make it known what came of a run."""

logger = Logger()


class Fired(NamedTuple):
    """``job`` is None where there is none; ``replayed``: an idempotency key had made it before."""

    outcome: Outcome
    job: Job | None = None
    replayed: bool = False


def fire(tenant: str, id: str, instant: int) -> Fired | None:
    """The schedule's run at ``instant`` (milliseconds); None where it has none then, or it was fired before."""
    for _ in tries():
        schedule = schedules.get(tenant, id)
        if schedule is None:
            return None
        run = schedule.recurrence.run_of(instant) if schedule.enabled else None
        if run is None or schedules.firing(tenant, id, firing_key(run)):
            fired = None
        else:
            fired = _fire(schedule, run)
            if fired is None:
                continue
        # The job of the run before may have ended before this one was seen to wait: then nothing else would start it.
        # And who wrote that it waits may have died before this.
        if schedule.waiting or (fired and fired.outcome is Outcome.WAITING):
            release(tenant, id)
        return fired
    raise Busy("Too many others are changing the schedule; try again.")


def release(tenant: str, id: str) -> Fired | None:
    """Start the run of the schedule that has waited longest, unless the job of the one before has not ended; None
    where nothing is to be started. May be repeated, and done by several at once.
    """
    while (fired := _release(tenant, id)) and fired.outcome is Outcome.REFUSED:
        # Nothing is in the way of the next.
        pass
    return fired


def run_now(schedule: Schedule, once: Once | None = None, also: Sequence[dict[str, Any]] = ()) -> Fired:
    """A run beside those that are due, with the owner's role. Raises as ``submit``, and ``AlreadyLive``."""
    for _ in tries():
        last = _in_the_way(schedule)
        if last:
            # It may be the one that this request's own first try has made.
            before = once and made_before(schedule.tenant, once, now_ms() // 1000)
            if before:
                return Fired(Outcome.STARTED, before, replayed=True)
            raise AlreadyLive(_not_ended(last))
        job = _job(schedule)
        told = Firing(f"{firing_key(job.created_at)}-{job.id}", job.created_at, Outcome.STARTED, job.id, None)
        try:
            made, replayed = put(job, job.created_at // 1000, once, None, [*schedules.told(schedule, told), *also])
        except Overtaken:
            # Or the answer to the first try was lost.
            if schedules.firing(schedule.tenant, schedule.id, told.key):
                return Fired(Outcome.STARTED, job)
        else:
            return Fired(Outcome.STARTED, made, replayed)
        present = schedules.get(schedule.tenant, schedule.id)
        if present is None:
            raise NotFound("Schedule", schedule.id)
        schedule = present
    raise Busy("Too many others are changing the schedule; try again.")


def caller_of(tenant: str, owner: Person, role: str) -> Caller:
    """The owner with the role that the user has now; one who is of an issuer, and no user here, with ``role``.

    Raises ``ExecuteForbidden`` for a user who is not active.
    """
    user = users.get(tenant, owner.id)
    if user is None:
        return Caller(tenant, owner, effective(role), "")
    if not user.active:
        raise ExecuteForbidden("The schedule's owner is not active.")
    return Caller(tenant, owner, effective(user.role), "")


def _fire(schedule: Schedule, run: int) -> Fired | None:
    """None where the schedule has changed since it was read."""
    last = _in_the_way(schedule)
    if schedule.overlap is Overlap.QUEUE and (last or schedule.waiting):
        if len(schedule.waiting) >= WAITING_MOST:
            return without_job(schedule, run, Outcome.SKIPPED, f"Skipped: {WAITING_MOST} runs wait already.")
        told = Firing(firing_key(run), run, Outcome.WAITING, None, None)
        return Fired(Outcome.WAITING) if schedules.tell(_when_due(schedule, told)) else None
    if last:
        return without_job(schedule, run, Outcome.SKIPPED, _not_ended(last))
    return _start(schedule, run, _when_due)


def _release(tenant: str, id: str) -> Fired | None:
    for _ in tries():
        schedule = schedules.get(tenant, id)
        if schedule is None or not schedule.waiting or _live(schedule):
            return None
        fired = _start(schedule, schedule.waiting[0], schedules.told)
        if fired:
            return fired
    raise Busy("Too many others are changing the schedule; try again.")


def _start(schedule: Schedule, run: int, writes: Told) -> Fired | None:
    """None where the schedule has changed since it was read."""
    try:
        job = _job(schedule)
    except (NotFound, ExecuteForbidden, Invalid) as reason:
        return without_job(schedule, run, Outcome.REFUSED, str(reason), writes)
    told = Firing(firing_key(run), run, Outcome.STARTED, job.id, None)
    try:
        put(job, job.created_at // 1000, also=writes(schedule, told))
    except Overtaken:
        return None
    return Fired(Outcome.STARTED, job)


def _when_due(schedule: Schedule, told: Firing) -> list[dict[str, Any]]:
    # Counted from the run and not from now: one that is late may not hide that the one behind it never comes.
    return schedules.told_when_due(schedule, told, schedule.next_run(told.at))


def without_job(schedule: Schedule, run: int, outcome: Outcome, reason: str, writes: Told = _when_due) -> Fired | None:
    """Make it known that ``run`` has no job, and why; None where the schedule has changed since it was read."""
    told = Firing(firing_key(run), run, outcome, None, reason[:1000])
    if not schedules.tell(writes(schedule, told)):
        return None
    logger.warning("a run without a job", schedule_id=schedule.id, tenant=schedule.tenant, outcome=outcome)
    return Fired(outcome)


def _in_the_way(schedule: Schedule) -> Job | None:
    """The job of the run before, where that has not ended and the schedule's runs may not overlap."""
    return None if schedule.overlap is Overlap.ALLOW else _live(schedule)


def _live(schedule: Schedule) -> Job | None:
    last = jobs.get(schedule.tenant, schedule.last_job_id) if schedule.last_job_id else None
    return None if last is None or last.terminal else last


def _not_ended(last: Job) -> str:
    return f"Skipped: job {last.id} of the run before has not ended yet."


def _job(schedule: Schedule) -> Job:
    return prepare(caller_of(schedule.tenant, schedule.owner, schedule.role), request_of(schedule))


def request_of(schedule: Schedule) -> Request:
    return Request(
        listed_in=schedule.listed_in,
        workflow_id=schedule.workflow_id,
        questions=schedule.questions,
        priority=schedule.priority,
        worker_tag=schedule.worker_tag,
        schedule_id=schedule.id,
    )


class Static(NamedTuple):
    """A schedule that is kept in the template: ``id`` is its name there, ``owner`` whose jobs they are."""

    tenant: str
    id: str
    listed_in: str
    workflow_id: str
    owner: Person
    questions: tuple[Question, ...] = ()


def fire_static(static: Static, instant: int) -> Fired | None:
    """Its run at ``instant``; None where it was fired before. The operator has said so: nobody's role is asked."""
    request = Request(static.listed_in, static.workflow_id, static.questions, Priority.DEFAULT)
    job = prepare(Caller(static.tenant, static.owner, Role.CURATOR, ""), request)
    told = Firing(firing_key(instant), instant, Outcome.STARTED, job.id, None)
    try:
        put(job, job.created_at // 1000, also=[schedules.told_of(static.tenant, static.id, told)])
    except Overtaken:
        return None
    return Fired(Outcome.STARTED, job)
