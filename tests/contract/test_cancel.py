"""DELETE /webapi/v3/jobs/{jobId}: the vendor's six answers, and what is left behind each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobyard.authorizer import Role
from jobyard.model import Status
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.factories import NOW

ID = "678f97baa15300008c0039fc"
NOT_CANCELLABLE = "This job is not in 'Queued' or 'Running' state."
NOT_PERMITTED = "You do not have permission to cancel this job."


def cancel(client: Client, id: str = ID) -> Answer:
    return call("DELETE", f"/webapi/v3/jobs/{id}", client.token)


def get(client: Client) -> Answer:
    return call("GET", f"/webapi/v3/jobs/{ID}", client.token)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.INITIALIZING])
def test_a_job_that_began_is_cancelled_and_stays_so(yard: Yard, curator: Client, status: Status) -> None:
    yard.job(id=ID, status=status, started_at=NOW)
    headers = {"accept": "application/json", "authorization": f"Bearer {curator.token}"}
    answer = call("DELETE", f"/webapi/v3/jobs/{ID}", headers=headers)
    assert (answer.status, answer.json) == (200, {"message": "Cancelled Successfully."})
    sent = get(curator).json
    assert (sent["status"], sent["disposition"]) == ("Cancelled", "Cancelled")
    assert sent["endTime"]
    assert sent["messages"][-1]["text"] == f"Cancelled by {curator.user.name}."


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SCHEDULED])
def test_a_queued_job_is_deleted(yard: Yard, curator: Client, status: Status) -> None:
    yard.job(id=ID, status=status)
    answer = cancel(curator)
    assert (answer.status, answer.json) == (200, {"message": "Deleted Successfully."})
    assert yard.jobs() == []
    gone = get(curator)
    assert (gone.status, gone.message) == (404, f"Job {ID} not found.")
    assert call("GET", "/webapi/v3/jobs", curator.token, "allUsers=true").json["data"] == []


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_job_that_ended_is_not_cancelled(yard: Yard, curator: Client, status: Status) -> None:
    yard.job(id=ID, status=status, finished_at=NOW)
    with yard.unchanged():
        answer = cancel(curator)
    assert (answer.status, answer.json) == (400, {"message": NOT_CANCELLABLE})


def test_a_second_cancel_finds_the_job_cancelled_or_gone(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.RUNNING)
    assert cancel(curator).status == 200
    assert (cancel(curator).status, cancel(curator).message) == (400, NOT_CANCELLABLE)
    yard.job(id=ID, status=Status.QUEUED)
    assert [cancel(curator).status, cancel(curator).status] == [200, 404]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_everyone_cancels_their_own_jobs(yard: Yard, role: Role, status: Status) -> None:
    owner = yard.client(role)
    yard.job(id=ID, status=status, owner=owner.user)
    assert cancel(owner).status == 200


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CURATOR])
@pytest.mark.parametrize("status", list(Status))
def test_nobody_but_administrators_cancels_anothers_job(yard: Yard, role: Role, status: Status) -> None:
    other = yard.client(role)
    yard.job(id=ID, status=status)
    with yard.unchanged():
        answer = cancel(other)
    assert (answer.status, answer.json) == (400, {"message": NOT_PERMITTED})


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_tenants_job_is_as_unknown_as_no_job(yard: Yard, stranger: Client, method: str) -> None:
    unknown = call(method, f"/webapi/v3/jobs/{ID}", stranger.token)
    yard.job(id=ID, status=Status.RUNNING)
    with yard.unchanged():
        assert call(method, f"/webapi/v3/jobs/{ID}", stranger.token) == unknown
    assert (unknown.status, unknown.json) == (404, {"message": f"Job {ID} not found."})


def test_two_tenants_may_have_jobs_of_one_id(yard: Yard, curator: Client, stranger: Client) -> None:
    yard.job(id=ID, status=Status.RUNNING, tenant="acme")
    yard.job(id=ID, status=Status.RUNNING, tenant="globex")
    assert cancel(stranger).status == 200
    assert get(curator).json["status"] == "Running"


@pytest.mark.parametrize("body", ["", "{}", '{"jobId": "x"}', "not json", b"\xff\x00", "x" * 1_000_000])
def test_a_body_is_ignored(yard: Yard, curator: Client, body: str | bytes) -> None:
    yard.job(id=ID, status=Status.RUNNING)
    assert call("DELETE", f"/webapi/v3/jobs/{ID}", curator.token, "a=1&a=%FF", body=body).status == 200


@pytest.mark.parametrize(
    ("status", "expected"),
    [(Status.RUNNING, [(200, "Cancelled Successfully."), (400, NOT_CANCELLABLE)])],
)
def test_of_many_cancels_at_once_one_is_told_that_it_did_it(
    yard: Yard, curator: Client, status: Status, expected: list[tuple[int, str]]
) -> None:
    yard.job(id=ID, status=status)
    answers = at_once(8, lambda: cancel(curator))
    assert sorted({(answer.status, answer.message) for answer in answers}) == expected
    assert sum(answer.status == 200 for answer in answers) == 1


def test_of_many_deletions_at_once_one_is_told_that_it_did_it(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.QUEUED)
    answers = at_once(8, lambda: cancel(curator))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 7


def at_once(times: int, ask: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(times) as pool:
        return [each.result() for each in [pool.submit(ask) for _ in range(times)]]
