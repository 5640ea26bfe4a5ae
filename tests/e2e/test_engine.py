"""What local/engine_entry.py makes up for in the engine, proved on the engine: task tokens as AWS has them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.engine import Engine

FUNCTION = """
import os, boto3
def handler(event, context):
    if event.get("fail"):
        raise ValueError("refused")
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=event["token"])
"""
ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture(scope="module")
def queue(engine: Engine) -> str:
    return str(engine.client("sqs").create_queue(QueueName="tokens")["QueueUrl"])


@pytest.fixture(scope="module")
def function(engine: Engine, queue: str) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    made = engine.client("lambda").create_function(
        FunctionName="worker",
        Runtime="python3.13",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"QUEUE_URL": queue}},
        Timeout=30,
    )
    return str(made["FunctionArn"])


@pytest.fixture
def start(engine: Engine, function: str, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Starts an execution of one callback task with these fields; its ARN."""

    def started(payload: dict[str, Any] | None = None, **fields: Any) -> str:
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {
                "FunctionName": function,
                "Payload": {"token": "{% $states.context.Task.Token %}", **(payload or {})},
            },
            "TimeoutSeconds": 60,
            "End": True,
            **fields,
        }
        states = engine.client("stepfunctions")
        machine = states.create_state_machine(
            name=request.node.name,
            roleArn=ROLE,
            definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Work", "States": {"Work": task}}),
        )["stateMachineArn"]
        return str(states.start_execution(stateMachineArn=machine)["executionArn"])

    return started


def token_from(engine: Engine, queue: str) -> str:
    sqs = engine.client("sqs")
    message = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return str(message["Body"])


def ended(engine: Engine, execution: str) -> dict[str, Any]:
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:
        told: dict[str, Any] = engine.client("stepfunctions").describe_execution(executionArn=execution)
        if told["status"] != "RUNNING":
            return told
        time.sleep(0.1)
    raise AssertionError(f"{execution} still runs")


def test_a_task_that_is_silent_for_its_heartbeat_fails(engine: Engine, queue: str, start: Callable[..., str]) -> None:
    execution = start(HeartbeatSeconds=2)
    token_from(engine, queue)
    assert ended(engine, execution)["error"] == "States.HeartbeatTimeout"


def test_heartbeats_keep_a_task_alive(engine: Engine, queue: str, start: Callable[..., str]) -> None:
    execution = start(HeartbeatSeconds=4)
    token = token_from(engine, queue)
    states = engine.client("stepfunctions")
    for _ in range(6):
        time.sleep(1)
        states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output='{"done": true}')
    told = ended(engine, execution)
    assert (told["status"], json.loads(told["output"])) == ("SUCCEEDED", {"done": True})


def test_a_task_times_out_however_it_beats(engine: Engine, queue: str, start: Callable[..., str]) -> None:
    execution = start(TimeoutSeconds=3, HeartbeatSeconds=2)
    token = token_from(engine, queue)
    states = engine.client("stepfunctions")
    for _ in range(10):
        try:
            states.send_task_heartbeat(taskToken=token)
        except states.exceptions.TaskTimedOut:
            break
        time.sleep(0.5)
    assert ended(engine, execution)["error"] == "States.Timeout"


def test_a_task_whose_function_fails_fails_at_once(engine: Engine, start: Callable[..., str]) -> None:
    told = ended(engine, start({"fail": True}))
    assert told["status"] == "FAILED"
    assert "refused" in told["cause"]


def test_a_retry_has_a_token_of_its_own(engine: Engine, queue: str, start: Callable[..., str]) -> None:
    execution = start(Retry=[{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}])
    states = engine.client("stepfunctions")
    first = token_from(engine, queue)
    states.send_task_failure(taskToken=first, error="Again")
    second = token_from(engine, queue)
    assert first != second
    states.send_task_success(taskToken=second, output="{}")
    assert ended(engine, execution)["status"] == "SUCCEEDED"


def test_a_stopped_execution_takes_no_answer(engine: Engine, queue: str, start: Callable[..., str]) -> None:
    execution = start()
    token = token_from(engine, queue)
    states = engine.client("stepfunctions")
    states.stop_execution(executionArn=execution)
    time.sleep(0.5)
    with pytest.raises(states.exceptions.TaskTimedOut):
        states.send_task_heartbeat(taskToken=token)
