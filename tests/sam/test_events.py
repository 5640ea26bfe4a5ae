"""Every sample event through `sam local invoke`: the built function and layer, in Lambda's image, on a real table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sam import seed

if TYPE_CHECKING:
    from tests.sam.conftest import Invoke
    from tests.sam.stand import Stand

# The first test builds everything, and makes or pulls the image.
pytestmark = pytest.mark.timeout(900)


def body(answer: Any, status: int = 200) -> Any:
    assert answer["statusCode"] == status, answer
    return json.loads(answer["body"])


def job(stand: Stand, id: str) -> Any:
    """The job's item, as the functions that need more than the table see it."""
    key = {"pk": {"S": f"JOB#{seed.TENANT}#{id}"}, "sk": {"S": "JOB"}}
    return stand.engine.client("dynamodb").get_item(TableName=seed.TABLE, Key=key)["Item"]


def executions(stand: Stand) -> set[str]:
    listed = stand.engine.client("stepfunctions").list_executions(stateMachineArn=seed.STATE_MACHINE_ARN)
    return {each["name"] for each in listed["executions"]}


def test_token(invoke: Invoke) -> None:
    invoked = invoke("token")
    token = body(invoked.payload)
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 3600
    assert len(token["access_token"]) > 40


def test_list(invoke: Invoke) -> None:
    page = body(invoke("list").payload)
    assert page["pagination"]["totalItems"] == 5
    assert {each["jobId"] for each in page["data"]} == set(seed.JOBS)


def test_get(invoke: Invoke) -> None:
    shown = body(invoke("get").payload)
    assert (shown["id"], shown["status"], shown["disposition"]) == (seed.COMPLETED_JOB, "Completed", "Success")
    assert [output["id"] for output in shown["outputs"]] == [seed.OUTPUT_ID]
    assert "3 rows" in [message["text"] for message in shown["messages"]]


def test_messages(invoke: Invoke) -> None:
    assert "3 rows" in [message["text"] for message in body(invoke("messages").payload)]


def test_cancel(invoke: Invoke) -> None:
    assert body(invoke("cancel").payload) == {"message": "Cancelled Successfully."}


def test_schedules(invoke: Invoke) -> None:
    shown = body(invoke("schedules").payload)
    assert (shown["id"], shown["frequency"], shown["state"]) == (seed.SCHEDULE_ID, "Daily", "Active")


def test_fire(invoke: Invoke) -> None:
    assert invoke("fire").payload["outcome"] == "started"
    assert invoke("fire").payload["outcome"] is None


def test_submit(invoke: Invoke) -> None:
    first = invoke("submit").payload
    assert body(first)["status"] == "Queued"
    # The event has an idempotency key, so that it can be sent again and again.
    again = invoke("submit").payload
    assert body(again)["id"] == body(first)["id"]
    assert again["headers"]["Idempotency-Replayed"] == "true"


def test_workflow_jobs(invoke: Invoke) -> None:
    assert {each["id"] for each in body(invoke("workflow_jobs").payload)} == set(seed.JOBS)


def test_output(invoke: Invoke) -> None:
    answer = invoke("output").payload
    assert answer["statusCode"] == 302
    assert (
        f"/outputs/{seed.TENANT}/{seed.COMPLETED_JOB}/{seed.OUTPUT_ID}/{seed.OUTPUT_FILE}?"
        in (answer["headers"]["Location"])
    )
    assert "Signature=" in answer["headers"]["Location"]


def test_unmatched(invoke: Invoke) -> None:
    assert invoke("unmatched").payload["statusCode"] == 404


def test_openreplay_list(invoke: Invoke) -> None:
    listed = body(invoke("openreplay-list").payload)["data"]
    assert [job["jobId"] for job in listed] == [int(seed.CANCELLED_ERASURE), int(seed.WAITING_ERASURE)]


def test_openreplay_get(invoke: Invoke) -> None:
    shown = body(invoke("openreplay-get").payload)["data"]
    assert (shown["status"], shown["referenceId"]) == ("cancelled", seed.ERASED_USERS[seed.CANCELLED_ERASURE])


def test_openreplay_cancel(invoke: Invoke) -> None:
    assert body(invoke("openreplay-cancel").payload)["data"]["status"] == "cancelled"
    assert invoke("openreplay-cancel").payload["statusCode"] == 400


