"""The sample events that `test_events.py` leaves to the night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sam import seed
from tests.sam.answered import body, executions, job

if TYPE_CHECKING:
    from tests.sam.conftest import Invoke
    from tests.sam.stand import Stand

# The first test builds everything, and makes or pulls the image.
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]


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


def test_openreplay_cancel(invoke: Invoke) -> None:
    assert body(invoke("openreplay-cancel").payload)["data"]["status"] == "cancelled"
    assert invoke("openreplay-cancel").payload["statusCode"] == 400


def test_openreplay_submit(invoke: Invoke) -> None:
    first = invoke("openreplay-submit").payload
    assert body(first)["data"]["status"] == "scheduled"
    again = invoke("openreplay-submit").payload
    assert again["body"] == first["body"]
    assert again["headers"]["Idempotency-Replayed"] == "true"


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
