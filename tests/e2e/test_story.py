"""The whole story over HTTP, against what `make run` starts: a job from its submission to its downloaded outputs."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import httpx
import pytest

from local.stack import LocalStack
from tests.e2e.api import PATIENCE, Caller


@pytest.fixture(scope="module")
def finished(stack: LocalStack, admin: Caller) -> str:
    """A job that profiled the demo's CSV."""
    job_id = admin.submit(questions={"input": stack.config["alteryx"]["input_uri"]})
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Success", job
    return job_id


def test_a_job_runs_on_real_input_and_tells_what_it_does(admin: Caller, finished: str) -> None:
    texts = admin.texts(finished)
    assert texts[0].startswith("Queued")
    assert any("orders.csv" in text for text in texts)


def test_its_outputs_are_downloaded_through_a_signed_link(stack: LocalStack, admin: Caller, finished: str) -> None:
    outputs = admin.job(finished)["outputs"]
    contents = {}
    for output in outputs:
        link = admin.http.get(f"/v1/jobs/{finished}/output/{output['id']}")
        assert link.status_code == 302, link.text
        # As a browser does: without the token, which belongs to another host.
        contents[output["name"]] = httpx.get(link.headers["Location"]).raise_for_status()
    rows = list(csv.DictReader(io.StringIO(contents["profile.csv"].text)))
    assert [row["name"] for row in rows] == ["order_id", "ordered_on", "customer", "city", "amount", "note"]
    assert {row["count"] for row in rows[:3]} == {"5000"}
    assert json.loads(contents["profile.json"].text)


def test_a_job_cancelled_while_it_runs_stays_cancelled(stack: LocalStack, admin: Caller) -> None:
    job_id = admin.submit(questions={"input": stack.config["alteryx"]["long_input_uri"]})
    admin.wait(job_id, "Running")
    assert admin.cancel(job_id).status_code == 200
    job = admin.job(job_id)
    assert (job["status"], job["disposition"]) == ("Cancelled", "Cancelled")
    executions = stack.client("stepfunctions")
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    admin.wait_until(
        job_id,
        # The function may see the cancel first, and return: then the execution ends by itself.
        lambda _: executions.describe_execution(executionArn=arn)["status"] in ("ABORTED", "SUCCEEDED"),
        "stopped",
    )
    assert admin.job(job_id)["status"] == "Cancelled"


def test_a_job_cancelled_before_it_started_is_gone_and_never_runs(stack: LocalStack, admin: Caller) -> None:
    job_id = admin.submit(questions={"input": stack.config["alteryx"]["input_uri"]})
    answered = admin.cancel(job_id)
    assert answered.status_code == 200, answered.text
    time.sleep(3)
    found = admin.http.get(f"/v3/jobs/{job_id}")
    # Between the two calls it may have left the queue, and then it is kept.
    assert found.status_code == 404 or found.json()["status"] == "Cancelled", found.text
    assert "Completed" not in found.text


def test_a_job_that_fails_says_why(admin: Caller) -> None:
    job_id = admin.submit(questions={"input": "s3://no-such-bucket/none.csv"})
    job = admin.wait(job_id, "Completed")
    assert job["disposition"] == "Error"
    assert any(message["status"] == 3 for message in job["messages"])


def test_users_do_not_see_the_jobs_of_others(admin: Caller, member: Caller, other: Caller, finished: str) -> None:
    assert member.http.get(f"/v3/jobs/{finished}").status_code == 404
    refused = other.cancel(finished)
    assert refused.status_code == 400
    assert refused.json() == {"message": "You do not have permission to cancel this job."}


def test_a_walk_follows_the_links_of_its_pages(admin: Caller) -> None:
    made = {admin.submit() for _ in range(3)}
    # The lists are about a second behind.
    deadline = time.monotonic() + PATIENCE
    walked: set[str] = set()
    while not made <= walked and time.monotonic() < deadline:
        page = admin.http.get("/v3/jobs", params={"limit": 2, "direction": "desc"})
        walked = {job["jobId"] for job in page.json()["data"]}
        while "next" in page.links:
            page = admin.http.get(page.links["next"]["url"])
            assert page.status_code == 200, page.text
            walked |= {job["jobId"] for job in page.json()["data"]}
    assert made <= walked


def test_a_path_no_route_has_is_the_gateways_404(stack: LocalStack) -> None:
    assert httpx.get(f"{stack.base_url}/nothing/here").status_code == 404


def test_where_it_is_stands_in_a_file_for_scripts(stack: LocalStack) -> None:
    told = json.loads(Path(stack.config_file).read_text(encoding="utf-8"))["alteryx"]
    assert told["base_url"] == f"{stack.base_url}/webapi"
    assert told["token_url"] == f"{stack.base_url}/webapi/oauth2/token"
    assert {"client_id", "client_secret"} <= set(told["admin"]) & set(told["member"]) & set(told["other"])
    assert len(told["workflow_id"]) == 24


def test_slashes_too_many_do_no_harm(stack: LocalStack, admin: Caller, finished: str) -> None:
    base = stack.config["alteryx"]["base_url"]
    for path in (f"/v3/jobs/{finished}/", f"/v3//jobs/{finished}", f"//v3/jobs/{finished}//"):
        answered = admin.http.get(base + path, params={"includeMessages": "false"})
        assert (answered.status_code, answered.json()["id"]) == (200, finished), path
    assert admin.http.get(f"{base}/v3/jobs/").json()["pagination"]["currentPage"] == 1
    submitted = admin.http.post(f"{base}/v3/workflows/{admin.workflow_id}/jobs/", json={"questions": {"input": "ü"}})
    assert submitted.status_code == 200, submitted.text
    assert admin.http.delete(f"{base}/v3/jobs/{submitted.json()['id']}/").status_code in (200, 400)
    missing = admin.http.get(f"{base}/v3/nothing/")
    assert (missing.status_code, missing.json()) == (404, {"message": "Not Found"})
