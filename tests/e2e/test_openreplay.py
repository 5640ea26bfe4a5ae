"""The openreplay dialect over HTTP, against what `make run` starts; and its job, which really erases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from jobyard.model import Facets, Job, Person, Priority, Question, Runner, Status
from jobyard.model.ids import now_ms, object_id
from jobyard.store.records import job_item
from local import demo
from local.stack import LocalStack
from tests.e2e.api import PATIENCE
from tests.e2e.behind import wait_for

DAY = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def http(stack: LocalStack) -> Iterator[httpx.Client]:
    """Authorised, in the demo's project."""
    config = stack.config["openreplay"]
    headers = {"Authorization": f"Bearer {config['api_key']}"}
    base_url = f"{config['base_url']}/public/{config['project_key']}"
    with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


def data(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["data"]


def waited_for(http: httpx.Client, job_id: int | str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        job: dict[str, Any] = data(http.get(f"/jobs/{job_id}"))
        if job["status"] == status:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.2)


@pytest.mark.parametrize("user", ["mehdi@example.com", "a b+c", "用户", "100%", "%25", "a<&>#;='\"b"])
def test_a_users_data_is_scheduled_to_be_erased_and_that_is_cancelled(http: httpx.Client, user: str) -> None:
    made = data(http.delete(f"/users/{quote(user, safe='')}"))
    assert (made["status"], made["referenceId"], made["updatedAt"]) == ("scheduled", user, None)
    assert made["startAt"] == (made["createdAt"] // DAY + 1) * DAY
    again = http.delete(f"/users/{quote(user, safe='')}")
    assert (again.status_code, list(again.json())) == (409, ["error"])
    assert data(http.get(f"/jobs/{made['jobId']}")) == made
    cancelled = data(http.delete(f"/jobs/{made['jobId']}"))
    assert cancelled == made | {"status": "cancelled", "updatedAt": cancelled["updatedAt"]}
    assert http.delete(f"/jobs/{made['jobId']}").status_code == 400
    # A list is behind what a job itself shows, by about a second.
    wait_for(lambda: cancelled in data(http.get("/jobs")), "the cancelled job in the list")


def test_who_is_refused_gets_nothing(stack: LocalStack, http: httpx.Client) -> None:
    for url, headers in [
        (f"{http.base_url}jobs", {}),
        (f"{http.base_url}jobs", {"Authorization": "Bearer wrong"}),
        (f"{stack.config['openreplay']['base_url']}/public/{'0' * 20}/jobs", dict(http.headers)),
    ]:
        refused = httpx.get(url, headers=headers, timeout=30)
        assert (refused.status_code, refused.content) == (401, b"")


def test_when_its_time_comes_everything_of_the_user_is_erased_and_nothing_else(
    stack: LocalStack, http: httpx.Client
) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["DataBucketName"]
    folder = f"users/{demo.TENANT}/{stack.config['openreplay']['project_id']}/"
    mine = f"{folder}{quote(demo.ERASABLE_USER, safe='')}/"
    s3.put_object(Bucket=bucket, Key=f"{folder}{demo.ERASABLE_USER}-else/1", Body=b"kept")
    assert s3.list_objects_v2(Bucket=bucket, Prefix=mine)["KeyCount"] == demo.ERASABLE_OBJECTS
    job = for_soon(stack, demo.ERASABLE_USER)
    done = waited_for(http, job.id, "completed")
    assert (done["startAt"], done["errors"]) == (job.start_at, None)
    assert done["updatedAt"] >= done["startAt"]
    assert s3.list_objects_v2(Bucket=bucket, Prefix=mine)["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, Prefix=folder)["KeyCount"] == 1


def test_a_job_cancelled_before_its_time_never_runs(stack: LocalStack, http: httpx.Client) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["DataBucketName"]
    key = f"users/{demo.TENANT}/{stack.config['openreplay']['project_id']}/kept/1"
    s3.put_object(Bucket=bucket, Key=key, Body=b"kept")
    job = for_soon(stack, "kept", seconds=6)
    assert data(http.delete(f"/jobs/{job.id}"))["status"] == "cancelled"
    time.sleep(8)
    assert data(http.get(f"/jobs/{job.id}"))["status"] == "cancelled"
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == 4


def for_soon(stack: LocalStack, user: str, seconds: int = 2) -> Job:
    """A job as `DELETE …/users/{userId}` writes it, but for a midnight that is near."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["TableName"]
    project, now = stack.config["openreplay"]["project_id"], now_ms()
    prefix = stack.outputs["WorkflowFunctionPrefix"]
    function = stack.client("lambda").get_function(FunctionName=f"{prefix}erase")["Configuration"]["FunctionArn"]
    job = Job(
        tenant=demo.TENANT,
        # Far from the numbers that the counter gives.
        id=str(1_000_000_000 + now % 1_000_000_000),
        workflow_id=object_id(now),
        workflow_name="erase",
        owner=Person(object_id(now), "Backend"),
        status=Status.SCHEDULED,
        priority=Priority.DEFAULT,
        created_at=now,
        updated_at=now,
        start_at=now + seconds * 1000,
        listed_in=f"openreplay#{demo.TENANT}#{project}",
        details={"projectId": project, "userId": user},
        questions=(Question("UserId", user),),
        settings={"projectId": project},
        runner=Runner("lambda", function),
        expires_at=(now // 1000 // 86400 + 30) * 86400,
        facets=Facets(),
    )
    dynamodb.put_item(TableName=table, Item=job_item(job))
    return job
