"""GET /inventorytriggerjob/{jobId} and PUT /inventorytriggerjob/{jobId}?cancel"""

from __future__ import annotations

import pytest

from jobyard.model import Status
from jobyard.store import jobs, queues
from tests.contract.tencent.conftest import a_tencent_job
from tests.contract.tencent.signing import ROOT, Key, ask
from tests.contract.yard import Yard
from tests.factories import NOW

FINAL = [(Status.COMPLETED, "Success"), (Status.FAILED, "Failed"), (Status.CANCELLED, "Cancel")]
LIVE = [
    (Status.SCHEDULED, "Submitted"),
    (Status.QUEUED, "Submitted"),
    (Status.INITIALIZING, "Running"),
    (Status.RUNNING, "Running"),
]


@pytest.mark.parametrize(("status", "state"), LIVE + FINAL)
def test_every_state(key: Key, tenancy: Yard, status: Status, state: str) -> None:
    job = a_tencent_job(tenancy, status=status)
    assert ask(key, "GET", f"{ROOT}/{job.id}").get("JobsDetail/State") == state


def test_a_job_of_a_paused_queue_is_paused_and_found_as_such(key: Key, tenancy: Yard) -> None:
    waits, scheduled = (a_tencent_job(tenancy, status=each) for each in (Status.QUEUED, Status.SCHEDULED))

    def listed(states: str) -> set[str]:
        page = ask(key, "GET", query=(("states", states),))
        return {str(each.findtext("JobId")) for each in page.xml if each.tag == "JobsDetail"}

    assert (listed("Pause"), listed("Submitted")) == (set(), {waits.id, scheduled.id})
    assert queues.put(queues.get("acme", ""), None, True, NOW)
    assert ask(key, "GET", f"{ROOT}/{waits.id}").get("JobsDetail/State") == "Pause"
    assert ask(key, "GET", f"{ROOT}/{scheduled.id}").get("JobsDetail/State") == "Submitted"
    assert (listed("Pause"), listed("Submitted")) == ({waits.id}, {scheduled.id})
    assert listed("Pause,Submitted") == listed("All") == {waits.id, scheduled.id}


def test_times_are_of_beijing_and_a_dash_where_there_is_none(key: Key, tenancy: Yard) -> None:
    job = a_tencent_job(tenancy, status=Status.RUNNING, started_at=NOW + 1999)
    shown = ask(key, "GET", f"{ROOT}/{job.id}")
    assert shown.get("JobsDetail/CreationTime") == "2025-12-01T08:00:00+0800"
    assert shown.get("JobsDetail/StartTime") == "2025-12-01T08:00:01+0800"
    assert shown.get("JobsDetail/EndTime") == "-"


def test_a_failure_tells_why(key: Key, tenancy: Yard) -> None:
    job = a_tencent_job(tenancy, status=Status.FAILED, error="<No> & \x00\x1b no", finished_at=NOW)
    shown = ask(key, "GET", f"{ROOT}/{job.id}")
    assert shown.get("JobsDetail/Code") == "Failed"
    assert shown.get("JobsDetail/Message") == "<No> & �� no"


@pytest.mark.parametrize(
    "id", ["b" + "0" * 32, "x", "B3DEFFEA", "b3deffea%00", "%3C!%5BCDATA%5B", "%EF%BF%BF", "a/b/c", "腾", "%FF"]
)
def test_an_unknown_id_is_named_in_an_answer_of_200(key: Key, id: str) -> None:
    shown = ask(key, "GET", f"{ROOT}/{id}")
    assert shown.status == 200
    assert [each.tag for each in shown.xml] == ["RequestId", "NonExistJobIds"]
    assert shown.get("NonExistJobIds")


@pytest.mark.parametrize(("status", "_state"), LIVE)
def test_a_live_job_is_cancelled_with_an_empty_answer(key: Key, tenancy: Yard, status: Status, _state: str) -> None:
    job = a_tencent_job(tenancy, status=status)
    cancelled = ask(key, "PUT", f"{ROOT}/{job.id}", query="cancel")
    assert (cancelled.status, cancelled.text) == (200, "")
    assert cancelled.headers["Content-Length"] == "0"
    assert "Content-Type" not in cancelled.headers
    assert cancelled.headers["x-ci-request-id"]
    found = jobs.get("acme", job.id)
    assert found
    assert found.status == "cancelled"
    assert ask(key, "GET", f"{ROOT}/{job.id}").get("JobsDetail/State") == "Cancel"


@pytest.mark.parametrize(("status", "state"), FINAL)
def test_a_final_job_stays_as_it_is(key: Key, tenancy: Yard, status: Status, state: str) -> None:
    job = a_tencent_job(tenancy, status=status)
    with tenancy.unchanged():
        refused = ask(key, "PUT", f"{ROOT}/{job.id}", query="cancel")
    assert refused.error == (400, "InvalidArgument")
    assert f"its State is {state}" in refused.get("Message")
    assert refused.get("Resource") == f"{ROOT}/{job.id}"


@pytest.mark.parametrize("id", ["b" + "0" * 32, "x", "a/b", "%00"])
def test_cancelling_an_unknown_job(key: Key, id: str) -> None:
    assert ask(key, "PUT", f"{ROOT}/{id}", query="cancel").error == (404, "ResourceNotFound")


def test_without_cancel_and_with_a_doubled_slash(key: Key, tenancy: Yard) -> None:
    one, other = a_tencent_job(tenancy), a_tencent_job(tenancy)
    assert ask(key, "PUT", f"{ROOT}/{one.id}").status == 200
    assert ask(key, "PUT", f"{ROOT}//{other.id}", query="cancel=").status == 200
