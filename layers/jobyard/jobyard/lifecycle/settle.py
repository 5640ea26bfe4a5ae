"""An execution that failed, timed out or was stopped by hand has not told its job: here the job learns of it.

Where the execution has, as it does when the workflow fails, nothing is left to do.
"""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger

from jobyard.lifecycle import executions
from jobyard.model.ids import now_ms
from jobyard.store import jobs

logger = Logger()
REASON_LONGEST = 2000
"""In characters, as in the state machine."""


def settle(event: dict[str, Any]) -> bool:
    """``event`` is EventBridge's "Step Functions Execution Status Change"; whether a job was failed for it."""
    detail = event["detail"]
    name = detail["name"]
    # A large input is left out of the event.
    given = detail.get("input")
    if given is not None:
        tenant = executions.tenant_of(name, given)
    else:
        execution = executions.find(name)
        tenant = execution.tenant if execution else None
    if tenant is None:
        logger.warning("an execution that no job has ended", execution=name, status=detail["status"])
        return False
    return fail(tenant, name, reason(detail["status"], detail.get("error") or "", detail.get("cause") or ""))


def fail(tenant: str, id: str, why: str) -> bool:
    """Fail the job unless it has ended; whether it was done."""
    job = jobs.get(tenant, id)
    if job is None or job.terminal:
        return False
    # The job may have been cancelled since it was read: the write's own condition decides.
    failed = jobs.fail(job, why, now_ms()).done
    if failed:
        logger.warning("a job was failed for its execution", job_id=id, tenant=tenant, reason=why)
    return failed


def reason(status: str, error: str, cause: str) -> str:
    """Why an execution ended, for the job's user: never empty, at most ``REASON_LONGEST`` characters."""
    told = _message(cause) or error.strip()
    if status == "ABORTED":
        text = f"The execution was stopped by hand{f': {told}' if told else '.'}"
    elif status == "TIMED_OUT":
        text = f"The execution ran out of time{f': {told}' if told else '.'}"
    elif status == "SUCCEEDED":
        text = "The execution ended without ending the job."
    else:
        text = told or "The execution failed without a reason."
    return text[:REASON_LONGEST]


def _message(cause: str) -> str:
    """The text in the JSON in which Lambda reports an exception; any other cause as it is."""
    try:
        told = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError, RecursionError):
        told = cause
    return told.strip() if isinstance(told, str) else cause.strip()
