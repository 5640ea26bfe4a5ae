"""Sample events through `sam local invoke`: the built function and layer, in Lambda's image, on a real table.

Some of each kind; `test_other_events.py` has the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sam import seed
from tests.sam.answered import body, job

if TYPE_CHECKING:
    from tests.sam.conftest import Invoke
    from tests.sam.stand import Stand

# The first test builds everything, and makes or pulls the image.
pytestmark = pytest.mark.timeout(900)


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


def test_submit(invoke: Invoke) -> None:
    first = invoke("submit").payload
    assert body(first)["status"] == "Queued"
    # The event has an idempotency key, so that it can be sent again and again.
    again = invoke("submit").payload
    assert body(again)["id"] == body(first)["id"]
    assert again["headers"]["Idempotency-Replayed"] == "true"


def test_openreplay_get(invoke: Invoke) -> None:
    shown = body(invoke("openreplay-get").payload)["data"]
    assert (shown["status"], shown["referenceId"]) == ("cancelled", seed.ERASED_USERS[seed.CANCELLED_ERASURE])


def test_tencent_list(invoke: Invoke) -> None:
    listed = invoke("tencent-list").payload
    assert listed["statusCode"] == 200, listed
    assert seed.SHOWN_INVENTORY in listed["body"]
    assert seed.CANCELLED_INVENTORY in listed["body"]


def test_drive(invoke: Invoke, stand: Stand) -> None:
    assert invoke("drive").payload == {"batchItemFailures": []}
    assert job(stand, seed.QUEUED_JOB)["status"] == {"S": "initializing"}


def test_profile(invoke: Invoke, stand: Stand) -> None:
    invoke("profile")
    outputs = [output["M"] for output in job(stand, seed.PROFILED_JOB)["outputs"]["L"]]
    assert {output["fileName"]["S"] for output in outputs} == {"profile.csv", "profile.json"}
    for output in outputs:
        found = stand.engine.client("s3").get_object(Bucket=seed.BUCKET, Key=output["key"]["S"])
        assert b"age" in found["Body"].read()
