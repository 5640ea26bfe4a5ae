"""DELETE /public/{projectKey}/jobs/{jobId}: 200 once, then 400; what it answered stays true."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from jobyard.model import LIVE, TERMINAL, Job, Status
from jobyard.model.ids import now_ms
from jobyard.store import jobs
from tests.contract.api import Answer
from tests.contract.openreplay.organisation import DAY, JSON, Organisation, error_of
from tests.factories import NOW


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_job_that_has_not_ended_is_cancelled_and_shown(acme: Organisation, status: Status) -> None:
    acme.job(7, status=status, start_at=NOW + DAY, updated_at=NOW)
    before, began = acme.get(7).json["data"], now_ms()
    answer = acme.cancel(7)
    assert (answer.status, answer.headers) == (200, JSON)
    after = answer.json["data"]
    assert began <= after["updatedAt"] <= now_ms()
    assert after == before | {"status": "cancelled", "updatedAt": after["updatedAt"]}
    assert acme.get(7) == answer
    assert acme.list() == [after]


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_job_that_has_ended_is_not(acme: Organisation, status: Status) -> None:
    acme.job(7, status=status)
    with acme.yard.unchanged():
        text = f'{{"error":"the requested job has already been {status}"}}'
        assert acme.cancel(7) == Answer(400, JSON, text)


def test_a_second_cancel_is_refused(acme: Organisation) -> None:
    id = acme.erased("shekar")["jobId"]
    assert acme.cancel(id).status == 200
    assert error_of(acme.cancel(id), 400) == "the requested job has already been cancelled"


def test_a_cancelled_job_is_kept(acme: Organisation) -> None:
    id = acme.erased("shekar")["jobId"]
    acme.cancel(id)
    assert [job["status"] for job in acme.list()] == ["cancelled"]


def test_of_many_cancels_at_once_one_is_answered_with_200(acme: Organisation) -> None:
    callers = 10
    acme.job(7)
    acme.get(7)
    start = Barrier(callers)

    def one(_: int) -> Answer:
        start.wait()
        return acme.cancel(7)

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(one, range(callers)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * (callers - 1)
    (done,) = [answer for answer in answers if answer.status == 200]
    assert acme.get(7) == done


def test_of_a_cancel_and_an_end_at_once_the_first_is_what_every_later_read_says(acme: Organisation) -> None:
    for id in range(1, 11):
        job = acme.job(id, status=Status.RUNNING)
        acme.get(id)
        start = Barrier(2)

        def cancel(id: int = id, start: Barrier = start) -> Answer:
            start.wait()
            return acme.cancel(id)

        def complete(job: Job = job, start: Barrier = start) -> bool:
            start.wait()
            return jobs.move(job, "complete", {"finishedAt": NOW + 9, "updatedAt": NOW + 9}).done

        with ThreadPoolExecutor(2) as pool:
            cancelling, completing = pool.submit(cancel), pool.submit(complete)
            answer, completed = cancelling.result(), completing.result()
        assert acme.get(id).json["data"]["status"] == ("completed" if completed else "cancelled")
        if completed:
            assert error_of(answer, 400) == "the requested job has already been completed"
        else:
            assert answer.status == 200
