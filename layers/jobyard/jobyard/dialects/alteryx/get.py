"""GET /v3/jobs/{jobId}"""

from __future__ import annotations

from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.parameters import boolean, identifier
from jobyard.dialects.alteryx.views import detail, message
from jobyard.http import AT_MOST_BYTES, Request, Response, json_response, wire_bytes
from jobyard.model import Message
from jobyard.service import jobs


def answer(request: Request) -> Response:
    who = caller(request)
    include_messages = boolean(request, "includeMessages", True)
    id = identifier(request, "jobId", "Job")
    if not include_messages:
        return json_response(200, detail(jobs.get(who, listed_in(who), id), None))
    job, messages = jobs.get_with_messages(who, listed_in(who), id)
    return json_response(200, detail(job, _newest_that_fit(messages)))


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
