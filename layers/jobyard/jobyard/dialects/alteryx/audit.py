"""GET /v3/audit: what persons changed, newest first, for administrators. The vendor's API has no such endpoint."""

from __future__ import annotations

from jobyard.dialects.alteryx.caller import administrator
from jobyard.dialects.alteryx.parameters import LIMIT, LIMIT_MOST, moment, number
from jobyard.dialects.alteryx.people_views import change
from jobyard.http import Request, Response, json_response, link_to_following
from jobyard.service import auditing
from jobyard.service.auditing import Filter


def answer(request: Request) -> Response:
    who = administrator(request)
    filter = Filter(
        since=moment(request, "from"),
        until=moment(request, "to"),
        user=request.value("user") or "",
        kind=request.value("kind") or "",
        id=request.value("id") or "",
        action=request.value("action") or "",
    )
    limit = number(request, "limit", LIMIT, 1, LIMIT_MOST)
    page = auditing.changes(who, filter, limit, request.value("cursor"))
    headers = {} if page.following is None else link_to_following(request, (), cursor=page.following)
    return json_response(200, [change(each) for each in page.records], headers)
