"""GET /v3/jobs/{jobId}/messages

The vendor's page shows one message where it says "all messages"; a list of such messages is sent. One answer holds up
to 5 MB of them, and then names the next in a ``Link`` header.
"""

from __future__ import annotations

import re

from jobyard.dialects.alteryx.caller import administrator, listed_in
from jobyard.dialects.alteryx.parameters import identifier
from jobyard.dialects.alteryx.views import message
from jobyard.errors import Invalid
from jobyard.http import AT_MOST_BYTES, Request, Response, json_response, link_to_following, wire_bytes
from jobyard.service import jobs

KEY = re.compile(r"(?:[0-9]{13}-[0-9]{6}-[0-9a-f~]{0,16})?\Z")


def answer(request: Request) -> Response:
    who = administrator(request)
    id = identifier(request, "jobId", "Job")
    after = request.value("after") or ""
    if not KEY.match(after):
        raise Invalid("after", "after: use the value of the Link header of the page before.")
    found, next_key = jobs.messages(
        who, listed_in(who), id, after, AT_MOST_BYTES, lambda each: wire_bytes(message(each)) + 1
    )
    headers = {} if next_key is None else link_to_following(request, (), after=next_key)
    return json_response(200, [message(each) for each in found], headers)
