"""Each way through a job's life, run by the engine, and judged by what the job says in the end.

Jobs are put into the table as a submit does it, so that scheduled ones are tried too, and ones that no dialect makes.
"""

from __future__ import annotations

import json
from copy import replace
from typing import Any

import pytest

from jobyard.model import Job, Person, Status
from jobyard.model.ids import now_ms
from jobyard.store import jobs
from jobyard.store.records import job_item, job_key
from tests.e2e.api import Caller
from tests.e2e.behind import World, wait_for

BOB = Person("b" * 24, "Bob Member")


def test_success(world: World, admin: Caller, slow: str) -> None:
    job = world.wait(world.put(slow, seconds="0.3"), Status.COMPLETED, Status.FAILED)
    assert (job.status, job.error) == (Status.COMPLETED, None)
    assert job.created_at <= (job.started_at or 0) <= (job.finished_at or 0)
    assert admin.texts(job.id) == [
        "Queued with priority Default.",
        "Started Profile.",
        "Working for 0.3 seconds.",
        "Completed successfully.",
    ]
    world.wait_for_execution(job, "SUCCEEDED")
    assert world.states_of(job) == ["Start", "Runner?", "RunLambda", "Again?", "Complete"]


def assert_as_it_ended(world: World, job: Job) -> None:
    """But for its slot, which is given back."""
    found = wait_for(lambda: now if (now := world.found(job)) and now.slot_of is None else None, "the slot given back")
    assert found == replace(job, slot_of=None)


@pytest.mark.parametrize(
    ("how", "error"), [("expected", "There was nothing to do."), ("unexpected", "an unexpected one")]
)
def test_failure(world: World, admin: Caller, failing: str, how: str, error: str) -> None:
    job = world.wait(world.put(failing, how=how), Status.COMPLETED, Status.FAILED)
    assert (job.status, job.error) == (Status.FAILED, error)
    assert admin.texts(job.id)[-1] == f"Failed: {error}"
    world.wait_for_execution(job, "FAILED")
    assert_as_it_ended(world, job)  # settle, told of the execution's end, changed nothing


def test_a_function_that_dies_without_a_word(world: World, admin: Caller, failing: str) -> None:
    job = world.wait(world.put(failing, how="crash"), Status.COMPLETED, Status.FAILED)
    assert job.status is Status.FAILED
    assert job.error
    assert admin.texts(job.id)[-1] == f"Failed: {job.error}"


def test_a_function_that_is_not_there(world: World, slow: str) -> None:
    job = world.wait(world.put(f"{slow}-missing"), Status.COMPLETED, Status.FAILED)
    assert job.status is Status.FAILED
    assert "not found" in (job.error or "").lower()


def test_a_job_without_a_runner(world: World) -> None:
    job = world.wait(world.put("", runner=None), Status.COMPLETED, Status.FAILED)
    assert job.status is Status.FAILED
    assert job.error


def test_timeout(world: World, admin: Caller, slow: str) -> None:
    with world.changed("RunLambda", TimeoutSeconds=2):
        job = world.wait(world.put(slow, seconds="6"), Status.COMPLETED, Status.FAILED)
    assert (job.status, job.error) == (Status.FAILED, "The workflow did not end within its time.")
    assert "Failed: The workflow did not end within its time." in admin.texts(job.id)
    # The function learns of it, stops, and completes nothing.
    wait_for(lambda: "Cancelled: stopping." in admin.texts(job.id), "told to stop")
    assert_as_it_ended(world, job)


def test_scheduled(world: World, admin: Caller, slow: str) -> None:
    job = world.scheduled(slow, 3)
    world.wait_for_execution(job, "RUNNING")
    assert job == world.found(job)
    done = world.wait(job, Status.COMPLETED, Status.FAILED)
    assert done.status is Status.COMPLETED
    assert (done.queued_at or 0) >= (job.start_at or 0)
    assert admin.texts(job.id)[0].startswith("Scheduled to start at ")
    assert world.states_of(job)[:5] == ["Start", "Scheduled?", "WaitForStart", "Enqueue", "Start"]


