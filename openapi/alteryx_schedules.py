"""The operations of the alteryx dialect's schedules, by the keys of their routes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobyard.dialects.alteryx.contracts import PRIORITIES, QuestionContract
from jobyard.dialects.alteryx.schedules import OVERLAPS, REQUIRED_TO_CREATE, REQUIRED_TO_PUT, VIEWS, ScheduleContract
from jobyard.errors import (
    AlreadyLive,
    Busy,
    ExecuteForbidden,
    IdempotencyConflict,
    Invalid,
    NotFound,
    RoleForbidden,
    Unauthenticated,
)
from jobyard.model.iteration import CONTRACTS, HOURS_MOST, WEEKDAYS
from jobyard.model.schedule import State
from jobyard.service.action import ObjectId
from jobyard.service.schedules import COMMENT_LONGEST, CREDENTIAL_LONGEST, NAME_LONGEST
from jobyard.service.submit import QUESTIONS_BYTES, QUESTIONS_MOST, WORKER_TAG_LONGEST
from openapi import samples
from openapi.alteryx import ACCESS_TOKEN, refusals
from openapi.alteryx_models import AlteryxJob, AlteryxPriority, Seconds
from openapi.parts import IDEMPOTENCY_KEY, JSON, NEXT, REPLAYED, Answered, Spec, answer, choice, one_of, path, query

TAG = "alteryx"

SCHEDULE_ID = path(
    "scheduleId", "Of the schedule.", {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}, samples.SCHEDULE_ID
)
_ID = {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}
_TIME = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$",
    "description": "Of the clock of timeZone, with or without a Z; with a numeric offset an instant.",
}


class AlteryxQuestion(Answered):
    name: str
    value: str


class AlteryxHourly(Answered):
    hours: int
    minutes: int


class AlteryxDaily(Answered):
    runOnlyWorkWeek: bool


class AlteryxWeekly(Answered):
    daysOfWeek: list[Annotated[str, one_of(WEEKDAYS)]]


class AlteryxMonthly(Answered):
    simpleDayOfMonth: bool
    dayOfMonth: int = Field(default=None, description="With simpleDayOfMonth.")  # type: ignore[assignment]
    occurrence: int = Field(default=None, description="Without.")  # type: ignore[assignment]
    dayOfWeek: Annotated[str, one_of(WEEKDAYS)] = Field(default=None, description="Without.")  # type: ignore[assignment]


class AlteryxCustom(Answered):
    daysOfMonth: list[int]
    months: list[int]


class AlteryxCron(Answered):
    cronExpression: str


class AlteryxIteration(Answered):
    """As it was given, whole."""

    iterationType: Annotated[str, one_of(CONTRACTS)]
    startTime: str
    endTime: str | None
    hourlyContract: AlteryxHourly = Field(default=None)  # type: ignore[assignment]
    dailyContract: AlteryxDaily = Field(default=None)  # type: ignore[assignment]
    weeklyContract: AlteryxWeekly = Field(default=None)  # type: ignore[assignment]
    monthlyContract: AlteryxMonthly = Field(default=None)  # type: ignore[assignment]
    customContract: AlteryxCustom = Field(default=None)  # type: ignore[assignment]
    cronContract: AlteryxCron = Field(default=None)  # type: ignore[assignment]


class AlteryxScheduleSummary(Answered):
    id: ObjectId
    name: str
    workflowId: ObjectId
    ownerId: str
    runDateTime: Seconds | None = Field(description="The next run, or the first in the window that was asked for.")
    timeZone: str = Field(description="Empty is UTC.")


class AlteryxSchedule(AlteryxScheduleSummary):
    versionId: str | None = Field(description="Null: workflows have no versions.")
    comment: str
    enabled: bool
    priority: AlteryxPriority
    workerTag: str
    status: Annotated[str, one_of(State)] = Field(description="As state.")
    credentialId: str = Field(description="Kept, and not used.")
    creationTime: Seconds
    lastRunTime: Seconds | None = Field(description="For when the last job was due.")
    state: Annotated[str, one_of(State)] = Field(description="What the last run came to goes before Completed.")
    runCount: int = Field(description="How many jobs it has made.")
    iteration: AlteryxIteration
    frequency: Annotated[str, one_of(CONTRACTS)]
    lastError: str | None = Field(description="Why the last run has no job; null where it has one.")
    cpuName: str
    lastModifiedId: str
    lastModifiedDate: Seconds | None
    canEdit: bool
    questions: list[AlteryxQuestion]
    overlapPolicy: Annotated[str, one_of(OVERLAPS)]
    lastJobId: str | None
    waitingRuns: list[Seconds] = Field(
        description="Their instants. They wait for the job of the run before, each in turn."
    )


class AlteryxDeleted(Answered):
    message: Annotated[str, one_of(["Deleted Successfully."])]


def _number(least: int, most: int) -> Spec:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(required: list[str], **properties: Spec) -> Spec:
    return {"type": "object", "properties": properties, "required": required}


_DAY: Spec = choice(WEEKDAYS)
_CONTRACTS: dict[str, Spec] = {
    "hourlyContract": _object(["hours", "minutes"], hours=_number(0, HOURS_MOST), minutes=_number(0, 59)),
    "dailyContract": _object([], runOnlyWorkWeek={"type": "boolean", "default": False}),
    "weeklyContract": _object(["daysOfWeek"], daysOfWeek={"type": "array", "items": _DAY, "minItems": 1}),
    "monthlyContract": _object(
        ["simpleDayOfMonth"],
        simpleDayOfMonth={"type": "boolean"},
        dayOfMonth=_number(1, 31),
        occurrence=_number(1, 5),
        dayOfWeek=_DAY,
    ),
    "customContract": _object(
        ["daysOfMonth", "months"],
        daysOfMonth={"type": "array", "items": _number(1, 31), "minItems": 1},
        months={"type": "array", "items": _number(1, 12), "minItems": 1},
    ),
    "cronContract": _object(
        ["cronExpression"],
        cronExpression={
            "type": "string",
            "description": "Minute, hour, day of the month, month, day of the week (0 to 7); of two restricted kinds "
            "of days either is enough.",
        },
    ),
}
_ITERATION = _object(
    ["iterationType", "startTime"],
    iterationType=choice(CONTRACTS),
    startTime=_TIME | {"description": f"In the future. {_TIME['description']}"},
    endTime=_TIME | {"type": ["string", "null"]},
    **_CONTRACTS,
)
_MEMBERS: Spec = {
    "workflowId": _ID,
    "ownerId": {"type": "string", "description": "Another than the present one for administrators only."},
    "iteration": _ITERATION,
    "name": {"type": "string", "maxLength": NAME_LONGEST},
    "comment": {"type": "string", "maxLength": COMMENT_LONGEST},
    "priority": choice(PRIORITIES, description="By name, or as 0 to 3. Ignored of who may not prioritise."),
    "workerTag": {
        "type": "string",
        "maxLength": WORKER_TAG_LONGEST,
        "description": "Ignored of who may not assign worker tags.",
    },
    "enabled": {"type": "boolean"},
    "credentialId": {
        "type": ["string", "null"],
        "maxLength": CREDENTIAL_LONGEST,
        "description": "Kept, and not used.",
    },
    "timeZone": {"type": ["string", "null"], "description": "A name of the IANA database; empty or null is UTC."},
    "questions": {
        "type": "array",
        "items": QuestionContract,
        "maxItems": QUESTIONS_MOST,
        "description": f"At most {QUESTIONS_BYTES} bytes of names and values together.",
    },
    "overlapPolicy": choice(
        OVERLAPS, description="Whether a run has a job while that of the run before has not ended. Not the vendor's."
    ),
}
assert set(_MEMBERS) == set(ScheduleContract.model_fields), "the contract has other members than are described"


def _body(title: str, required: tuple[str, ...], without: tuple[str, ...] = ()) -> Spec:
    members = {name: each for name, each in _MEMBERS.items() if name not in without}
    schema = {"title": title, "type": "object", "properties": members}
    if required:
        schema["required"] = list(required)
    return {"required": True, "content": {JSON: {"schema": schema, "example": _WANTED}}}


_WANTED: Spec = {
    "workflowId": samples.WORKFLOW_ID,
    "ownerId": samples.ALTERYX.owner.id,
    "name": "Every working day",
    "comment": "",
    "priority": "Default",
    "workerTag": "",
    "enabled": True,
    "credentialId": "",
    "timeZone": "Europe/Berlin",
    "iteration": {
        "iterationType": "Weekly",
        "startTime": "2199-01-01T06:30:00",
        "endTime": None,
        "weeklyContract": {"daysOfWeek": ["Monday", "Friday"]},
    },
    "questions": [{"name": "input", "value": "s3://bucket/orders.csv"}],
}
_SUMMARY: Spec = {
    "id": samples.SCHEDULE_ID,
    "name": "Every working day",
    "workflowId": samples.WORKFLOW_ID,
    "ownerId": samples.ALTERYX.owner.id,
    "runDateTime": "2199-01-04T05:30:00Z",
    "timeZone": "Europe/Berlin",
}
_VIEW: Spec = _SUMMARY | {
    "versionId": None,
    "comment": "",
    "enabled": True,
    "priority": "Default",
    "workerTag": "",
    "status": "Active",
    "credentialId": "",
    "creationTime": "2025-12-01T08:00:00Z",
    "lastRunTime": None,
    "state": "Active",
    "runCount": 0,
    "iteration": _WANTED["iteration"],
    "frequency": "Weekly",
    "lastError": None,
    "cpuName": "",
    "lastModifiedId": "",
    "lastModifiedDate": None,
    "canEdit": True,
    "questions": _WANTED["questions"],
    "overlapPolicy": "allow",
    "lastJobId": None,
    "waitingRuns": [],
}

_INVALID = Invalid("iteration.startTime", "iteration.startTime: must be in the future.")
_DENIED, _RIGHT = Unauthenticated(), RoleForbidden()
_NONE = NotFound("Schedule", samples.SCHEDULE_ID)
_EXECUTE = ExecuteForbidden(f"The owner does not have access to execute workflow {samples.WORKFLOW_ID}.")
_BUSY = Busy("Too many others are changing the schedule; try again.")
_LIVE = AlreadyLive(f"Skipped: job {samples.JOB_ID} of the run before has not ended yet.")
_NO_WORKFLOW = NotFound("Workflow", samples.WORKFLOW_ID)
_USED = IdempotencyConflict("This Idempotency-Key was used before, with another request; use a new one.")

_SHOWN = {"200": answer("The schedule.", JSON, AlteryxSchedule, example=_VIEW)}
_INSTANT = {"type": "string", "format": "date-time"}

OPERATIONS: dict[str, Spec] = {
    "GET /webapi/v3/schedules": {
        "operationId": "listSchedules",
        "summary": "List schedules",
        "description": "The caller's own, the oldest first; for Curators all. Up to 5 MB in one answer.",
        "security": ACCESS_TOKEN,
        "parameters": [
            query("ownerId", "Of this user only.", {"type": "string"}),
            query("workflowId", "Of this workflow only.", {"type": "string"}),
            query(
                "runsAfter",
                "Those that run at this instant or later; together with runsBefore only. UTC, or with an offset.",
                _INSTANT,
                example="2025-12-01T00:00:00Z",
            ),
            query(
                "runsBefore",
                "And before this one, at most 45 days later.",
                _INSTANT,
                example="2026-01-01T00:00:00Z",
            ),
            query("view", "How much of each.", choice(VIEWS, default=VIEWS[0])),
            query("after", "As the Link header of the page before has it.", {"type": "string"}),
        ],
        "responses": {
            "200": answer(
                "Schedules.",
                JSON,
                {"type": "array", "items": {"anyOf": [AlteryxScheduleSummary, AlteryxSchedule]}},
                headers=NEXT,
                example=[_SUMMARY],
            ),
            **refusals(_INVALID, _DENIED),
        },
    },
    "POST /webapi/v3/schedules": {
        "operationId": "createSchedule",
        "summary": "Make a schedule",
        "description": "It is the caller's. For users who may schedule jobs.",
        "security": ACCESS_TOKEN,
        "requestBody": _body("CreateSchedule", REQUIRED_TO_CREATE, ("ownerId", "enabled")),
        "responses": {
            "201": answer("Its id.", JSON, _ID, example=samples.SCHEDULE_ID),
            **refusals(_INVALID, _DENIED, _RIGHT, _BUSY),
        },
    },
    "GET /webapi/v3/schedules/{scheduleId}": {
        "operationId": "getSchedule",
        "summary": "Look at a schedule",
        "description": "With its whole recurrence, and what came of its runs. For its owner, and for Curators.",
        "security": ACCESS_TOKEN,
        "parameters": [SCHEDULE_ID],
        "responses": {**_SHOWN, **refusals(_DENIED, _NONE)},
    },
    "PUT /webapi/v3/schedules/{scheduleId}": {
        "operationId": "putSchedule",
        "summary": "Write a schedule anew",
        "description": "What a GET has answered may be changed and put back. Without timeZone it is UTC.",
        "security": ACCESS_TOKEN,
        "parameters": [SCHEDULE_ID],
        "requestBody": _body("UpdateSchedule", REQUIRED_TO_PUT),
        "responses": {**_SHOWN, **refusals(_INVALID, _DENIED, _RIGHT, _EXECUTE, _NONE, _BUSY)},
    },
    "PATCH /webapi/v3/schedules/{scheduleId}": {
        "operationId": "patchSchedule",
        "summary": "Change a schedule",
        "description": "What is not given stays as it is.",
        "security": ACCESS_TOKEN,
        "parameters": [SCHEDULE_ID],
        "requestBody": _body("PatchSchedule", (), ("workflowId",)),
        "responses": {**_SHOWN, **refusals(_INVALID, _DENIED, _RIGHT, _EXECUTE, _NONE, _BUSY)},
    },
    "DELETE /webapi/v3/schedules/{scheduleId}": {
        "operationId": "deleteSchedule",
        "summary": "Delete a schedule",
        "description": "Its jobs stay.",
        "security": ACCESS_TOKEN,
        "parameters": [SCHEDULE_ID],
        "responses": {
            "200": answer("It is gone.", JSON, AlteryxDeleted, example={"message": "Deleted Successfully."}),
            **refusals(_DENIED, _RIGHT, _NONE, _BUSY),
        },
    },
    "POST /webapi/v3/schedules/{scheduleId}/run": {
        "operationId": "runSchedule",
        "summary": "Run a schedule now",
        "description": "Beside the runs that are due, and whether it is enabled or not. The job is its owner's.",
        "security": ACCESS_TOKEN,
        "parameters": [SCHEDULE_ID, IDEMPOTENCY_KEY],
        "responses": {
            "200": answer("The job.", JSON, AlteryxJob, headers=REPLAYED),
            **refusals(_INVALID, _LIVE, _DENIED, _RIGHT, _EXECUTE, _NONE, _NO_WORKFLOW, _USED, _BUSY),
        },
    },
}
