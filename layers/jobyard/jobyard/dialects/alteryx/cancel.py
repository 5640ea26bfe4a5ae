"""DELETE /v3/jobs/{jobId}: a running job is cancelled, a queued one deleted."""

from __future__ import annotations

from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.parameters import identifier
from jobyard.http import Request, Response, json_response
from jobyard.service import jobs


def answer(request: Request) -> Response:
    who = caller(request)
    id = identifier(request, "jobId", "Job")
    cancelled = jobs.cancel(who, listed_in(who), id, request.source, delete_waiting=True)
    return json_response(200, {"message": "Deleted Successfully." if cancelled.deleted else "Cancelled Successfully."})
