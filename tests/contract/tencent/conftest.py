from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from jobyard.model import Job, Workflow
from jobyard.service.manage import manage
from tests.contract.tencent.signing import BUCKET, Key
from tests.contract.yard import Yard

WORKFLOW_ID = "w7476ff3564ee45b7b490d64bccaba6cc"


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


def a_key(tenant: str = "acme", **values: Any) -> Key:
    answer = manage({"action": "secrets.create", "tenant": tenant, "name": "Jane's key", **values})
    assert answer["ok"], answer
    made = answer["result"]
    return Key(made["secretId"], made["secretKey"], made.get("token", ""))


def a_tencent_job(yard: Yard, name: str = "demo", type: str = "Workflow", **values: Any) -> Job:
    """A job of tenant acme in ``BUCKET``, in whatever state."""
    details = {"name": name, "type": type, "input": "<Input/>", "operation": "<Operation/>"}
    made = {"id": f"b{uuid.uuid1().hex}", "listed_in": f"tencent#acme#{BUCKET}", "details": details}
    return yard.job(**(made | values))


@pytest.fixture
def key(tenancy: Yard) -> Key:
    return a_key()


@pytest.fixture
def stranger_key(tenancy: Yard) -> Key:
    """Of another tenant, which has a bucket of the same name."""
    return a_key("globex")


@pytest.fixture
def inventory(tenancy: Yard) -> Workflow:
    return tenancy.workflow(id=WORKFLOW_ID, name="inventory")
