"""One whole stack for all end-to-end tests, as `make run` starts it, on ports of its own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from jobyard.aws import client
from local.stack import LocalStack
from tests.e2e.api import Caller, token_of
from tests.e2e.behind import World


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def admin(stack: LocalStack) -> Iterator[Caller]:
    """A Curator of the demo tenant."""
    yield from _caller(stack, "admin")


@pytest.fixture(scope="session")
def member(stack: LocalStack) -> Iterator[Caller]:
    yield from _caller(stack, "member")


@pytest.fixture(scope="session")
def other(stack: LocalStack) -> Iterator[Caller]:
    """A user like `member`, who is somebody else."""
    yield from _caller(stack, "other")


def _caller(stack: LocalStack, name: str) -> Iterator[Caller]:
    alteryx = stack.config["alteryx"]
    headers = {"Authorization": f"Bearer {token_of(alteryx['token_url'], alteryx[name])}"}
    with httpx.Client(base_url=alteryx["base_url"], headers=headers, timeout=30) as http:
        yield Caller(http, alteryx["workflow_id"])


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": stack.engine.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "TABLE_NAME": stack.outputs["TableName"],
            "BUCKET_NAME": stack.outputs["DataBucketName"],
        }.items():
            patch.setenv(name, value)
        client.cache_clear()
        yield World(stack)
        client.cache_clear()


@pytest.fixture(scope="module")
def slow(world: World) -> str:
    return world.deploy("slow.py")


@pytest.fixture(scope="module")
def failing(world: World) -> str:
    return world.deploy("failing.py")


@pytest.fixture(scope="module")
def worker(world: World) -> str:
    return world.deploy("callback_worker.py")
