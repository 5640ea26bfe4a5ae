"""The operations of the alteryx dialect, by the keys of their routes."""

from __future__ import annotations

from collections.abc import Mapping

from jobyard.dialects.alteryx.contracts import PRIORITIES as SUBMIT_PRIORITIES
from jobyard.dialects.alteryx.contracts import QuestionContract
from jobyard.dialects.alteryx.errors import answer as refuse
from jobyard.dialects.alteryx.messages import KEY
from jobyard.dialects.alteryx.output import LINK_SECONDS
from jobyard.dialects.alteryx.parameters import DIRECTIONS, LIMIT_MOST, OFFSET_MOST, PRIORITIES, SORTS, STATUSES
from jobyard.dialects.alteryx.submit import EnqueueJobContract
from jobyard.dialects.alteryx.token import refuse as refuse_token
from jobyard.dialects.alteryx.views import FORMATS, RAW, detail, message, of_workflow, summary
from jobyard.dialects.alteryx.workflow_jobs import OUTCOMES, RESULT_CODES
from jobyard.errors import (
    Busy,
    CancelForbidden,
    ExecuteForbidden,
    IdempotencyConflict,
    Invalid,
    JobyardError,
    NotCancellable,
    NotFound,
    RoleForbidden,
    Unauthenticated,
    Unavailable,
)
from jobyard.model.messages import life_messages
from jobyard.service.filters import Window
from jobyard.service.submit import QUESTIONS_BYTES, QUESTIONS_MOST, WORKER_TAG_LONGEST
from openapi import samples
from openapi.alteryx_models import (
    AlteryxCancelled,
    AlteryxError,
    AlteryxJob,
    AlteryxJobPage,
    AlteryxMessage,
    AlteryxToken,
    AlteryxTokenError,
    AlteryxWorkflowJob,
)
from openapi.parts import (
    CURSOR,
    FORM,
    IDEMPOTENCY_KEY,
    JSON,
    NEXT,
    REPLAYED,
    Spec,
    answer,
    choice,
    path,
    pattern,
    query,
    several,
)
from openapi.parts import refusals as refusals_by

TAG = "alteryx"
ACCESS_TOKEN: list[Spec] = [{"accessToken": []}]

ID = {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}
JOB_ID = path("jobId", "Of the job.", ID, samples.JOB_ID)
WORKFLOW_ID = path("workflowId", "Of the workflow.", ID, samples.WORKFLOW_ID)

_INVALID = Invalid("limit", "limit: '0' is not allowed. Allowed values: 1 to 1000.")
_DENIED, _ROLE = Unauthenticated(), RoleForbidden()
_NO_JOB, _NO_WORKFLOW = NotFound("Job", samples.JOB_ID), NotFound("Workflow", samples.WORKFLOW_ID)
_EXECUTE = ExecuteForbidden("Your role may not execute workflows.")
_USED = IdempotencyConflict("This Idempotency-Key was used with another request.")
_BUSY = Busy("Too many requests for the same at once; try again.")


def refusals(*errors: JobyardError) -> dict[str, Spec]:
    return refusals_by(refuse, AlteryxError, "/webapi", [*errors, Unavailable(), None])


def _default[T](meanings: Mapping[str, T], meaning: T) -> str:
    """How the default is written."""
    return next(spelling for spelling, each in meanings.items() if each == meaning)


_WINDOW = Window()
PAGE = [
    query("sortField", "What to sort by.", choice(SORTS, default=_default(SORTS, _WINDOW.sort))),
    query("direction", "Which way.", choice(DIRECTIONS, default=_default(DIRECTIONS, _WINDOW.descending))),
    query(
        "offset",
        "Jobs to skip; not together with a cursor.",
        {"type": "integer", "minimum": 0, "maximum": OFFSET_MOST, "default": _WINDOW.offset},
    ),
    query(
        "limit",
        "Jobs to answer with.",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": _WINDOW.limit},
    ),
    CURSOR,
]
_DAY = {"type": "string", "format": "date"}
FILTERS = [
    several("priorities", "By name, or by the number in the queue.", choice(PRIORITIES)),
    several("statuses", "Complete and Completed are the same.", choice(STATUSES)),
    query("allUsers", "Jobs of all users, and not only the caller's own.", {"type": "boolean", "default": False}),
    several("users", "Ids of users; counts only together with allUsers=true.", {"type": "string"}),
    several("workflowNames", "Exact names of workflows.", {"type": "string"}),
    query("completedBefore", "Completed on a day before this one, UTC.", _DAY, example="2025-12-24"),
    query("completedAfter", "Completed on a day after this one, UTC.", _DAY, example="2025-11-30"),
]
_AFTER = {"type": "string", "pattern": pattern(KEY)}


