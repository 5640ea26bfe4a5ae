"""Bodies of the tencent dialect: XML, whose elements are the members of these models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from jobyard.dialects.tencent.body import ROOT
from jobyard.dialects.tencent.contract import (
    LEVELS,
    NAME_LONGEST,
    QUEUE_ID,
    QUEUE_REGIONS,
    SOURCES,
)
from jobyard.dialects.tencent.errors import ERRORS
from jobyard.dialects.tencent.ids import JOB_ID, WORKFLOW_ID
from jobyard.dialects.tencent.parameters import TYPES
from jobyard.dialects.tencent.times import TIME
from jobyard.dialects.tencent.views import PAUSE, STATES
from openapi.parts import Answered, Body, one_of, optional, pattern

JobId = Annotated[str, Field(pattern=pattern(JOB_ID))]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+0800$|^-$")]
AsSent = ConfigDict(extra="allow")
_REQUEST_ID = Field(description="By which the log names the request.")


# Patterns of JSON Schema cannot say "a letter of any script"; this says what of ASCII is none.
NAME = r"^[^\x00-,./:-@\[-\^`{-\x7f]+$"


def _root(name: str) -> dict[str, Any]:
    return {"xml": {"name": name}}


class TencentKept(Body):
    """As the client sent it, to the letter."""

    model_config = AsSent


class TencentJob(Answered):
    Code: Annotated[str, one_of(["Success", "Failed"])]
    Type: Annotated[str, one_of(TYPES)]
    Message: str = Field(description="Why it failed; empty for others.")
    Name: str
    JobId: JobId
    State: Annotated[str, one_of([*STATES.values(), PAUSE])]
    CreationTime: Time
    StartTime: Time = Field(description="- where there is none.")
    EndTime: Time
    Input: TencentKept
    Operation: TencentKept


class TencentJobAnswer(Answered):
    model_config = ConfigDict(json_schema_extra=_root("Response"))
    RequestId: str = _REQUEST_ID
    JobsDetail: TencentJob


class TencentJobOrNone(Answered):
    """One of the two, besides the id of the request."""

    model_config = ConfigDict(
        json_schema_extra=_root("Response")
        | {"oneOf": [{"required": ["JobsDetail"]}, {"required": ["NonExistJobIds"]}]}
    )
    RequestId: str = _REQUEST_ID
    JobsDetail: TencentJob = optional("The job.")
    NonExistJobIds: str = optional("The id that nobody has.")


class TencentJobs(Answered):
    model_config = ConfigDict(json_schema_extra=_root("Response"))
    RequestId: str = _REQUEST_ID
    JobsDetail: list[TencentJob] = optional("An element for each job.")
    NextToken: str = optional("Of the next page; the last one has none.")


class TencentError(Answered):
    model_config = ConfigDict(json_schema_extra=_root("Error"))
    Code: Annotated[str, one_of([*(said.code for said in ERRORS.values()), "InternalError"])]
    Message: str
    StringToSign: str = optional("What the server signed, where the signature does not match.")
    FormatString: str = optional("The request as the server signed it, likewise.")
    ServerTime: str = optional("Where the signature is not valid yet, or no more.")
    Resource: str = Field(description="The path that was asked for.")
    RequestId: str = _REQUEST_ID
    TraceId: str


class TencentInterval(Body):
    model_config = AsSent
    Start: Annotated[str, Field(pattern=pattern(TIME))] = optional("Without an offset, of Beijing.")
    End: Annotated[str, Field(pattern=pattern(TIME))] = optional("Not before Start.")


class TencentOutput(Body):
    model_config = AsSent
    Region: str = optional("Checked, and not used.")
    Bucket: str = optional("Where results go; without it, the same bucket.")
    Object: str = optional("The form of the results' keys.")


class TencentCallBackMqConfig(Body):
    model_config = AsSent
    MqRegion: Annotated[str, one_of(QUEUE_REGIONS)]
    MqMode: Annotated[str, one_of(["Topic", "Queue"])] = optional("Checked, and not used.")
    MqName: str


class TencentInput(Body):
    """One of its elements; an empty Prefix alone is the whole bucket."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"oneOf": [{"required": [each]} for each in SOURCES]})
    Manifest: str = optional("The key of a list of objects.", min_length=1)
    UrlFile: str = optional("The key of a list of URLs.", min_length=1)
    Prefix: str = optional("All objects whose keys begin so.")
    Object: str = optional("The key of one object.", min_length=1)


class TencentOperation(Body):
    """All else in it is kept and answered."""

    model_config = AsSent
    WorkflowIds: Annotated[str, Field(pattern=pattern(WORKFLOW_ID))] = optional(
        "Of one workflow; for a job of type Workflow."
    )
    Tag: str = optional("The name of a workflow; for a job of type Job.", min_length=1)
    JobParam: TencentKept = optional("For a job of type Job.")
    Output: TencentOutput = optional("For most tags of jobs of type Job.")
    TimeInterval: TencentInterval = optional("Of the last change of an object.")
    JobLevel: Annotated[str, one_of(LEVELS)] = Field(default="0", description="The priority: from low to high.")
    QueueId: Annotated[str, Field(pattern=pattern(QUEUE_ID))] = optional("The worker tag.")
    QueueType: Annotated[str, one_of(["SpeedTranscoding"])] = optional("For the tag Transcode without a QueueId.")
    CallBackFormat: Annotated[str, one_of(["JSON", "XML"])] = optional("Checked, and not used.")
    CallBackType: Annotated[str, one_of(["Url", "TDMQ", "Kafka"])] = optional("Checked, and not used.")
    CallBackMqConfig: TencentCallBackMqConfig = optional("For the CallBackType TDMQ.")


class TencentRequest(Body):
    model_config = ConfigDict(extra="allow", json_schema_extra=_root(ROOT))
    Name: Annotated[str, Field(max_length=NAME_LONGEST, pattern=NAME)] = Field(
        description="Letters of any script, digits, - and _."
    )
    Type: Annotated[str, one_of(TYPES)] = TYPES[0]
    Input: TencentInput
    Operation: TencentOperation
