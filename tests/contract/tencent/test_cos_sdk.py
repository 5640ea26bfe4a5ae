"""The vendor's own Python client, unmodified: cos-python-sdk-v5, through a proxy and through a domain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from tests.contract.tencent.conftest import WORKFLOW_ID, a_key
from tests.contract.tencent.front import Front
from tests.contract.tencent.signing import BUCKET, Key
from tests.contract.yard import Clock, Yard

JOB = {
    "Name": "演示-demo",
    "Type": "Workflow",
    "Input": {"Prefix": "input"},
    "Operation": {
        "TimeInterval": {"Start": "2022-02-01T12:00:00+0800", "End": "2022-05-01T12:00:00+0800"},
        "WorkflowIds": WORKFLOW_ID,
        "UserData": "a & b < c",
    },
}

type Connect = Callable[..., CosS3Client]

pytestmark = pytest.mark.usefixtures("inventory")


@pytest.fixture
def front(tenancy: Yard) -> Iterator[Front]:
    with Front() as front:
        yield front


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The client logs every error with its traceback."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(params=["proxies", "domain", "stage"])
def connect(request: pytest.FixtureRequest, front: Front) -> Connect:
    """A client whose requests reach the front in one of three ways."""
    ways: dict[str, Any] = {
        "proxies": {"Proxies": {"http": f"http://{front.netloc}"}},
        "domain": {"Domain": front.netloc},
        "stage": {"Domain": f"{front.netloc}/prod"},
    }

    def connected(key: Key, **more: Any) -> CosS3Client:
        settings = ways[request.param] | more
        return CosS3Client(
            CosConfig(
                Region="ap-beijing",
                SecretId=key.id,
                SecretKey=key.secret,
                Token=key.token or None,
                Scheme="http",
                KeepAlive=False,
                **settings,
            )
        )

    return connected


@pytest.fixture
def key(tenancy: Yard) -> Key:
    """A domain hides the bucket, so the secret has one."""
    return a_key(bucket=BUCKET)


def create(client: CosS3Client, **changes: Any) -> dict[str, Any]:
    made = client.ci_create_inventory_trigger_jobs(Bucket=BUCKET, JobBody=JOB | changes, ContentType="application/xml")
    (job,) = made["JobsDetail"]
    assert made["RequestId"]
    return dict(job)


def refused(call: Callable[..., Any], **arguments: Any) -> CosServiceError:
    with pytest.raises(CosServiceError) as error:
        call(Bucket=BUCKET, **arguments)
    found: CosServiceError = error.value
    assert found.get_request_id() != "Unknown"
    assert found.get_trace_id() != "Unknown"
    assert found.get_resource_location() != "Unknown"
    return found


def test_a_job_is_created_shown_listed_and_cancelled(key: Key, connect: Connect) -> None:
    client = connect(key)
    made = create(client)
    assert (made["State"], made["StartTime"], made["Name"]) == ("Submitted", "-", "演示-demo")
    assert (made["Input"], made["Operation"]) == (JOB["Input"], JOB["Operation"])
    shown = client.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID=made["JobId"])
    assert shown["JobsDetail"] == [made]
    assert client.ci_list_inventory_trigger_jobs(Bucket=BUCKET)["JobsDetail"] == [made]
    cancelled = client.ci_delete_inventory_trigger_jobs(Bucket=BUCKET, JobId=made["JobId"])
    assert (cancelled.status_code, cancelled.content) == (200, b"")
    assert cancelled.headers["Content-Length"] == "0"
    shown = client.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID=made["JobId"])
    assert shown["JobsDetail"][0]["State"] == "Cancel"


def test_it_works_without_a_type_of_the_content(key: Key, connect: Connect) -> None:
    assert connect(key).ci_create_inventory_trigger_jobs(Bucket=BUCKET, JobBody=JOB)["JobsDetail"]


def test_a_list_is_walked_by_its_tokens(key: Key, connect: Connect) -> None:
    client = connect(key)
    made = [create(client, Name=f"job-{n}")["JobId"] for n in range(7)]
    found, token, pages = [], "", 0
    while True:
        page = client.ci_list_inventory_trigger_jobs(
            Bucket=BUCKET,
            Size=3,
            NextToken=token,
            StartCreationTime="2022-06-27T15:23:10+0800",
            EndCreationTime="2222-06-27T15:23:10+0800",
            States="Submitted,Running",
        )
        found += [job["JobId"] for job in page["JobsDetail"]]
        pages += 1
        token = page.get("NextToken", "")
        if not token:
            break
    assert (found, pages) == (made[::-1], 3)
    assert client.ci_list_inventory_trigger_jobs(Bucket=BUCKET, Name="job-3")["JobsDetail"][0]["JobId"] == made[3]
    assert "JobsDetail" not in client.ci_list_inventory_trigger_jobs(Bucket=BUCKET, Type="Job")


def test_an_unknown_job(key: Key, connect: Connect) -> None:
    client, id = connect(key), f"b{'0' * 32}"
    shown = client.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID=id)
    assert shown["NonExistJobIds"] == id
    assert "JobsDetail" not in shown
    unknown = refused(client.ci_delete_inventory_trigger_jobs, JobId=id)
    assert (unknown.get_status_code(), unknown.get_error_code()) == (404, "ResourceNotFound")


def test_a_second_cancel(key: Key, connect: Connect) -> None:
    client = connect(key)
    id = create(client)["JobId"]
    client.ci_delete_inventory_trigger_jobs(Bucket=BUCKET, JobId=id)
    again = refused(client.ci_delete_inventory_trigger_jobs, JobId=id)
    assert (again.get_status_code(), again.get_error_code()) == (400, "InvalidArgument")
    assert "State is Cancel" in again.get_error_msg()


def test_a_bad_request(key: Key, connect: Connect) -> None:
    bad = refused(connect(key).ci_create_inventory_trigger_jobs, JobBody={"Name": "demo"})
    assert (bad.get_status_code(), bad.get_error_code(), bad.get_error_msg()) == (
        400,
        "InvalidArgument",
        "Input is missing.",
    )


def test_a_wrong_secret_and_an_unknown_one(key: Key, connect: Connect) -> None:
    wrong = refused(connect(key._replace(secret="x" * 32)).ci_list_inventory_trigger_jobs)
    assert (wrong.get_status_code(), wrong.get_error_code()) == (401, "InvalidAuthorization")
    assert "is the SecretKey that of this q-ak?" in wrong.get_error_msg()
    unknown = refused(connect(key._replace(id=f"AKID{'0' * 32}")).ci_list_inventory_trigger_jobs)
    assert (unknown.get_status_code(), unknown.get_error_code()) == (401, "SecretidNotExist")


def test_an_anonymous_client(key: Key, connect: Connect) -> None:
    anonymous = refused(connect(key, Anonymous=True).ci_list_inventory_trigger_jobs)
    assert (anonymous.get_status_code(), anonymous.get_error_code()) == (401, "MissingAuthorization")


def test_an_expired_signature(key: Key, connect: Connect, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    here, client = clock.time, connect(key)
    # The client's clock stands three hours behind.
    monkeypatch.setattr("qcloud_cos.cos_auth.time", _Behind(lambda: here() - 10_800))
    expired = refused(client.ci_list_inventory_trigger_jobs)
    assert (expired.get_status_code(), expired.get_error_code()) == (401, "SignatureExpired")
    assert "Request has expired" in expired.get_error_msg()


class _Behind:
    def __init__(self, time: Callable[[], float]) -> None:
        self.time = time


def test_a_temporary_key(tenancy: Yard, connect: Connect) -> None:
    key = a_key(bucket=BUCKET, lifetimeSeconds=600)
    assert create(connect(key))["JobId"]
    untold = refused(connect(key._replace(token="")).ci_list_inventory_trigger_jobs)
    assert "token" in untold.get_error_msg()


def test_an_answer_that_was_lost_makes_no_second_job(key: Key, connect: Connect, front: Front, tenancy: Yard) -> None:
    client = connect(key)
    front.lost = 1
    made = create(client)
    assert tenancy.jobs() == [made["JobId"]]
    first, second = front.seen
    assert "x-cos-sdk-retry" not in first.headers
    assert second.headers["x-cos-sdk-retry"] == "true"
    assert "x-cos-sdk-retry" in second.headers["authorization"]
    assert create(client)["JobId"] != made["JobId"]


def test_headers_and_parameters_that_its_demos_add(key: Key, connect: Connect) -> None:
    client = connect(key)
    client.ci_list_inventory_trigger_jobs(Bucket=BUCKET, CacheControl="no-cache", ResponseCacheControl="no-cache")
    made = client.ci_create_inventory_trigger_jobs(Bucket=BUCKET, JobBody=JOB, ResponseCacheControl="no-cache")
    shown = client.ci_get_inventory_trigger_jobs(
        Bucket=BUCKET, JobID=made["JobsDetail"][0]["JobId"], ResponseCacheControl="no-cache"
    )
    assert shown["JobsDetail"]


def test_what_the_server_sees(key: Key, connect: Connect, front: Front) -> None:
    client = connect(key)
    client.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID="b1")
    (seen,) = front.seen
    assert "/inventorytriggerjob/b1" in seen.target
    if seen.target.startswith("http:"):
        assert seen.headers["host"] == f"{BUCKET}.ci.ap-beijing.myqcloud.com"
    else:
        assert seen.headers["host"] == front.netloc
        assert "q-header-list=host&" in seen.headers["authorization"]