def _submission() -> Spec:
    """The product's own model; the forms that it takes before it looks are told beside it."""
    made = EnqueueJobContract.model_json_schema(ref_template="#/components/schemas/{model}")
    made.pop("$defs")
    made.pop("description")
    questions = {
        "description": f"At most {QUESTIONS_MOST}, with {QUESTIONS_BYTES} bytes of names and values together.",
        "default": [],
        "anyOf": [
            {"type": "array", "items": QuestionContract, "maxItems": QUESTIONS_MOST},
            {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": QUESTIONS_MOST},
        ],
    }
    changed: Spec = {
        "questions": questions,
        "priority": choice(SUBMIT_PRIORITIES, default="Default", description="By name, or as 0 to 3."),
        "workerTag": {"type": "string", "maxLength": WORKER_TAG_LONGEST, "default": ""},
        "credentialId": {"type": "string", "default": "", "description": "Accepted, and not used."},
    }
    assert set(made["properties"]) == set(changed), "the contract has other members than are described"
    return made | {"title": "EnqueueJob", "properties": changed}


def _form() -> Spec:
    """The same as a form: the questions are JSON in a field."""
    members: Spec = _submission()["properties"]
    written = {"type": "string", "contentMediaType": JSON, "description": members["questions"]["description"]}
    return {"title": "EnqueueJobForm", "type": "object", "properties": members | {"questions": written}}


LINKS: Spec = {
    name: {"operationId": name, "parameters": {"jobId": "$response.body#/id"}}
    for name in ("getJob", "getJobMessages", "cancelJob")
}
_TOKEN_HEADERS: Spec = {
    name: {"required": True, "schema": {"type": "string", "const": value}}
    for name, value in (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
}
_CHALLENGE: Spec = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
_TOKEN_REQUEST: Spec = {
    "title": "TokenRequest",
    "type": "object",
    "properties": {
        "grant_type": choice(["client_credentials"]),
        "client_id": {"type": "string", "minLength": 1},
        "client_secret": {"type": "string", "minLength": 1},
    },
    "required": ["grant_type"],
}


def _token_error(description: str, error: str, text: str, *more: Spec) -> Spec:
    headers = _TOKEN_HEADERS | {name: each for one in more for name, each in one.items()}
    example = {"error": error, "error_description": text}
    return answer(description, JSON, AlteryxTokenError, headers=headers, example=example)


TOKEN: Spec = {
    "operationId": "createToken",
    "summary": "Get an access token",
    "description": "Client credentials (RFC 6749, section 4.4): id and secret in the form, or by HTTP Basic.",
    "security": [{"client": []}, {}],
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": _TOKEN_REQUEST,
                "example": {
                    "grant_type": "client_credentials",
                    "client_id": samples.JOB_ID,
                    "client_secret": "the client's secret",
                },
            }
        },
    },
    "responses": {
        "200": answer(
            "A token.",
            JSON,
            AlteryxToken,
            headers=_TOKEN_HEADERS,
            example={"access_token": "yXz0…", "token_type": "bearer", "expires_in": 3600},
        ),
        "400": _token_error(
            "The request is none of the grant that is known.",
            "unsupported_grant_type",
            "grant_type must be client_credentials.",
        ),
        "401": _token_error(
            "Unknown client, or a wrong secret.",
            "invalid_client",
            "Unknown client, or a wrong secret.",
            _CHALLENGE,
        ),
        **refusals_by(refuse_token, AlteryxTokenError, "/webapi/oauth2/token", [Unavailable(), None]),
    },
}

_JOB = detail(samples.ALTERYX, life_messages(samples.ALTERYX))
QUEUED = detail(samples.ALTERYX, None) | {
    "status": "Queued",
    "disposition": "None",
    "outputs": [],
    "messages": [message(each) for each in life_messages(samples.ALTERYX)[:1]],
    "startTime": None,
    "endTime": None,
    "progress": None,
}
_PAGINATION = {
    "currentPage": 1,
    "pageSize": _WINDOW.limit,
    "totalItems": 1,
    "totalPages": 1,
    "hasNextPage": False,
    "hasPreviousPage": False,
}

OUTPUT: Spec = {
    "summary": "Download what a job made",
    "description": f"Redirects to a signed link, good for {LINK_SECONDS // 60} minutes.",
    "security": ACCESS_TOKEN,
    "parameters": [
        JOB_ID,
        path("outputId", "Of the output, as the job names it.", {"type": "string"}, samples.OUTPUT_ID),
        query(
            "format",
            "One of the output's available formats; all are the file itself.",
            choice([*FORMATS.values(), RAW]),
        ),
    ],
    "responses": {
        "302": answer(
            "The file is behind the link.",
            headers={
                "Location": {"required": True, "schema": {"type": "string", "format": "uri"}},
                "Cache-Control": {"required": True, "schema": {"type": "string", "const": "no-store"}},
            },
        ),
        **refusals(_INVALID, _DENIED, _NO_JOB),
    },
}

