"""Promise 4 where a workflow is tried again, or has a time limit: each job ends, as its workflow says.

The deployed definition is carried out, its expressions included (``harness/machine.py``).
"""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.model import Job, Retries, Runner, Status
from tests.promises.harness.clients import Alteryx
from tests.promises.harness.world import World

SQS = Runner("sqs", "arn:aws:sqs:us-east-1:000000000000:jobyard-workflow-render", 120)


@pytest.fixture(autouse=True)
def _long_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))


def submitted(world: World, **workflow: Any) -> str:
    client = Alteryx(world.yard)
    client.workflow = world.yard.workflow(**workflow)
    made = client.submit("a")
    world.deliver_all()
    while world.machine.able():
        world.machine.step(made.id)
    assert world.machine.working() == [made.id]
    return made.id


def job(world: World, id: str) -> Job:
    return world.jobs()[id]


def fails(world: World, id: str, error: str = "ValueError") -> None:
    world.machine.break_(id, error, "what a pity")
    while world.machine.able():
        world.machine.step(id)


def passes(world: World, seconds: float, id: str) -> None:
    world.clock.advance(seconds)
    while world.machine.able():
        world.machine.step(id)


def test_work_that_failed_is_begun_again_after_longer_and_longer(world: World) -> None:
    id = submitted(world, retries=Retries(2, 10, 3.0))
    for seconds in (10, 30):
        fails(world, id)
        assert job(world, id).status is Status.RUNNING
        assert world.machine.working() == []
        passes(world, seconds - 1, id)
        assert world.machine.working() == []
        passes(world, 2, id)
        assert world.machine.working() == [id]
    fails(world, id)
    assert (job(world, id).status, job(world, id).error) == (Status.FAILED, "what a pity")


def test_work_that_succeeds_the_second_time_completes_the_job(world: World) -> None:
    id = submitted(world, retries=Retries(1))
    fails(world, id)
    passes(world, 11, id)
    world.machine.finish(id)
    passes(world, 0, id)
    assert (job(world, id).status, job(world, id).error) == (Status.COMPLETED, None)


def test_without_retries_the_first_failure_is_the_last(world: World) -> None:
    id = submitted(world)
    fails(world, id)
    assert job(world, id).status is Status.FAILED


def test_what_would_begin_again_behind_the_time_limit_does_not(world: World) -> None:
    id = submitted(world, retries=Retries(5, 10), time_limit=60)
    world.clock.advance(55)
    fails(world, id)
    assert job(world, id).status is Status.FAILED


@pytest.mark.parametrize("runner", [None, SQS])
def test_a_time_limit_bounds_what_is_left_of_each_task(world: World, runner: Runner | None) -> None:
    values = {} if runner is None else {"runner": runner}
    id = submitted(world, time_limit=60, **values)
    execution = world.machine.executions[id]
    state = world.machine._states[execution.state]
    assert world.machine._rendered(execution, state["TimeoutSeconds"]) == 60
    world.clock.advance(45)
    assert world.machine._rendered(execution, state["TimeoutSeconds"]) == 15
    if runner is not None:
        assert world.machine._rendered(execution, state["HeartbeatSeconds"]) == 14
    world.machine.time_out(id)
    passes(world, 0, id)
    assert job(world, id).error == "The workflow did not end within its time."


def test_a_function_is_called_again_until_its_time_is_over(world: World) -> None:
    id = submitted(world, time_limit=60)
    world.machine.finish(id, {"again": {"row": 7}})
    passes(world, 0, id)
    assert world.machine.working() == [id]
    world.clock.advance(61)
    world.machine.finish(id, {"again": {"row": 8}})
    passes(world, 0, id)
    assert job(world, id).error == "The workflow did not end within its time."


def test_a_job_for_workers_is_a_message_with_its_token(world: World) -> None:
    id = submitted(world, runner=SQS, retries=Retries(1))
    execution = world.machine.executions[id]
    arguments = world.machine._rendered(execution, world.machine._states["RunWorker"]["Arguments"])
    assert arguments["QueueUrl"].endswith("/000000000000/jobyard-workflow-render")
    assert arguments["QueueUrl"].startswith("https://sqs.us-east-1.")
    assert (arguments["MessageBody"]["id"], arguments["MessageBody"]["taskToken"]) == (id, execution.token)
    first = execution.token
    # The worker dies: nobody gives a sign of life any more.
    fails(world, id, "States.HeartbeatTimeout")
    passes(world, 11, id)
    assert world.machine.working() == [id]
    assert execution.token != first
    told = world.machine.answer("SendTaskSuccess", {"taskToken": execution.token, "output": "{}"})
    assert told[0] == 200
    passes(world, 0, id)
    assert job(world, id).status is Status.COMPLETED
