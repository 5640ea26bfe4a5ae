"""The state machine's own writes, carried out on the table: what each may change, and what it must leave alone."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.aws import ClientError, client, error_code
from jobyard.model import TERMINAL, TRANSITIONS, Job, Person, Status
from jobyard.store import jobs, queues, slots
from jobyard.store.items import plain_item, table_name
from jobyard.store.queues import Waiting
from jobyard.store.records import job_key, waiting_place
from tests.factories import NOW, a_job
from tests.state_machine import definition, target

pytestmark = pytest.mark.usefixtures("table")

LATER = NOW + 5_000
TRANSITION_OF = {
    "Enqueue": "enqueue",
    "Start": "start",
    "Complete": "complete",
    "Fail": "fail",
}


def write(name: str, job: Job, now: int = LATER, execution: str | None = None) -> bool:
    """Carry out the UpdateItem of a state; False where its condition did not hold."""
    values = {
        "{% $states.input.pk %}": f"JOB#{job.tenant}#{job.id}",
        "{% $states.context.Execution.Name %}": execution or job.id,
        "{% $states.context.Task.Token %}": "a token",
        "{% $string($millis()) %}": str(now),
    }

    def rendered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rendered(each) for key, each in value.items()}
        if value.startswith("{% ($given :="):
            return "no such column"
        return values[value] if value.startswith("{%") else value

    arguments = rendered(definition(TableName=table_name())["States"][name]["Arguments"])
    try:
        client("dynamodb").update_item(**arguments)
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def stored(status: Status) -> Job:
    job = a_job(status=Status.QUEUED if status is not Status.SCHEDULED else status)
    jobs.put(job)
    path = {
        Status.RUNNING: ["Start"],
        Status.COMPLETED: ["Start", "Complete"],
        Status.FAILED: ["Fail"],
    }
    if status in (Status.INITIALIZING, Status.RUNNING, Status.COMPLETED):
        claim(job)
    for name in path.get(status, []):
        assert write(name, job, NOW + 1_000)
    if status is Status.CANCELLED:
        jobs.cancel(job, Person("b" * 24, "Bob"), NOW + 1_000)
    return present(job)


def claim(job: Job, at: int = NOW) -> None:
    queue = queues.get(job.tenant, job.worker_tag)
    claimed = slots.claim(queue, [Waiting(waiting_place(job), job.tenant, job.id)], at, "taken")
    assert claimed.jobs


def present(job: Job) -> Job:
    found = jobs.get(job.tenant, job.id)
    assert found
    return found


def raw(job: Job) -> dict[str, Any]:
    found = client("dynamodb").get_item(TableName=table_name(), Key=job_key(job.tenant, job.id), ConsistentRead=True)
    return plain_item(found["Item"])


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("name", sorted(TRANSITION_OF))
def test_a_write_moves_a_job_only_from_where_the_model_says(name: str, status: Status) -> None:
    job = stored(status)
    before = raw(job)
    transition = TRANSITIONS[TRANSITION_OF[name]]
    done = write(name, job)
    if status in transition.sources:
        assert done
        assert present(job).status is transition.target
        assert present(job).updated_at == LATER
    elif status is transition.target and status not in TERMINAL:
        assert done  # a repeated one, see below
        assert present(job).status is status
    else:
        assert not done
        assert raw(job) == before


@pytest.mark.parametrize("name", sorted(TRANSITION_OF))
def test_an_execution_of_another_name_moves_nothing(name: str) -> None:
    (status, *_) = sorted(TRANSITIONS[TRANSITION_OF[name]].sources)
    job = stored(status)
    before = raw(job)
    assert not write(name, job, execution="0" * 24)
    assert raw(job) == before


@pytest.mark.parametrize("name", sorted(TRANSITION_OF))
def test_a_deleted_job_is_not_made_again(name: str) -> None:
    job = a_job()
    assert not write(name, job)
    assert jobs.get(job.tenant, job.id) is None


@pytest.mark.parametrize("name", sorted(TRANSITION_OF))
def test_a_write_repeated_after_a_lost_answer_changes_no_time_that_was_told(name: str) -> None:
    (status, *_) = sorted(TRANSITIONS[TRANSITION_OF[name]].sources)
    job = stored(status)
    assert write(name, job, LATER)
    first = present(job)
    write(name, job, LATER + 3_000)
    second = present(job)
    assert second.status is first.status
    times = ("queued_at", "started_at", "finished_at")
    assert [getattr(second, each) for each in times] == [getattr(first, each) for each in times]


def test_times_and_the_index_of_live_jobs_follow_a_whole_life() -> None:
    job = stored(Status.SCHEDULED)
    for step, name in enumerate(("Enqueue", "", "Start", "Complete"), 1):
        assert "live" in raw(job)
        assert ("waitsIn" in raw(job)) == (step == 2)
        assert (present(job).token is not None) == (step in (2, 3))
        if name:
            assert write(name, job, NOW + step)
        else:
            claim(job, NOW + step)
    ended = present(job)
    assert (ended.queued_at, ended.started_at, ended.finished_at) == (NOW + 1, NOW + 3, NOW + 4)
    assert "live" not in raw(job)
    assert ended.error is None


def test_a_failed_job_keeps_its_reason() -> None:
    job = stored(Status.RUNNING)
    assert write("Fail", job)
    assert present(job).error == "no such column"
    assert present(job).finished_at == LATER
    assert "live" not in raw(job)


def test_the_targets_are_all_statuses_that_an_execution_brings_about() -> None:
    states = definition()["States"]
    assert {target(states[name]) for name in TRANSITION_OF} == set(Status) - {
        Status.SCHEDULED,
        Status.INITIALIZING,
        Status.CANCELLED,
    }
