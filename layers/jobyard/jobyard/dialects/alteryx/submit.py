"""POST /v3/workflows/{workflowId}/jobs

The vendor's contract has ``workerTag``, ``credentialId``, ``questions`` and ``priority``, all optional; clients send
it as JSON, as a form, or not at all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from jobyard.dialects.alteryx.bodies import invalid, is_form
from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.contracts import PriorityName, Questions, Text
from jobyard.dialects.alteryx.parameters import identifier
from jobyard.dialects.alteryx.views import detail
from jobyard.errors import Invalid
from jobyard.http import Request, Response, demand_short, json_response
from jobyard.model import Priority, Question
from jobyard.model.messages import life_messages
from jobyard.service.submit import Request as Submission
from jobyard.service.submit import submit

# Both ways in which libraries write a list of objects: ``questions[0].name`` and ``questions[0][name]``.
_NUMBERED = re.compile(r"questions\[(?P<number>[0-9]{1,4})\](?:\.|\[)(?P<member>name|value)\]?\Z")


class EnqueueJobContract(BaseModel):
    """Members that are not the contract's are ignored, as the vendor's server does."""

    model_config = ConfigDict(extra="ignore")

    workerTag: Text = ""
    credentialId: Text = ""
    questions: Questions = []
    priority: PriorityName = Priority.DEFAULT


def answer(request: Request) -> Response:
    who = caller(request)
    id = identifier(request, "workflowId", "Workflow")
    contract = _contract(request)
    asked = Submission(
        listed_in=listed_in(who),
        workflow_id=id,
        questions=[Question(question.name, question.value) for question in contract.questions],
        priority=contract.priority,
        worker_tag=contract.workerTag,
    )
    job, replayed = submit(who, asked, request.headers.get("idempotency-key"))
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return json_response(200, detail(job, life_messages(job)), headers)


def _contract(request: Request) -> EnqueueJobContract:
    demand_short(request.body)
    if not request.body.strip():
        return EnqueueJobContract()
    try:
        if is_form(request):
            return EnqueueJobContract.model_validate(_form(request.form))
        return EnqueueJobContract.model_validate_json(request.body)
    except ValidationError as error:
        raise invalid(error) from error


def _form(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    """``questions`` in a form: JSON in one field, ``questions[name]=value``, or ``questions[0].name`` and its value."""
    form: dict[str, Any] = {name: values[0] for name, values in fields.items()}
    if form.get("questions"):
        try:
            form["questions"] = from_json(form["questions"])
        except ValueError as error:
            raise Invalid("questions", "questions: must be JSON in a form's field.") from error
    numbered: defaultdict[int, dict[str, str]] = defaultdict(dict)
    named: list[dict[str, str]] = []
    for field, values in fields.items():
        if member := _NUMBERED.match(field):
            numbered[int(member["number"])][member["member"]] = values[0]
        elif field.startswith("questions[") and field.endswith("]"):
            name = field.removeprefix("questions[").removesuffix("]")
            named += [{"name": name, "value": value} for value in values]
    questions = [numbered[number] for number in sorted(numbered)] + named
    return form | {"questions": questions} if questions else form
