"""GET /inventorytriggerjob/{jobId}: one job; an id of none is told of in ``NonExistJobIds``, with 200."""

from __future__ import annotations

from jobyard.dialects.tencent.caller import signer
from jobyard.dialects.tencent.parameters import job_id
from jobyard.dialects.tencent.paused import paused
from jobyard.dialects.tencent.views import detail
from jobyard.dialects.tencent.xml import answered, element
from jobyard.errors import NotFound
from jobyard.http import Request, Response
from jobyard.model import Status
from jobyard.service import jobs


def answer(request: Request) -> Response:
    who = signer(request)
    try:
        job = jobs.get(who.caller, who.listed_in, job_id(request))
        return answered([detail(job, paused=job.status is Status.QUEUED and paused(who))])
    except NotFound as unknown:
        return answered([element("NonExistJobIds", unknown.id)])
