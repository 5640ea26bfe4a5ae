"""What is asked of Step Functions, and how each of its answers is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from jobyard.aws import ClientError, client
from jobyard.lifecycle import executions
from jobyard.model import Question, Runner, Status
from tests.factories import FUNCTION, NOW, a_job

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-job"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:jobyard-job"
START = datetime(2025, 12, 1, tzinfo=UTC)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "STATE_MACHINE_ARN": MACHINE,
    }.items():
        monkeypatch.setenv(name, value)
    client.cache_clear()
    with Stubber(client("stepfunctions")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
    client.cache_clear()


def starts(machine: Stubber, id: str, input: dict[str, Any]) -> None:
    text = json.dumps(input, ensure_ascii=False, separators=(",", ":"))
    asked = {"stateMachineArn": MACHINE, "name": id, "input": text}
    machine.add_response("start_execution", {"executionArn": f"{EXECUTION}:{id}", "startDate": START}, asked)


def test_an_execution_has_its_jobs_name_and_all_that_its_states_read(machine: Stubber) -> None:
    job = a_job(
        questions=(Question("input", "s3://b/ü.csv"), Question("n", "1")), settings={"sample": 10, "ratio": 0.5}
    )
    inner = {
        "id": job.id,
        "tenant": "acme",
        "workflow": {"id": "f" * 24, "name": "Profile"},
        "questions": {"input": "s3://b/ü.csv", "n": "1"},
        "settings": {"sample": 10, "ratio": 0.5},
        "submittedBy": {"id": "a" * 24, "name": "Ada Admin"},
    }
    starts(
        machine,
        job.id,
        {
            "pk": f"JOB#acme#{job.id}",
            "tenant": "acme",
            "jobId": job.id,
            "runner": {"type": "lambda", "arn": FUNCTION},
            "job": inner,
        },
    )
    assert executions.start(job) is True


def test_a_scheduled_job_waits_for_its_time(machine: Stubber) -> None:
    job = a_job(status=Status.SCHEDULED, start_at=NOW + 7, runner=Runner("callback", FUNCTION))
    given = executions._input(job)
    assert given["startAt"] == "2025-12-01T00:00:00.007Z"
    assert given["runner"]["type"] == "callback"


def test_a_queued_job_waits_for_nothing(machine: Stubber) -> None:
    assert "startAt" not in executions._input(a_job(start_at=NOW))


def test_a_second_start_is_harmless(machine: Stubber) -> None:
    machine.add_client_error("start_execution", "ExecutionAlreadyExists")
    assert executions.start(a_job()) is False


@pytest.mark.parametrize("code", ["InvalidExecutionInput", "InvalidName", "ValidationException"])
def test_a_start_that_never_can_be_is_told_apart(machine: Stubber, code: str) -> None:
    machine.add_client_error("start_execution", code, "too large")
    with pytest.raises(executions.CannotStart, match="too large"):
        executions.start(a_job())


@pytest.mark.parametrize("code", ["ThrottlingException", "StateMachineDoesNotExist", "AccessDeniedException"])
def test_a_start_that_may_come_later_is_an_error(machine: Stubber, code: str) -> None:
    machine.add_client_error("start_execution", code)
    with pytest.raises(ClientError):
        executions.start(a_job())


def test_a_stop_names_the_execution_and_says_why(machine: Stubber) -> None:
    asked = {"executionArn": f"{EXECUTION}:abc", "cause": executions.STOPPED_CAUSE}
    machine.add_response("stop_execution", {"stopDate": START}, asked)
    executions.stop("abc")


@pytest.mark.parametrize("code", ["ExecutionDoesNotExist", "ValidationException"])
def test_stopping_what_does_not_run_is_harmless(machine: Stubber, code: str) -> None:
    machine.add_client_error("stop_execution", code)
    executions.stop("abc")


def test_a_stop_that_was_refused_is_an_error(machine: Stubber) -> None:
    machine.add_client_error("stop_execution", "ThrottlingException")
    with pytest.raises(ClientError):
        executions.stop("abc")


def described(status: str, **more: Any) -> dict[str, Any]:
    return {
        "executionArn": f"{EXECUTION}:abc",
        "stateMachineArn": MACHINE,
        "startDate": START,
        "status": status,
        "input": json.dumps({"jobId": "abc", "tenant": "acme"}),
        **more,
    }


@pytest.mark.parametrize(
    ("status", "going_on"),
    [("RUNNING", True), ("PENDING_REDRIVE", True), ("SUCCEEDED", False), ("FAILED", False), ("TIMED_OUT", False),
     ("ABORTED", False)],
)  # fmt: skip
def test_an_execution_is_found_with_its_tenant(machine: Stubber, status: str, going_on: bool) -> None:
    machine.add_response("describe_execution", described(status, cause="why"), {"executionArn": f"{EXECUTION}:abc"})
    found = executions.find("abc")
    assert found == executions.Execution("abc", "acme", status, "", "why")
    assert found.going_on is going_on


def test_no_execution_is_none(machine: Stubber) -> None:
    machine.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert executions.find("abc") is None


def test_all_pages_of_running_executions_are_read(machine: Stubber) -> None:
    def page(*names: str, **more: str) -> dict[str, Any]:
        each = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": "RUNNING", "startDate": START}
        return {"executions": [each | {"name": name} for name in names], **more}

    asked = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
    machine.add_response("list_executions", page("a", "b", nextToken="t"), asked)
    machine.add_response("list_executions", page("c"), asked | {"nextToken": "t"})
    assert list(executions.running()) == [executions.Running(name, NOW) for name in "abc"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "no json",
        "null",
        "[]",
        "7",
        "{}",
        '{"jobId": "other", "tenant": "acme"}',
        '{"jobId": "abc", "tenant": 1}',
    ],
)
def test_what_was_started_by_hand_has_no_tenant(text: str | None) -> None:
    assert executions.tenant_of("abc", text) is None


def test_a_nested_execution_is_stopped_before_the_jobs_and_once_more_after_it(machine: Stubber) -> None:
    nested = "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-workflow-many"
    of_nested = f"{nested.replace(':stateMachine:', ':execution:')}:abc"
    for arn in (of_nested, f"{EXECUTION}:abc", of_nested):
        asked = {"executionArn": arn, "cause": executions.STOPPED_CAUSE}
        machine.add_response("stop_execution", {"stopDate": START}, asked)
    executions.stop("abc", Runner("stateMachine", nested))


def test_a_nested_one_that_is_gone_does_not_keep_the_jobs_alive(machine: Stubber) -> None:
    machine.add_client_error("stop_execution", "ExecutionDoesNotExist")
    machine.add_response("stop_execution", {"stopDate": START})
    machine.add_client_error("stop_execution", "ExecutionDoesNotExist")
    executions.stop("abc", Runner("stateMachine", "arn:aws:states:us-east-1:0:stateMachine:jobyard-workflow-many"))
