"""The executions of the state machine. Each has its job's id for a name, so a second one of a job cannot be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jobyard.aws import ClientError, client, error_code
from jobyard.model import Job, Runner, Status
from jobyard.store.records import job_pk

STOPPED_CAUSE = "The job was cancelled or deleted, or has failed."
STATE_MACHINE = "stateMachine"

# Step Functions says so of an execution that ended, too; of one that runs with the same input it says nothing.
_STARTED_BEFORE = "ExecutionAlreadyExists"
_GONE = "ExecutionDoesNotExist"
_ANSWERED = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
_NEVER = frozenset({"InvalidExecutionInput", "InvalidName", "ValidationException"})
# An execution under PENDING_REDRIVE goes on later.
_GOING_ON = frozenset({"RUNNING", "PENDING_REDRIVE"})


class CannotStart(Exception):
    """Step Functions will not take this job, now or later."""


class Execution(NamedTuple):
    """``tenant`` is None where the input is not one that ``start`` gave: somebody started it by hand."""

    job_id: str
    tenant: str | None
    status: str
    error: str
    cause: str

    @property
    def going_on(self) -> bool:
        return self.status in _GOING_ON


class Running(NamedTuple):
    """``began_at`` in milliseconds."""

    job_id: str
    began_at: int


def start(job: Job) -> bool:
    """Start the job's execution; False where it was started before. Raises ``CannotStart``."""
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=_machine(),
            name=job.id,
            input=json.dumps(_input(job), ensure_ascii=False, separators=(",", ":")),
        )
    except ClientError as error:
        code = error_code(error)
        if code == _STARTED_BEFORE:
            return False
        if code in _NEVER:
            raise CannotStart(error.response["Error"].get("Message") or code) from error
        raise
    return True


def resume(job: Job) -> bool:
    """Let the job's execution go on, which waits with a token; False where it waits no longer, or has ended."""
    try:
        client("stepfunctions").send_task_success(taskToken=job.token, output="{}")
    except ClientError as error:
        if error_code(error) not in _ANSWERED:
            raise
        return False
    return True


def stop(job_id: str, runner: Runner | None = None) -> None:
    """Stop the job's execution, and the nested one that a ``runner`` of type stateMachine has; nothing where there is
    none, or where it has ended.

    Step Functions itself stops a nested one only where it can, and does not promise to.
    """
    # The nested one first: where it goes no further than that, reconcile still finds the job's own and stops both. And
    # once more, because the job's own may have started it between the two.
    stop_nested(job_id, runner)
    _stop(_arn(job_id))
    stop_nested(job_id, runner)


def stop_nested(job_id: str, runner: Runner | None) -> None:
    """Stop the nested execution alone; nothing for a ``runner`` of another type."""
    if runner and runner.type == STATE_MACHINE:
        _stop(f"{runner.arn.replace(':stateMachine:', ':execution:')}:{job_id}")


def _stop(arn: str) -> None:
    try:
        client("stepfunctions").stop_execution(executionArn=arn, cause=STOPPED_CAUSE)
    except ClientError as error:
        # Of an execution that has ended AWS answers with its end, other engines with ValidationException.
        if error_code(error) not in (_GONE, "ValidationException"):
            raise


def find(job_id: str) -> Execution | None:
    """The job's execution, whether it goes on or has ended; None where there never was one, or none for 90 days."""
    try:
        found = client("stepfunctions").describe_execution(executionArn=_arn(job_id))
    except ClientError as error:
        if error_code(error) != _GONE:
            raise
        return None
    return Execution(
        job_id,
        tenant_of(job_id, found.get("input")),
        found["status"],
        found.get("error") or "",
        found.get("cause") or "",
    )


def running() -> Iterator[Running]:
    pages = (
        client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=_machine(), statusFilter="RUNNING")
    )
    for page in pages:
        for each in page["executions"]:
            yield Running(each["name"], int(each["startDate"].timestamp() * 1000))


def tenant_of(name: str, text: str | None) -> str | None:
    """The tenant that an execution's input names; None where the input is not of the job that ``name`` is the id of."""
    try:
        given = json.loads(text or "null")
        if given["jobId"] == name and isinstance(given["tenant"], str):
            return given["tenant"]
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def _input(job: Job) -> dict[str, Any]:
    """``job`` within it is what the workflow's function receives."""
    runner: dict[str, Any] = {"type": job.runner.type, "arn": job.runner.arn} if job.runner else {}
    if job.runner and job.runner.heartbeat is not None:
        runner["heartbeat"] = job.runner.heartbeat
    given: dict[str, Any] = {
        "pk": job_pk(job.tenant, job.id),
        "tenant": job.tenant,
        "jobId": job.id,
        "runner": runner,
        "job": {
            "id": job.id,
            "tenant": job.tenant,
            "workflow": {"id": job.workflow_id, "name": job.workflow_name},
            "questions": {question.name: question.value for question in job.questions},
            "settings": job.settings,
            "submittedBy": {"id": job.owner.id, "name": job.owner.name},
        },
    }
    if job.retries is not None:
        given["retries"] = job.retries._asdict()
    if job.time_limit is not None:
        given["timeLimit"] = job.time_limit
    if job.status is Status.SCHEDULED and job.start_at is not None:
        given["startAt"] = _instant(job.start_at)
    return given


def _instant(at_ms: int) -> str:
    whole, thousandths = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{thousandths:03d}Z"


def _machine() -> str:
    return os.environ["STATE_MACHINE_ARN"]


def _arn(job_id: str) -> str:
    return f"{_machine().replace(':stateMachine:', ':execution:')}:{job_id}"
