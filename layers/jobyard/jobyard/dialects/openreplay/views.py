"""Jobs as the original shows them, member by member in its order."""

from __future__ import annotations

from typing import Any

from jobyard.dialects.openreplay.golang import to_json
from jobyard.http import Response
from jobyard.model import Job, Status

ACTION = "delete_user_data"

STATUSES = {
    Status.SCHEDULED: "scheduled",
    Status.QUEUED: "scheduled",
    Status.INITIALIZING: "running",
    Status.RUNNING: "running",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}


def details(project_id: int, user_id: str) -> dict[str, Any]:
    """What is kept with a job to show it."""
    return {"projectId": project_id, "userId": user_id}


def job(job: Job) -> dict[str, Any]:
    """Times in milliseconds."""
    user_id = job.details["userId"]
    return {
        "jobId": int(job.id),
        "description": f"Delete user sessions of userId = {user_id}",
        "status": STATUSES[job.status],
        "projectId": job.details["projectId"],
        "action": ACTION,
        "referenceId": user_id,
        "createdAt": job.created_at,
        # Every job begins as scheduled, and no change leaves it so.
        "updatedAt": None if job.status is Status.SCHEDULED else job.updated_at,
        "startAt": job.start_at,
        "errors": job.error,
    }


def data(content: Any, headers: dict[str, str] | None = None) -> Response:
    return answered(200, {"data": content}, headers)


def answered(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(status, to_json(content), {"Content-Type": "application/json"} | (headers or {}))
