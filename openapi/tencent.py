"""The operations of the tencent dialect, by the keys of their routes."""

from __future__ import annotations

from typing import Any

from jobyard.authorizer.qsign import MalformedSignature, MissingSignature, SignatureExpired, SignatureMismatch
from jobyard.authorizer.signed import TOKEN_HEADERS, UnknownSecret
from jobyard.dialects.tencent.contract import KEPT_BYTES
from jobyard.dialects.tencent.errors import InvalidContent, InvalidHost, MissingContent
from jobyard.dialects.tencent.errors import answer as refuse
from jobyard.dialects.tencent.parameters import SIZE, SIZE_MOST, STATES, TYPES
from jobyard.dialects.tencent.submit import REPEATED_SECONDS
from jobyard.dialects.tencent.times import TIME
from jobyard.dialects.tencent.views import detail
from jobyard.dialects.tencent.xml import answered, emptied
from jobyard.errors import Busy, IdempotencyConflict, Invalid, JobyardError, NotFound, Unavailable
from jobyard.http import BODY_MOST, Response
from jobyard.service.cursors import LONGEST as CURSOR_LONGEST
from openapi import samples
from openapi.parts import (
    IDEMPOTENCY_KEY,
    REPLAYED,
    XML,
    Spec,
    answer,
    choice,
    header,
    path,
    pattern,
    query,
    refusals,
    shown,
)
from openapi.tencent_models import (
    TencentError,
    TencentJobAnswer,
    TencentJobOrNone,
    TencentJobs,
    TencentRequest,
)

TAG = "tencent"
SIGNATURE: list[Spec] = [{"signature": []}]
_PATH = "/inventorytriggerjob"

TOKENS = [
    header(
        name,
        f"The token of a temporary secret; {' and '.join(TOKEN_HEADERS)} are the same. In a signed link it is a "
        "parameter of the query.",
        {"type": "string"},
    )
    for name in TOKEN_HEADERS
]
# In the path one may have slashes, as some clients double the one before it; an id has none.
JOB_ID = path("jobId", "Of the job.", {"type": "string", "minLength": 1}, samples.TENCENT_JOB_ID)

_CALLER_ERRORS: list[JobyardError] = [
    MissingSignature("The request is not signed: it has no Authorization header and no q-signature parameter."),
    MalformedSignature("q-signature must be 40 hexadecimal digits."),
    SignatureMismatch(
        "The signature does not match: the method was signed as 'put'.",
        f"get\n{_PATH}\n\n\n",
        "sha1\n1764575940;1764576900\n0b9c2625dc21ef05f6ad4ddf47c5f203837aa32c\n",
    ),
    SignatureExpired("Request has expired: q-sign-time ended at 1764576000, and it is 1764576900.", 1_764_576_900),
    UnknownSecret("There is no SecretId 'AKID' (q-ak)."),
    InvalidHost(None, "The host 'example.com' does not begin with <BucketName-APPID>."),
]
_BUSY = Busy("Too many requests for the same at once; try again.")


def _headers(given: Response) -> dict[str, Spec]:
    return {
        name: {"required": True, "schema": {"type": "string"}}
        for name in given.headers
        if name not in ("Content-Type", "Content-Length")
    }


_NAMED = _headers(emptied())


def _refusals(*errors: JobyardError) -> dict[str, Spec]:
    return refusals(refuse, TencentError, _PATH, [*errors, *_CALLER_ERRORS, Unavailable(), None])


def _jobs(description: str, model: Any, *parts: str, **headers: Spec) -> Spec:
    return answer(description, XML, model, headers=_NAMED | headers, example=shown(answered(parts)))


_JOB = detail(samples.TENCENT)
_REQUEST = (
    f"<Request><Name>demo</Name><Type>Workflow</Type>{samples.TENCENT_INPUT}{samples.TENCENT_OPERATION}</Request>"
)
_TIME = {"type": "string", "pattern": pattern(TIME)}

