"""Schedules: made, looked at, changed, deleted, and run at once.

``listed_in`` is the list that a schedule's jobs are in, and with it the schedule: one of another dialect is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import replace
from typing import Any, NamedTuple

from jobyard.authorizer.access import (
    Caller,
    Right,
    has_schedule,
    may_change_schedule,
    may_execute,
    may_see_schedule,
    may_see_workflow,
)
from jobyard.authorizer.sharing import shared_with
from jobyard.errors import Busy, ExecuteForbidden, Invalid, NotFound, RoleForbidden, TooLarge
from jobyard.model import Job, Person, Priority, Question
from jobyard.model.ids import now_ms, object_id
from jobyard.model.iteration import Iteration
from jobyard.model.people import Kind
from jobyard.model.schedule import Overlap, Schedule
from jobyard.model.source import Source
from jobyard.service import firing, scheduler
from jobyard.service.audit import record
from jobyard.service.expressions import expressions
from jobyard.service.firing import Fired, request_of
from jobyard.service.submit import KEY_KEPT_SECONDS, check, key_hash
from jobyard.store import schedules, transactions, users, workflows
from jobyard.store.conflicts import tries
from jobyard.store.records import user_key
from jobyard.store.submissions import Once
from jobyard.store.transactions import Write

NAME_LONGEST, COMMENT_LONGEST = 256, 1024
CREDENTIAL_LONGEST = 256
WINDOW_MOST_MS = 45 * 24 * 3600 * 1000


class Wanted(NamedTuple):
    """What somebody wants of a schedule; None is not said, which leaves it as it is."""

    workflow_id: str | None = None
    owner_id: str | None = None
    iteration: Iteration | None = None
    time_zone: str | None = None
    name: str | None = None
    comment: str | None = None
    priority: Priority | None = None
    worker_tag: str | None = None
    credential_id: str | None = None
    questions: Sequence[Question] | None = None
    enabled: bool | None = None
    overlap: Overlap | None = None


class Window(NamedTuple):
    """From ``runs_from`` (included) to ``runs_until`` (not), in milliseconds."""

    runs_from: int
    runs_until: int


class Seen(NamedTuple):
    """``run_at``: the next run, or the first in the window that was asked for; in milliseconds."""

    schedule: Schedule
    run_at: int | None


def create(caller: Caller, source: Source, listed_in: str, wanted: Wanted) -> Schedule:
    """Raises ``RoleForbidden``, ``Invalid``, ``ExecuteForbidden``, ``Busy``."""
    _demand_right(caller)
    now = now_ms()
    if wanted.workflow_id is None or wanted.iteration is None:
        field = "workflowId" if wanted.workflow_id is None else "iteration"
        raise Invalid(field, f"{field}: is required.")
    blank = Schedule(
        tenant=caller.tenant,
        id=object_id(now),
        listed_in=listed_in,
        workflow_id="",
        owner=caller.user,
        role=caller.role,
        iteration=wanted.iteration,
        created_at=now,
    )
    made = _with(caller, blank, wanted, now, new=True)
    told = record(caller, source, "schedule.create", "schedule", made.id, {}, _shown(made))
    if not schedules.create(made, made.next_run(now), [*_owned(made), told]):
        raise Busy("The owner of the schedule is being changed by others; try again.")
    scheduler.arm_soon(made)
    return made


def get(caller: Caller, listed_in: str, id: str) -> Schedule:
    """Raises ``NotFound`` also for one that the caller may not see."""
    return _visible(caller, listed_in, id)


def visible(
    caller: Caller,
    listed_in: str,
    owner_id: str | None = None,
    workflow_id: str | None = None,
    window: Window | None = None,
    after: str = "",
) -> list[Seen]:
    """All that the caller may see and that match, the oldest first; with a window those that run in it.

    ``after`` is the id behind which to begin. Raises ``Invalid``.
    """
    if window and not 0 < window.runs_until - window.runs_from <= WINDOW_MOST_MS:
        raise Invalid("runsBefore", "runsBefore: must be later than runsAfter, and by 45 days at the most.")
    now, found = now_ms(), []
    shared = frozenset[str]() if caller.administrator else shared_with(caller, Kind.SCHEDULE)
    for each in schedules.all_of(caller.tenant, after):
        if (
            each.listed_in != listed_in
            or not (has_schedule(caller, each) or each.id in shared)
            or (owner_id is not None and each.owner.id != owner_id)
            or (workflow_id is not None and each.workflow_id != workflow_id)
        ):
            continue
        if window is None:
            found.append(Seen(each, each.next_run(now)))
            continue
        run = each.next_run(window.runs_from - 1)
        if run is not None and run < window.runs_until:
            found.append(Seen(each, run))
    return found


def change(caller: Caller, source: Source, listed_in: str, id: str, wanted: Wanted) -> Schedule:
    """The schedule as it is now. Raises as ``create``, and ``NotFound``."""
    for _ in tries():
        before = _changeable(caller, listed_in, id)
        now = now_ms()
        after = _with(caller, before, wanted, now)
        told = record(caller, source, "schedule.change", "schedule", id, _shown(before), _shown(after))
        given = _owned(after) if after.owner != before.owner else []
        written = schedules.change(before, after, after.next_run(now), [*given, told])
        if written:
            if written.timing != before.timing:
                scheduler.arm_soon(written)
            return written
    raise Busy("Too many others are changing the schedule; try again.")


def delete(caller: Caller, source: Source, listed_in: str, id: str) -> None:
    """Its jobs stay. Collections that it is in forget it with their next change.

    Raises ``NotFound``, ``RoleForbidden``, ``Busy``.
    """
    for _ in tries():
        before = _changeable(caller, listed_in, id)
        timer = scheduler.timer_of(before)
        if schedules.delete(before, [record(caller, source, "schedule.delete", "schedule", id, _shown(before), {})]):
            scheduler.disarm_soon(before, timer)
            return
    raise Busy("Too many others are changing the schedule; try again.")


def run(
    caller: Caller, source: Source, listed_in: str, id: str, idempotency_key: str | None = None
) -> tuple[Job, bool]:
    """A run of it now, whether it is enabled or not; and whether the key had made it before.

    The job is its owner's, as those of the other runs are. Raises as ``submit``, and ``AlreadyLive`` where the overlap
    policy has none.
    """
    schedule = _changeable(caller, listed_in, id)
    check(request_of(schedule), idempotency_key)
    once = None
    if idempotency_key is not None:
        once = Once(key_hash(caller, idempotency_key), f"run {schedule.id}", KEY_KEPT_SECONDS)
    told = record(caller, source, "schedule.run", "schedule", schedule.id, {}, {})
    fired: Fired = firing.run_now(schedule, once, [told])
    assert fired.job is not None
    return fired.job, fired.replayed


def _with(caller: Caller, before: Schedule, wanted: Wanted, now: int, *, new: bool = False) -> Schedule:
    """``before`` as it is wanted, if everything about it is allowed."""
    owner, role = _owner(caller, before, wanted.owner_id)
    after = replace(
        before,
        workflow_id=_said(wanted.workflow_id, before.workflow_id),
        owner=owner,
        role=role,
        iteration=_said(wanted.iteration, before.iteration),
        time_zone=_said(wanted.time_zone, before.time_zone),
        name=_short("name", _said(wanted.name, before.name), NAME_LONGEST),
        comment=_short("comment", _said(wanted.comment, before.comment), COMMENT_LONGEST),
        # Ignored, says the contract, where the caller may not.
        priority=_said(wanted.priority if caller.may(Right.PRIORITISE) else None, before.priority),
        worker_tag=_said(wanted.worker_tag if caller.may(Right.TAG) else None, before.worker_tag),
        credential_id=_short("credentialId", _said(wanted.credential_id, before.credential_id), CREDENTIAL_LONGEST),
        questions=tuple(_said(wanted.questions, before.questions)),
        enabled=_said(wanted.enabled, before.enabled),
        overlap=_said(wanted.overlap, before.overlap),
        modified_at=None if new else now,
        modified_by="" if new else caller.user.id,
    )
    check(request_of(after))
    if (after.workflow_id, after.owner) != (before.workflow_id, before.owner):
        _demand_workflow(caller, after)
    retimed = (after.iteration, after.time_zone) != (before.iteration, before.time_zone)
    if new or retimed:
        _demand_future(None if new else before, after, now)
    # Enabled again, it begins anew: what was due meanwhile is not made up for.
    if not new and (retimed or after.enabled != before.enabled):
        after = replace(after, timing=before.timing + 1, outcome=None, last_error=None)
    # Nor is what waited for a start.
    return after if after.enabled else replace(after, waiting=())


def _owner(caller: Caller, before: Schedule, wanted: str | None) -> tuple[Person, str]:
    if wanted is not None and wanted != before.owner.id:
        if not caller.administrator:
            raise Invalid("ownerId", "ownerId: only administrators may give a schedule to another user.")
        if wanted == caller.user.id:
            return caller.user, caller.role
        user = users.get(caller.tenant, _short("ownerId", wanted, CREDENTIAL_LONGEST))
        if user is None:
            raise Invalid("ownerId", f"ownerId: there is no user {wanted}.")
        return Person(user.id, user.name), user.role
    # The role may be another since; that of somebody else who changes the schedule is not its owner's.
    return before.owner, caller.role if caller.user.id == before.owner.id else before.role


def _demand_workflow(caller: Caller, schedule: Schedule) -> None:
    workflow = workflows.get(caller.tenant, schedule.workflow_id)
    if workflow is None or not may_see_workflow(caller, workflow):
        raise Invalid("workflowId", f"workflowId: Workflow {schedule.workflow_id[:64]} not found.")
    if not may_execute(firing.caller_of(schedule.tenant, schedule.owner, schedule.role), workflow):
        raise ExecuteForbidden(f"The owner does not have access to execute workflow {workflow.id}.")


def _demand_future(before: Schedule | None, after: Schedule, now: int) -> None:
    """ "Must be in the future", says the vendor's page of the start; one that has been given before may be past."""
    recurrence = after.recurrence
    same = before is not None and before.iteration.start_time == after.iteration.start_time
    # Starts are cut to their minute.
    if not same and recurrence.start <= now - 60_000:
        raise Invalid("iteration.startTime", "iteration.startTime: must be in the future.")
    if recurrence.next_run(now) is None and not same:
        raise Invalid("iteration", "iteration: there is no run between now and endTime.")
    expressions(recurrence, now)


