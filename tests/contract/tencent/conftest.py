from __future__ import annotations

import uuid
from typing import Any

import pytest

from jobyard.dialects.tencent.parameters import TYPES
from jobyard.model import Facets, Job, Workflow
from jobyard.service.manage import manage
from tests.contract.tencent.signing import BUCKET, Key
from tests.contract.yard import Yard

WORKFLOW_ID = "w7476ff3564ee45b7b490d64bccaba6cc"


def a_key(tenant: str = "acme", **values: Any) -> Key:
    answer = manage({"action": "secrets.create", "tenant": tenant, "name": "Jane's key", **values})
    assert answer["ok"], answer
    made = answer["result"]
    return Key(made["secretId"], made["secretKey"], made.get("token", ""))


def a_tencent_job(yard: Yard, name: str = "demo", type: str = "Workflow", **values: Any) -> Job:
    """A job of tenant acme in ``BUCKET``, in whatever state."""
    details = {"name": name, "type": type, "input": "<Input/>", "operation": "<Operation/>"}
    usual = {"id": f"b{uuid.uuid1().hex}", "listed_in": f"tencent#acme#{BUCKET}", "workflow_id": "f" * 24}
    made = usual | {"details": details} | values
    return yard.job(facets=Facets(name, "", made["workflow_id"], TYPES.index(type)), **made)


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
