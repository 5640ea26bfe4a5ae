"""GET /v3/jobs/{jobId}"""

from __future__ import annotations

from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.parameters import boolean, identifier
from jobyard.dialects.alteryx.views import detail, message
from jobyard.http import AT_MOST_BYTES, Request, Response, json_response, wire_bytes
from jobyard.model import Job, Message
from jobyard.model.transitions import WAITING
from jobyard.service import jobs


def answer(request: Request) -> Response:
    who = caller(request)
    include_messages = boolean(request, "includeMessages", True)
    id = identifier(request, "jobId", "Job")
    if not include_messages:
        job = jobs.get(who, listed_in(who), id)
        return json_response(200, detail(job, None, _waits(job)))
    job, messages = jobs.get_with_messages(who, listed_in(who), id)
    return json_response(200, detail(job, _newest_that_fit(messages), _waits(job)))


def _waits(job: Job) -> tuple[int | None, str | None]:
    if job.status not in WAITING:
        return None, None
    # Not with the rest: a job is looked at most when it has begun, and none of it is needed then.
    from jobyard.service import queues

    return queues.waits(job)


def _newest_that_fit(messages: list[Message]) -> list[Message]:
    # A text of n characters takes 7n bytes at the most, as control characters do; few jobs need a closer look.
    if sum(100 + 7 * len(each.text) for each in messages) <= AT_MOST_BYTES:
        return messages
    size = 0
    for count, each in enumerate(reversed(messages)):
        size += wire_bytes(message(each)) + 1
        if size > AT_MOST_BYTES:
            return messages[-count:]
    return messages
