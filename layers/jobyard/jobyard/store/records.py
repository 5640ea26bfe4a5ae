"""A job and a workflow as the table keeps them, and where it keeps a user.

One item per job: ``JOB#<tenant>#<id>`` / ``JOB``; its messages are beside it under ``MSG#<key>``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobyard.model import (
    LIVE,
    Facets,
    Job,
    Move,
    Output,
    Person,
    Priority,
    Question,
    Retries,
    Runner,
    Stand,
    Status,
    Workflow,
)
from jobyard.model.queue import place_in_queue, queue_name
from jobyard.model.transitions import WAITING
from jobyard.store.items import Attributes, attribute, item, number, plain, plain_item

JOB = "JOB"
MESSAGE = "MSG#"
_SHARDS = 8


def job_pk(tenant: str, id: str) -> str:
    return f"JOB#{tenant}#{id}"


def job_key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(job_pk(tenant, id)), "sk": attribute(JOB)}


def job_item(job: Job) -> Attributes:
    return item(
        {
            "pk": job_pk(job.tenant, job.id),
            "sk": JOB,
            "tenant": job.tenant,
            "id": job.id,
            "workflowId": job.workflow_id,
            "workflowName": job.workflow_name,
            "owner": job.owner.id,
            "ownerName": job.owner.name,
            "status": job.status,
            "priority": job.priority,
            "workerTag": job.worker_tag,
            "runWithE2": job.run_with_e2,
            "questions": [question._asdict() for question in job.questions],
            "settings": job.settings,
            "runner": _runner_record(job.runner) if job.runner else None,
            "retries": job.retries._asdict() if job.retries else None,
            "timeLimit": job.time_limit,
            "createdAt": job.created_at,
            "queuedAt": job.queued_at,
            "startedAt": job.started_at,
            "finishedAt": job.finished_at,
            "updatedAt": job.updated_at if job.updated_at is not None else job.created_at,
            "startAt": job.start_at,
            "expiresAt": job.expires_at,
            "outputs": [],
            "listedIn": job.listed_in,
            "facets": job.facets._asdict() if job.facets else None,
            "details": job.details,
            "scheduleId": job.schedule_id,
            "live": live_shard(job.id) if job.status in LIVE else None,
        }
        | place_record(job)
    )


def place_record(job: Job) -> dict[str, Any]:
    """Where a job waits, or will: ``waitsIn`` is ``queue`` while it waits there, so that only then the index has it.

    A job with a start time gets it from ``queue`` when that has come, by its execution.
    """
    queue = queue_name(job.tenant, job.worker_tag)
    return {
        "queue": queue,
        "waitsIn": queue if job.status is Status.QUEUED else None,
        "waitsAt": waiting_place(job) if job.status in WAITING else None,
    }


def waiting_place(job: Job) -> str:
    """Where a job stands among those that wait: from its submission on, or from its start time."""
    return place_in_queue(job.priority, job.created_at if job.start_at is None else job.start_at, job.id)


def shown_item(job: Job) -> Attributes:
    """Of a job what a list shows, and what tells by what it is found."""
    return item(
        {
            "tenant": job.tenant,
            "id": job.id,
            "listedIn": job.listed_in,
            "facets": job.facets._asdict() if job.facets else None,
            "workflowId": job.workflow_id,
            "workflowName": job.workflow_name,
            "owner": job.owner.id,
            "ownerName": job.owner.name,
            "status": job.status,
            "priority": job.priority,
            "workerTag": job.worker_tag or None,
            "runWithE2": job.run_with_e2 or None,
            "createdAt": job.created_at,
            "queuedAt": job.queued_at,
            "startAt": job.start_at,
            "startedAt": job.started_at,
            "finishedAt": job.finished_at,
            "updatedAt": job.updated_at,
            "expiresAt": job.expires_at,
            "error": job.error,
            "details": job.details or None,
        }
    )


def live_shard(id: str) -> str:
    """The partition of the sparse index of live jobs: several, so that no single one takes every write."""
    return str(sum(id.encode()) % _SHARDS)


LIVE_SHARDS = tuple(str(shard) for shard in range(_SHARDS))


def job_of(attributes: Attributes) -> Job:
    """The job of a whole item, or of what an index shows of it.

    From what is there, and not from all that there could be: a page of a list makes fifty. Raises ``KeyError`` for what
    is no job.
    """
    fields = _ABSENT.copy()
    for name, typed in attributes.items():
        if name in _FIELDS:
            place, made = _FIELDS[name]
            # Most are texts, and most others numbers.
            value = typed["S"] if "S" in typed else typed["N"] if "N" in typed else plain(typed)
            fields[place] = made(value) if made else value
    fields[_OWNER] = Person(attributes["owner"]["S"], attributes["ownerName"]["S"])
    if None in fields[:_REQUIRED]:
        raise KeyError(Job._fields[fields.index(None)])
    return Job._make(fields)


def user_key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"USER#{tenant}"), "sk": attribute(id)}


def move_record(move: Move) -> dict[str, Any]:
    return {"at": move.at, "by": move.by, "was": move.was._asdict(), "now": move.now._asdict()}


def _move_of(record: dict[str, Any]) -> Move:
    was, now = (Stand(Priority(each["priority"]), each["tag"]) for each in (record["was"], record["now"]))
    return Move(record["at"], record["by"], was, now)


def _output_of(record: dict[str, Any]) -> Output:
    return Output(*(record[name] for name in ("id", "name", "fileName", "format", "key", "size")))


def _runner_record(runner: Runner) -> dict[str, Any]:
    heartbeat = {} if runner.heartbeat is None else {"heartbeat": runner.heartbeat}
    return {"type": runner.type, "arn": runner.arn, **heartbeat}


def _runner_of(record: dict[str, Any]) -> Runner:
    return Runner(record["type"], record["arn"], record.get("heartbeat"))


def workflow_key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"WORKFLOW#{tenant}"), "sk": attribute(id)}


def workflow_item(workflow: Workflow) -> Attributes:
    return workflow_key(workflow.tenant, workflow.id) | item(
        {
            "tenant": workflow.tenant,
            "id": workflow.id,
            "name": workflow.name,
            "names": workflow.names or None,
            "owner": workflow.owner,
            "public": workflow.public,
            "runner": _runner_record(workflow.runner),
            "settings": workflow.settings,
            "retries": workflow.retries._asdict() if workflow.retries else None,
            "timeLimit": workflow.time_limit,
            "createdAt": workflow.created_at,
        }
    )


def workflow_of(attributes: Attributes) -> Workflow:
    record = plain_item(attributes)
    return Workflow(
        tenant=record["tenant"],
        id=record["id"],
        name=record["name"],
        owner=record["owner"],
        public=record["public"],
        runner=_runner_of(record["runner"]),
        settings=record["settings"],
        created_at=record["createdAt"],
        names=tuple(record.get("names", [record["name"]])),
        retries=Retries(**record["retries"]) if "retries" in record else None,
        time_limit=record.get("timeLimit"),
    )


_MADE: dict[str, tuple[str, Callable[[Any], Any] | None]] = {
    "tenant": ("tenant", None),
    "id": ("id", None),
    "workflowId": ("workflow_id", None),
    "workflowName": ("workflow_name", None),
    "status": ("status", {each.value: each for each in Status}.__getitem__),
    "priority": ("priority", {each.value: each for each in Priority}.__getitem__),
    "createdAt": ("created_at", int),
    "workerTag": ("worker_tag", None),
    "runWithE2": ("run_with_e2", None),
    "questions": ("questions", lambda value: tuple(Question(**each) for each in value)),
    "listedIn": ("listed_in", None),
    "details": ("details", None),
    "runner": ("runner", lambda value: _runner_of(value) if value else None),
    "settings": ("settings", None),
    "startAt": ("start_at", int),
    "queuedAt": ("queued_at", int),
    "startedAt": ("started_at", int),
    "finishedAt": ("finished_at", int),
    "updatedAt": ("updated_at", int),
    "cancelledBy": ("cancelled_by", lambda value: Person(value["id"], value["name"]) if value else None),
    "error": ("error", None),
    "outputs": ("outputs", lambda value: tuple(map(_output_of, value))),
    "progress": ("progress", number),
    "expiresAt": ("expires_at", int),
    "facets": ("facets", lambda value: Facets(**value)),
    "scheduleId": ("schedule_id", None),
    "revision": ("revision", int),
    "waitsSince": ("waits_since", int),
    "waitsFor": ("waits_for", None),
    "claimedAt": ("claimed_at", int),
    "slotOf": ("slot_of", None),
    "taskToken": ("token", None),
    "moves": ("moves", lambda value: tuple(map(_move_of, value))),
    "retries": ("retries", lambda value: Retries(**value)),
    "timeLimit": ("time_limit", int),
}
"""Of each attribute of a job the field that it is, and how its value is made where that is not plain."""

_FIELDS = {name: (Job._fields.index(field), made) for name, (field, made) in _MADE.items()}
_ABSENT = [Job._field_defaults.get(field) for field in Job._fields]
_OWNER = Job._fields.index("owner")
_REQUIRED = len(Job._fields) - len(Job._field_defaults)
