"""The messages that tell a job's life are read off the job itself.

They need no write of their own, so they can neither be lost nor doubled, and never contradict the status.
"""

from __future__ import annotations

from datetime import UTC, datetime

from jobyard.model.job import Job, Message
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
        told.append((job.created_at, opening(), INFORMATION, f"Scheduled to start at {_instant(job.start_at)}."))
    told.append((job.queued_at, opening(), INFORMATION, f"Queued with priority {job.priority}."))
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


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