def test_cancelled_while_scheduled(world: World, admin: Caller, slow: str) -> None:
    job = world.scheduled(slow, 3600)
    world.wait_for_execution(job, "RUNNING")
    assert jobs.cancel(job, BOB, now_ms()).done
    world.wait_for_execution(job, "ABORTED")
    world.wait(job, Status.CANCELLED)
    assert admin.texts(job.id)[-1] == "Cancelled by Bob Member."


def test_deleted_while_scheduled(world: World, admin: Caller, slow: str) -> None:
    job = world.scheduled(slow, 3600)
    world.wait_for_execution(job, "RUNNING")
    assert admin.cancel(job.id).status_code == 200
    world.wait_for_execution(job, "ABORTED")
    assert world.found(job) is None
    assert admin.http.get(f"/v3/jobs/{job.id}").status_code == 404


def inserted(job: Job) -> dict[str, Any]:
    """What the stream tells drive of a new job."""
    change = {"Keys": job_key(job.tenant, job.id), "NewImage": job_item(job), "SequenceNumber": "1"}
    return {"Records": [{"eventName": "INSERT", "dynamodb": change}]}


def test_cancelled_while_queued(world: World, admin: Caller, slow: str) -> None:
    with world.without_stream():
        job = world.put(slow)
        assert jobs.cancel(job, BOB, now_ms()).done
        # The news of the job comes after its cancel, and that of the cancel not at all.
        assert world.invoke("DriveFunction", inserted(job)) == {"batchItemFailures": []}
    assert world.execution(job) is None
    left = world.found(job)
    assert left
    assert (left.status, left.started_at) == (Status.CANCELLED, None)
    assert admin.texts(job.id) == ["Queued with priority Default.", "Cancelled by Bob Member."]


def test_cancelled_while_running(world: World, admin: Caller, slow: str) -> None:
    job = world.wait(world.put(slow, seconds="30"), Status.RUNNING)
    wait_for(lambda: "Working for 30 seconds." in admin.texts(job.id), "working")
    assert admin.cancel(job.id).status_code == 200
    assert world.wait(job, Status.CANCELLED).finished_at
    world.wait_for_execution(job, "ABORTED")
    wait_for(lambda: "Cancelled: stopping." in admin.texts(job.id), "told to stop")
    left = world.found(job)
    assert left
    assert left.status is Status.CANCELLED
    assert left.outputs == ()
    assert "Cancelled by Ada Admin." in admin.texts(job.id)


def test_started_twice_under_its_own_name(world: World, slow: str) -> None:
    job = world.put(slow, seconds="1")
    world.wait_for_execution(job, "RUNNING")
    for _ in range(2):
        assert world.invoke("DriveFunction", inserted(job)) == {"batchItemFailures": []}
    assert world.wait(job, Status.COMPLETED, Status.FAILED).status is Status.COMPLETED
    assert world.invoke("DriveFunction", inserted(job)) == {"batchItemFailures": []}
    assert world.states_of(job).count("RunLambda") == 1


def test_started_again_by_hand_under_another_name(world: World, admin: Caller, slow: str) -> None:
    job = world.wait(world.put(slow, seconds="3"), Status.RUNNING)
    given = world.machine.describe_execution(executionArn=world.execution_of(job))["input"]
    again = world.machine.start_execution(stateMachineArn=world.arn, name=f"again-{job.id}", input=given)
    ended = wait_for(
        lambda: (
            found
            if (found := world.machine.describe_execution(executionArn=again["executionArn"]))["status"] != "RUNNING"
            else None
        ),
        "the second execution's end",
    )
    assert ended["status"] == "SUCCEEDED"
    assert world.wait(job, Status.COMPLETED, Status.FAILED).status is Status.COMPLETED
    assert admin.texts(job.id).count("Working for 3 seconds.") == 1


