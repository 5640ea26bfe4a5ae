"""PATCH /v3/jobs/{jobId}: another priority or worker tag for a job that waits. An addition to the vendor's API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from jobyard.dialects.alteryx.bodies import read
from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.contracts import priority_of
from jobyard.dialects.alteryx.parameters import identifier
from jobyard.dialects.alteryx.views import detail
from jobyard.errors import Invalid
from jobyard.http import Request, Response, json_response
from jobyard.model import Priority
from jobyard.model.messages import life_messages
from jobyard.service import queues


def _priority_or_none(given: Any) -> Any:
    return None if given is None else priority_of(given)


class ChangeJobContract(BaseModel):
    """A member that is left out, or null, changes nothing."""

    model_config = ConfigDict(extra="ignore")

    priority: Annotated[Priority | None, BeforeValidator(_priority_or_none)] = None
    workerTag: str | None = None


def answer(request: Request) -> Response:
    who = caller(request)
    id = identifier(request, "jobId", "Job")
    asked = read(request, ChangeJobContract)
    if asked.priority is None and asked.workerTag is None:
        raise Invalid(None, "The body must have a priority, a workerTag, or both.")
    job = queues.move(who, request.source, listed_in(who), id, asked.priority, asked.workerTag)
    return json_response(200, detail(job, life_messages(job), queues.waits(job)))
