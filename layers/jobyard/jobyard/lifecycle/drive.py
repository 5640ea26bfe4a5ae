"""The table's stream: what each change of a job, or of a queue, is followed by.

::

    scheduled   its execution begins, and waits
    queued      where its queue has no limit, it is claimed, and its execution begins, or goes on;
                else the queue is looked at: it, or another, may be claimed
    claimed     with a slot: its execution begins, or goes on
    cancelled   its execution is stopped. Of a failed one the nested execution: its own may have ended without doing so
    ended       with a slot: that is given back, and the queue looked at
    removed     its execution is stopped, and its messages are removed
    of a schedule   and ended or removed: the run that waits for that starts
    a queue     that was set, or has a slot more, is looked at

A stream delivers at least once, so each reaction may be repeated. Within one job it delivers in order; even so none
of them relies on another: a job that is started after its cancel finds that it may not move, and ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from aws_lambda_powertools import Logger

from jobyard.lifecycle import executions
from jobyard.lifecycle.dispatch import claim_at_once, dispatch, waiting_of
from jobyard.model import LIVE, TERMINAL, Job, Status
from jobyard.model.ids import now_ms
from jobyard.model.queue import named, queue_name
from jobyard.store import jobs, queues, slots
from jobyard.store.lifecycle import delete_messages
from jobyard.store.records import JOB, job_of

Record = dict[str, Any]
logger = Logger()


class _Batch:
    """What is done once for all of a batch's records that ask for it: each by the name of a queue."""

    def __init__(self) -> None:
        self.ended: defaultdict[str, list[str]] = defaultdict(list)
        self.queued: defaultdict[str, dict[str, Job]] = defaultdict(dict)
        self.changed: set[str] = set()
        """Queues that are looked at for themselves, whatever was queued in them."""
        self.records: defaultdict[str, list[str]] = defaultdict(list)
        """The numbers of those about a queue, or about a job that was queued (its id), by name."""
        self.unbegun: list[Job] = []

    @property
    def looked_at(self) -> list[str]:
        return list(dict.fromkeys((*self.queued, *sorted(self.changed))))


def drive(records: list[Record]) -> dict[str, list[dict[str, str]]]:
    """React to each record; the answer names those that failed, from the first of which on Lambda tries again."""
    failed: list[str] = []
    batch = _Batch()
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        _try(lambda record=record: _react(record, batch), [number], failed, record["dynamodb"].get("Keys"))  # type: ignore[misc]
    for name, ids in batch.ended.items():
        _try(lambda name=name, ids=ids: _free(name, ids), batch.records[name], failed, name)  # type: ignore[misc]
    for name in batch.looked_at:
        _try(lambda name=name: _take(name, batch), batch.records[name], failed, name)  # type: ignore[misc]
    for job in batch.unbegun:
        _try(lambda job=job: _begin(job), batch.records[job.id], failed, job.id)  # type: ignore[misc]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in dict.fromkeys(failed)]}


def _try(reaction: Callable[[], Any], numbers: Iterable[str], failed: list[str], about: Any) -> None:
    try:
        reaction()
    except Exception:
        logger.exception("no reaction to a record", about=about)
        failed += numbers


def begin(job: Job) -> bool:
    """Start the execution of a claimed job, or let the one go on that waits; fail the job where it can never start.

    False where it was started, or went on, before.
    """
    if job.token is not None:
        return executions.resume(job)
    return start(job)


def start(job: Job) -> bool:
    """Start the job's execution; fail the job where it can never be started. False where it was started before."""
    try:
        return executions.start(job)
    except executions.CannotStart as refusal:
        logger.warning("a job cannot be started", job_id=job.id, tenant=job.tenant, reason=str(refusal))
        jobs.fail(job, f"The job could not be started: {refusal}"[:2000], now_ms())
        return True


def _react(record: Record, batch: _Batch) -> None:
    change, kind = record["dynamodb"], record.get("eventName", "")
    number = change["SequenceNumber"]
    if change["Keys"]["pk"]["S"].startswith("QUEUE#"):
        if kind != "REMOVE":
            _look_at(batch, queues.queue_of(change["NewImage"]).name, number)
    elif change["Keys"]["sk"]["S"] == JOB and kind == "REMOVE":
        _removed(job_of(change["OldImage"]))
    elif change["Keys"]["sk"]["S"] == JOB:
        job = job_of(change["NewImage"])
        _changed(job, kind)
        if job.status is Status.QUEUED:
            name = queue_name(job.tenant, job.worker_tag)
            batch.queued[name][job.id] = job
            batch.records[name].append(number)
            batch.records[job.id].append(number)
        if job.slot_of is not None and job.status in TERMINAL:
            batch.ended[job.slot_of].append(job.id)
            _look_at(batch, job.slot_of, number)


def _removed(job: Job) -> None:
    if job.status in LIVE:
        executions.stop(job.id, job.runner)
        logger.info("stopped", job_id=job.id, tenant=job.tenant, reason="deleted")
    delete_messages(job.tenant, job.id)
    _release(job)


def _changed(job: Job, kind: str) -> None:
    if job.status is Status.INITIALIZING or (job.status is Status.SCHEDULED and kind == "INSERT"):
        _begin(job)
    elif kind == "MODIFY" and job.status is Status.CANCELLED:
        executions.stop(job.id, job.runner)
        logger.info("stopped", job_id=job.id, tenant=job.tenant, reason="cancelled")
    elif kind == "MODIFY" and job.status is Status.FAILED:
        # The job's own execution may be what failed it, and ends by itself.
        executions.stop_nested(job.id, job.runner)
    if job.terminal:
        _release(job)


def _release(job: Job) -> None:
    if job.schedule_id is not None:
        # Most jobs are of no schedule: loaded for the first that is.
        from jobyard.service import firing

        firing.release(job.tenant, job.schedule_id)


def _look_at(batch: _Batch, name: str, number: str) -> None:
    batch.changed.add(name)
    batch.records[name].append(number)


def _begin(job: Job) -> None:
    new = begin(job)
    logger.info("started", job_id=job.id, tenant=job.tenant, new=new)


def _take(name: str, batch: _Batch) -> None:
    told = batch.queued[name].values()
    queue = queues.get(*named(name))
    if not queue.unlimited:
        dispatch(name, [waiting_of(job) for job in told], queue)
        return
    taken = claim_at_once(queue, [job for job in told if job.schedule_id is None])
    batch.unbegun += taken.due
    # Nobody hears of the end of a job without a slot, and a schedule may wait for that.
    left = [*taken.left, *(waiting_of(job) for job in told if job.schedule_id is not None)]
    if left or name in batch.changed:
        dispatch(name, left)


def _free(name: str, ids: list[str]) -> None:
    freed = slots.give_back(name, ids, now_ms())
    logger.info("slots given back", queue=name, slots=freed)
