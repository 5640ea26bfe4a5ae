"""Each way that a job's life can go, run by the real state machine in the local engine."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from local.stack import LocalStack
from tests.e2e.api import Caller

WORKFLOWS = Path(__file__).with_name("workflows")


@pytest.fixture(scope="module")
def slow(stack: LocalStack) -> str:
    return stack.add_workflow(WORKFLOWS / "slow.py")


@pytest.fixture(scope="module")
def failing(stack: LocalStack) -> str:
    return stack.add_workflow(WORKFLOWS / "failing.py")


@pytest.fixture(scope="module")
def callback(stack: LocalStack) -> str:
    return stack.add_workflow(WORKFLOWS / "callback_worker.py", kind="callback")


def execution_of(stack: LocalStack, name: str) -> str:
    return stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"


def ended(admin: Caller, job_id: str) -> tuple[str, str]:
    job = admin.wait(job_id, "Completed", "Cancelled")
    return job["status"], job["disposition"]


def test_success(admin: Caller, slow: str) -> None:
    job_id = admin.submit(workflow=slow, questions={"seconds": "0.5"})
    assert ended(admin, job_id) == ("Completed", "Success")
    texts = admin.texts(job_id)
    assert "Working for 0.5 seconds." in texts
    assert [output["name"] for output in admin.job(job_id)["outputs"]] == ["done.txt"]


@pytest.mark.parametrize(
    ("how", "reason"), [("expected", "There was nothing to do."), ("exception", "an unexpected one"), ("crash", "")]
)
def test_failure_ends_with_its_reason(admin: Caller, failing: str, how: str, reason: str) -> None:
    job_id = admin.submit(workflow=failing, questions={"how": how})
    assert ended(admin, job_id) == ("Completed", "Error")
    errors = [message["text"] for message in admin.job(job_id)["messages"] if message["status"] == 3]
    assert errors
    assert reason in errors[-1]


def test_a_function_that_runs_out_of_time_fails_its_job(stack: LocalStack, admin: Caller) -> None:
    workflow = stack.add_workflow(WORKFLOWS / "slow.py", timeout=2)
    job_id = admin.submit(workflow=workflow, questions={"seconds": "30"})
    assert ended(admin, job_id) == ("Completed", "Error")
    assert "timed out" in admin.texts(job_id)[-1]


def test_cancelled_while_it_runs(stack: LocalStack, admin: Caller, slow: str) -> None:
    job_id = admin.submit(workflow=slow, questions={"seconds": "20"})
    admin.wait(job_id, "Running")
    admin.wait_until(job_id, lambda _: "Working for 20 seconds." in admin.texts(job_id), "at work")
    assert admin.cancel(job_id).status_code == 200
    assert ended(admin, job_id) == ("Cancelled", "Cancelled")
    # The function notices, and what it does then changes nothing.
    admin.wait_until(job_id, lambda _: "Cancelled: stopping." in admin.texts(job_id), "told by its function")
    describe = stack.client("stepfunctions").describe_execution
    admin.wait_until(
        job_id, lambda _: describe(executionArn=execution_of(stack, job_id))["status"] == "ABORTED", "stopped"
    )
    assert ended(admin, job_id) == ("Cancelled", "Cancelled")


def test_cancelled_while_it_is_queued_it_is_gone_and_never_runs(stack: LocalStack, admin: Caller, slow: str) -> None:
    job_id = admin.submit(workflow=slow, questions={"seconds": "1"})
    answered = admin.cancel(job_id)
    assert answered.status_code == 200, answered.text
    time.sleep(3)
    found = admin.http.get(f"/v3/jobs/{job_id}")
    # Between the two calls it may have left the queue.
    assert found.status_code == 404 or found.json()["status"] == "Cancelled", found.text
    states = stack.client("stepfunctions")
    running = states.list_executions(stateMachineArn=stack.outputs["StateMachineArn"], statusFilter="RUNNING")
    assert job_id not in {execution["name"] for execution in running["executions"]}


def test_a_second_execution_does_not_touch_the_job(stack: LocalStack, admin: Caller, slow: str) -> None:
    job_id = admin.submit(workflow=slow, questions={"seconds": "4"})
    admin.wait(job_id, "Running")
    states = stack.client("stepfunctions")
    told = states.describe_execution(executionArn=execution_of(stack, job_id))
    second = states.start_execution(
        stateMachineArn=stack.outputs["StateMachineArn"], name=f"{job_id}-again", input=told["input"]
    )["executionArn"]
    admin.wait_until(
        job_id, lambda _: states.describe_execution(executionArn=second)["status"] == "SUCCEEDED", "superseded"
    )
    assert admin.job(job_id)["status"] == "Running"
    assert ended(admin, job_id) == ("Completed", "Success")
    assert admin.texts(job_id).count("Working for 4 seconds.") == 1


def test_an_execution_stopped_in_the_console_settles_its_job(stack: LocalStack, admin: Caller, slow: str) -> None:
    job_id = admin.submit(workflow=slow, questions={"seconds": "20"})
    admin.wait(job_id, "Running")
    stack.client("stepfunctions").stop_execution(
        executionArn=execution_of(stack, job_id), error="Operator", cause="by hand"
    )
    assert ended(admin, job_id) == ("Completed", "Error")
    assert "by hand" in admin.texts(job_id)[-1]


def test_a_callback_workflow_that_answers_itself(admin: Caller, callback: str) -> None:
    job_id = admin.submit(workflow=callback)
    assert ended(admin, job_id) == ("Completed", "Success")
    assert "Working." in admin.texts(job_id)


@pytest.mark.parametrize(("how", "reason"), [("fail", "The worker gave up."), ("refuse", "No worker is free.")])
def test_a_callback_workflow_that_fails(admin: Caller, callback: str, how: str, reason: str) -> None:
    job_id = admin.submit(workflow=callback, questions={"how": how})
    assert ended(admin, job_id) == ("Completed", "Error")
    assert reason in admin.texts(job_id)[-1]


def test_a_worker_elsewhere_answers_with_its_ticket(stack: LocalStack, admin: Caller, callback: str) -> None:
    job_id = admin.submit(workflow=callback, questions={"how": "elsewhere"})
    job = admin.wait_until(job_id, lambda job: bool(job["outputs"]), "handed on")
    link = admin.http.get(f"/v1/jobs/{job_id}/output/{job['outputs'][0]['id']}").headers["Location"]
    ticket = json.loads(httpx.get(link).raise_for_status().text)
    states = stack.client("stepfunctions")
    states.send_task_heartbeat(taskToken=ticket["taskToken"])
    assert admin.job(job_id)["status"] == "Running"
    states.send_task_success(taskToken=ticket["taskToken"], output="{}")
    assert ended(admin, job_id) == ("Completed", "Success")
