"""A submit that answered is never lost; repeated with the same key it is one job."""

from __future__ import annotations

from datetime import datetime

import pytest

from jobyard.authorizer import Caller, Role
from jobyard.aws import client
from jobyard.errors import ExecuteForbidden, IdempotencyConflict, Invalid, NotFound, TooLarge
from jobyard.model import Facets, Priority, Question, Status, Workflow
from jobyard.model.ids import now_ms
from jobyard.service import submit as service
from jobyard.service.submit import KEY_LONGEST, QUESTIONS_BYTES, QUESTIONS_MOST, Request, submit
from jobyard.store import jobs, workflows
from jobyard.store.items import table_name
from jobyard.store.records import JOB
from tests.factories import BOB, LIST, a_caller, a_workflow
from tests.faults import lost_answer

pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture
def workflow() -> Workflow:
    workflow = a_workflow()
    workflows.put(workflow)
    return workflow


def jobs_in_table() -> list[str]:
    """Their ids."""
    found = client("dynamodb").scan(TableName=table_name(), ConsistentRead=True)["Items"]
    return [each["id"]["S"] for each in found if each["sk"]["S"] == JOB]


def test_a_submitted_job_is_queued_with_all_that_was_asked_for(workflow: Workflow) -> None:
    caller = a_caller(BOB, Role.MEMBER)
    asked = Request(LIST, workflow.id, [Question("input", "s3://data/a.csv")], Priority.HIGH, "gpu")
    job = submit(caller, asked).job
    assert jobs.get("acme", job.id) == job
    assert (job.status, job.priority, job.worker_tag, job.owner) == (Status.QUEUED, Priority.HIGH, "gpu", BOB)
    assert (job.workflow_name, job.runner, job.questions) == ("Profile", workflow.runner, tuple(asked.questions))
    assert job.id.startswith(f"{job.created_at // 1000:08x}")


def test_a_job_for_later_is_scheduled_and_one_for_the_past_queued(workflow: Workflow) -> None:
    later = submit(a_caller(), Request(LIST, workflow.id, start_at=now_ms() + 60_000)).job
    past = submit(a_caller(), Request(LIST, workflow.id, start_at=now_ms() - 60_000)).job
    assert (later.status, later.queued_at) == (Status.SCHEDULED, None)
    assert (past.status, past.start_at) == (Status.QUEUED, None)


@pytest.mark.parametrize(
    ("now", "start_at", "expires"),
    [
        ("2026-03-01T00:00:00.000", None, "2026-03-05"),
        ("2026-03-01T00:00:00.001", None, "2026-03-05"),
        ("2026-03-01T23:59:59.999", None, "2026-03-05"),
        ("2026-03-02T00:00:00.000", None, "2026-03-06"),
        ("2026-03-01T12:00:00.000", "2026-03-02T00:00:00.000", "2026-03-06"),
        ("2026-03-01T12:00:00.000", "2026-02-01T00:00:00.000", "2026-03-05"),
    ],
)
def test_a_job_is_kept_for_whole_days_after_that_of_its_start(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch, now: str, start_at: str | None, expires: str
) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "3")
    monkeypatch.setattr(service, "now_ms", lambda: _ms(now))
    job = submit(a_caller(), Request(LIST, workflow.id, start_at=None if start_at is None else _ms(start_at))).job
    assert job.expires_at is not None
    assert job.expires_at * 1000 == _ms(expires)


def _ms(at: str) -> int:
    return round(datetime.fromisoformat(f"{at}+00:00" if "T" in at else f"{at}T00:00+00:00").timestamp() * 1000)


def test_the_same_key_and_request_is_answered_with_the_first_job(workflow: Workflow) -> None:
    first = submit(a_caller(), Request(LIST, workflow.id), "key")
    again = submit(a_caller(), Request(LIST, workflow.id), "key")
    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == first.job
    assert len(jobs_in_table()) == 1


def test_the_first_answer_is_repeated_even_when_the_job_was_deleted(workflow: Workflow) -> None:
    first = submit(a_caller(), Request(LIST, workflow.id), "key")
    jobs.delete(first.job)
    assert submit(a_caller(), Request(LIST, workflow.id), "key") == (first.job, True)
    assert len(jobs_in_table()) == 0


