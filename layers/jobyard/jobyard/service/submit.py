"""Make a job: one conditional write, after which it cannot be lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from jobyard.authorizer.access import Caller, may_execute, may_see_workflow
from jobyard.errors import ExecuteForbidden, Invalid, NotFound, TooLarge
from jobyard.model import Facets, Job, Priority, Question, Status
from jobyard.model.ids import now_ms, object_id
from jobyard.model.listing import DAY_MS
from jobyard.store import counters, workflows
from jobyard.store.submissions import Once, put

QUESTIONS_BYTES = 64 * 1024
"""All names and values of a job's questions together, in UTF-8: they travel with it through the state machine."""

QUESTIONS_MOST = 200
KEY_LONGEST = 255
KEY_KEPT_SECONDS = 24 * 3600
WORKER_TAG_LONGEST = 128
AHEAD_MOST_MS = 365 * DAY_MS
"""How far ahead a job may be scheduled: Step Functions ends every execution, this one's wait too, after a year."""


class Request(NamedTuple):
    """``start_at`` in milliseconds since the epoch, or what makes it of the time of submission; None starts at once.

    ``id``, ``details``, ``settings`` and ``facets`` are the dialect's; without an id the job gets one of the alteryx
    form. ``schedule_id`` is of the schedule that asks. The settings go before the workflow's: what the workflow's
    function is told in them, no caller can say.
    """

    listed_in: str
    workflow_id: str
    questions: Sequence[Question] = ()
    priority: Priority = Priority.DEFAULT
    worker_tag: str = ""
    start_at: int | Callable[[int], int] | None = None
    id: str | None = None
    details: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}
    facets: Facets | None = None
    schedule_id: str | None = None


class Submitted(NamedTuple):
    """``replayed``: the idempotency key had made this job before, and nothing was written now."""

    job: Job
    replayed: bool


def next_id() -> str:
    """An id that is a number: greater than all before it, whatever the tenant, and never used again."""
    return str(counters.next_number("jobs"))


def submit(
    caller: Caller,
    request: Request,
    idempotency_key: str | None = None,
    *,
    once: Once | None = None,
    sole: str | None = None,
) -> Submitted:
    """Queue a job, or schedule it.

    With an ``idempotency_key``, kept for 24 hours and the caller's own, of any number of equal requests exactly one
    makes a job, and all are answered with it; a dialect that tells repetitions in a way of its own gives ``once``
    instead. With ``sole`` there is at most one live job of that name in the tenant. Raises ``NotFound`` (the workflow),
    ``ExecuteForbidden``, ``Invalid``, ``IdempotencyConflict``, ``AlreadyLive``, ``Busy``.
    """
    check(request, idempotency_key)
    job = prepare(caller, request)
    if idempotency_key is not None:
        once = Once(key_hash(caller, idempotency_key), _fingerprint(request), KEY_KEPT_SECONDS)
    made, replayed = put(job, job.created_at // 1000, once, sole)
    return Submitted(made, replayed)


def prepare(caller: Caller, request: Request) -> Job:
    """The job that ``caller`` asks for, which nobody has written yet. Raises as ``submit``."""
    now = now_ms()
    start_at = request.start_at(now) if callable(request.start_at) else request.start_at
    if start_at is not None and start_at > now + AHEAD_MOST_MS:
        raise Invalid("startAt", "startAt: at most 365 days ahead are allowed.")
    workflow = workflows.get(caller.tenant, request.workflow_id)
    if workflow is None:
        raise NotFound("Workflow", request.workflow_id)
    if not may_execute(caller, workflow):
        if may_see_workflow(caller, workflow):
            raise ExecuteForbidden("Your role may not execute workflows.")
        raise ExecuteForbidden(f"You do not have access to execute workflow {workflow.id}.")
    waits = start_at is not None and start_at > now
    return Job(
        tenant=caller.tenant,
        id=request.id or object_id(now),
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        owner=caller.user,
        status=Status.SCHEDULED if waits else Status.QUEUED,
        priority=request.priority,
        created_at=now,
        worker_tag=request.worker_tag,
        listed_in=request.listed_in,
        details=dict(request.details),
        questions=tuple(request.questions),
        runner=workflow.runner,
        retries=workflow.retries,
        time_limit=workflow.time_limit,
        settings=workflow.settings | dict(request.settings),
        start_at=start_at if waits else None,
        queued_at=None if waits else now,
        updated_at=now,
        expires_at=_expiry(max(now, start_at or 0)),
        facets=request.facets,
        schedule_id=request.schedule_id,
    )


def key_hash(caller: Caller, idempotency_key: str) -> str:
    """The caller's own keys: another user's same key is another key."""
    return sha256(f"{caller.user.id}\n{idempotency_key}".encode()).hexdigest()


def check(request: Request, idempotency_key: str | None = None) -> None:
    """Raises ``Invalid`` for what no workflow could be given."""
    if idempotency_key is not None and not 0 < len(idempotency_key) <= KEY_LONGEST:
        raise Invalid("Idempotency-Key", f"Idempotency-Key must have 1 to {KEY_LONGEST} characters.")
    if len(request.questions) > QUESTIONS_MOST:
        raise TooLarge("questions", f"questions: at most {QUESTIONS_MOST} are allowed, not {len(request.questions)}.")
    size = sum(len(question.name.encode()) + len(question.value.encode()) for question in request.questions)
    if size > QUESTIONS_BYTES:
        raise TooLarge("questions", f"questions: at most {QUESTIONS_BYTES} bytes together are allowed, not {size}.")
    if len(request.worker_tag) > WORKER_TAG_LONGEST:
        raise Invalid("workerTag", f"workerTag: at most {WORKER_TAG_LONGEST} characters are allowed.")


def _fingerprint(request: Request) -> str:
    """Equal for requests that ask for the same, however they were written."""
    asked = [
        request.listed_in,
        request.workflow_id,
        [list(question) for question in request.questions],
        request.priority,
        request.worker_tag,
        # What follows from the time of submission is not asked for: it differs for a repetition.
        None if callable(request.start_at) else request.start_at,
        dict(request.details),
    ]
    return sha256(json.dumps(asked).encode()).hexdigest()


def _expiry(from_ms: int) -> int:
    """When a job is there no longer, in seconds since the epoch: when the last of ``RETENTION_DAYS`` whole days (UTC)
    after the day of its start is over. So all jobs of a day leave the counts together.
    """
    return (from_ms // DAY_MS + 1 + int(os.environ["RETENTION_DAYS"])) * DAY_MS // 1000
