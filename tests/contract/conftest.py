from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

# Before the first botocore session of the process: one that was made earlier would not know of moto.
from moto import mock_aws
from types_boto3_dynamodb import DynamoDBClient

from jobyard.authorizer import Role
from jobyard.model import Workflow
from tests.caught_up import CatchingUp
from tests.contract import api
from tests.contract.yard import Client, Clock, Yard


@pytest.fixture
def yard(dynamodb_client: DynamoDBClient, table: str, monkeypatch: pytest.MonkeyPatch) -> Yard:
    """Its lists tell what the table tells: the stream is told to its end before each."""
    catching_up = CatchingUp(dynamodb_client, table)
    catching_up.watch(monkeypatch)
    monkeypatch.setattr(api, "before_list", catching_up)
    for variable in ("OIDC_ISSUER", "OIDC_AUDIENCE"):
        monkeypatch.setenv(variable, "")
    return Yard(dynamodb_client, table)


@pytest.fixture(scope="session")
def kms() -> Iterator[str]:
    """ARN of a key of moto's KMS, in this process; calls to the loopback go on to the database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        passed: Any = {"core": {"mock_credentials": False, "passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}
        with mock_aws(config=passed):
            client = boto3.client(
                "kms", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
            )
            yield client.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def tenancy(yard: Yard, kms: str, monkeypatch: pytest.MonkeyPatch) -> Yard:
    """The yard, with a key that seals secrets."""
    monkeypatch.setenv("SECRETS_KEY_ARN", kms)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "https://kms.us-east-1.amazonaws.com")
    return yard


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(time, "time", moved.time)
    monkeypatch.setattr(time, "time_ns", moved.time_ns)
    return moved


@pytest.fixture
def curator(yard: Yard) -> Client:
    return yard.client(Role.CURATOR)


@pytest.fixture
def member(yard: Yard) -> Client:
    return yard.client(Role.MEMBER)


@pytest.fixture
def other_member(yard: Yard) -> Client:
    return yard.client(Role.MEMBER)


@pytest.fixture
def stranger(yard: Yard) -> Client:
    """An administrator of another tenant."""
    return yard.client(Role.CURATOR, tenant="globex")


@pytest.fixture
def workflow(yard: Yard) -> Workflow:
    return yard.workflow()
