"""GET /v3/jobs/{jobId}"""

from __future__ import annotations

from jobyard.dialects.alteryx.caller import caller
from jobyard.dialects.alteryx.parameters import boolean, identifier
from jobyard.dialects.alteryx.views import detail
from jobyard.http import Request, Response, json_response
from jobyard.service import jobs


def answer(request: Request) -> Response:
    who = caller(request)
    include_messages = boolean(request, "includeMessages", True)
    id = identifier(request, "jobId", "Job")
    if include_messages:
        return json_response(200, detail(*jobs.get_with_messages(who, id)))
    return json_response(200, detail(jobs.get(who, id), None))
