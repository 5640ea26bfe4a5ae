"""MiniStack, with what it lacks for us made up for. Run by its own environment's Python: it imports nothing of ours.

Each change has its reason beside it. All replace or wrap private functions of one release, so another release is
refused: read its source, adapt what is here, run the end-to-end tests, and only then change TESTED_VERSION.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import inspect
import io
import json
import os
import shutil
import signal
import sys
import threading
import time
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

TESTED_VERSION = "1.5.33"


def guard(module: Any, name: str, parameters: list[str]) -> Any:
    """The function `name` of `module`, if it is there and takes what the one that was read takes."""
    function = getattr(module, name, None)
    found = list(inspect.signature(function).parameters) if callable(function) else None
    if found != parameters:
        sys.exit(
            f"MiniStack's {module.__name__}.{name} takes {found}, not {parameters}: "
            "local/engine_entry.py must be adapted"
        )
    return function


class Callbacks:
    """`.waitForTaskToken` as in AWS.

    The stock engine ignores HeartbeatSeconds, waits for the whole TimeoutSeconds when the invoke itself failed, gives
    each retry the same token, and goes on taking a token's answers after its execution was stopped.
    """

    def __init__(self, stepfunctions: Any) -> None:
        self._engine = stepfunctions
        self._execute_task = guard(stepfunctions, "_execute_task", ["state_def", "raw_input", "execution", "ctx"])
        self._invoke_resource = guard(stepfunctions, "_invoke_resource", ["resource", "input_data"])
        guard(stepfunctions, "_invoke_with_callback", ["resource", "input_data", "token", "state_def"])
        self._evaluate = guard(
            stepfunctions, "_apply_jsonata_template", ["value", "raw_input", "ctx", "result", "error_output"]
        )
        self._tokens = stepfunctions._task_tokens
        self._failure: type[Exception] = stepfunctions._ExecutionError
        # The execution and the context object of the task that this thread runs.
        self._present = threading.local()
        # Grows by one token per task that ended unanswered; the engine lives for one run.
        self._ended: set[str] = set()

    def patch(self) -> None:
        self._engine._execute_task = self.execute_task
        self._engine._invoke_with_callback = self.invoke_with_callback
        for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
            setattr(self._engine, name, self.answered(guard(self._engine, name, ["data"])))

    def execute_task(self, state_def: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
        outer = getattr(self._present, "task", None)
        self._present.task = (execution, ctx)
        # The stock engine takes a task's times for numbers; in AWS they may be expressions.
        times = {name: state_def[name] for name in ("TimeoutSeconds", "HeartbeatSeconds") if name in state_def}
        state_def = state_def | self._evaluate(times, raw_input, ctx)
        try:
            return self._execute_task(state_def, raw_input, execution, ctx)
        finally:
            self._present.task = outer

    def invoke_with_callback(self, resource: str, input_data: Any, token: str, state_def: dict[str, Any]) -> Any:
        execution, ctx = self._present.task
        info: dict[str, Any] = {"event": threading.Event(), "result": None, "error": None, "beat": time.monotonic()}
        self._tokens[token] = info
        try:
            self._invoke_resource(resource.replace(".waitForTaskToken", ""), input_data)
            self._wait(info, state_def, execution)
        finally:
            self._tokens.pop(token, None)
            if not info["event"].is_set():
                self._ended.add(token)
            # A retry evaluates its arguments anew, with this token.
            ctx["Task"] = {"Token": self._engine.new_uuid()}
        if info["error"]:
            raise self._failure(info["error"]["Error"], info["error"]["Cause"])
        return json.loads(info["result"])

    def _wait(self, info: dict[str, Any], state_def: dict[str, Any], execution: dict[str, Any]) -> None:
        timeout = float(state_def.get("TimeoutSeconds", 99_999_999))
        heartbeat = float(state_def.get("HeartbeatSeconds", timeout))
        deadline = info["beat"] + timeout
        while True:
            silent = info["beat"] + heartbeat
            remaining = min(deadline, silent) - time.monotonic()
            if info["event"].wait(min(max(remaining, 0), 0.2)):
                return
            if execution["status"] != "RUNNING":
                raise self._failure("States.TaskFailed", "The execution was stopped")
            if remaining <= 0:
                if silent < deadline:
                    raise self._failure("States.HeartbeatTimeout", "No heartbeat came in time")
                raise self._failure("States.Timeout", "No answer came in time")

    def answered(self, answer: Any) -> Any:
        def checked(data: dict[str, Any]) -> Any:
            token = data.get("taskToken", "")
            if token in self._ended:
                return self._engine.error_response_json("TaskTimedOut", "The task is over", 400)
            with contextlib.suppress(KeyError):
                self._tokens[token]["beat"] = time.monotonic()
            return answer(data)

        return checked


def patch_logs(lambda_runtime: Any) -> None:
    """Each line that a function writes goes to our standard output at once, as `{"function", "line"}`.

    The engine shows it in CloudWatch Logs when the invocation is over, which is minutes late for a long job, and makes
    a log stream of each invocation, so that polling grows dearer with every request.
    """
    worker = lambda_runtime.Worker
    guard(worker, "_read_stderr", ["self"])

    def read_stderr(self: Any) -> None:
        with contextlib.suppress(ValueError):
            for line in self._proc.stderr:
                text = line.rstrip("\n")
                self._stderr_queue.put(text)
                print(json.dumps({"function": self.func_name, "line": text}), flush=True)

    worker._read_stderr = read_stderr


def patch_scheduler(scheduler: Any, eventbridge: Any) -> None:
    """`<aws.scheduler.scheduled-time>` in a target's input is the time, as in AWS: the stock engine leaves it there.

    What is due is looked for each ten seconds, so the time is later than that by as much.
    """
    guard(scheduler, "_tick_schedules", [])
    invoke = guard(eventbridge, "_invoke_target", ["target", "event", "rule", "view"])

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> Any:
        given = target.get("Input")
        if given and event.get("Source") == "aws.scheduler":
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event["Time"]))
            target = target | {"Input": given.replace("<aws.scheduler.scheduled-time>", now)}
        return invoke(target, event, rule, view)

    eventbridge._invoke_target = invoke_target


class Layers:
    """A layer is unpacked once, and shared by all workers, as /opt is read-only in AWS.

    The engine unpacks it for each worker anew: with ours that is 1,500 files, and most of the time of a cold start.
    """

    def __init__(self, lambda_runtime: Any, lambda_svc: Any) -> None:
        self._worker = lambda_runtime.Worker
        self._spawn = guard(self._worker, "_spawn", ["self"])
        self._archive = guard(lambda_svc, "_resolve_layer_zip", ["attachment"])
        self._lock = threading.Lock()

    def patch(self) -> None:
        def spawn(worker: Any) -> None:
            stated = worker.config
            folders = [self.unpacked(attachment) for attachment in stated.get("Layers", [])]
            environment = stated.get("Environment", {})
            # What the engine itself sets after it has unpacked them.
            variables = environment.get("Variables", {}) | {"_LAMBDA_LAYERS_DIRS": os.pathsep.join(folders)}
            worker.config = stated | {"Layers": [], "Environment": environment | {"Variables": variables}}
            try:
                self._spawn(worker)
            finally:
                worker.config = stated

        self._worker._spawn = spawn

    def unpacked(self, attachment: Any) -> str:
        archive = self._archive(attachment)
        if not archive:
            raise RuntimeError(f"The content of layer {attachment} is not there")
        folder = Path(os.environ["TMPDIR"], "layers", hashlib.sha256(archive).hexdigest())
        with self._lock:
            if not folder.is_dir():
                unfinished = folder.with_suffix(".part")
                with zipfile.ZipFile(io.BytesIO(archive)) as content:
                    content.extractall(unfinished)
                unfinished.rename(folder)
        return str(folder)


def beside(name: str) -> ModuleType:
    """The module `name` in this file's folder, which is not on the path (`engine.py` starts us with -P)."""
    spec = importlib.util.spec_from_file_location(f"jobyard_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def end_with_parent() -> None:
    """End, with all that we started, when the pipe to our parent closes: it may have been killed before it ended us."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    version = importlib.metadata.version("ministack")
    if version != TESTED_VERSION:
        sys.exit(
            f"MiniStack {version} is not {TESTED_VERSION}, with which local/engine_entry.py was tested: see its head"
        )

    from ministack import app
    from ministack.core import lambda_runtime
    from ministack.services import eventbridge, lambda_svc, scheduler, stepfunctions

    Callbacks(stepfunctions).patch()
    Layers(lambda_runtime, lambda_svc).patch()
    maps = beside("engine_map")
    maps.DistributedMaps(stepfunctions, guard, maps.put).patch()
    patch_scheduler(scheduler, eventbridge)
    patch_logs(lambda_runtime)
    end_with_parent()
    sys.argv[1:] = []
    app.main()


if __name__ == "__main__":
    main()
