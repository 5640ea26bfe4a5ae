"""Jobs as the vendor's API shows them: ``JobsDetail``, in the order of its samples."""

from __future__ import annotations

from collections.abc import Mapping

from jobyard.dialects.tencent.times import shown
from jobyard.dialects.tencent.xml import element
from jobyard.model import Job, Status

STATES: Mapping[Status, str] = {
    Status.SCHEDULED: "Submitted",
    Status.QUEUED: "Submitted",
    Status.INITIALIZING: "Running",
    Status.RUNNING: "Running",
    Status.COMPLETED: "Success",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Cancel",
}

PAUSE = "Pause"
"""The state of a job that waits in a paused queue."""


def detail(job: Job, *, paused: bool = False) -> str:
    """``Input`` and ``Operation`` as the client sent them, to the letter. ``paused``: the queue that it is of."""
    failed = job.status is Status.FAILED
    lines = [
        "<JobsDetail>",
        element("Code", "Failed" if failed else "Success"),
        element("Type", job.details["type"]),
        element("Message", (job.error or "no reason was given") if failed else ""),
        element("Name", job.details["name"]),
        element("JobId", job.id),
        element("State", PAUSE if paused and job.status is Status.QUEUED else STATES[job.status]),
        element("CreationTime", shown(job.created_at)),
        element("StartTime", shown(job.started_at)),
        element("EndTime", shown(job.finished_at)),
        job.details["input"],
        job.details["operation"],
        "</JobsDetail>",
    ]
    return "\n".join(lines)
