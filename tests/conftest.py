"""A database for every test that asks for `table`: Amazon's own DynamoDB Local, with the table of template.yaml."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import jobyard.service.scheduler
from jobyard.authorizer import bearer, signed
from jobyard.aws import client
from jobyard.store import counts
from local import dynamodb
from local.engine import Engine
from local.errors import LocalError
from local.template import load, table_definition
from tests.fake_scheduler import FakeScheduler
from tests.plain import parsing_plainly

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_dynamodb import DynamoDBClient

# What fails in these tells as much as if it stood in the tests themselves.
pytest.register_assert_rewrite("tests.integration.recounting", "tests.promises.harness")


@pytest.fixture(scope="session")
def dynamodb_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty DynamoDB, one for each worker of a parallel run: Amazon's, or with JOBYARD_TABLE_ENGINE=ministack
    the engine of `make run`.
    """
    wanted = os.environ.get("JOBYARD_TABLE_ENGINE") or "dynamodb-local"
    if wanted not in ("dynamodb-local", "ministack"):
        raise ValueError(f"JOBYARD_TABLE_ENGINE is dynamodb-local or ministack, not {wanted!r}")
    with ExitStack() as stack:
        if wanted == "ministack":
            yield stack.enter_context(Engine(_folder(tmp_path_factory))).endpoint
            return
        try:
            yield stack.enter_context(dynamodb.running())
        except LocalError as error:
            with warnings.catch_warnings():
                # A notice, not an error: the same tests run on another implementation.
                warnings.simplefilter("always")
                warnings.warn(f"DynamoDB Local cannot be had, so MiniStack stands in for it: {error}", stacklevel=1)
            yield stack.enter_context(Engine(_folder(tmp_path_factory))).endpoint


def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="session")
def dynamodb_client(dynamodb_endpoint: str) -> DynamoDBClient:
    made = boto3.client(
        "dynamodb",
        endpoint_url=dynamodb_endpoint,
        region_name=dynamodb.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return parsing_plainly(made)


FUNCTION_ENVIRONMENT = {
    "BUCKET_NAME": "data",
    "AUDIT_DAYS": "365",
    "CURSOR_KEY": "k" * 64,
    "DEFAULT_ROLE": "Viewer",
    "POWERTOOLS_METRICS_NAMESPACE": "Jobyard",
    "RETENTION_DAYS": "90",
    "TOKEN_LIFETIME_SECONDS": "3600",
    "WORKFLOW_FUNCTION_PREFIX": "jobyard-workflow-",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-job",
    "SCHEDULE_GROUP": "jobyard",
    "FIRE_FUNCTION_ARN": "arn:aws:lambda:us-east-1:000000000000:function:jobyard-fire",
    "FIRE_DEAD_LETTERS_ARN": "arn:aws:sqs:us-east-1:000000000000:jobyard-fire-dead-letters",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/jobyard-scheduler",
    "SECRETS_KEY_ARN": "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}
"""What the template gives its functions, besides the table."""


@pytest.fixture(scope="session")
def table_as_deployed() -> dict[str, Any]:
    """Read once: the template takes longer to parse than a table to create."""
    return table_definition(load())


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> FakeScheduler:
    """In the place of EventBridge Scheduler, which no database is."""
    fake = FakeScheduler()
    monkeypatch.setattr(jobyard.service.scheduler, "client", lambda _service: fake)
    return fake


class Tables:
    """Tables as the template defines them, and one that is emptied and lent again.

    DynamoDB Local takes longer for every request, the more tables it has ever had.
    """

    # More items than this take longer to delete than a table to make.
    _WORTH_DELETING = 200

    def __init__(self, client: DynamoDBClient, definition: dict[str, Any]) -> None:
        self._client, self._definition = client, definition
        self._standing: str | None = None

    def new(self) -> str:
        name = f"jobs-{uuid.uuid4().hex}"
        self._client.create_table(TableName=name, **self._definition)
        return name

    def drop(self, name: str) -> None:
        self._client.delete_table(TableName=name)

    def lend(self) -> str:
        name, self._standing = self._standing or self.new(), None
        return name

    def give_back(self, name: str) -> None:
        page = self._client.scan(
            TableName=name, ProjectionExpression="pk, sk", ConsistentRead=True, Limit=self._WORTH_DELETING
        )
        if "LastEvaluatedKey" in page:
            return self.drop(name)
        keys = page["Items"]
        for first in range(0, len(keys), 25):
            deletions: Any = [{"DeleteRequest": {"Key": key}} for key in keys[first : first + 25]]
            undone = self._client.batch_write_item(RequestItems={name: deletions})["UnprocessedItems"]
            if undone:
                return self.drop(name)
        self._standing = name
        return None


@pytest.fixture(scope="session")
def tables(dynamodb_client: DynamoDBClient, table_as_deployed: dict[str, Any]) -> dict[bool, Tables]:
    """With their stream, and without: DynamoDB Local searches through all that it has told at every write."""
    unheard = {name: value for name, value in table_as_deployed.items() if name != "StreamSpecification"}
    return {True: Tables(dynamodb_client, table_as_deployed), False: Tables(dynamodb_client, unheard)}


@pytest.fixture
def table(
    dynamodb_endpoint: str,
    tables: dict[bool, Tables],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    scheduler: FakeScheduler,
) -> Iterator[str]:
    """Name of an empty table as the template defines it. The code under test finds it through its environment.

    It has a stream where there is somebody to read it.
    """
    lender = tables["world" in request.fixturenames]
    name = lender.lend()
    place = {"AWS_ENDPOINT_URL": dynamodb_endpoint, "TABLE_NAME": name}
    for variable, value in (dynamodb.ENVIRONMENT | FUNCTION_ENVIRONMENT | place).items():
        monkeypatch.setenv(variable, value)
    _forget_warm_state()
    yield name
    _forget_warm_state()
    lender.give_back(name)


def _forget_warm_state() -> None:
    """As a new process begins: no clients, which keep their endpoint, no remembered callers, and no named lists."""
    client.cache_clear()
    bearer.forget()
    signed.forget()
    counts.forget()
