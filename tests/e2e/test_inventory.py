"""Work over many objects against the whole stack: the machine that AWS runs, in the local engine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from jobyard_cli.manage import Manage
from local import demo
from local.stack import LocalStack
from tests.e2e.api import Caller

MANY = 10_000
BUCKET = "examplebucket-1250000000"
ROOT = f"objects/{demo.TENANT}/{BUCKET}/"


def register(stack: LocalStack, **settings: Any) -> str:
    manage = Manage(stack.client("lambda"), stack.outputs["ManageFunctionName"])
    prefix = stack.outputs["WorkflowFunctionPrefix"]
    runner = {"type": "stateMachine", "stateMachineName": f"{prefix}inventory"}
    made = manage.call("workflows.register", demo.TENANT, name="inventory", runner=runner, settings=settings)
    return str(made["id"])


@pytest.fixture(scope="module")
def workflow(stack: LocalStack) -> str:
    return register(stack)


def put(stack: LocalStack, objects: dict[str, bytes], root: str = ROOT) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["DataBucketName"]

    def one(each: tuple[str, bytes]) -> None:
        s3.put_object(Bucket=bucket, Key=f"{root}{each[0]}", Body=each[1], ContentType="text/plain")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, objects.items()))


def outputs(admin: Caller, job_id: str) -> dict[str, str]:
    found = {}
    for output in admin.job(job_id)["outputs"]:
        link = admin.http.get(f"/v1/jobs/{job_id}/output/{output['id']}")
        found[output["name"]] = httpx.get(link.headers["Location"]).raise_for_status().text
    return found


def lines(text: str) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in text.splitlines())


def test_each_object_of_a_prefix_is_looked_at(stack: LocalStack, admin: Caller, workflow: str) -> None:
    put(stack, {f"small/{n:02}/ü +&%2F.txt": b"a\nb\n" * n for n in range(12)})
    put(stack, {"small/other-tenant": b"x"}, f"objects/other/{BUCKET}/")
    job_id = admin.submit(
        workflow=workflow,
        questions={"Bucket": BUCKET, "Prefix": "small/", "OutputObject": "out/${InventoryTriggerJobId}.jsonl"},
    )
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Success", job
    files = outputs(admin, job_id)
    assert set(files) == {"results.jsonl", "summary.json"}
    records = {record["key"]: record for record in lines(files["results.jsonl"])}
    assert set(records) == {f"small/{n:02}/ü +&%2F.txt" for n in range(12)}
    assert [records[f"small/{n:02}/ü +&%2F.txt"]["lines"] for n in range(12)] == [2 * n for n in range(12)]
    assert records["small/03/ü +&%2F.txt"]["type"] == "text/plain"
    copied = stack.client("s3").get_object(Bucket=stack.outputs["DataBucketName"], Key=f"{ROOT}out/{job_id}.jsonl")
    assert copied["Body"].read().decode() == files["results.jsonl"]
    assert any("12 objects (264 bytes) done, 0 failed." in text for text in admin.texts(job_id))


def test_objects_of_a_list_and_what_fails_of_them(stack: LocalStack, admin: Caller, workflow: str) -> None:
    put(stack, {f"listed/{n:03}": b"x" for n in range(60)})
    urls = [f"https://{BUCKET}.cos.ap-x.myqcloud.com/listed/{n:03}" for n in range(60)]
    put(stack, {"urls.txt": "\n".join([*urls, "listed/none", "https://else.cos.ap-x.myqcloud.com/a"]).encode()})
    job_id = admin.submit(workflow=workflow, questions={"Bucket": BUCKET, "UrlFile": "urls.txt"})
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Success", job
    files = outputs(admin, job_id)
    assert len(list(lines(files["results.jsonl"]))) == 60
    assert list(lines(files["failures.jsonl"])) == [{"key": "listed/none", "error": "There is no such object."}]
    assert any("Line 62 of the UrlFile was left out" in text for text in admin.texts(job_id))


def test_more_failures_than_are_tolerated_fail_the_job(stack: LocalStack, admin: Caller) -> None:
    put(stack, {"few.txt": b"listed/none\nlisted/neither\nfew.txt\n"})
    workflow = register(stack, toleratedFailurePercentage=50, concurrency=2)
    job_id = admin.submit(workflow=workflow, questions={"Bucket": BUCKET, "UrlFile": "few.txt"})
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Error"
    assert any("2 of 3 objects failed, more than the 50 %" in text for text in admin.texts(job_id))
    assert set(outputs(admin, job_id)) == {"results.jsonl", "failures.jsonl", "summary.json"}


def test_a_function_that_fails_as_a_whole_stops_the_map(stack: LocalStack, admin: Caller) -> None:
    # A function for one job: it does not understand a batch, and raises.
    workflow = register(stack, function=f"{stack.outputs['WorkflowFunctionPrefix']}erase")
    put(stack, {"fails/a": b"x"})
    job_id = admin.submit(workflow=workflow, questions={"Bucket": BUCKET, "Prefix": "fails/"})
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Error"
    assert any("1 of 1 objects failed" in text for text in admin.texts(job_id))
    (failure,) = lines(outputs(admin, job_id)["failures.jsonl"])
    assert failure["key"] == "fails/a"


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_ten_thousand_objects_finish(
    stack: LocalStack, admin: Caller, workflow: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    put(stack, {f"many/{n // 100:03}/{n:05}.txt": b"line\n" * (n % 7) for n in range(MANY)})
    began = time.monotonic()
    job_id = admin.submit(workflow=workflow, questions={"Bucket": BUCKET, "Prefix": "many/"})
    job = admin.wait(job_id, "Completed", seconds=600)
    seconds = time.monotonic() - began
    assert job["disposition"] == "Success", job
    assert any(f"{MANY:,} objects" in text for text in admin.texts(job_id))
    assert len(outputs(admin, job_id)["results.jsonl"].splitlines()) == MANY
    record_testsuite_property("seconds for 10,000 objects", round(seconds))


def test_a_cancel_stops_the_nested_execution(stack: LocalStack, admin: Caller, workflow: str) -> None:
    job_id = admin.submit(workflow=workflow, questions={"Bucket": BUCKET, "Prefix": ""})
    admin.wait_until(job_id, lambda _: bool(len(admin.texts(job_id)) > 1), "planned")
    assert admin.cancel(job_id).status_code == 200
    executions = stack.client("stepfunctions")
    arn = stack.outputs["InventoryStateMachineArn"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    admin.wait_until(
        job_id, lambda _: executions.describe_execution(executionArn=arn)["status"] == "ABORTED", "stopped"
    )
    assert admin.job(job_id)["status"] == "Cancelled"


@pytest.mark.parametrize(
    "questions",
    [{}, {"Bucket": BUCKET}, {"Bucket": "../x", "Prefix": ""}, {"Bucket": BUCKET, "Prefix": "a", "Object": "b"}],
)
def test_a_question_that_makes_no_sense_is_answered_with_a_reason(
    admin: Caller, workflow: str, questions: dict[str, str]
) -> None:
    job_id = admin.submit(workflow=workflow, questions=questions)
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Error"
    assert any(message["status"] == 3 for message in job["messages"])
