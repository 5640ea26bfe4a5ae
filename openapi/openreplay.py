"""The operations of the openreplay dialect, by the keys of their routes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobyard.dialects.openreplay.errors import answer as refuse
from jobyard.dialects.openreplay.parameters import ID_MOST, LIMIT, LIMIT_MOST, PAGE, USER_ID_MOST_BYTES
from jobyard.dialects.openreplay.views import ACTION, STATUSES, job
from jobyard.errors import (
    AlreadyLive,
    Busy,
    IdempotencyConflict,
    Invalid,
    JobyardError,
    NotCancellable,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from jobyard.model.ids import PROJECT_KEY_LENGTH
from openapi import samples
from openapi.parts import (
    CURSOR,
    IDEMPOTENCY_KEY,
    JSON,
    NEXT,
    REPLAYED,
    Answered,
    Spec,
    answer,
    one_of,
    path,
    query,
    refusals,
)

TAG = "openreplay"
API_KEY: list[Spec] = [{"apiKey": []}]


class OpenReplayJob(Answered):
    """Times in milliseconds since 1970, UTC."""

    jobId: Annotated[int, Field(ge=1, le=ID_MOST)]
    description: str
    status: Annotated[str, one_of(STATUSES.values())]
    projectId: int = Field(description="The project's number, not its key.")
    action: Annotated[str, one_of([ACTION])]
    referenceId: str = Field(description="The user whose data is erased.")
    createdAt: int
    updatedAt: int | None = Field(description="null until the first change.")
    startAt: int
    errors: str | None = Field(description="Why the job failed.")


class OpenReplayJobAnswer(Answered):
    data: OpenReplayJob


class OpenReplayJobs(Answered):
    data: list[OpenReplayJob]


class OpenReplayError(Answered):
    error: str


PROJECT_KEY = path(
    "projectKey",
    "Of one of the organisation's projects; any other is 401.",
    {"type": "string", "pattern": f"^[0-9A-Za-z]{{{PROJECT_KEY_LENGTH}}}$"},
    samples.PROJECT_KEY,
)
JOB_ID = path(
    "jobId",
    "Of the job: digits, with a sign or zeros before them if need be.",
    {"type": "integer", "minimum": 1, "maximum": ID_MOST},
    samples.OPENREPLAY.id,
)
USER_ID = path(
    "userId",
    f"Of the user, percent-encoded; at most {USER_ID_MOST_BYTES} bytes of UTF-8, without a slash. A question mark "
    "in it does not arrive.",
    {"type": "string", "minLength": 1, "maxLength": USER_ID_MOST_BYTES},
    "shekar@example.com",
)

_NO_CURSOR = Invalid("cursor", "cursor: use what an answer to the same request gave, unchanged.")
_DENIED, _NO_JOB, _NO_PAGE = Unauthenticated(), NotFound("Job", "13"), NotFound("page", "")
_BUSY = Busy("Too many requests for the same at once; try again.")
_NO_NUMBER = Invalid("jobId", 'invalid path param jobID: strconv.Atoi: parsing "abc": invalid syntax')
_TOO_LONG = Invalid("userId", f"userID exceeds maximum length of {USER_ID_MOST_BYTES} characters")


def _refusals(*errors: JobyardError) -> dict[str, Spec]:
    return refusals(refuse, OpenReplayError, "/public", [*errors, Unavailable(), None])


def _job_answer(description: str, status: str = "scheduled", **more: Any) -> Spec:
    shown = job(samples.OPENREPLAY) | {"status": status}
    return answer(description, JSON, OpenReplayJobAnswer, example={"data": shown}, **more)


_LINKS: Spec = {
    name: {
        "operationId": name,
        "parameters": {"projectKey": "$request.path.projectKey", "jobId": "$response.body#/data/jobId"},
    }
    for name in ("getProjectJob", "cancelProjectJob")
}

OPERATIONS: dict[str, Spec] = {
    "GET /public/{projectKey}/jobs": {
        "operationId": "listProjectJobs",
        "summary": "List a project's jobs",
        "description": "Newest first. Beyond the last page the list is empty; a value that is not allowed means the "
        "default.",
        "security": API_KEY,
        "parameters": [
            PROJECT_KEY,
            query(
                "limit",
                "Jobs on a page.",
                {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT},
            ),
            query("page", "Which page, from 1 on.", {"type": "integer", "minimum": 1, "default": PAGE}),
            CURSOR,
        ],
        "responses": {
            "200": answer("Jobs.", JSON, OpenReplayJobs, headers=NEXT, example={"data": [job(samples.OPENREPLAY)]}),
            **_refusals(_NO_CURSOR, _DENIED),
        },
    },
    "GET /public/{projectKey}/jobs/{jobId}": {
        "operationId": "getProjectJob",
        "summary": "Look at a job",
        "description": "The job as it was last written.",
        "security": API_KEY,
        "parameters": [PROJECT_KEY, JOB_ID],
        "responses": {"200": _job_answer("The job."), **_refusals(_NO_NUMBER, _DENIED, _NO_JOB, _NO_PAGE)},
    },
    "DELETE /public/{projectKey}/jobs/{jobId}": {
        "operationId": "cancelProjectJob",
        "summary": "Cancel a job",
        "description": "A job that has not ended is cancelled, and stays so.",
        "security": API_KEY,
        "parameters": [PROJECT_KEY, JOB_ID],
        "responses": {
            "200": _job_answer("The cancelled job.", "cancelled"),
            **_refusals(_NO_NUMBER, NotCancellable("completed"), _DENIED, _NO_JOB, _NO_PAGE, _BUSY),
        },
    },
    "DELETE /public/{projectKey}/users/{userId}": {
        "operationId": "eraseUser",
        "summary": "Erase a user's data",
        "description": "Makes a job that starts at the next 00:00 UTC and erases all that is kept of the user.",
        "security": API_KEY,
        "parameters": [PROJECT_KEY, USER_ID, IDEMPOTENCY_KEY],
        "responses": {
            "200": _job_answer("The new job.", headers=REPLAYED, links=_LINKS),
            **_refusals(
                _TOO_LONG,
                _DENIED,
                NotFound("Workflow", samples.WORKFLOW_ID),
                _NO_PAGE,
                AlreadyLive(),
                IdempotencyConflict("This Idempotency-Key was used with another request."),
                _BUSY,
            ),
        },
    },
}
