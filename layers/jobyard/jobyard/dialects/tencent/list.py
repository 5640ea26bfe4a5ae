"""GET /inventorytriggerjob: a bucket's jobs, page by page.

A page ends where its size is reached, or where its answer would become too long: then it is short, and has a
``NextToken`` all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

from jobyard.dialects.tencent.caller import Signer, signer
from jobyard.dialects.tencent.ids import is_job_id
from jobyard.dialects.tencent.parameters import Query, query
from jobyard.dialects.tencent.paused import paused
from jobyard.dialects.tencent.views import detail
from jobyard.dialects.tencent.xml import answered, element
from jobyard.errors import NotFound
from jobyard.http import AT_MOST_BYTES, Request, Response
from jobyard.model import Job, Status
from jobyard.service import jobs, lists

Paused = Callable[[], bool]


def answer(request: Request) -> Response:
    who = signer(request)
    is_paused = cache(lambda: paused(who))
    asked = query(request, is_paused)
    found, token = (
        _page(who, asked, is_paused) if asked.job_id is None else (_one(who, asked, asked.job_id, is_paused), None)
    )
    return answered([*found, *([element("NextToken", token)] if token else [])])


def _page(who: Signer, asked: Query, paused: Paused) -> tuple[list[str], str | None]:
    page = lists.all_jobs(who.caller, who.listed_in, asked.filter, asked.window, "nextToken")
    details: list[str] = []
    size = 0
    for job in page.jobs:
        shown = _detail(job, paused)
        size += _wire_bytes(shown)
        if details and size > AT_MOST_BYTES:
            return details, page.after(len(details))
        details.append(shown)
    return details, page.following


def _detail(job: Job, paused: Paused) -> str:
    return detail(job, paused=job.status is Status.QUEUED and paused())


def _one(who: Signer, asked: Query, id: str, paused: Paused) -> list[str]:
    if not is_job_id(id) or asked.window.cursor is not None:
        return []
    try:
        job = jobs.get(who.caller, who.listed_in, id)
    except NotFound:
        return []
    return [_detail(job, paused)] if asked.takes(job) else []


def _wire_bytes(text: str) -> int:
    """What ``text`` takes of Lambda's limit, as a part of a text in JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode())
