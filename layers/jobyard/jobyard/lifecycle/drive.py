"""The table's stream: a new job is started, a cancelled or deleted one stopped, and what a deleted one left removed.
Of a failed one the nested execution is stopped: its own may have ended without doing so. And where one of a schedule
has ended, the run that waits for that starts.

A stream delivers at least once, so each reaction may be repeated. Within one job it delivers in order; even so none
of them relies on another: a job that is started after its cancel finds that it may not move, and ends.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger

from jobyard.lifecycle import executions
from jobyard.model import LIVE, Job, Status
from jobyard.model.ids import now_ms
from jobyard.model.transitions import WAITING
from jobyard.service import firing
from jobyard.store import jobs
from jobyard.store.lifecycle import delete_messages
from jobyard.store.records import JOB, job_of

logger = Logger()


def drive(records: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """React to each record; the answer names those that failed, from the first of which on Lambda tries again."""
    failures = []
    for record in records:
        try:
            _react(record)
        except Exception:
            logger.exception("no reaction to a record", keys=record.get("dynamodb", {}).get("Keys"))
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failures}


def begin(job: Job) -> bool:
    """Start the execution of a job that waits for one; fail the job where it can never be started.

    False where it was started before.
    """
    try:
        return executions.start(job)
    except executions.CannotStart as refusal:
        logger.warning("a job cannot be started", job_id=job.id, tenant=job.tenant, reason=str(refusal))
        jobs.fail(job, f"The job could not be started: {refusal}"[:2000], now_ms())
        return True


def _react(record: dict[str, Any]) -> None:
    change = record["dynamodb"]
    if change["Keys"]["sk"]["S"] != JOB:
        return
    kind = record["eventName"]
    job = job_of(change["OldImage" if kind == "REMOVE" else "NewImage"])
    if kind == "INSERT" and job.status in WAITING:
        new = begin(job)
        logger.info("started", job_id=job.id, tenant=job.tenant, new=new)
    elif kind == "MODIFY" and job.status is Status.CANCELLED:
        executions.stop(job.id, job.runner)
        logger.info("stopped", job_id=job.id, tenant=job.tenant, reason="cancelled")
    elif kind == "MODIFY" and job.status is Status.FAILED:
        # The job's own execution may be what failed it, and ends by itself.
        executions.stop_nested(job.id, job.runner)
    elif kind == "REMOVE":
        if job.status in LIVE:
            executions.stop(job.id, job.runner)
            logger.info("stopped", job_id=job.id, tenant=job.tenant, reason="deleted")
        delete_messages(job.tenant, job.id)
    if job.schedule_id and (kind == "REMOVE" or job.terminal):
        firing.release(job.tenant, job.schedule_id)