OPERATIONS: dict[str, Spec] = {
    "POST /webapi/oauth2/token": TOKEN,
    "GET /webapi/v3/jobs": {
        "operationId": "listJobs",
        "summary": "List jobs",
        "description": "A page of the tenant's jobs, with the exact total. For Curators.",
        "security": ACCESS_TOKEN,
        "parameters": [*PAGE, *FILTERS],
        "responses": {
            "200": answer(
                "A page.",
                JSON,
                AlteryxJobPage,
                headers=NEXT,
                example={"data": [summary(samples.ALTERYX)], "pagination": _PAGINATION},
            ),
            **refusals(_INVALID, _DENIED, _ROLE),
        },
    },
    "GET /webapi/v3/jobs/{jobId}": {
        "operationId": "getJob",
        "summary": "Look at a job",
        "description": "The job as it was last written. For who ran it, and for Curators.",
        "security": ACCESS_TOKEN,
        "parameters": [
            JOB_ID,
            query("includeMessages", "Whether its messages come with it.", {"type": "boolean", "default": True}),
        ],
        "responses": {
            "200": answer("The job.", JSON, AlteryxJob, example=_JOB),
            **refusals(_INVALID, _DENIED, _NO_JOB),
        },
    },
    "GET /webapi/v3/jobs/{jobId}/messages": {
        "operationId": "getJobMessages",
        "summary": "Read a job's messages",
        "description": "All of them, oldest first, up to 5 MB in one answer. For Curators.",
        "security": ACCESS_TOKEN,
        "parameters": [
            JOB_ID,
            query(
                "after", "As the Link header of the page before has it.", {"type": "string", "pattern": pattern(KEY)}
            ),
        ],
        "responses": {
            "200": answer(
                "Messages.",
                JSON,
                {"type": "array", "items": AlteryxMessage},
                headers=NEXT,
                example=[message(each) for each in life_messages(samples.ALTERYX)],
            ),
            **refusals(_INVALID, _DENIED, _ROLE, _NO_JOB),
        },
    },
    "DELETE /webapi/v3/jobs/{jobId}": {
        "operationId": "cancelJob",
        "summary": "Cancel a job",
        "description": "A running job is cancelled and stays so; one that still waits is deleted.",
        "security": ACCESS_TOKEN,
        "parameters": [JOB_ID],
        "responses": {
            "200": answer(
                "It is cancelled, or gone.", JSON, AlteryxCancelled, example={"message": "Cancelled Successfully."}
            ),
            **refusals(NotCancellable("completed"), CancelForbidden(), _DENIED, _NO_JOB, _BUSY),
        },
    },
    "GET /webapi/v3/workflows/{workflowId}/jobs": {
        "operationId": "listJobsOfWorkflow",
        "summary": "List a workflow's jobs",
        "description": "The caller's own jobs of the workflow; for Curators all of them.",
        "security": ACCESS_TOKEN,
        "parameters": [
            WORKFLOW_ID,
            *PAGE,
            query("status", "A job that failed is Completed, and is found by Error.", choice(OUTCOMES)),
            query("resultCode", "How it ended.", choice(RESULT_CODES)),
        ],
        "responses": {
            "200": answer(
                "Jobs.",
                JSON,
                {"type": "array", "items": AlteryxWorkflowJob},
                headers=NEXT,
                example=[of_workflow(samples.ALTERYX)],
            ),
            **refusals(_INVALID, _DENIED, _NO_WORKFLOW),
        },
    },
    "POST /webapi/v3/workflows/{workflowId}/jobs": {
        "operationId": "submitJob",
        "summary": "Submit a job",
        "description": "Queues a job of the workflow. Once this has answered, the job is not lost.",
        "security": ACCESS_TOKEN,
        "parameters": [WORKFLOW_ID, IDEMPOTENCY_KEY],
        "requestBody": {
            "required": False,
            "content": {
                JSON: {
                    "schema": _submission(),
                    "example": {"questions": [{"name": "input", "value": "s3://bucket/orders.csv"}]},
                },
                FORM: {"schema": _form()},
            },
        },
        "responses": {
            "200": answer("The job.", JSON, AlteryxJob, headers=REPLAYED, example=QUEUED, links=LINKS),
            **refusals(_INVALID, _DENIED, _EXECUTE, _NO_WORKFLOW, _USED, _BUSY),
        },
    },
    "GET /webapi/v1/jobs/{jobId}/output/{outputId}": {"operationId": "getOutput", **OUTPUT},
    "GET /webapi/v3/jobs/{jobId}/output/{outputId}": {"operationId": "getOutputV3", **OUTPUT},
}