OPERATIONS: dict[str, Spec] = {
    f"POST {_PATH}": {
        "operationId": "createInventoryTriggerJob",
        "summary": "Create a job",
        "description": "Over the bucket that the Host names. Once this has answered, the job is not lost.",
        "security": SIGNATURE,
        "parameters": [
            *TOKENS,
            IDEMPOTENCY_KEY,
            header("Content-MD5", "Of the body, in base64; checked where it is given.", {"type": "string"}),
            header(
                "x-cos-sdk-retry",
                f"true: a repetition; the same body of the last {REPEATED_SECONDS // 60} minutes is answered with "
                "its job.",
                {"type": "string"},
            ),
        ],
        "requestBody": {
            "required": True,
            "description": f"At most {BODY_MOST} bytes, of which Input and Operation have {KEPT_BYTES} at the most.",
            "content": {XML: {"schema": TencentRequest, "example": _REQUEST}},
        },
        "responses": {
            "200": _jobs("The new job.", TencentJobAnswer, _JOB, **REPLAYED),
            **_refusals(
                Invalid("Name", "Name is missing."),
                MissingContent(None, "The request has no body; it must be a <Request> in XML."),
                InvalidContent(None, "The body is not text in UTF-8."),
                IdempotencyConflict("This Idempotency-Key was used with another request."),
                _BUSY,
            ),
        },
    },
    f"GET {_PATH}": {
        "operationId": "listInventoryTriggerJobs",
        "summary": "List a bucket's jobs",
        "description": "Page by page. A page is shorter than its size where its answer would become too long.",
        "security": SIGNATURE,
        "parameters": [
            *TOKENS,
            query(
                "size",
                "Jobs on a page.",
                {"type": "integer", "minimum": 1, "maximum": SIZE_MOST, "default": SIZE},
            ),
            query(
                "nextToken",
                "NextToken of the page before; good for the same bucket, filters and order.",
                {"type": "string", "maxLength": CURSOR_LONGEST},
            ),
            query("orderByTime", "By creation.", choice(["Desc", "Asc"], default="Desc")),
            query(
                "states",
                "Any of them, with commas.",
                {"type": "array", "items": choice(STATES), "default": ["All"]},
                style="form",
                explode=False,
            ),
            query("type", "Of which type.", choice(TYPES)),
            query("workflowId", "Of one workflow.", {"type": "string"}),
            query("jobId", "One job.", {"type": "string"}),
            query("name", "Of one name.", {"type": "string"}),
            query("startCreationTime", "Created then or later.", _TIME, example="2025-12-01T08:00:00+0800"),
            query("endCreationTime", "Created then or before.", _TIME, example="2025-12-24T18:00:00Z"),
        ],
        "responses": {
            "200": _jobs("Jobs.", TencentJobs, _JOB),
            **_refusals(Invalid("size", "size: '0' is not allowed. Allowed values: 1 to 100.")),
        },
    },
    f"GET {_PATH}/{{jobId}}": {
        "operationId": "getInventoryTriggerJob",
        "summary": "Look at a job",
        "description": "The job as it was last written, or NonExistJobIds with the id that nobody has.",
        "security": SIGNATURE,
        "parameters": [*TOKENS, JOB_ID],
        "responses": {"200": _jobs("The job.", TencentJobOrNone, _JOB), **_refusals()},
    },
    f"PUT {_PATH}/{{jobId}}": {
        "operationId": "cancelInventoryTriggerJob",
        "summary": "Cancel a job",
        "description": "A job that has not ended is cancelled, and stays so.",
        "security": SIGNATURE,
        "parameters": [
            *TOKENS,
            JOB_ID,
            query("cancel", "May be left out: there is nothing else to put.", {"type": "string"}, allowEmptyValue=True),
        ],
        "responses": {
            "200": answer("It is cancelled.", headers=_NAMED),
            **_refusals(
                Invalid("jobId", f"Job {samples.TENCENT_JOB_ID} cannot be cancelled: its State is Success."),
                NotFound("Job", samples.TENCENT_JOB_ID),
                _BUSY,
            ),
        },
    },
}
