from __future__ import annotations

import time

import pytest
from types_boto3_dynamodb import DynamoDBClient

from jobyard.authorizer import Role
from jobyard.model import Workflow
from tests.contract.yard import Client, Clock, Yard


@pytest.fixture
def yard(dynamodb_client: DynamoDBClient, table: str, monkeypatch: pytest.MonkeyPatch) -> Yard:
    for variable in ("OIDC_ISSUER", "OIDC_AUDIENCE"):
        monkeypatch.setenv(variable, "")
    return Yard(dynamodb_client, table)


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
