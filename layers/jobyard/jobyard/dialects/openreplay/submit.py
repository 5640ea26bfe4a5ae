"""DELETE /public/{projectKey}/users/{userId}: a job that erases the user's data, from the next 00:00 UTC on."""

from __future__ import annotations

from typing import Any

from jobyard.dialects.openreplay.caller import authenticated
from jobyard.dialects.openreplay.parameters import user_id
from jobyard.dialects.openreplay.views import data, details, job
from jobyard.http import Request, Response
from jobyard.model import Facets, Question
from jobyard.model.listing import DAY_MS
from jobyard.service.projects import Project
from jobyard.service.submit import Request as Submission
from jobyard.service.submit import next_id, submit


def answer(request: Request) -> Response:
    call = authenticated(request)
    user = user_id(request)
    project = call.project
    asked = Submission(
        listed_in=call.listed_in,
        workflow_id=project.workflow_id,
        questions=[Question("UserId", user)],
        start_at=next_midnight,
        id=next_id(),
        details=details(project.id, user),
        settings=_settings(project),
        facets=Facets(),  # its list has no filter
    )
    made, replayed = submit(call.caller, asked, request.headers.get("idempotency-key"), sole=f"{call.listed_in}#{user}")
    return data(job(made), {"Idempotency-Replayed": "true"} if replayed else None)


def next_midnight(now_ms: int) -> int:
    """The beginning of the next day, UTC; at midnight itself that of the day after."""
    return (now_ms // DAY_MS + 1) * DAY_MS


def _settings(project: Project) -> dict[str, Any]:
    """Where the user's data is, for the workflow: what the project does not say is left to the workflow."""
    said = {"bucket": project.bucket, "prefix": project.prefix}
    return {"projectId": project.id} | {name: value for name, value in said.items() if value}
