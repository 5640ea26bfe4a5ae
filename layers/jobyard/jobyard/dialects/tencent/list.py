"""GET /inventorytriggerjob: a bucket's jobs, page by page.

A page ends where its size is reached, where its answer would become too long, or where so many jobs were read for it
that it is time to answer; the last two are why a page may be short and have a ``NextToken`` all the same.
"""

from __future__ import annotations

import json

from jobyard.dialects.tencent.caller import Signer, signer
from jobyard.dialects.tencent.ids import is_job_id
from jobyard.dialects.tencent.parameters import Query, query
from jobyard.dialects.tencent.views import detail
from jobyard.dialects.tencent.xml import answered, element
from jobyard.errors import NotFound
from jobyard.http import AT_MOST_BYTES, Request, Response
from jobyard.model import Job
from jobyard.service import jobs, lists

READ_MOST = 5000
"""Jobs that are read for one answer."""


def answer(request: Request) -> Response:
    who = signer(request)
    asked = query(request, who.listed_in)
    found, token = _page(who, asked) if asked.job_id is None else (_one(who, asked, asked.job_id), None)
    return answered([*found, *([element("NextToken", token)] if token else [])])


def _page(who: Signer, asked: Query) -> tuple[list[str], str | None]:
    first, last = asked.between()
    if first > last:
        return [], None
    details: list[str] = []
    size, reached = 0, asked.after
    listed = lists.created_between(who.caller, who.listed_in, first, last, newest_first=asked.newest_first)
    for count, job in enumerate(listed):
        here = lists.place(job)
        if here == asked.after:
            continue
        if len(details) == asked.size or count >= READ_MOST:
            return details, asked.next_token(who.listed_in, reached)
        if _takes(asked, job):
            shown = detail(job)
            size += _wire_bytes(shown)
            if details and size > AT_MOST_BYTES:
                return details, asked.next_token(who.listed_in, reached)
            details.append(shown)
        reached = here
    return details, None


def _one(who: Signer, asked: Query, id: str) -> list[str]:
    if not is_job_id(id) or asked.after:
        return []
    try:
        job = jobs.get(who.caller, who.listed_in, id)
    except NotFound:
        return []
    return [detail(job)] if asked.first <= job.created_at <= asked.last and _takes(asked, job) else []


def _takes(asked: Query, job: Job) -> bool:
    return (
        job.status in asked.statuses
        and (asked.type is None or job.details["type"] == asked.type)
        and (asked.workflow_id is None or job.workflow_id == asked.workflow_id)
        and (asked.name is None or job.details["name"] == asked.name)
    )


def _wire_bytes(text: str) -> int:
    """What ``text`` takes of Lambda's limit, as a part of a text in JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode())
