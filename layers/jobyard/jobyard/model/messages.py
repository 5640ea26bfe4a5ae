"""The messages that tell a job's life are read off the job itself.

They need no write of their own, so they can neither be lost nor doubled, and never contradict the status.
"""

from __future__ import annotations

from datetime import UTC, datetime

from jobyard.model.job import Job, Message, Move, Priority
from jobyard.model.queue import called
from jobyard.model.transitions import Status

INFORMATION, WARNING, ERROR = 1, 2, 3


def message_key(at_ms: int, sequence: int, suffix: str) -> str:
    """Keys sort by time, then by the writer's own count; ``suffix`` keeps two writers apart."""
    return f"{at_ms:013d}-{sequence:06d}-{suffix}"


def life_messages(job: Job) -> list[Message]:
    """What happened to ``job`` and when, oldest first."""
    # What opens a stretch of life sorts before the runner's own messages of that millisecond, what ends it after them.
    # No two have one key, or a page that ends with the first would leave the second out: zeros sort before any writer.
    told: list[tuple[int | None, tuple[int, str], int, str]] = []
    closing = (999_999, "~")

    def opening() -> tuple[int, str]:
        return 0, "0" * len(told)

    if job.start_at is not None:
        told.append((job.created_at, opening(), INFORMATION, f"Scheduled to start at {instant(job.start_at)}."))
    told.append((job.queued_at, opening(), INFORMATION, f"Queued with priority {_priority_when_queued(job)}."))
    for move in job.moves:  # one by one: each opening counts those before it
        told += [(move.at, opening(), INFORMATION, _moved(move))]
    told.append((job.waits_since, opening(), INFORMATION, f"Waiting for {job.waits_for}."))
    if job.waits_since is not None and job.claimed_at is not None and job.queued_at is not None:
        seconds = max(0, job.claimed_at - job.queued_at) // 1000
        told.append((job.claimed_at, opening(), INFORMATION, f"Begins, after {seconds} seconds in the queue."))
    told.append((job.started_at, opening(), INFORMATION, f"Started {job.workflow_name}."))
    if job.status is Status.COMPLETED:
        told.append((job.finished_at, closing, INFORMATION, "Completed successfully."))
    elif job.status is Status.FAILED:
        told.append((job.finished_at, closing, ERROR, f"Failed: {job.error or 'no reason was given'}"))
    elif job.status is Status.CANCELLED:
        by = f" by {job.cancelled_by.name}" if job.cancelled_by else ""
        told.append((job.finished_at, closing, WARNING, f"Cancelled{by}."))
    return [
        Message(message_key(at, sequence, suffix), at, level, text)
        for at, (sequence, suffix), level, text in told
        if at is not None
    ]


def _priority_when_queued(job: Job) -> Priority:
    later = [move for move in job.moves if job.queued_at is not None and move.at >= job.queued_at]
    return later[0].was.priority if later else job.priority


def _moved(move: Move) -> str:
    """What has changed, and through whom."""
    changes = []
    if move.now.priority is not move.was.priority:
        changes.append(f"priority {move.now.priority} instead of {move.was.priority}")
    if move.now.tag != move.was.tag:
        changes.append(f"{called(move.now.tag)} instead of {called(move.was.tag)}")
    return f"Moved by {move.by}: {', '.join(changes)}."


def instant(at_ms: int) -> str:
    """As messages tell a time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
