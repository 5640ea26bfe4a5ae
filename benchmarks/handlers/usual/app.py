"""The usual handler, as guides and samples write it: boto3's resource, Powertools' Logger, Tracer and Metrics, and its
resolver that validates requests and answers with pydantic's models. It reads and writes the same items as Jobyard's.
"""

import os
import time
import uuid
from decimal import Decimal
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Key
from pydantic import BaseModel, Field

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])

TENANT = "default"


class Message(BaseModel):
    status: int
    text: str
    tool_id: int = Field(serialization_alias="toolId")


class Output(BaseModel):
    id: str
    name: str
    file_name: str = Field(validation_alias="fileName", serialization_alias="fileName")
    format: str


class Job(BaseModel):
    id: str
    app_id: str = Field(validation_alias="workflowId", serialization_alias="appId")
    workflow_name: str = Field(validation_alias="workflowName", serialization_alias="workflowName")
    created_at: int = Field(validation_alias="createdAt", serialization_alias="createDateTime")
    started_at: int | None = Field(None, validation_alias="startedAt", serialization_alias="startTime")
    finished_at: int | None = Field(None, validation_alias="finishedAt", serialization_alias="endTime")
    status: str
    priority: str
    worker_tag: str = Field("", validation_alias="workerTag", serialization_alias="workerTag")
    run_with_e2: bool = Field(False, validation_alias="runWithE2", serialization_alias="runWithE2")
    submitted_by: str = Field(validation_alias="ownerName", serialization_alias="submittedBy")
    outputs: list[Output] = []


class JobWithMessages(Job):
    messages: list[Message] = []


class Pagination(BaseModel):
    page_size: int = Field(serialization_alias="pageSize")
    total_items: int = Field(serialization_alias="totalItems")


class JobPage(BaseModel):
    data: list[Job]
    pagination: Pagination


class Question(BaseModel):
    name: str = Field(min_length=1)
    value: str


class Submit(BaseModel):
    worker_tag: str = Field("", alias="workerTag")
    priority: Annotated[str, Field(pattern="^(Default|Low|Medium|High|Critical)$")] = "Default"
    questions: list[Question] = []


@app.get("/webapi/v3/jobs/<job_id>")
@tracer.capture_method
def get_job(job_id: Annotated[str, Path(pattern="^[0-9a-f]{24}$")]) -> JobWithMessages:
    found = table.query(
        KeyConditionExpression=Key("pk").eq(f"JOB#{TENANT}#{job_id}") & Key("sk").between("JOB", "MSG#~"),
        ConsistentRead=True,
    )["Items"]
    if not found:
        raise NotFoundError(f"Job {job_id} does not exist")
    messages = [Message(status=each["level"], text=each["text"], tool_id=each.get("toolId", -1)) for each in found[1:]]
    return JobWithMessages.model_validate({**found[0], "messages": messages})


@app.get("/webapi/v3/jobs")
@tracer.capture_method
def list_jobs(limit: Annotated[int, Query(ge=1, le=100)] = 50) -> JobPage:
    index, key = "all-by-creation", Key("ofAll").eq(os.environ["LIST"])
    page = table.query(IndexName=index, KeyConditionExpression=key, ScanIndexForward=False, Limit=limit)
    total = table.query(IndexName=index, KeyConditionExpression=key, Select="COUNT")["Count"]
    jobs = [Job.model_validate(each["job"]) for each in page["Items"]]
    return JobPage(data=jobs, pagination=Pagination(page_size=limit, total_items=total))


@app.post("/webapi/v3/workflows/<workflow_id>/jobs")
@tracer.capture_method
def submit_job(workflow_id: Annotated[str, Path(pattern="^[0-9a-f]{24}$")], body: Submit) -> Job:
    workflow = table.get_item(Key={"pk": f"WORKFLOW#{TENANT}", "sk": workflow_id}).get("Item")
    if workflow is None:
        raise NotFoundError(f"Workflow {workflow_id} does not exist")
    job: dict[str, Any] = {
        "id": uuid.uuid4().hex[:24],
        "workflowId": workflow_id,
        "workflowName": workflow["name"],
        "createdAt": Decimal(int(time.time() * 1000)),
        "status": "queued",
        "priority": body.priority,
        "workerTag": body.worker_tag,
        "ownerName": "Jane Doe",
        "questions": [question.model_dump() for question in body.questions],
        "outputs": [],
    }
    key = {"pk": f"USUAL#{job['id']}", "sk": "JOB"}
    table.put_item(Item=key | job, ConditionExpression="attribute_not_exists(pk)")
    metrics.add_metric(name="JobSubmitted", unit=MetricUnit.Count, value=1)
    return Job.model_validate(job)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
