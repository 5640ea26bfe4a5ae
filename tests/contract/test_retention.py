"""A job is there until its last day is over, and at that moment nowhere any more, whenever the table removes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobyard.model import Output, Status
from jobyard.service.jobs import NEWEST_MESSAGES
from tests.contract.api import call
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import a_key, a_tencent_job
from tests.contract.tencent.signing import ROOT, ask
from tests.contract.yard import Clock, Yard
from tests.factories import NOW

DAY_MS = 24 * 3600 * 1000
EXPIRES_MS = NOW + 91 * DAY_MS
ID, OUTPUT = "66ebd18d3d6200007e000d8c", "0123456789abcdef01234567"
JOB_OF_ALTERYX = f"/webapi/v3/jobs/{ID}"
ENDED: dict[str, Any] = {
    "status": Status.COMPLETED,
    "created_at": NOW + 1,
    "finished_at": NOW + 2,
    "expires_at": EXPIRES_MS // 1000,
}


@pytest.fixture
def moment(clock: Clock) -> Callable[[], None]:
    """It is one millisecond to the moment; call this, and it is there."""
    clock.stop_at(EXPIRES_MS - 1)
    return lambda: clock.advance(0.001)


@pytest.mark.parametrize("messages", [0, 3, NEWEST_MESSAGES + 5])
def test_a_job_of_alteryx(yard: Yard, moment: Callable[[], None], messages: int) -> None:
    asked = {
        ("GET", JOB_OF_ALTERYX): 200,
        ("GET", f"{JOB_OF_ALTERYX}/messages"): 200,
        ("GET", f"{JOB_OF_ALTERYX}/output/{OUTPUT}"): 302,
        ("GET", f"/webapi/v1/jobs/{ID}/output/{OUTPUT}"): 302,
        ("DELETE", JOB_OF_ALTERYX): 400,
    }
    curator = yard.client()
    job = yard.job(id=ID, outputs=[Output(OUTPUT, "a.csv", "a.csv", "csv", "outputs/a.csv", 1)], **ENDED)
    yard.messages(job, [f"{number}" for number in range(messages)])
    assert {each: call(*each, curator.token).status for each in asked} == asked
    moment()
    for each in asked:
        answer = call(*each, curator.token)
        assert (answer.status, answer.message) == (404, f"Job {ID} not found."), each


def test_a_job_of_openreplay(yard: Yard, moment: Callable[[], None]) -> None:
    acme = Organisation(yard)
    acme.job(7, **ENDED)
    assert (acme.get(7).status, acme.cancel(7).status) == (200, 400)
    moment()
    assert (acme.get(7).status, acme.cancel(7).status) == (404, 404)


def test_a_job_of_tencent(tenancy: Yard, moment: Callable[[], None]) -> None:
    key, job = a_key(), a_tencent_job(tenancy, **ENDED)
    path = f"{ROOT}/{job.id}"
    assert ask(key, "GET", path).get("JobsDetail/JobId") == job.id
    assert ask(key, "GET", query=[("jobId", job.id)]).all("JobsDetail/JobId") == [job.id]
    assert ask(key, "PUT", path, query="cancel").status == 400
    moment()
    assert ask(key, "GET", path).get("NonExistJobIds") == job.id
    assert ask(key, "GET", query=[("jobId", job.id)]).all("JobsDetail/JobId") == []
    assert ask(key, "PUT", path, query="cancel").error == (404, "ResourceNotFound")


def test_lists_and_totals(tenancy: Yard, moment: Callable[[], None]) -> None:
    curator, acme, key = tenancy.client(), Organisation(tenancy), a_key()
    days_later = ENDED | {"created_at": NOW - 1, "finished_at": NOW + 5 * DAY_MS}
    for number, values in enumerate((ENDED, days_later), 1):
        tenancy.job(owner=curator.user, workflow_id=acme.workflow.id, workflow_name="Erase", **values)
        acme.job(number, **values)
        a_tencent_job(tenancy, **values)
    stays = tenancy.job(owner=curator.user, created_at=NOW + 2 * DAY_MS)

    def shown() -> tuple[list[str], int, int, int, int]:
        listed = call("GET", "/webapi/v3/jobs", curator.token).json
        of_workflow = call("GET", f"/webapi/v3/workflows/{acme.workflow.id}/jobs", curator.token).json
        of_tencent = ask(key, "GET").all("JobsDetail/JobId")
        ids = [each["jobId"] for each in listed["data"]]
        return ids, listed["pagination"]["totalItems"], len(of_workflow), len(acme.list()), len(of_tencent)

    assert shown()[1:] == (3, 2, 2, 2)
    moment()
    assert shown() == ([stays.id], 1, 0, 0, 0)


def test_a_user_whose_erasure_expired_may_be_erased_again(yard: Yard, clock: Clock) -> None:
    """Even if nothing ever ended the first one."""
    clock.stop_at(NOW + 5)
    acme = Organisation(yard)
    first = acme.erased("shekar")
    # It starts on the next day, and is kept for 90 more.
    clock.stop_at(NOW + 92 * DAY_MS - 1)
    assert (acme.get(first["jobId"]).status, acme.erase("shekar").status) == (200, 409)
    clock.advance(0.001)
    assert acme.get(first["jobId"]).status == 404
    assert acme.erased("shekar")["jobId"] > first["jobId"]


def test_a_job_without_an_end_stays(yard: Yard, moment: Callable[[], None]) -> None:
    curator = yard.client()
    yard.job(id=ID, **ENDED | {"expires_at": None})
    moment()
    assert call("GET", JOB_OF_ALTERYX, curator.token).status == 200