def _owned(schedule: Schedule) -> list[Write]:
    """Counts a revision of the owner: a user who is deleted meanwhile leaves no schedule behind."""
    owner = users.get(schedule.tenant, schedule.owner.id)
    # One of an issuer is no user here, and cannot be deleted here.
    return [] if owner is None else [transactions.revised(user_key(owner.tenant, owner.id), owner.revision)]


def _shown(schedule: Schedule) -> dict[str, Any]:
    """What the record of a change says of a schedule. What it is asked is the workflow's own, and may be anything."""
    return {
        "workflowId": schedule.workflow_id,
        "ownerId": schedule.owner.id,
        "name": schedule.name,
        "comment": schedule.comment,
        "iteration": schedule.iteration.given(),
        "timeZone": schedule.time_zone,
        "priority": schedule.priority,
        "workerTag": schedule.worker_tag,
        "enabled": schedule.enabled,
        "overlapPolicy": schedule.overlap,
    }


def _demand_right(caller: Caller) -> None:
    if not caller.may(Right.SCHEDULE):
        raise RoleForbidden("Only users who may schedule jobs may call this endpoint.")


def _visible(caller: Caller, listed_in: str, id: str) -> Schedule:
    schedule = schedules.get(caller.tenant, id)
    if schedule is None or schedule.listed_in != listed_in or not may_see_schedule(caller, schedule):
        raise NotFound("Schedule", id)
    return schedule


def _changeable(caller: Caller, listed_in: str, id: str) -> Schedule:
    schedule = _visible(caller, listed_in, id)
    if not may_change_schedule(caller, schedule):
        raise RoleForbidden("You do not have permission to change this schedule.")
    return schedule


def _short(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise TooLarge(field, f"{field}: at most {longest} characters are allowed, not {len(text)}.")
    return text


def _said[T](wanted: T | None, before: T) -> T:
    return before if wanted is None else wanted
