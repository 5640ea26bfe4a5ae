"""A job and a workflow as the table keeps them, and where it keeps a user.

One item per job: ``JOB#<tenant>#<id>`` / ``JOB``; its messages are beside it under ``MSG#<key>``.
"""

from __future__ import annotations

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
from jobyard.store.items import Attributes, attribute, item, plain_item

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
    """The job of a whole item, or of what an index shows of it."""
    record: dict[str, Any] = plain_item(attributes)
    runner, cancelled_by = record.get("runner"), record.get("cancelledBy")
    return Job(
        tenant=record["tenant"],
        id=record["id"],
        workflow_id=record["workflowId"],
        workflow_name=record["workflowName"],
        owner=Person(record["owner"], record["ownerName"]),
        status=Status(record["status"]),
        priority=Priority(record["priority"]),
        created_at=record["createdAt"],
        worker_tag=record.get("workerTag", ""),
        run_with_e2=record.get("runWithE2", False),
        questions=tuple(Question(**question) for question in record.get("questions", ())),
        listed_in=record.get("listedIn", ""),
        details=record.get("details", {}),
        runner=_runner_of(runner) if runner else None,
        settings=record.get("settings", {}),
        start_at=record.get("startAt"),
        queued_at=record.get("queuedAt"),
        started_at=record.get("startedAt"),
        finished_at=record.get("finishedAt"),
        updated_at=record.get("updatedAt"),
        cancelled_by=Person(cancelled_by["id"], cancelled_by["name"]) if cancelled_by else None,
        error=record.get("error"),
        outputs=tuple(
            Output(each["id"], each["name"], each["fileName"], each["format"], each["key"], each["size"])
            for each in record.get("outputs", ())
        ),
        progress=record.get("progress"),
        expires_at=record.get("expiresAt"),
        facets=Facets(**record["facets"]) if "facets" in record else None,
        schedule_id=record.get("scheduleId"),
        revision=record.get("revision", 0),
        waits_since=record.get("waitsSince"),
        waits_for=record.get("waitsFor"),
        claimed_at=record.get("claimedAt"),
        slot_of=record.get("slotOf"),
        token=record.get("taskToken"),
        moves=tuple(_move_of(each) for each in record.get("moves", ())),
        retries=Retries(**record["retries"]) if "retries" in record else None,
        time_limit=record.get("timeLimit"),
    )


def user_key(tenant: str, id: str) -> Attributes:
    return {"pk": attribute(f"USER#{tenant}"), "sk": attribute(id)}


def move_record(move: Move) -> dict[str, Any]:
    return {"at": move.at, "by": move.by, "was": move.was._asdict(), "now": move.now._asdict()}


def _move_of(record: dict[str, Any]) -> Move:
    was, now = (Stand(Priority(each["priority"]), each["tag"]) for each in (record["was"], record["now"]))
    return Move(record["at"], record["by"], was, now)


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