def test_openreplay_submit(invoke: Invoke) -> None:
    first = invoke("openreplay-submit").payload
    assert body(first)["data"]["status"] == "scheduled"
    again = invoke("openreplay-submit").payload
    assert again["body"] == first["body"]
    assert again["headers"]["Idempotency-Replayed"] == "true"


def test_tencent_list(invoke: Invoke) -> None:
    listed = invoke("tencent-list").payload
    assert listed["statusCode"] == 200, listed
    assert seed.SHOWN_INVENTORY in listed["body"]
    assert seed.CANCELLED_INVENTORY in listed["body"]


def test_tencent_get(invoke: Invoke) -> None:
    shown = invoke("tencent-get").payload
    assert shown["statusCode"] == 200, shown
    assert f"<JobId>{seed.SHOWN_INVENTORY}</JobId>\n<State>Running</State>" in shown["body"]


def test_tencent_cancel(invoke: Invoke) -> None:
    assert invoke("tencent-cancel").payload["statusCode"] == 200
    again = invoke("tencent-cancel").payload
    assert (again["statusCode"], "its State is Cancel" in again["body"]) == (400, True)


def test_tencent_submit(invoke: Invoke) -> None:
    first = invoke("tencent-submit").payload
    assert first["statusCode"] == 200, first
    assert "<State>Submitted</State>" in first["body"]
    assert invoke("tencent-submit").payload["headers"]["Idempotency-Replayed"] == "true"


def test_drive(invoke: Invoke, stand: Stand) -> None:
    assert invoke("drive").payload == {"batchItemFailures": []}
    assert job(stand, seed.QUEUED_JOB)["status"] == {"S": "initializing"}


def test_count(invoke: Invoke) -> None:
    assert invoke("count").payload is None


def test_settle(invoke: Invoke, stand: Stand) -> None:
    invoke("settle")
    assert job(stand, seed.ENDED_JOB)["status"] == {"S": "failed"}
    assert job(stand, seed.RUNNING_JOB)["status"] == {"S": "running"}


def test_reconcile(invoke: Invoke, stand: Stand) -> None:
    invoke("reconcile")
    assert executions(stand) == {seed.WAITING_ERASURE}
    assert job(stand, seed.QUEUED_JOB)["status"] == {"S": "initializing"}
    assert job(stand, seed.RUNNING_JOB)["status"] == {"S": "failed"}
    assert job(stand, seed.COMPLETED_JOB)["status"] == {"S": "completed"}


def test_change_job(invoke: Invoke) -> None:
    assert invoke("change_job").payload["statusCode"] == 400


def test_queues(invoke: Invoke) -> None:
    assert body(invoke("queues").payload) == {"tag": "gpu", "slots": 2, "paused": False, "running": 0, "waiting": 0}


def test_manage(invoke: Invoke) -> None:
    made = invoke("manage").payload
    assert made["ok"] is True
    assert made["result"]["name"] == "John Roe"
    assert made["result"]["clientSecret"]


def test_profile(invoke: Invoke, stand: Stand) -> None:
    invoke("profile")
    outputs = [output["M"] for output in job(stand, seed.PROFILED_JOB)["outputs"]["L"]]
    assert {output["fileName"]["S"] for output in outputs} == {"profile.csv", "profile.json"}
    for output in outputs:
        found = stand.engine.client("s3").get_object(Bucket=seed.BUCKET, Key=output["key"]["S"])
        assert b"age" in found["Body"].read()


def test_erase(invoke: Invoke, stand: Stand) -> None:
    assert invoke("erase").payload is None
    found = stand.engine.client("s3").list_objects_v2(Bucket=seed.BUCKET)["Contents"]
    assert seed.USER_KEY not in {each["Key"] for each in found}


def test_inventory(invoke: Invoke) -> None:
    there, gone = invoke("inventory").payload
    assert (there["key"], there["size"], there["lines"]) == ("2025/a.txt", 10, 3)
    assert gone == {"key": "2025/gone.txt", "error": "There is no such object."}


def test_inventory_steps(invoke: Invoke) -> None:
    planned = invoke("inventory_steps").payload
    assert (planned["source"], planned["prefix"]) == ("prefix", "objects/default/photos-1250000000/2025/")
