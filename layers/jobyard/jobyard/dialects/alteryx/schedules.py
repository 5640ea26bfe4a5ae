"""/v3/schedules, /v3/schedules/{scheduleId} and, beyond the vendor's, /v3/schedules/{scheduleId}/run

Two things are better than in the original. An answer's ``iteration`` has the whole recurrence, with the times as they
were given, so that what was read can be changed and put back. And what became of runs is told: ``state``,
``lastError``, ``lastRunTime``, ``runCount``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from jobyard.authorizer import Caller
from jobyard.authorizer.access import may_change_schedule
from jobyard.dialects.alteryx.bodies import read
from jobyard.dialects.alteryx.caller import caller, listed_in
from jobyard.dialects.alteryx.contracts import PriorityName, Questions, Text
from jobyard.dialects.alteryx.parameters import identifier, one_of
from jobyard.dialects.alteryx.shapes import Operation, operation
from jobyard.dialects.alteryx.views import detail, instant
from jobyard.errors import Invalid
from jobyard.http import AT_MOST_BYTES, Request, Response, json_response, link_to_following, wire_bytes
from jobyard.model import Question
from jobyard.model.ids import now_ms
from jobyard.model.iteration import iteration_of, moment
from jobyard.model.messages import life_messages
from jobyard.model.schedule import Overlap, Schedule
from jobyard.service import schedules
from jobyard.service.schedules import Seen, Wanted, Window

VIEWS = ("Default", "Full")
OVERLAPS: Mapping[str, Overlap] = {each.value: each for each in Overlap}
REQUIRED_TO_CREATE = ("workflowId", "iteration")
REQUIRED_TO_PUT = (
    "workflowId",
    "ownerId",
    "iteration",
    "name",
    "comment",
    "priority",
    "workerTag",
    "enabled",
    "credentialId",
)


class ScheduleContract(BaseModel):
    """``CreateScheduleContract``, ``UpdateScheduleContract`` and ``PatchScheduleContract`` in one, and
    ``overlapPolicy``. Members that are none of theirs are ignored, as those of an answer that comes back.
    """

    model_config = ConfigDict(extra="ignore")

    workflowId: Text = ""
    ownerId: Text = ""
    iteration: Any = None
    name: Text = ""
    comment: Text = ""
    priority: PriorityName | None = None
    workerTag: Text = ""
    enabled: bool = True
    credentialId: Text = ""
    timeZone: Text = ""
    questions: Questions = []
    overlapPolicy: Text = ""


def answer(request: Request) -> Response:
    who = caller(request)
    return operation(request, _OPERATIONS)(who, request)


def _create(who: Caller, request: Request) -> Response:
    contract = _contract(request, REQUIRED_TO_CREATE)
    # Without an owner, says the contract: it is the caller's.
    wanted = _wanted(contract, settable=CREATED)._replace(owner_id=None)
    made = schedules.create(who, request.source, listed_in(who), wanted)
    return json_response(201, made.id)


def _list(who: Caller, request: Request) -> Response:
    given = request.value("view")
    full = given is not None and one_of("view", given, {view: view for view in VIEWS}) == "Full"
    found = schedules.visible(
        who,
        listed_in(who),
        owner_id=request.value("ownerId"),
        workflow_id=request.value("workflowId"),
        window=_window(request),
        after=request.value("after") or "",
    )
    now, size = now_ms(), 0
    shown: list[dict[str, Any]] = []
    for each in found:
        view = _view(who, each, now) if full else _reduced(each)
        size += wire_bytes(view) + 1
        if size > AT_MOST_BYTES:
            return json_response(200, shown, link_to_following(request, (), after=shown[-1]["id"]))
        shown.append(view)
    return json_response(200, shown)


def _get(who: Caller, request: Request) -> Response:
    return _answered(who, schedules.get(who, listed_in(who), _id(request)))


def _put(who: Caller, request: Request) -> Response:
    id = _id(request)
    contract = _contract(request, REQUIRED_TO_PUT)
    # Left out, the time zone is UTC, and there are no questions; the extension is not known to the vendor's clients.
    wanted = _wanted(contract, settable=frozenset(ScheduleContract.model_fields) - {"overlapPolicy"})
    return _answered(who, schedules.change(who, request.source, listed_in(who), id, wanted))


def _patch(who: Caller, request: Request) -> Response:
    # Without a workflow, says the contract; ignored like any other member that is not its own.
    contract = _contract(request, ())
    wanted = _wanted(contract, settable=frozenset())._replace(workflow_id=None)
    return _answered(who, schedules.change(who, request.source, listed_in(who), _id(request), wanted))


def _delete(who: Caller, request: Request) -> Response:
    schedules.delete(who, request.source, listed_in(who), _id(request))
    return json_response(200, {"message": "Deleted Successfully."})


def _run(who: Caller, request: Request) -> Response:
    job, replayed = schedules.run(
        who, request.source, listed_in(who), _id(request), request.headers.get("idempotency-key")
    )
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return json_response(200, detail(job, life_messages(job)), headers)


_OPERATIONS: Mapping[str, Operation] = {
    "POST schedules": _create,
    "GET schedules": _list,
    "GET schedules/{scheduleId}": _get,
    "PUT schedules/{scheduleId}": _put,
    "PATCH schedules/{scheduleId}": _patch,
    "DELETE schedules/{scheduleId}": _delete,
    "POST schedules/{scheduleId}/run": _run,
}

CREATED = frozenset({"timeZone", "questions"})
"""Of a new schedule, what has its default where it is not given, beside what the service has as one."""


def _contract(request: Request, required: tuple[str, ...]) -> ScheduleContract:
    contract = read(request, ScheduleContract)
    for name in required:
        if name not in contract.model_fields_set or (name in ("workflowId", "ownerId") and not getattr(contract, name)):
            raise Invalid(name, f"{name}: is required.")
    return contract


def _wanted(contract: ScheduleContract, settable: frozenset[str]) -> Wanted:
    """What the contract says; of what it does not say, ``settable`` is set to its default."""
    said = contract.model_fields_set | settable

    def of[T](name: str, value: T) -> T | None:
        return value if name in said else None

    overlap = contract.overlapPolicy
    return Wanted(
        workflow_id=of("workflowId", contract.workflowId),
        owner_id=of("ownerId", contract.ownerId) or None,
        iteration=iteration_of(contract.iteration) if "iteration" in said else None,
        time_zone=of("timeZone", contract.timeZone.strip()),
        name=of("name", contract.name),
        comment=of("comment", contract.comment),
        priority=contract.priority,
        worker_tag=of("workerTag", contract.workerTag),
        credential_id=of("credentialId", contract.credentialId),
        questions=of("questions", [Question(question.name, question.value) for question in contract.questions]),
        enabled=of("enabled", contract.enabled),
        overlap=one_of("overlapPolicy", overlap, OVERLAPS) if overlap else None,
    )


def _window(request: Request) -> Window | None:
    after, before = request.value("runsAfter"), request.value("runsBefore")
    if after is None and before is None:
        return None
    if after is None or before is None:
        missing = "runsAfter" if after is None else "runsBefore"
        raise Invalid(missing, f"{missing}: runsAfter and runsBefore are allowed together only.")
    return Window(_utc("runsAfter", after), _utc("runsBefore", before))


def _utc(name: str, text: str) -> int:
    # A plus sign of a query is a space to it.
    local: datetime = moment(name, text if "T" not in text.upper() else text.replace(" ", "+")).local
    return int((local if local.tzinfo else local.replace(tzinfo=UTC)).timestamp() * 1000)


def _id(request: Request) -> str:
    return identifier(request, "scheduleId", "Schedule")


def _answered(who: Caller, schedule: Schedule) -> Response:
    now = now_ms()
    return json_response(200, _view(who, Seen(schedule, schedule.next_run(now)), now))


def _reduced(seen: Seen) -> dict[str, Any]:
    """``ReducedScheduleView``."""
    schedule = seen.schedule
    return {
        "id": schedule.id,
        "name": schedule.name,
        "workflowId": schedule.workflow_id,
        "ownerId": schedule.owner.id,
        "runDateTime": instant(seen.run_at, "seconds"),
        "timeZone": schedule.time_zone,
    }


def _view(who: Caller, seen: Seen, now: int) -> dict[str, Any]:
    """``ScheduleView``; the last three are additions. There are no versions of workflows, and no computers."""
    schedule = seen.schedule
    state = schedule.state(now)
    return _reduced(seen) | {
        "versionId": None,
        "comment": schedule.comment,
        "enabled": schedule.enabled,
        "priority": schedule.priority,
        "workerTag": schedule.worker_tag,
        "status": state,
        "credentialId": schedule.credential_id,
        "creationTime": instant(schedule.created_at, "seconds"),
        "lastRunTime": instant(schedule.last_run_at, "seconds"),
        "state": state,
        "runCount": schedule.run_count,
        "iteration": schedule.iteration.given(),
        "frequency": schedule.iteration.kind,
        "lastError": schedule.last_error,
        "cpuName": "",
        "lastModifiedId": schedule.modified_by,
        "lastModifiedDate": instant(schedule.modified_at, "seconds"),
        "canEdit": may_change_schedule(who, schedule),
        "questions": [question._asdict() for question in schedule.questions],
        "overlapPolicy": schedule.overlap,
        "lastJobId": schedule.last_job_id,
        "waitingRuns": [instant(at, "seconds") for at in schedule.waiting],
    }
