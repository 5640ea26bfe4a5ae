"""DELETE /public/{projectKey}/jobs/{jobId}: a job that has not ended is cancelled, and answered as it is then."""

from __future__ import annotations

from jobyard.dialects.openreplay.caller import authenticated
from jobyard.dialects.openreplay.parameters import job_id
from jobyard.dialects.openreplay.views import data, job
from jobyard.http import Request, Response
from jobyard.service import jobs


def answer(request: Request) -> Response:
    call = authenticated(request)
    return data(job(jobs.cancel(call.caller, call.listed_in, job_id(request), request.source).job))
