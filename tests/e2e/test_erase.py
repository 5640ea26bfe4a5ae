"""A user's data erased, against the whole stack: in as many calls as it takes, all versions, and only theirs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from jobyard_cli.manage import Manage
from local import demo
from local.stack import LocalStack
from tests.e2e.api import Caller

MANY = 2_500


@pytest.fixture(scope="module")
def workflow(stack: LocalStack) -> str:
    manage = Manage(stack.client("lambda"), stack.outputs["ManageFunctionName"])
    runner = {"type": "lambda", "functionName": f"{stack.outputs['WorkflowFunctionPrefix']}erase"}
    settings = {"projectId": 7}
    made = manage.call("workflows.register", demo.TENANT, name="erase", runner=runner, settings=settings)
    return str(made["id"])


def put(stack: LocalStack, folder: str, names: list[str]) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["DataBucketName"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: s3.put_object(Bucket=bucket, Key=f"{folder}{name}", Body=b"12345"), names))


def left(stack: LocalStack, prefix: str) -> int:
    pages = stack.client("s3").get_paginator("list_object_versions")
    found = pages.paginate(Bucket=stack.outputs["DataBucketName"], Prefix=prefix)
    return sum(len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ())) for page in found)


def test_thousands_of_objects_go_and_no_one_elses(stack: LocalStack, admin: Caller, workflow: str) -> None:
    own, other = f"users/{demo.TENANT}/7/jane%40x.io/", f"users/{demo.TENANT}/7/jane%40x.io2/"
    put(stack, own, [f"{n:05}.mob" for n in range(MANY)])
    put(stack, other, ["kept"])
    job_id = admin.submit(workflow=workflow, questions={"UserId": "jane@x.io"})
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Success", job
    assert (left(stack, own), left(stack, other)) == (0, 1)
    assert any(text.startswith(f"{MANY:,} objects (12,500 bytes) deleted") for text in admin.texts(job_id))
    again = admin.submit(workflow=workflow, questions={"UserId": "jane@x.io"})
    assert admin.wait(again, "Completed")["disposition"] == "Success"


@pytest.mark.nightly
def test_all_versions_go(stack: LocalStack, admin: Caller, workflow: str) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["DataBucketName"]
    own = f"users/{demo.TENANT}/7/versions/"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    try:
        for _ in range(3):
            put(stack, own, ["a", "b"])
        s3.delete_object(Bucket=bucket, Key=f"{own}a")
        assert left(stack, own) == 7
        job_id = admin.submit(workflow=workflow, questions={"UserId": "versions"})
        assert admin.wait(job_id, "Completed")["disposition"] == "Success"
        assert left(stack, own) == 0
        assert any("and 1 delete marker deleted" in text for text in admin.texts(job_id))
    finally:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.nightly
def test_work_longer_than_one_call_goes_on_in_the_next(stack: LocalStack, admin: Caller, workflow: str) -> None:
    # With a limit less than what it keeps in reserve, the function asks to be called again after each batch.
    functions, name = stack.client("lambda"), f"{stack.outputs['WorkflowFunctionPrefix']}erase"
    own = f"users/{demo.TENANT}/7/long/"
    put(stack, own, [str(n) for n in range(MANY)])
    functions.update_function_configuration(FunctionName=name, Timeout=50)
    try:
        job_id = admin.submit(workflow=workflow, questions={"UserId": "long"})
        assert admin.wait(job_id, "Completed")["disposition"] == "Success"
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=900)
    assert left(stack, own) == 0
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    history = stack.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    entered = [each["stateEnteredEventDetails"]["name"] for each in history if "stateEnteredEventDetails" in each]
    # Two truncated pages ask for the next call, the last page and the pass that finds nothing are one call.
    assert entered.count("RunLambda") == 3
    assert entered[-2:] == ["Again?", "Complete"]


def test_a_user_that_is_not_said_is_a_reason(admin: Caller, workflow: str) -> None:
    job_id = admin.submit(workflow=workflow, questions={})
    assert admin.wait(job_id, "Completed")["disposition"] == "Error"
    assert any("UserId must name a user" in text for text in admin.texts(job_id))
