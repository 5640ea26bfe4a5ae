"""The stack, seen from behind: its table, its state machine, and functions that serve as workflows."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jobyard.model import Job, Question, Runner, Status
from jobyard.model.ids import now_ms, object_id
from jobyard.store import jobs
from local.stack import LocalStack
from tests.factories import a_job

WORKFLOWS = Path(__file__).with_name("workflows")
PATIENCE = 60.0


class World:
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
        """The ARN of a function made of a file of ``workflows/``, as a job author would make one; made once."""
        name = f"{self._outputs['WorkflowFunctionPrefix']}life-{file.removesuffix('.py').replace('_', '-')}"
        with suppress(self.functions.exceptions.ResourceNotFoundException):
            return str(self.functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"])
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", (WORKFLOWS / file).read_text(encoding="utf-8"))
        made = self.functions.create_function(
            FunctionName=name,
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
