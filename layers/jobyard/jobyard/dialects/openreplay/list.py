"""GET /public/{projectKey}/jobs: newest first; beyond the last page there is an empty list.

Beyond the original there is a ``Link`` to the next page, by a cursor.
"""

from __future__ import annotations

from jobyard.dialects.openreplay.caller import authenticated
from jobyard.dialects.openreplay.parameters import limit, page
from jobyard.dialects.openreplay.views import data, job
from jobyard.http import Request, Response, link_to_following
from jobyard.service import lists
from jobyard.service.filters import Filter, Window


def answer(request: Request) -> Response:
    call = authenticated(request)
    size = limit(request)
    window = Window(descending=True, offset=(page(request) - 1) * size, limit=size, cursor=request.value("cursor"))
    found = lists.all_jobs(call.caller, call.listed_in, Filter(), window)
    cursor = found.following
    link = link_to_following(request, {"page"}, cursor=cursor) if cursor else None
    return data([job(each) for each in found.jobs], link)
