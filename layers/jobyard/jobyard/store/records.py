"""A job and a workflow as the table keeps them.

One item per job: ``JOB#<tenant>#<id>`` / ``JOB``; its messages are beside it under ``MSG#<key>``.
"""

from __future__ import annotations

from typing import Any

from jobyard.model import LIVE, Facets, Job, Output, Person, Priority, Question, Runner, Status, Workflow
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
            "runner": {"type": job.runner.type, "arn": job.runner.arn} if job.runner else None,
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
    )


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
        runner=Runner(runner["type"], runner["arn"]) if runner else None,
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
    )


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
            "runner": {"type": workflow.runner.type, "arn": workflow.runner.arn},
            "settings": workflow.settings,
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
        runner=Runner(record["runner"]["type"], record["runner"]["arn"]),
        settings=record["settings"],
        created_at=record["createdAt"],
        names=tuple(record.get("names", [record["name"]])),
    )
