"""A tenant of its own on a local stack: a workflow, and who may call in each dialect; and the engine, from behind."""

from __future__ import annotations

import io
import os
import signal
import time
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from jobyard_cli.manage import Manage
from local.stack import LocalStack
from tests.e2e.api import token_of
from tests.promises.history.calls import NEVER, Call
from tests.promises.history.dialects import Alteryx, Dialect, OpenReplay, Tencent

BUCKET = "history-1250000000"
STARTED = 10.0
"""Seconds after which a process has begun to take calls."""

CODE = Path(__file__).with_name("workflow.py").read_text(encoding="utf-8")


class World:
    def __init__(self, stack: LocalStack, code: str = CODE) -> None:
        """``code``: of the module that the jobs run."""
        self.stack = stack
        self.tenant = f"load-{uuid4().hex[:8]}"
        self._machine = stack.client("stepfunctions")
        manage = Manage(stack.client("lambda"), stack.outputs["ManageFunctionName"])
        self.function = f"{stack.outputs['WorkflowFunctionPrefix']}{self.tenant}"
        _deploy(stack, self.function, code)
        runner = {"type": "lambda", "functionName": self.function}
        workflow = manage.call("workflows.register", self.tenant, name="steps", runner=runner)["id"]
        client = manage.call("clients.create", self.tenant, name="Load", role="Curator")
        project = manage.call("projects.create", self.tenant, name="Load", workflowId=workflow)
        api_key = manage.call("keys.create", self.tenant, name="Load")["apiKey"]
        secret = manage.call("secrets.create", self.tenant, name="Load", bucket=BUCKET)
        alteryx = stack.config["alteryx"]
        credentials = {"client_id": client["clientId"], "client_secret": client["clientSecret"]}
        token = token_of(alteryx["token_url"], credentials)
        self.dialects: tuple[Dialect, ...] = (
            Alteryx(alteryx["base_url"], token, workflow),
            OpenReplay(stack.base_url, api_key, project["projectKey"]),
            Tencent(stack.base_url, secret["secretId"], secret["secretKey"], workflow),
        )

    def stop(self, id: str) -> bool:
        """Stop the execution of a job by hand, as an operator does in the console. False if it cannot be."""
        try:
            self._machine.stop_execution(executionArn=self._execution(id), error="Stopped", cause="By hand.")
        except self._machine.exceptions.ClientError:
            return False  # it has not begun, or has ended
        return True

    def stopped(self, id: str, dialect: str, began: float, now: float) -> Call | None:
        """When the execution of a job ended; None where there never was one. ``began``: the wall clock at time 0."""
        try:
            told = self._machine.describe_execution(executionArn=self._execution(id))
        except self._machine.exceptions.ExecutionDoesNotExist:
            return None
        at = NEVER if told["status"] == "RUNNING" else told["stopDate"].timestamp() - began
        note = f"the execution is {told['status']}"
        return Call("-", dialect, "stopped", min(at, now), at, job=id, status=200, note=note)

    def kill_one(self, chance: Random, functions: Iterable[str]) -> str:
        """Kill a process in which one of the functions runs, as a crash would; which. Empty if none has one."""
        wanted = set(functions)
        found = [(pid, name) for pid, name in self._workers() if name in wanted]
        if not found:
            return ""
        pid, name = chance.choice(found)
        os.kill(pid, signal.SIGKILL)
        return name

    def _workers(self) -> list[tuple[int, str]]:
        """Processes that the engine runs functions in, and which: by logical name, ``workflow`` for the load's own."""
        process = self.stack.engine._process
        assert process
        names = {
            physical: logical.removesuffix("Function").lower()
            for logical, physical in self.stack.deployment.resources.items()
            if logical.endswith("Function")
        } | {self.function: "workflow"}
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                # Behind the command, which may hold anything but is in brackets.
                told = status.read_text().rpartition(")")[2].split()
                parent, started = int(told[1]), int(told[19]) / os.sysconf("SC_CLK_TCK")
                # The engine takes one that dies while it starts for a function that cannot start, and ends them all.
                if parent != process.pid or time.clock_gettime(time.CLOCK_BOOTTIME) - started < STARTED:
                    continue
                command = status.with_name("cmdline").read_text(errors="replace")
                found += [
                    (int(status.parent.name), name)
                    for physical, name in names.items()
                    if f"ministack-lambda-{physical}-" in command
                ]
        return found

    def _execution(self, id: str) -> str:
        return f"{self.stack.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{id}"


def _deploy(stack: LocalStack, name: str, code: str) -> Any:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("app.py", code)
    place = {"TABLE_NAME": stack.outputs["TableName"], "BUCKET_NAME": stack.outputs["DataBucketName"]}
    return stack.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": archive.getvalue()},
        Layers=[stack.outputs["RunnerLayerArn"]],
        Environment={"Variables": place},
        Timeout=60,
    )
