"""GET /v3/jobs: beyond the vendor's pages there is a ``Link`` to the next, by a cursor."""

from __future__ import annotations

from jobyard.dialects.alteryx.caller import administrator, listed_in
from jobyard.dialects.alteryx.paging import following_page
from jobyard.dialects.alteryx.parameters import boolean, day_before_or_after, ranks, statuses, window
from jobyard.dialects.alteryx.views import summary
from jobyard.http import Request, Response, json_response
from jobyard.service import lists
from jobyard.service.filters import Filter


def answer(request: Request) -> Response:
    who = administrator(request)
    all_users = boolean(request, "allUsers", False)
    users, names = request.values("users"), request.values("workflowNames")
    # A name may have a comma of its own, so what looks like several may be one.
    whole_names = [value.strip() for key, value in request.query if key == "workflowNames"]
    filter = Filter(
        statuses=statuses(request),
        ranks=ranks(request),
        # ``users`` counts only together with ``allUsers``; without it a caller lists its own jobs.
        owners=(frozenset(users) if users else None) if all_users else frozenset({who.user.id}),
        workflow_names=frozenset(names + whole_names) if names else None,
        completed_from=day_before_or_after(request, "completedAfter", after=True),
        completed_until=day_before_or_after(request, "completedBefore", after=False),
    )
    page = window(request)
    found = lists.all_jobs(who, listed_in(who), filter, page)
    pagination = {
        "currentPage": found.offset // page.limit + 1,
        "pageSize": page.limit,
        "totalItems": found.total,
        "totalPages": -(-found.total // page.limit),
        "hasNextPage": found.more,
        "hasPreviousPage": found.offset > 0,
    }
    content = {"data": [summary(job) for job in found.jobs], "pagination": pagination}
    return json_response(200, content, following_page(request, found))
