"""What is repaired each minute, and what is left alone."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Never

import pytest

from jobyard.aws import ClientError, client
from jobyard.lifecycle.count import Told, settle
from jobyard.lifecycle.dispatch import dispatch
from jobyard.lifecycle.reconcile import GRACE_MS, Repairs, reconcile
from jobyard.lifecycle.schedules import Compared
from jobyard.model import Job, Person, Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import PHASES
from jobyard.store import jobs, queues
from jobyard.store import slots as slot_store
from jobyard.store.items import table_name
from jobyard.store.lifecycle import live_jobs
from jobyard.store.records import job_key
from tests.factories import NOW, a_job
from tests.fake_machine import FakeMachine

LATER = NOW + GRACE_MS + 1
NONE = Repairs()


def stored(status: Status = Status.QUEUED, at: int = NOW, **values: object) -> Job:
    job = a_job(status=status, updated_at=at, **values)
    jobs.put(job)
    count(job)
    return job


def raises(problem: Exception) -> Never:
    raise problem


def count(job: Job) -> None:
    """As the stream's function does."""
    settle([Told(job, PHASES[job.status])])


def cancel(job: Job, at: int) -> None:
    cancelled = jobs.cancel(job, Person("b" * 24, "Bob"), at).job
    assert cancelled
    count(cancelled)


def present(job: Job) -> Job:
    found = jobs.get(job.tenant, job.id)
    assert found
    return found


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.INITIALIZING])
def test_a_job_that_was_never_started_is_started(machine: FakeMachine, status: Status) -> None:
    job = stored(status)
    assert reconcile(LATER, 60) == Repairs(started=1)
    assert machine.status(job.id) == "RUNNING"
    assert reconcile(LATER, 60) == NONE


def test_a_job_that_nobody_claimed_is_claimed(machine: FakeMachine) -> None:
    job = stored()
    assert reconcile(LATER, 60) == Repairs(claimed=1)
    assert present(job).status is Status.INITIALIZING
    assert machine.executions == {}
    count(present(job))
    assert reconcile(now_ms() + GRACE_MS + 1, 60) == Repairs(started=1)


def test_a_job_that_has_to_wait_is_left_waiting(machine: FakeMachine) -> None:
    assert queues.put(queues.get("acme", ""), 0, False, NOW)
    stored()
    assert reconcile(LATER, 60) == NONE


def test_an_execution_that_was_not_told_of_its_slot_goes_on(machine: FakeMachine) -> None:
    job = stored(Status.INITIALIZING)
    token = {":token": {"S": job.id}}
    client("dynamodb").update_item(
        TableName=table_name(),
        Key=job_key(job.tenant, job.id),
        UpdateExpression="SET taskToken = :token",
        ExpressionAttributeValues=token,
    )
    machine.put(job.id)
    assert reconcile(LATER, 60) == Repairs(started=1)
    assert f"send_task_success {job.id}" in machine.calls


def test_the_slot_of_a_job_that_has_ended_is_given_back_and_used(machine: FakeMachine) -> None:
    assert queues.put(queues.get("acme", ""), 1, False, NOW)
    first = stored()
    dispatch("acme#")
    second = stored()
    jobs.fail(present(first), "enough", NOW)
    count(present(first))
    later = now_ms() + GRACE_MS + 1
    assert reconcile(later, 60) == Repairs(claimed=1, freed=1)
    assert present(second).status is Status.INITIALIZING
    assert queues.get("acme", "").running == 1


@pytest.mark.parametrize("slots", [1, None])
def test_the_slot_of_the_last_job_is_given_back_though_nothing_else_is_in_its_queue(
    machine: FakeMachine, slots: int | None
) -> None:
    assert queues.put(queues.get("acme", ""), slots, False, NOW)
    last = stored()
    dispatch("acme#")
    jobs.fail(present(last), "enough", NOW)
    count(present(last))
    later = now_ms() + GRACE_MS + 1
    assert reconcile(later, 60) == Repairs(freed=1)
    assert queues.get("acme", "").running == 0
    assert slot_store.held() == {}
    assert reconcile(later + GRACE_MS, 60) == NONE


