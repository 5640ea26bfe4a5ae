"""Jobs as the vendor's API shows them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from jobyard.model import Job, Message, Output, Priority, Status

STATUSES = {
    Status.SCHEDULED: "Queued",
    Status.QUEUED: "Queued",
    Status.INITIALIZING: "Initializing",
    Status.RUNNING: "Running",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Completed",
    Status.CANCELLED: "Cancelled",
}
DISPOSITIONS = {Status.COMPLETED: "Success", Status.FAILED: "Error", Status.CANCELLED: "Cancelled"}
NO_DISPOSITION = "None"

# The formats of the vendor's enumeration that a file's name can tell; every output is to be had Raw.
FORMATS = {
    "yxdb": "Yxdb",
    "shp": "Shp",
    "kml": "Kml",
    "tab": "Tab",
    "mif": "Mif",
    "dbf": "Dbf",
    "csv": "Csv",
    "pdf": "Pdf",
    "docx": "Docx",
    "xlsx": "Xlsx",
    "html": "Html",
    "tde": "Tde",
    "zip": "Zip",
}
RAW = "Raw"


def status(job: Job) -> str:
    return STATUSES[job.status]


def detail(
    job: Job, messages: Sequence[Message] | None, waits: tuple[int | None, str | None] = (None, None)
) -> dict[str, Any]:
    """``JobView``; without messages, the reduced object. Start, end, submitter, schedule and progress are additions, as
    are ``waits``: where the job stands in its queue, and what it waits for.
    """
    position, reason = waits
    view: dict[str, Any] = {
        "id": job.id,
        "appId": job.workflow_id,
        "createDateTime": instant(job.created_at, "milliseconds"),
        "status": status(job),
        "disposition": DISPOSITIONS.get(job.status, NO_DISPOSITION),
        "outputs": [output(each) for each in job.outputs],
        "messages": None,
        "priority": job.priority,
        "workerTag": job.worker_tag,
        "runWithE2": job.run_with_e2,
        "startTime": instant(job.started_at, "milliseconds"),
        "endTime": instant(job.finished_at, "milliseconds"),
        "submittedBy": job.owner.name,
        "scheduleId": job.schedule_id,
        "queuePosition": position,
        "waitingFor": reason,
        "progress": 1.0 if job.status is Status.COMPLETED else job.progress,
    }
    if messages is None:
        del view["messages"]
    else:
        view["messages"] = [message(each) for each in messages]
    return view


def output(output: Output) -> dict[str, Any]:
    return {
        "id": output.id,
        "availableFormats": available_formats(output),
        "fileName": output.file_name,
        "name": output.name,
        "format": output.format,
    }


def available_formats(output: Output) -> list[str]:
    named = FORMATS.get(output.format.lower())
    return [named, RAW] if named else [RAW]


def message(message: Message) -> dict[str, Any]:
    return {"status": message.level, "text": message.text, "toolId": message.tool_id}


def summary(job: Job) -> dict[str, Any]:
    """``PagedJobSummaryView``."""
    return {
        "jobId": job.id,
        "status": status(job),
        "workflowName": job.workflow_name,
        "workflowId": job.workflow_id,
        "submittedBy": job.owner.name,
        "startTime": instant(job.started_at, "seconds"),
        "queueTime": instant(job.queued_at if job.queued_at is not None else job.created_at, "seconds"),
        "executionTime": _execution_time(job),
        # The list names the lowest priority Low, whether or not it was asked for by name.
        "priority": Priority.LOW if job.priority is Priority.DEFAULT else job.priority,
    }


def of_workflow(job: Job) -> dict[str, Any]:
    """``WorkflowJobView``."""
    return {
        "id": job.id,
        "createDate": instant(job.created_at, "milliseconds"),
        "status": status(job),
        "priority": job.priority,
        "workerTag": job.worker_tag,
        "runWithE2": job.run_with_e2,
    }


def instant(at_ms: int | None, timespec: str) -> str | None:
    """``timespec`` is ``seconds`` or ``milliseconds``."""
    if at_ms is None:
        return None
    seconds, ms = divmod(at_ms, 1000)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{at}.{ms:03d}Z" if timespec == "milliseconds" else f"{at}Z"


def _execution_time(job: Job) -> str | None:
    """As .NET prints a TimeSpan: ``hh:mm:ss``, and from a day on ``d.hh:mm:ss``."""
    if job.started_at is None or job.finished_at is None:
        return None
    seconds = max(0, job.finished_at - job.started_at) // 1000
    days, rest = divmod(seconds, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}.{clock}" if days else clock