def test_stopped_by_hand_in_the_console(world: World, admin: Caller, slow: str) -> None:
    job = world.wait(world.put(slow, seconds="20"), Status.RUNNING)
    world.machine.stop_execution(executionArn=world.execution_of(job))
    failed = world.wait(job, Status.FAILED)
    assert failed.error == "The execution was stopped by hand."
    wait_for(lambda: "Cancelled: stopping." in admin.texts(job.id), "told to stop")


def test_answered_by_task_token(world: World, admin: Caller, worker: str) -> None:
    job = world.wait(world.put(worker, "callback"), Status.COMPLETED, Status.FAILED)
    assert (job.status, job.error) == (Status.COMPLETED, None)
    assert [output.name for output in job.outputs] == ["answer.txt"]
    assert "RunCallback" in world.states_of(job)
    assert admin.texts(job.id)[-1] == "Completed successfully."


@pytest.mark.parametrize(("how", "error"), [("fail", "The worker gave up."), ("refuse", "No worker is free.")])
def test_failed_by_task_token(world: World, worker: str, how: str, error: str) -> None:
    job = world.wait(world.put(worker, "callback", how=how), Status.COMPLETED, Status.FAILED)
    assert (job.status, job.error) == (Status.FAILED, error)


def ticket_of(world: World, job: Job) -> dict[str, Any]:
    job = wait_for(lambda: found if (found := world.found(job)) and found.outputs else None, "handed on")
    ticket = json.loads(world.s3.get_object(Bucket=world.bucket, Key=job.outputs[0].key)["Body"].read())
    assert isinstance(ticket, dict)
    return ticket


def test_answered_from_elsewhere(world: World, worker: str) -> None:
    job = world.put(worker, "callback", how="elsewhere")
    ticket = ticket_of(world, job)
    world.machine.send_task_heartbeat(taskToken=ticket["taskToken"])
    world.wait(job, Status.RUNNING)
    world.machine.send_task_success(taskToken=ticket["taskToken"], output="{}")
    assert world.wait(job, Status.COMPLETED, Status.FAILED).status is Status.COMPLETED


def test_a_worker_elsewhere_that_falls_silent(world: World, worker: str) -> None:
    with world.changed("RunCallback", HeartbeatSeconds=3):
        job = world.put(worker, "callback", how="elsewhere")
        ticket_of(world, job)
    failed = world.wait(job, Status.COMPLETED, Status.FAILED)
    assert (failed.status, failed.error) == (Status.FAILED, "The worker gave no sign of life within its time.")


def test_cancelled_while_a_worker_elsewhere_has_it(world: World, worker: str) -> None:
    job = world.put(worker, "callback", how="elsewhere")
    ticket = ticket_of(world, job)
    assert jobs.cancel(job, BOB, now_ms()).done
    world.wait_for_execution(job, "ABORTED")
    over = world.machine.exceptions.TaskTimedOut

    def told_to_stop() -> bool:
        try:
            world.machine.send_task_heartbeat(taskToken=ticket["taskToken"])
        except over:
            return True
        return False

    wait_for(told_to_stop, "the worker learns of it")
    with pytest.raises(over):
        world.machine.send_task_success(taskToken=ticket["taskToken"], output="{}")
    left = world.found(job)
    assert left
    assert left.status is Status.CANCELLED


@pytest.mark.nightly
def test_what_the_stream_lost_is_started_by_reconcile(world: World, slow: str) -> None:
    with world.without_stream():
        long_ago = now_ms() - 120_000
        times: dict[str, Any] = {"created_at": long_ago, "queued_at": long_ago, "updated_at": long_ago}
        job = world.put(slow, seconds="0.2", status=Status.INITIALIZING, **times)
        assert world.execution(job) is None
        assert world.invoke("ReconcileFunction", {})["started"] >= 1
    assert world.wait(job, Status.COMPLETED, Status.FAILED).status is Status.COMPLETED