def test_where_aws_does_not_say_who_holds_slots_only_they_are_left_as_they_are(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert queues.put(queues.get("acme", ""), 2, False, NOW)
    ended = stored()
    dispatch("acme#")
    jobs.fail(present(ended), "enough", NOW)
    count(present(ended))
    waiting = stored()
    machine.put("f" * 24, began_at=NOW)
    later = now_ms() + GRACE_MS + 1
    with monkeypatch.context() as patched:
        patched.setattr(slot_store, "held", lambda: raises(ClientError({"Error": {"Code": "AccessDenied"}}, "Scan")))
        assert reconcile(later, 60) == Repairs(claimed=1, stopped=1, errors=1)
    assert present(waiting).status is Status.INITIALIZING
    assert queues.get("acme", "").running == 2
    count(present(waiting))
    assert reconcile(now_ms() + GRACE_MS + 1, 60) == Repairs(started=1, freed=1)


def test_slots_that_were_counted_wrong_are_counted_again(machine: FakeMachine) -> None:
    assert queues.put(queues.get("acme", ""), 3, False, NOW)
    stored()
    dispatch("acme#")
    assert slot_store.set_running(queues.get("acme", ""), 3, NOW)
    stored()
    reconcile(now_ms() + GRACE_MS + 1, 60)
    assert queues.get("acme", "").running == 2


def test_a_job_whose_execution_is_gone_fails(machine: FakeMachine) -> None:
    job = stored(Status.RUNNING)
    assert reconcile(LATER, 60) == Repairs(failed=1)
    assert (present(job).status, present(job).error) == (Status.FAILED, "The execution of the job is gone.")
    assert reconcile(LATER, 60) == NONE


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.INITIALIZING, Status.RUNNING])
@pytest.mark.parametrize("how", ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"])
def test_a_job_whose_execution_ended_fails_with_its_reason(machine: FakeMachine, status: Status, how: str) -> None:
    job = stored(status)
    machine.put(job.id, how, cause="disk on fire")
    assert reconcile(LATER, 60) == Repairs(failed=1)
    assert present(job).status is Status.FAILED
    assert ("disk on fire" in (present(job).error or "")) == (how != "SUCCEEDED")


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.RUNNING])
def test_a_job_with_its_execution_is_left_alone(machine: FakeMachine, status: Status) -> None:
    job = stored(status)
    machine.put(job.id)
    assert reconcile(LATER, 60) == NONE
    assert present(job) == job
    assert machine.calls == ["list_executions"]


def test_a_job_that_has_just_changed_is_left_alone(machine: FakeMachine) -> None:
    stored(at=NOW)
    assert reconcile(NOW + GRACE_MS, 60) == NONE


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_an_execution_that_the_list_does_not_show_yet_counts(machine: FakeMachine, status: str) -> None:
    job = stored(Status.RUNNING)
    machine.put(job.id, status)
    machine.paginate = lambda **_: []  # type: ignore[method-assign]
    assert reconcile(LATER, 60) == NONE
    assert present(job) == job


