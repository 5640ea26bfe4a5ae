"""GET /public/{projectKey}/jobs: newest first; beyond the last page there is an empty list."""

from __future__ import annotations

from jobyard.dialects.openreplay.caller import authenticated
from jobyard.dialects.openreplay.parameters import ID_MOST, limit, page
from jobyard.dialects.openreplay.views import data, job
from jobyard.http import Request, Response
from jobyard.service import lists


def answer(request: Request) -> Response:
    call = authenticated(request)
    size = limit(request)
    offset = (page(request) - 1) * size
    # There are no more jobs than ids, so what lies behind them need not be looked for.
    found = lists.newest(call.caller, call.listed_in, offset, size) if offset <= ID_MOST else []
    return data([job(each) for each in found])
