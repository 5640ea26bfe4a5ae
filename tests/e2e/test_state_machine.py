"""Each way through a job's life, run by the engine, and judged by what the job says in the end.

Jobs are put into the table as a submit does it, so that scheduled ones are tried too, and ones that no dialect makes.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobyard.aws import client
from jobyard.model import Job, Person, Question, Runner, Status
from jobyard.model.ids import now_ms, object_id
from jobyard.store import jobs
from jobyard.store.records import job_item, job_key
from local.stack import LocalStack
from tests.e2e.api import Caller
from tests.factories import a_job

WORKFLOWS = Path(__file__).with_name("workflows")
PATIENCE = 60.0
BOB = Person("b" * 24, "Bob Member")


class World:
    """The stack, seen from behind: its table, its state machine, and functions that serve as workflows."""

    def __init__(self, stack: LocalStack) -> None:
        self.machine = stack.client("stepfunctions")
        self.functions = stack.client("lambda")
        self.s3 = stack.client("s3")
        self.arn = stack.outputs["StateMachineArn"]
        self.bucket = stack.outputs["DataBucketName"]
        self.tenant = stack.config["tenant"]
        self.resources = stack.deployment.resources
        self._outputs = stack.outputs

    def deploy(self, file: str) -> str:
        """The ARN of a function made of a file of ``workflows/``, as a job author would make one."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", (WORKFLOWS / file).read_text(encoding="utf-8"))
        made = self.functions.create_function(
            FunctionName=f"{self._outputs['WorkflowFunctionPrefix']}life-{file.removesuffix('.py').replace('_', '-')}",
            Runtime="python3.13",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": code.getvalue()},
            Layers=[self._outputs["RunnerLayerArn"]],
            Environment={"Variables": {"TABLE_NAME": self._outputs["TableName"], "BUCKET_NAME": self.bucket}},
            Timeout=60,
        )
        return str(made["FunctionArn"])

    def job(self, function: str, kind: str = "lambda", **values: Any) -> Job:
        """A job that is nowhere yet; ``how`` and ``seconds`` are questions."""
        asked = tuple(Question(name, values.pop(name)) for name in ("how", "seconds") if name in values)
        now = now_ms()
        usual = {"id": object_id(now), "tenant": self.tenant, "created_at": now, "updated_at": now, "queued_at": now}
        return a_job(**{**usual, "questions": asked, "runner": Runner(kind, function), **values})

    def put(self, function: str, kind: str = "lambda", **values: Any) -> Job:
        job = self.job(function, kind, **values)
        jobs.put(job)
        return job

    def scheduled(self, function: str, in_seconds: float) -> Job:
        at = now_ms() + int(in_seconds * 1000)
        return self.put(function, status=Status.SCHEDULED, queued_at=None, start_at=at, seconds="0.2")

    def found(self, job: Job) -> Job | None:
        return jobs.get(job.tenant, job.id)

    def wait(self, job: Job, *statuses: Status) -> Job:
        return wait_for(lambda: found if (found := self.found(job)) and found.status in statuses else None, job.id)

    def execution_of(self, job: Job) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{job.id}"

    def execution(self, job: Job) -> str | None:
        """Its status; None where there is none."""
        try:
            return str(self.machine.describe_execution(executionArn=self.execution_of(job))["status"])
        except self.machine.exceptions.ExecutionDoesNotExist:
            return None

    def wait_for_execution(self, job: Job, status: str) -> None:
        wait_for(lambda: self.execution(job) == status, f"{job.id} {status}")

    def states_of(self, job: Job) -> list[str]:
        pages = self.machine.get_paginator("get_execution_history").paginate(executionArn=self.execution_of(job))
        entered = [event.get("stateEnteredEventDetails") for page in pages for event in page["events"]]
        return [each["name"] for each in entered if each]

    def invoke(self, logical_id: str, event: dict[str, Any]) -> Any:
        answered = self.functions.invoke(FunctionName=self.resources[logical_id], Payload=json.dumps(event))
        payload = json.loads(answered["Payload"].read() or "null")
        assert "FunctionError" not in answered, payload
        return payload

    @contextmanager
    def changed(self, state: str, **fields: int) -> Iterator[None]:
        """Executions that start meanwhile find the definition with these fields of one state replaced."""
        before = self.machine.describe_state_machine(stateMachineArn=self.arn)["definition"]
        definition = json.loads(before)
        definition["States"][state] |= fields
        self.machine.update_state_machine(stateMachineArn=self.arn, definition=json.dumps(definition))
        try:
            yield
        finally:
            self.machine.update_state_machine(stateMachineArn=self.arn, definition=before)

    @contextmanager
    def without_stream(self) -> Iterator[None]:
        """As if drive were down: the table's changes move nothing meanwhile, and are not told afterwards."""
        mapping = self.resources["DriveFunctionJobs"]
        self.functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        # What the engine's poller has taken up before is let through.
        time.sleep(2)
        try:
            yield
        finally:
            self.functions.update_event_source_mapping(UUID=mapping, Enabled=True)


def wait_for[T](wanted: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (found := wanted()):
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": stack.engine.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "TABLE_NAME": stack.outputs["TableName"],
            "BUCKET_NAME": stack.outputs["DataBucketName"],
        }.items():
            patch.setenv(name, value)
        client.cache_clear()
        yield World(stack)
        client.cache_clear()


@pytest.fixture(scope="module")
def slow(world: World) -> str:
    return world.deploy("slow.py")


@pytest.fixture(scope="module")
def failing(world: World) -> str:
    return world.deploy("failing.py")


@pytest.fixture(scope="module")
def worker(world: World) -> str:
    return world.deploy("callback_worker.py")


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
    assert world.states_of(job) == ["Scheduled?", "Initialize", "Start", "Runner?", "RunLambda", "Again?", "Complete"]


@pytest.mark.parametrize(
    ("how", "error"), [("expected", "There was nothing to do."), ("unexpected", "an unexpected one")]
)
def test_failure(world: World, admin: Caller, failing: str, how: str, error: str) -> None:
    job = world.wait(world.put(failing, how=how), Status.COMPLETED, Status.FAILED)
    assert (job.status, job.error) == (Status.FAILED, error)
    assert admin.texts(job.id)[-1] == f"Failed: {error}"
    world.wait_for_execution(job, "FAILED")
    assert world.found(job) == job  # settle, told of the execution's end, changed nothing


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
    assert world.found(job) == job


def test_scheduled(world: World, admin: Caller, slow: str) -> None:
    job = world.scheduled(slow, 3)
    world.wait_for_execution(job, "RUNNING")
    assert job == world.found(job)
    done = world.wait(job, Status.COMPLETED, Status.FAILED)
    assert done.status is Status.COMPLETED
    assert (done.queued_at or 0) >= (job.start_at or 0)
    assert admin.texts(job.id)[0].startswith("Scheduled to start at ")
    assert world.states_of(job)[:4] == ["Scheduled?", "WaitForStart", "Enqueue", "Initialize"]


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
        world.wait_for_execution(job, "SUCCEEDED")
    assert world.states_of(job) == ["Scheduled?", "Initialize", "Superseded"]
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


def test_what_the_stream_lost_is_started_by_reconcile(world: World, slow: str) -> None:
    with world.without_stream():
        long_ago = now_ms() - 120_000
        job = world.put(slow, seconds="0.2", created_at=long_ago, queued_at=long_ago, updated_at=long_ago)
        assert world.execution(job) is None
        assert world.invoke("ReconcileFunction", {})["started"] >= 1
    assert world.wait(job, Status.COMPLETED, Status.FAILED).status is Status.COMPLETED