def test_a_job_that_ended_after_the_index_was_read_is_left_alone(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stored(Status.RUNNING)
    stale = list(live_jobs())
    cancel(job, NOW)
    monkeypatch.setattr("jobyard.lifecycle.reconcile.live_jobs", lambda: stale)
    assert reconcile(LATER, 60) == NONE
    assert present(job).status is Status.CANCELLED


def test_an_execution_whose_job_is_gone_is_stopped(machine: FakeMachine) -> None:
    machine.put("f" * 24, began_at=NOW)
    assert reconcile(LATER, 60) == Repairs(stopped=1)
    assert machine.status("f" * 24) == "ABORTED"


def test_an_execution_whose_job_was_cancelled_is_stopped(machine: FakeMachine) -> None:
    job = stored(Status.RUNNING)
    cancel(job, NOW)
    machine.put(job.id, began_at=NOW)
    assert reconcile(LATER, 60) == Repairs(stopped=1)


def test_an_execution_that_is_about_to_end_is_left_to_end(machine: FakeMachine) -> None:
    job = stored(Status.RUNNING)
    cancel(job, LATER - 1)
    machine.put(job.id, began_at=NOW)
    assert reconcile(LATER, 60) == NONE


def test_an_execution_that_has_just_begun_is_left_alone(machine: FakeMachine) -> None:
    machine.put("f" * 24, began_at=LATER - 1)
    assert reconcile(LATER, 60) == NONE


def test_an_execution_started_by_hand_is_left_alone(machine: FakeMachine) -> None:
    machine.put("by-hand", began_at=NOW, input=json.dumps({"jobId": "other", "tenant": "acme"}))
    assert reconcile(LATER, 60) == NONE


def test_one_that_cannot_be_repaired_keeps_no_other_from_it(machine: FakeMachine) -> None:
    stuck, fine = stored(Status.INITIALIZING), stored(Status.INITIALIZING)
    machine.refuse = {f"start_execution {stuck.id}": "ThrottlingException"}
    assert reconcile(LATER, 60) == Repairs(started=1, errors=1)
    assert machine.status(fine.id) == "RUNNING"


def test_a_job_that_can_never_be_started_is_failed_and_done_with(machine: FakeMachine) -> None:
    job = stored(Status.INITIALIZING)
    machine.refuse = {"start_execution": "InvalidExecutionInput"}
    reconcile(LATER, 60)
    assert present(job).status is Status.FAILED
    assert reconcile(LATER, 60) == NONE


def test_what_the_time_does_not_allow_is_left_for_the_next_run(machine: FakeMachine) -> None:
    stored(Status.SCHEDULED)
    assert reconcile(LATER, 0) == NONE
    assert reconcile(LATER, 60) == Repairs(started=1)


def test_jobs_of_all_tenants_and_shards_are_seen(machine: FakeMachine) -> None:
    made = [stored(tenant=tenant) for tenant in ("acme", "other") for _ in range(20)]
    stored(Status.COMPLETED)
    assert {(each.tenant, each.id) for each in live_jobs()} == {(job.tenant, job.id) for job in made}
    assert reconcile(LATER, 60) == Repairs(claimed=40)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, int]]:
    """The handler, called as the schedule calls it."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jobyard")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "jobyard-test")
    module = importlib.reload(importlib.import_module("functions.reconcile.app"))
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000, function_name="reconcile")
    return lambda: module.handler({}, context)


def test_the_handler_counts_its_repairs(
    machine: FakeMachine, run: Callable[[], dict[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    stored(Status.SCHEDULED, now_ms() - 2 * GRACE_MS)
    assert run() == Repairs(started=1)._asdict() | Compared()._asdict()
    metric = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if '"Repaired"' in line)
    assert metric["Repaired"] == [1.0]
    assert metric["CountDrift"] == [0.0]
    # The alarm of the template looks for the name, the namespace and this one dimension.
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Jobyard"
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_the_handler_tells_how_many_jobs_have_waited_for_long(
    machine: FakeMachine, run: Callable[[], dict[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in ("gpu", "cpu"):
        assert queues.put(queues.get("acme", tag), 0, False, NOW)
    long_ago = now_ms() - 2 * GRACE_MS
    for at, tag in ((long_ago, "gpu"), (long_ago, "gpu"), (now_ms(), "cpu")):
        stored(at=at, worker_tag=tag)
    run()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"JobsWaiting"' in line]
    assert [(each["queue"], each["service"], each["JobsWaiting"]) for each in told] == [
        ("acme#gpu", "jobyard-test", [2.0])
    ]
    assert set(told[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) == {"service", "queue"}


def test_the_handler_fails_where_a_repair_went_wrong(machine: FakeMachine, run: Callable[[], dict[str, int]]) -> None:
    stored(Status.SCHEDULED, now_ms() - 2 * GRACE_MS)
    machine.refuse = {"start_execution": "ThrottlingException"}
    with pytest.raises(RuntimeError, match="1 repairs"):
        run()
