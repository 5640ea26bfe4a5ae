"""An execution that ended without telling its job."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from jobyard.lifecycle.settle import settle
from jobyard.model import LIVE, TERMINAL, Job, Person, Status
from jobyard.store import jobs
from tests.factories import NOW, a_job
from tests.fake_machine import FakeMachine


def ended(job: Job, status: str = "FAILED", **detail: Any) -> dict[str, Any]:
    given = json.dumps({"jobId": job.id, "tenant": job.tenant})
    return {"detail": {"name": job.id, "status": status, "input": given, **detail}}


def stored(status: Status) -> Job:
    job = a_job(status=status)
    jobs.put(job)
    return job


def present(job: Job) -> Job:
    found = jobs.get(job.tenant, job.id)
    assert found
    return found


@pytest.mark.parametrize("status", sorted(LIVE))
@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("FAILED", "disk on fire"),
        ("TIMED_OUT", "The execution ran out of time: disk on fire"),
        ("ABORTED", "The execution was stopped by hand: disk on fire"),
    ],
)
def test_a_live_job_fails_with_the_reason(machine: FakeMachine, status: Status, how: str, error: str) -> None:
    job = stored(status)
    assert settle(ended(job, how, cause="disk on fire"))
    assert (present(job).status, present(job).error) == (Status.FAILED, error)
    assert present(job).finished_at


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_job_that_ended_stays_as_it_is(machine: FakeMachine, status: Status) -> None:
    job = stored(status)
    assert not settle(ended(job, "ABORTED"))
    assert present(job) == job


def test_told_twice_the_first_reason_stays(machine: FakeMachine) -> None:
    job = stored(Status.RUNNING)
    assert settle(ended(job, cause="first"))
    assert not settle(ended(job, cause="second"))
    assert present(job).error == "first"


def test_a_job_cancelled_after_it_was_read_stays_cancelled(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stored(Status.RUNNING)
    read = jobs.get

    def read_then_cancelled(tenant: str, id: str) -> Job | None:
        found = read(tenant, id)
        jobs.cancel(job, Person("b" * 24, "Bob"), NOW)
        return found

    monkeypatch.setattr(jobs, "get", read_then_cancelled)
    assert not settle(ended(job))
    monkeypatch.undo()


def test_a_deleted_job_is_not_made_again(machine: FakeMachine) -> None:
    job = a_job()
    assert not settle(ended(job))
    assert jobs.get(job.tenant, job.id) is None


def test_an_input_too_large_for_an_event_is_asked_for(machine: FakeMachine) -> None:
    job = stored(Status.RUNNING)
    machine.put(job.id, "FAILED")
    assert settle(ended(job, input=None, cause="large"))
    assert present(job).error == "large"


def test_an_execution_that_is_gone_meanwhile_is_left_to_reconcile(machine: FakeMachine) -> None:
    assert not settle(ended(a_job(), input=None))


@pytest.mark.parametrize("name", ["by-hand", ""])
def test_an_execution_started_by_hand_ends_no_job(machine: FakeMachine, name: str) -> None:
    job = stored(Status.RUNNING)
    assert not settle(ended(job, "ABORTED", name=name))
    assert present(job) == job


def test_the_handler_settles(machine: FakeMachine) -> None:
    job = stored(Status.RUNNING)
    importlib.import_module("functions.settle.app").handler(ended(job), None)
    assert present(job).status is Status.FAILED
