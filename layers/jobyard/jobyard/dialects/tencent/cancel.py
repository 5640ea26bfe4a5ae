"""PUT /inventorytriggerjob/{jobId}?cancel

The Go client sends no ``?cancel``. The API has no other PUT, so each is a cancel.
"""

from __future__ import annotations

from jobyard.dialects.tencent.caller import signer
from jobyard.dialects.tencent.parameters import job_id
from jobyard.dialects.tencent.views import STATES
from jobyard.dialects.tencent.xml import emptied
from jobyard.errors import Invalid, NotCancellable
from jobyard.http import Request, Response
from jobyard.model import Status
from jobyard.service import jobs


def answer(request: Request) -> Response:
    who = signer(request)
    id = job_id(request)
    try:
        jobs.cancel(who.caller, who.listed_in, id, request.source, delete_waiting=False)
    except NotCancellable as final:
        state = STATES[Status(final.status)]
        raise Invalid("jobId", f"Job {id} cannot be cancelled: its State is {state}.") from final
    return emptied()
