"""Make a job: one conditional write, after which it cannot be lost."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from jobyard.authorizer.access import Caller, may_execute, may_see_workflow
from jobyard.errors import ExecuteForbidden, Invalid, NotFound, TooLarge
from jobyard.model import Job, Priority, Question, Status
from jobyard.model.ids import now_ms, object_id
from jobyard.store import jobs, workflows
from jobyard.store.submissions import Submission, submit_once

QUESTIONS_BYTES = 64 * 1024
"""All names and values of a job's questions together, in UTF-8: they travel with it through the state machine."""

QUESTIONS_MOST = 200
KEY_LONGEST = 255
WORKER_TAG_LONGEST = 128
_DAY_MS = 24 * 3600 * 1000
AHEAD_MOST_MS = 365 * _DAY_MS
"""How far ahead a job may be scheduled: Step Functions ends every execution, this one's wait too, after a year."""


class Request(NamedTuple):
    """``start_at`` in milliseconds since the epoch; None starts at once."""

    workflow_id: str
    questions: Sequence[Question] = ()
    priority: Priority = Priority.DEFAULT
    worker_tag: str = ""
    start_at: int | None = None


class Submitted(NamedTuple):
    """``replayed``: the idempotency key had made this job before, and nothing was written now."""

    job: Job
    replayed: bool


def submit(caller: Caller, request: Request, idempotency_key: str | None = None) -> Submitted:
    """Queue a job, or schedule it.

    With an ``idempotency_key``, kept for 24 hours and the caller's own, of any number of equal requests exactly one
    makes a job, and all are answered with it. Raises ``NotFound`` (the workflow), ``ExecuteForbidden``, ``Invalid``,
    ``IdempotencyConflict``, ``Busy``.
    """
    now = now_ms()
    _check(request, idempotency_key, now)
    workflow = workflows.get(caller.tenant, request.workflow_id)
    if workflow is None:
        raise NotFound("Workflow", request.workflow_id)
    if not may_execute(caller, workflow):
        if may_see_workflow(caller, workflow):
            raise ExecuteForbidden("Your role may not execute workflows.")
        raise ExecuteForbidden(f"You do not have access to execute workflow {workflow.id}.")
    waits = request.start_at is not None and request.start_at > now
    job = Job(
        tenant=caller.tenant,
        id=object_id(now),
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        owner=caller.user,
        status=Status.SCHEDULED if waits else Status.QUEUED,
        priority=request.priority,
        created_at=now,
        worker_tag=request.worker_tag,
        questions=tuple(request.questions),
        runner=workflow.runner,
        settings=workflow.settings,
        start_at=request.start_at if waits else None,
        queued_at=None if waits else now,
        updated_at=now,
        expires_at=_expiry(max(now, request.start_at or 0)),
    )
    if idempotency_key is None:
        jobs.put(job)
        return Submitted(job, replayed=False)
    # The caller's own keys: another user's same key is another key.
    key_hash = sha256(f"{caller.user.id}\n{idempotency_key}".encode()).hexdigest()
    made, replayed = submit_once(job, Submission(key_hash, _fingerprint(request)), now // 1000)
    return Submitted(made, replayed)


def _check(request: Request, idempotency_key: str | None, now: int) -> None:
    if request.start_at is not None and request.start_at > now + AHEAD_MOST_MS:
        raise Invalid("startAt", "startAt: at most 365 days ahead are allowed.")
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
        request.workflow_id,
        [list(question) for question in request.questions],
        request.priority,
        request.worker_tag,
        request.start_at,
    ]
    return sha256(json.dumps(asked).encode()).hexdigest()


def _expiry(from_ms: int) -> int:
    """When a job leaves the table, in seconds since the epoch: ``RETENTION_DAYS`` after it was to start."""
    return (from_ms + int(os.environ["RETENTION_DAYS"]) * _DAY_MS) // 1000
