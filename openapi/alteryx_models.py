"""Answers of the alteryx dialect; ``dialects.alteryx.views`` makes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobyard.dialects.alteryx.views import DISPOSITIONS, FORMATS, NO_DISPOSITION, RAW, STATUSES
from jobyard.model import Priority
from jobyard.model.messages import ERROR, INFORMATION, WARNING
from jobyard.model.queue import SLOTS_MOST
from jobyard.service.action import ObjectId
from openapi.parts import Answered, one_of, optional

_DATE_TIME = {"format": "date-time"}
Milliseconds = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$", json_schema_extra=_DATE_TIME),
]
Seconds = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", json_schema_extra=_DATE_TIME)]
AlteryxStatus = Annotated[str, one_of(STATUSES.values())]
AlteryxPriority = Annotated[str, one_of(Priority)]


class AlteryxError(Answered):
    message: str


class AlteryxOutput(Answered):
    id: str
    availableFormats: list[Annotated[str, one_of([*FORMATS.values(), RAW])]]
    fileName: str
    name: str
    format: str = Field(description="The file's extension.")


class AlteryxMessage(Answered):
    status: Annotated[
        int, one_of([INFORMATION, WARNING, ERROR], description="1 is information, 2 a warning, 3 an error.")
    ]
    text: str
    toolId: int = Field(description="The tool that said it; -1 is the engine.")


class AlteryxJob(Answered):
    id: ObjectId
    appId: ObjectId = Field(description="The workflow.")
    createDateTime: Milliseconds
    status: AlteryxStatus = Field(description="A job that failed is Completed, too: look at the disposition.")
    disposition: Annotated[str, one_of([NO_DISPOSITION, *DISPOSITIONS.values()])]
    outputs: list[AlteryxOutput]
    messages: list[AlteryxMessage] = optional("The newest 1,000, oldest first. Absent with includeMessages=false.")
    priority: AlteryxPriority
    workerTag: str
    runWithE2: bool
    startTime: Milliseconds | None
    endTime: Milliseconds | None
    submittedBy: str = Field(description="The name of the user who submitted the job.")
    scheduleId: str | None = Field(description="The schedule that made the job; null for one that a user submitted.")
    queuePosition: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        description="Of a job that is queued: 1 is taken next. Null behind 1,000 others, and in the answer to a submit."
    )
    waitingFor: str | None = Field(description="What a job that waits waits for, where it has to.")
    progress: Annotated[float, Field(ge=0, le=1)] | None = Field(description="What part is done.")


class AlteryxJobSummary(Answered):
    jobId: ObjectId
    status: AlteryxStatus
    workflowName: str
    workflowId: ObjectId
    submittedBy: str
    startTime: Seconds | None
    queueTime: Seconds
    executionTime: Annotated[str, Field(pattern=r"^(?:\d+\.)?\d{2}:\d{2}:\d{2}$")] | None = Field(
        description="hh:mm:ss, and from a day on d.hh:mm:ss."
    )
    priority: Annotated[str, one_of(each for each in Priority if each is not Priority.DEFAULT)]


class AlteryxPagination(Answered):
    currentPage: Annotated[int, Field(ge=1)]
    pageSize: Annotated[int, Field(ge=1)]
    totalItems: Annotated[int, Field(ge=0)]
    totalPages: Annotated[int, Field(ge=0)]
    hasNextPage: bool
    hasPreviousPage: bool


class AlteryxJobPage(Answered):
    data: list[AlteryxJobSummary]
    pagination: AlteryxPagination


class AlteryxWorkflowJob(Answered):
    id: ObjectId
    createDate: Milliseconds
    status: AlteryxStatus
    priority: AlteryxPriority
    workerTag: str
    runWithE2: bool


class AlteryxQueue(Answered):
    tag: str = Field(description="The worker tag; empty for jobs without one.")
    slots: Annotated[int, Field(ge=0, le=SLOTS_MOST)] | None = Field(
        description="How many jobs may run at once; null for any number."
    )
    paused: bool
    running: int | None = Field(
        description="How many jobs run. Null without a limit, where nobody counts them, and until they are counted."
    )


class AlteryxQueueDetail(AlteryxQueue):
    waiting: Annotated[int, Field(ge=0, lt=1000)] | None = Field(description="Null for 1,000 or more.")


class AlteryxCancelled(Answered):
    message: Annotated[str, one_of(["Cancelled Successfully.", "Deleted Successfully."])]


class AlteryxToken(Answered):
    access_token: str
    token_type: Annotated[str, one_of(["bearer"])]
    expires_in: Annotated[int, Field(ge=1)] = Field(description="Seconds.")


class AlteryxTokenError(Answered):
    """RFC 6749, section 5.2."""

    error: Annotated[
        str,
        one_of(
            ["invalid_request", "invalid_client", "unsupported_grant_type", "temporarily_unavailable", "server_error"]
        ),
    ]
    error_description: str
