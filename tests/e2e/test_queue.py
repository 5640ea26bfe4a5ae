"""Queues, runs that are tried again, time limits and workers outside of AWS, with the whole stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobyard.model import Job, Person, Priority, Question, Retries, Runner, Status
from jobyard.model.ids import now_ms
from jobyard.store import jobs
from local.stack import LocalStack
from local.template import ROOT
from tests.e2e.api import Caller
from tests.e2e.behind import World, wait_for

BOB = Person("b" * 24, "Bob Member")
ENDED = (Status.COMPLETED, Status.FAILED)


def test_jobs_of_one_slot_run_one_after_the_other_by_priority(world: World, admin: Caller, slow: str) -> None:
    assert admin.http.put("/v3/queues/narrow", json={"slots": 1, "paused": True}).status_code == 200
    low, high = (
        world.put(slow, seconds="1", worker_tag="narrow", priority=each) for each in (Priority.LOW, Priority.HIGH)
    )
    waits = wait_for(lambda: admin.http.get(f"/v3/jobs/{low.id}").json()["waitingFor"], "paused")
    assert waits == "queue narrow to be resumed"
    assert admin.http.patch("/v3/queues/narrow", json={"paused": False}).json()["slots"] == 1
    first, second = (world.wait(job, Status.COMPLETED, Status.FAILED) for job in (high, low))
    assert first.status is second.status is Status.COMPLETED
    assert (second.started_at or 0) >= (first.finished_at or 0)
    wait_for(lambda: admin.http.get("/v3/queues/narrow").json()["running"] == 0, "the slot is given back")


@pytest.fixture(scope="module")
def flaky(world: World) -> str:
    return world.deploy("flaky.py")


def test_work_that_fails_twice_and_may_be_tried_twice_more_completes(world: World, admin: Caller, flaky: str) -> None:
    job = world.wait(world.put(flaky, how="3", retries=Retries(2, 1)), *ENDED)
    assert (job.status, job.error) == (Status.COMPLETED, None)
    assert [text for text in admin.texts(job.id) if text.startswith("Run ")] == ["Run 1.", "Run 2.", "Run 3."]
    assert world.states_of(job).count("WaitToRetry") == 2


def test_work_that_fails_more_often_than_it_may_fails(world: World, flaky: str) -> None:
    job = world.wait(world.put(flaky, how="9", retries=Retries(1, 1)), *ENDED)
    assert (job.status, job.error) == (Status.FAILED, "Not yet.")
    assert world.states_of(job).count("RunLambda") == 2


@pytest.mark.parametrize("scheduled", [False, True], ids=["manual", "scheduled"])
def test_a_time_limit_holds(world: World, slow: str, scheduled: bool) -> None:
    at = now_ms() + 1000
    when: dict[str, Any] = {"status": Status.SCHEDULED, "queued_at": None, "start_at": at} if scheduled else {}
    job = world.wait(world.put(slow, seconds="20", time_limit=2, retries=Retries(3, 1), **when), *ENDED)
    assert (job.status, job.error) == (Status.FAILED, "The workflow did not end within its time.")
    assert 2000 <= (job.finished_at or 0) - (job.started_at or 0) < 10_000


type Begin = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def begin(stack: LocalStack) -> Iterator[Begin]:
    """Starts a process with what a worker has: the stack's names, and credentials."""
    place = {
        "AWS_ENDPOINT_URL": stack.engine.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TABLE_NAME": stack.outputs["TableName"],
        "BUCKET_NAME": stack.outputs["DataBucketName"],
        "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in ("layers/jobyard", "cli")),
    }
    begun: list[subprocess.Popen[bytes]] = []

    def process(*arguments: str) -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen([sys.executable, *arguments], env=os.environ | place))
        return begun[-1]

    yield process
    for each in begun:
        each.kill()
        each.wait()


class Queue:
    """An SQS queue of a workflow; its jobs render so many frames, half a second each."""

    def __init__(self, world: World, stack: LocalStack, name: str) -> None:
        self.world, self.sqs = world, stack.client("sqs")
        self.name = f"{stack.outputs['WorkflowFunctionPrefix']}{name}"
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = found["Attributes"]["QueueArn"]

    def put(self, frames: int, heartbeat: int = 60, retries: Retries | None = None) -> Job:
        asked = (Question("frames", str(frames)),)
        return self.world.put(self.arn, questions=asked, runner=Runner("sqs", self.arn, heartbeat), retries=retries)


def test_a_worker_takes_jobs_notices_a_cancel_and_goes_on(
    world: World, admin: Caller, stack: LocalStack, begin: Begin
) -> None:
    queue = Queue(world, stack, "render")
    begin(str(ROOT / "examples" / "worker.py"), queue.url)
    long = queue.put(frames=900)
    wait_for(lambda: "Rendering 900 frames." in admin.texts(long.id), "the worker has the job")
    found = world.found(long)
    assert found
    assert jobs.cancel(found, BOB, now_ms()).done
    short = world.wait(queue.put(frames=2), *ENDED)
    assert (short.status, short.error) == (Status.COMPLETED, None)
    assert [output.name for output in short.outputs] == ["frames.txt"]
    left = world.found(long)
    assert left
    assert (left.status, left.outputs) == (Status.CANCELLED, ())


def test_the_job_of_a_worker_that_was_killed_is_given_to_another(
    world: World, admin: Caller, stack: LocalStack, begin: Begin
) -> None:
    queue = Queue(world, stack, "render-again")
    example = str(ROOT / "examples" / "worker.py")
    first = begin(example, queue.url)
    # Time enough for each to begin: it counts from when the message is sent.
    job = queue.put(frames=8, heartbeat=12, retries=Retries(1, 1))
    wait_for(lambda: "Rendering 8 frames." in admin.texts(job.id), "the worker has the job")
    first.send_signal(signal.SIGKILL)
    first.wait()
    begin(example, queue.url)
    done = world.wait(job, *ENDED)
    assert (done.status, done.error) == (Status.COMPLETED, None)
    assert admin.texts(job.id).count("Rendering 8 frames.") == 2


def test_a_worker_that_dies_fails_its_job_where_it_may_not_be_tried_again(
    world: World, admin: Caller, stack: LocalStack, begin: Begin
) -> None:
    queue = Queue(world, stack, "render-once")
    first = begin(str(ROOT / "examples" / "worker.py"), queue.url)
    job = queue.put(frames=30, heartbeat=12)
    wait_for(lambda: "Rendering 30 frames." in admin.texts(job.id), "the worker has the job")
    first.kill()
    done = world.wait(job, *ENDED)
    assert (done.status, done.error) == (Status.FAILED, "The worker gave no sign of life within its time.")


def test_the_command_runs_any_program_for_a_job(world: World, admin: Caller, stack: LocalStack, begin: Begin) -> None:
    queue = Queue(world, stack, "command")
    program = "import json, os, sys; job = json.load(sys.stdin); print(job['questions']['frames'], flush=True); "
    program += "open(os.environ['JOBYARD_OUTPUTS'] + '/answer.txt', 'w').write('done')"
    asked = f"{{}}, {queue.name!r}, [{sys.executable!r}, '-c', {program!r}], once=True"
    code = f"from jobyard_cli import worker; worker.work({asked})"
    command = begin("-c", code)
    done = world.wait(queue.put(frames=7), *ENDED)
    assert (done.status, done.error, [output.name for output in done.outputs]) == (
        Status.COMPLETED,
        None,
        ["answer.txt"],
    )
    assert "7" in admin.texts(done.id)
    assert command.wait(timeout=30) == 0