def test_the_same_key_with_another_request_is_refused(workflow: Workflow) -> None:
    submit(a_caller(), Request(LIST, workflow.id), "key")
    with pytest.raises(IdempotencyConflict):
        submit(a_caller(), Request(LIST, workflow.id, priority=Priority.HIGH), "key")
    assert len(jobs_in_table()) == 1


def test_by_what_a_job_is_found_is_its_dialects_and_not_what_was_asked_for(workflow: Workflow) -> None:
    found_by = Facets("inventory of May", "", workflow.id, 1)
    first = submit(a_caller(), Request(LIST, workflow.id, facets=found_by), "key").job
    assert jobs.get("acme", first.id) == first
    assert first.facets == found_by
    again = submit(a_caller(), Request(LIST, workflow.id), "key")
    assert (again.replayed, again.job) == (True, first)
    assert submit(a_caller(), Request(LIST, workflow.id)).job.facets is None


@pytest.mark.parametrize("other", [a_caller(BOB), a_caller(tenant="other")], ids=["user", "tenant"])
def test_a_key_is_the_callers_own(workflow: Workflow, other: Caller) -> None:
    workflows.put(a_workflow(tenant="other", id=workflow.id))
    first = submit(a_caller(), Request(LIST, workflow.id), "key")
    second = submit(other, Request(LIST, workflow.id), "key")
    assert not second.replayed
    assert second.job.id != first.job.id


def test_a_key_is_free_again_after_a_day(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    first = submit(a_caller(), Request(LIST, workflow.id), "key")
    tomorrow = now_ms() + 24 * 3600 * 1000 + 1000
    monkeypatch.setattr(service, "now_ms", lambda: tomorrow)
    second = submit(a_caller(), Request(LIST, workflow.id), "key")
    assert not second.replayed
    assert second.job.id != first.job.id


@pytest.mark.parametrize(("operation", "key"), [("PutItem", None), ("TransactWriteItems", "key")])
def test_a_submit_whose_answer_was_lost_makes_one_job(workflow: Workflow, operation: str, key: str | None) -> None:
    with lost_answer(client("dynamodb"), operation) as lost:
        submitted = submit(a_caller(), Request(LIST, workflow.id), key)
    assert lost
    assert not submitted.replayed
    assert jobs_in_table() == [submitted.job.id]


@pytest.mark.parametrize(
    ("request_", "key", "error"),
    [
        (Request(LIST, "0" * 24), None, NotFound),
        (Request(LIST, "", [Question("a", "x" * (QUESTIONS_BYTES + 1))]), None, TooLarge),
        (Request(LIST, "", [Question("é" * QUESTIONS_BYTES, "")]), None, TooLarge),
        (Request(LIST, "", [Question("a", "")] * (QUESTIONS_MOST + 1)), None, TooLarge),
        (Request(LIST, "", worker_tag="x" * 1000), None, Invalid),
        (Request(LIST, "", start_at=2**53), None, Invalid),
        (Request(LIST, ""), "", Invalid),
        (Request(LIST, ""), "k" * (KEY_LONGEST + 1), Invalid),
    ],
)
def test_a_bad_request_is_refused_and_writes_nothing(
    request_: Request, key: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        submit(a_caller(), request_, key)
    assert len(jobs_in_table()) == 0


def test_who_may_not_execute_the_workflow_is_refused(workflow: Workflow) -> None:
    private = a_workflow(public=False, owner=BOB.id)
    workflows.put(private)
    for caller, refused in [(a_caller(role=Role.NO_ACCESS), workflow), (a_caller(role=Role.ARTISAN), private)]:
        with pytest.raises(ExecuteForbidden):
            submit(caller, Request(LIST, refused.id))
    assert len(jobs_in_table()) == 0
    assert submit(a_caller(BOB, Role.VIEWER), Request(LIST, private.id)).job.owner == BOB
    assert submit(a_caller(role=Role.CURATOR), Request(LIST, private.id)).job.status is Status.QUEUED
