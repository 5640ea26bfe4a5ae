"""The tencent dialect over HTTP, by the vendor's own client, against what `make run` starts; KMS is the engine's."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from local import demo
from local.stack import LocalStack
from tests.contract.tencent.signing import Key, authorization
from tests.e2e.api import PATIENCE, Caller
from tests.e2e.behind import wait_for


def config(stack: LocalStack) -> dict[str, Any]:
    found: dict[str, Any] = stack.config["tencent"]
    return found


@pytest.fixture(params=["proxies", "domain"])
def client(request: pytest.FixtureRequest, stack: LocalStack) -> CosS3Client:
    given = config(stack)
    ways = {
        "proxies": {"Proxies": {"http": given["endpoint"]}},
        "domain": {"Domain": urlsplit(given["endpoint"]).netloc},
    }
    return CosS3Client(
        CosConfig(
            Region=given["region"],
            SecretId=given["secret_id"],
            SecretKey=given["secret_key"],
            Scheme="http",
            KeepAlive=False,
            **ways[request.param],
        )
    )


def body(given: dict[str, Any], **changes: Any) -> dict[str, Any]:
    asked = {"Name": "演示", "Input": {"Prefix": "input/"}, "Operation": {"WorkflowIds": given["workflow_id"]}}
    return asked | changes


def waited_for(client: CosS3Client, bucket: str, id: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        (job,) = client.ci_get_inventory_trigger_jobs(Bucket=bucket, JobID=id)["JobsDetail"]
        if job["State"] in states:
            return dict(job)
        assert time.monotonic() < deadline, job
        time.sleep(0.3)


def wait_until_listed(client: CosS3Client, bucket: str, ids: list[str], **asked: Any) -> None:
    """A list is behind what a job itself shows, by about a second."""

    def listed() -> bool:
        page = client.ci_list_inventory_trigger_jobs(Bucket=bucket, **asked)
        return [each["JobId"] for each in page.get("JobsDetail", ())] == ids

    wait_for(listed, f"a list of {ids}")


def test_a_job_over_the_demos_objects(stack: LocalStack, client: CosS3Client) -> None:
    given = config(stack)
    made = client.ci_create_inventory_trigger_jobs(Bucket=given["bucket"], JobBody=body(given))
    (job,) = made["JobsDetail"]
    assert (job["State"], job["Type"], job["Name"]) == ("Submitted", "Workflow", "演示")
    done = waited_for(client, given["bucket"], job["JobId"], "Success", "Failed")
    assert (done["State"], done["Message"]) == ("Success", None)
    assert done["EndTime"].endswith("+0800")
    wait_until_listed(client, given["bucket"], [job["JobId"]], States="Success", JobId=job["JobId"])
    with pytest.raises(CosServiceError) as refused:
        client.ci_delete_inventory_trigger_jobs(Bucket=given["bucket"], JobId=job["JobId"])
    assert (refused.value.get_status_code(), refused.value.get_error_code()) == (400, "InvalidArgument")
    objects = stack.client("s3").list_objects_v2(
        Bucket=stack.outputs["DataBucketName"], Prefix=f"outputs/{demo.TENANT}/{job['JobId']}/"
    )
    assert objects["KeyCount"] >= 1


def test_a_cancel_and_pages(stack: LocalStack, client: CosS3Client) -> None:
    given = config(stack)
    # Names of this run: the client repeats a create by itself, and is then answered with the last job of that body.
    run = uuid4().hex
    made = [
        client.ci_create_inventory_trigger_jobs(Bucket=given["bucket"], JobBody=body(given, Name=f"{run}-{n}"))
        for n in range(3)
    ]
    ids = [each["JobsDetail"][0]["JobId"] for each in made]
    cancelled = client.ci_delete_inventory_trigger_jobs(Bucket=given["bucket"], JobId=ids[2])
    assert (cancelled.status_code, cancelled.content) == (200, b"")
    assert waited_for(client, given["bucket"], ids[2], "Cancel")["State"] == "Cancel"
    wait_until_listed(client, given["bucket"], ids[::-1], Size=3)
    found, token = [], ""
    while True:
        page = client.ci_list_inventory_trigger_jobs(Bucket=given["bucket"], Size=1, NextToken=token)
        found += [each["JobId"] for each in page["JobsDetail"]]
        token = page.get("NextToken", "")
        if not token or len(found) > 50:
            break
    assert found[:3] == ids[::-1]
    assert len(set(found)) == len(found)


def test_a_wrong_secret_and_an_unknown_job(stack: LocalStack, client: CosS3Client) -> None:
    given = config(stack)
    unknown = f"b{'0' * 32}"
    assert client.ci_get_inventory_trigger_jobs(Bucket=given["bucket"], JobID=unknown)["NonExistJobIds"] == unknown
    wrong = CosS3Client(
        CosConfig(
            Region=given["region"],
            SecretId=given["secret_id"],
            SecretKey="x" * 32,
            Scheme="http",
            KeepAlive=False,
            Domain=urlsplit(given["endpoint"]).netloc,
        )
    )
    with pytest.raises(CosServiceError) as refused:
        wrong.ci_list_inventory_trigger_jobs(Bucket=given["bucket"])
    assert (refused.value.get_status_code(), refused.value.get_error_code()) == (401, "InvalidAuthorization")


@pytest.mark.parametrize(
    ("query", "signed"),
    [
        ("name=a+b", {"name": "a b"}),
        ("startCreationTime=2022-01-01T00:00:00+0800", {"startcreationtime": "2022-01-01T00:00:00+0800"}),
        ("name=%E6%BC%94%2B%20%25&nextToken=&size=5", {"name": "演+ %", "nexttoken": "", "size": "5"}),
    ],
)
def test_a_query_reaches_the_function_as_it_was_signed(stack: LocalStack, query: str, signed: dict[str, str]) -> None:
    given = config(stack)
    key = Key(given["secret_id"], given["secret_key"])
    host = f"{given['bucket']}.ci.{given['region']}.myqcloud.com"
    headers = {"host": host, "authorization": authorization(key, "GET", "/inventorytriggerjob", signed, {"host": host})}
    answer = httpx.get(f"{given['endpoint']}/inventorytriggerjob?{query}", headers=headers, timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml"), answer.text


@pytest.mark.parametrize(
    "path", ["/inventorytriggerjob/%s?cancel", "/inventorytriggerjob//%s?cancel=", "/inventorytriggerjob/%s"]
)
def test_cancels_as_other_clients_send_them(stack: LocalStack, client: CosS3Client, path: str, admin: Caller) -> None:
    given = config(stack)
    made = client.ci_create_inventory_trigger_jobs(Bucket=given["bucket"], JobBody=body(given))
    id = made["JobsDetail"][0]["JobId"]
    key = Key(given["secret_id"], given["secret_key"])
    host = urlsplit(given["endpoint"]).netloc
    sent = path % id
    signed = authorization(key, "PUT", sent.partition("?")[0], {}, {"host": host, "content-length": "0"})
    answer = httpx.put(f"{given['endpoint']}{sent}", headers={"authorization": signed}, timeout=30)
    # So small a job may be done before its cancel comes.
    assert answer.status_code == 200 or "its State is Success" in answer.text, answer.text
    assert admin.http.get(f"/v3/jobs/{id}").status_code == 404, "no dialect shows another's jobs"
