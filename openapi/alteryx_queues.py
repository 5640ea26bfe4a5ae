"""What the alteryx dialect has beyond the vendor's API: queues, and moving a job that waits in one."""

from __future__ import annotations

from jobyard.dialects.alteryx.contracts import PRIORITIES as SUBMIT_PRIORITIES
from jobyard.dialects.alteryx.queues import UNTAGGED
from jobyard.errors import (
    Busy,
    ChangeForbidden,
    Invalid,
    NotChangeable,
    NotFound,
    RoleForbidden,
    Unauthenticated,
)
from jobyard.model.queue import SLOTS_MOST
from jobyard.service.submit import WORKER_TAG_LONGEST
from openapi import samples
from openapi.alteryx import ACCESS_TOKEN, JOB_ID, LINKS, QUEUED, TAG, refusals
from openapi.alteryx_models import AlteryxJob, AlteryxQueue, AlteryxQueueDetail
from openapi.parts import JSON, Spec, answer, choice, path

__all__ = ["OPERATIONS", "TAG"]

_DENIED, _ROLE = Unauthenticated(), RoleForbidden()
_NO_JOB = NotFound("Job", samples.JOB_ID)
_BUSY = Busy("Too many others are setting the same queue at once; try again.")


def _change() -> Spec:
    return {
        "title": "ChangeJob",
        "type": "object",
        "properties": {
            "priority": choice(SUBMIT_PRIORITIES, description="By name, or as 0 to 3."),
            "workerTag": {"type": "string", "maxLength": WORKER_TAG_LONGEST},
        },
        "minProperties": 1,
    }


def _queue(required: list[str]) -> Spec:
    made: Spec = {
        "title": "Queue" if required else "ChangeQueue",
        "type": "object",
        "properties": {
            "slots": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": SLOTS_MOST,
                "description": "How many jobs may run at once; null for any number.",
            },
            "paused": {"type": "boolean"},
        },
    }
    return made | ({"required": required} if required else {})


QUEUE_TAG = path(
    "tag",
    f"The worker tag; {UNTAGGED} is that of jobs without one.",
    {"type": "string", "minLength": 1, "maxLength": WORKER_TAG_LONGEST},
    "gpu",
)
_QUEUE = {"tag": "gpu", "slots": 2, "paused": False, "running": 2}
_QUEUE_ANSWER = answer("The queue.", JSON, AlteryxQueueDetail, example=_QUEUE | {"waiting": 18})
_TAG_TOO_LONG = Invalid("slots", f"slots: -1 is not allowed. Allowed values: 0 to {SLOTS_MOST}, or null.")
_NOT_WAITING = NotChangeable("running")
_NOT_PERMITTED = ChangeForbidden("You do not have permission to change the priority of a job.")

OPERATIONS: Spec = {
    "PATCH /webapi/v3/jobs/{jobId}": {
        "operationId": "changeJob",
        "summary": "Move a job that waits",
        "description": "Another priority, another worker tag, or both. For administrators, and users with the right.",
        "security": ACCESS_TOKEN,
        "parameters": [JOB_ID],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": _change(), "example": {"priority": "High"}}},
        },
        "responses": {
            "200": answer("The job.", JSON, AlteryxJob, example=QUEUED, links=LINKS),
            **refusals(_NOT_WAITING, _DENIED, _NOT_PERMITTED, _NO_JOB, _BUSY),
        },
    },
    "GET /webapi/v3/queues": {
        "operationId": "listQueues",
        "summary": "List queues",
        "description": "Those that jobs have needed, or that were set. For administrators.",
        "security": ACCESS_TOKEN,
        "responses": {
            "200": answer("Queues.", JSON, {"type": "array", "items": AlteryxQueue}, example=[_QUEUE]),
            **refusals(_DENIED, _ROLE),
        },
    },
    "GET /webapi/v3/queues/{tag}": {
        "operationId": "getQueue",
        "summary": "Look at a queue",
        "description": "Every worker tag has one: without a limit, and not paused, until set. For administrators.",
        "security": ACCESS_TOKEN,
        "parameters": [QUEUE_TAG],
        "responses": {"200": _QUEUE_ANSWER, **refusals(_TAG_TOO_LONG, _DENIED, _ROLE)},
    },
    "PUT /webapi/v3/queues/{tag}": {
        "operationId": "putQueue",
        "summary": "Set a queue",
        "description": "How many of its jobs run at once, and whether it is paused. For administrators.",
        "security": ACCESS_TOKEN,
        "parameters": [QUEUE_TAG],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": _queue(required=["slots", "paused"]), "example": {"slots": 2, "paused": False}}
            },
        },
        "responses": {"200": _QUEUE_ANSWER, **refusals(_TAG_TOO_LONG, _DENIED, _ROLE, _BUSY)},
    },
    "PATCH /webapi/v3/queues/{tag}": {
        "operationId": "changeQueue",
        "summary": "Change a queue",
        "description": "What is left out stays as it is. For administrators.",
        "security": ACCESS_TOKEN,
        "parameters": [QUEUE_TAG],
        "requestBody": {
            "required": False,
            "content": {JSON: {"schema": _queue([]), "example": {"paused": True}}},
        },
        "responses": {"200": _QUEUE_ANSWER, **refusals(_TAG_TOO_LONG, _DENIED, _ROLE, _BUSY)},
    },
}
