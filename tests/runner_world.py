"""What surrounds a function that runs a job, in this process: its table, its bucket, Step Functions and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from jobyard import aws

TENANT, JOB_ID = "acme", "68dd32921f2e3d4c5b6a7980"
EVENT = {
    "id": JOB_ID,
    "tenant": TENANT,
    "workflow": {"id": "68dd3292aaaaaaaaaaaaaaaa", "name": "Profile"},
    "questions": {"input": "s3://data/inputs/acme/a.csv"},
    "settings": {"inputs": []},
    "submittedBy": {"id": "jane", "name": "Jane Doe"},
}


class World:
    """The table and the bucket as a test looks at them, and a monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.dynamodb = aws.client("dynamodb")
        self.s3 = aws.client("s3")
        self.seconds = 1000.0
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.task_error: str | None = None

    def put_job(self, status: str = "running", **more: Any) -> None:
        key = {"pk": {"S": f"JOB#{TENANT}#{JOB_ID}"}, "sk": {"S": "JOB"}}
        item = {"status": {"S": status}, "expiresAt": {"N": "1900000000"}, "outputs": {"L": []}, **more}
        self.dynamodb.put_item(TableName="jobs", Item=key | item)

    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dynamodb.scan(TableName="jobs")["Items"]
        return sorted(found, key=lambda item: item["sk"]["S"])

    def job(self) -> dict[str, Any]:
        return next(item for item in self.items() if item["sk"]["S"] == "JOB")

    def messages(self) -> list[tuple[int, str]]:
        return [(int(i["level"]["N"]), i["text"]["S"]) for i in self.items() if i["sk"]["S"] != "JOB"]

    def outputs(self) -> list[dict[str, Any]]:
        return [{k: next(iter(v.values())) for k, v in o["M"].items()} for o in self.job()["outputs"]["L"]]

    def content(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket="data", Key=key)["Body"].read()
        return body

    def answer_task(self, operation: str, **arguments: Any) -> dict[str, Any]:
        self.sent.append((operation, arguments))
        if self.task_error:
            raise ClientError({"Error": {"Code": self.task_error, "Message": ""}}, operation)
        return {}


def running_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "TABLE_NAME": "jobs",
        "BUCKET_NAME": "data",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws.client.cache_clear()
        world = World()
        world.dynamodb.create_table(
            TableName="jobs",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        )
        world.s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        tasks = aws.client("stepfunctions")
        for operation in ("send_task_heartbeat", "send_task_success", "send_task_failure"):
            monkeypatch.setattr(tasks, operation, lambda o=operation, **a: world.answer_task(o, **a))
        monkeypatch.setattr("jobyard.runner._job.time.monotonic", lambda: world.seconds)
        yield world
    aws.client.cache_clear()
