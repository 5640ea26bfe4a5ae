"""POST /inventorytriggerjob

The API has no key to tell a repetition from a second wish, and its clients repeat a create whose answer was lost. They
say so in a header, and then the same body over the same bucket within five minutes is answered with the first job.
"""

from __future__ import annotations

import base64
from hashlib import md5, sha256

from jobyard.authorizer import Caller
from jobyard.dialects.tencent.body import parse
from jobyard.dialects.tencent.caller import Signer, signer
from jobyard.dialects.tencent.contract import Contract, contract
from jobyard.dialects.tencent.errors import InvalidContent
from jobyard.dialects.tencent.ids import new_job_id
from jobyard.dialects.tencent.parameters import KINDS, shown
from jobyard.dialects.tencent.views import detail
from jobyard.dialects.tencent.xml import answered
from jobyard.errors import Invalid, NotFound
from jobyard.http import Request, Response
from jobyard.model import Facets
from jobyard.model.ids import now_ms
from jobyard.service import workflows
from jobyard.service.submit import Request as Submission
from jobyard.service.submit import submit
from jobyard.store.submissions import Once

REPEATED_SECONDS = 300
_NAMED_MOST = 50


def answer(request: Request) -> Response:
    who = signer(request)
    _check_digest(request)
    asked = contract(parse(request.body), who.bucket)
    workflow_id = asked.workflow_id or _workflow_of(who.caller, asked.tag)
    submission = Submission(
        listed_in=who.listed_in,
        workflow_id=workflow_id,
        questions=asked.questions,
        priority=asked.priority,
        worker_tag=asked.queue_id,
        id=new_job_id(),
        details=_details(asked),
        # What the list can be asked for: a job's own name, its type, and the workflow by its id alone.
        facets=Facets(asked.name, "", workflow_id, KINDS[asked.type]),
    )
    try:
        made = submit(who.caller, submission, request.headers.get("idempotency-key"), once=_once(request, who))
    except NotFound as unknown:
        raise Invalid(
            "Operation.WorkflowIds", f"Operation.WorkflowIds: there is no workflow {workflow_id}."
        ) from unknown
    return answered([detail(made.job)], {"Idempotency-Replayed": "true"} if made.replayed else None)


def _check_digest(request: Request) -> None:
    given = request.headers.get("content-md5", "").strip()
    if given and given != base64.b64encode(md5(request.body, usedforsecurity=False).digest()).decode():
        raise InvalidContent("Content-MD5", "Content-MD5 is not that of the body, in base64.")


def _workflow_of(caller: Caller, tag: str) -> str:
    """A job of type Job runs the workflow that is registered under the name of its tag."""
    known = workflows.visible(caller)
    for each in known:
        if each.name == tag:
            return each.id
    names = ", ".join(sorted({each.name for each in known})[:_NAMED_MOST]) or "none"
    raise Invalid("Operation.Tag", f"Operation.Tag: no workflow has the name {shown(tag)}. Registered are: {names}.")


def _details(asked: Contract) -> dict[str, str]:
    return {"name": asked.name, "type": asked.type, "input": asked.input, "operation": asked.operation}


def _once(request: Request, who: Signer) -> Once:
    body = sha256(who.listed_in.encode() + b"\n" + request.body).hexdigest()
    repeats = request.headers.get("x-cos-sdk-retry", "").strip().lower() == "true"
    return Once(body, body, REPEATED_SECONDS, repeats, request.received_at or now_ms())
