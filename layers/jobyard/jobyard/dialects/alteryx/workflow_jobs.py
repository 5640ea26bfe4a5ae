"""GET /v3/workflows/{workflowId}/jobs: a bare list, with the next page in a ``Link`` header."""

from __future__ import annotations

from collections.abc import Mapping

from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.paging import following_page
from jobyard.dialects.alteryx.parameters import STATUSES, identifier, one_of, window
from jobyard.dialects.alteryx.views import of_workflow
from jobyard.http import Request, Response, json_response
from jobyard.model import Status
from jobyard.service import lists
from jobyard.service.filters import Filter

# A job that failed says Completed, and is found by the filter Error.
OUTCOMES: Mapping[str, frozenset[Status]] = {
    **{name: STATUSES[name] for name in ("Complete", "Completed", "Running", "Queued")},
    "Error": frozenset({Status.FAILED}),
}
RESULT_CODES: Mapping[str, frozenset[Status]] = {
    "Success": frozenset({Status.COMPLETED}),
    "Warning": frozenset(),
    "Error": frozenset({Status.FAILED}),
}


def answer(request: Request) -> Response:
    who = caller(request)
    id = identifier(request, "workflowId", "Workflow")
    wanted = [
        one_of(name, given, allowed)
        for name, allowed in (("status", OUTCOMES), ("resultCode", RESULT_CODES))
        if (given := request.value(name))
    ]
    statuses = frozenset(Status).intersection(*wanted) if wanted else None
    found = lists.jobs_of_workflow(who, listed_in(who), id, Filter(statuses=statuses), window(request))
    return json_response(200, [of_workflow(job) for job in found.jobs], following_page(request, found))
