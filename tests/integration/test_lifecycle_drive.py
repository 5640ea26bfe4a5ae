"""The stream function: what it does for each change, delivered once, twice, late, or beside one that fails."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from jobyard.aws import client
from jobyard.lifecycle.drive import drive
from jobyard.model import LIVE, TERMINAL, Job, Person, Runner, Status
from jobyard.store import jobs, queues
from jobyard.store.items import attribute, table_name
from jobyard.store.lifecycle import delete_messages
from jobyard.store.records import job_item, job_key
from jobyard.store.running import put_message
from tests.factories import NOW, a_job
from tests.fake_machine import FakeMachine

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
BOB = Person("b" * 24, "Bob")


def record(kind: str, job: Job, number: int = 1) -> dict[str, Any]:
    image = "OldImage" if kind == "REMOVE" else "NewImage"
    change = {"Keys": job_key(job.tenant, job.id), image: job_item(job), "SequenceNumber": str(number)}
    return {"eventName": kind, "dynamodb": change}


def messages(job: Job) -> int:
    found = client("dynamodb").query(
        TableName=table_name(),
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": attribute(f"JOB#{job.tenant}#{job.id}"), ":sk": attribute("MSG#")},
        Select="COUNT",
    )
    return int(found["Count"])


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.INITIALIZING])
def test_a_new_or_claimed_job_is_started_however_often_it_is_told(machine: FakeMachine, status: Status) -> None:
    job = a_job(status=status)
    for _ in range(3):
        assert drive([record("INSERT" if status is Status.SCHEDULED else "MODIFY", job)]) == NOTHING_FAILED
    assert list(machine.executions) == [job.id]
    assert ("startAt" in machine.executions[job.id]["input"]) == (status is Status.SCHEDULED)


def test_a_queued_job_is_claimed_however_often_it_is_told_and_begins_when_that_is_told(machine: FakeMachine) -> None:
    assert queues.put(queues.get("acme", ""), 1, False, NOW)
    job = a_job()
    jobs.put(job)
    for _ in range(3):
        assert drive([record("INSERT", job)]) == NOTHING_FAILED
    left = jobs.get(job.tenant, job.id)
    assert left
    assert (left.status, left.slot_of) == (Status.INITIALIZING, "acme#")
    assert machine.calls == []
    assert drive([record("MODIFY", left)]) == NOTHING_FAILED
    assert list(machine.executions) == [job.id]


def test_an_execution_that_waits_for_a_slot_is_told_that_there_is_one(machine: FakeMachine) -> None:
    job = a_job(status=Status.INITIALIZING)
    machine.put(job.id)
    claimed = record("MODIFY", job)
    claimed["dynamodb"]["NewImage"]["taskToken"] = attribute(job.id)
    for _ in range(2):
        assert drive([claimed]) == NOTHING_FAILED
    machine.put(job.id, "ABORTED")
    assert drive([claimed]) == NOTHING_FAILED
    assert machine.calls == [f"send_task_success {job.id}"] * 3


def test_a_job_that_comes_in_as_ended_is_not_started(machine: FakeMachine) -> None:
    assert drive([record("INSERT", a_job(status=Status.COMPLETED))]) == NOTHING_FAILED
    assert machine.calls == []


def test_a_cancelled_job_is_stopped_however_often_it_is_told(machine: FakeMachine) -> None:
    job = a_job()
    machine.put(job.id)
    cancelled = record("MODIFY", a_job(id=job.id, status=Status.CANCELLED))
    for _ in range(3):
        assert drive([cancelled]) == NOTHING_FAILED
    assert machine.status(job.id) == "ABORTED"


def test_a_nested_execution_is_stopped_with_its_job(machine: FakeMachine) -> None:
    nested = Runner("stateMachine", "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-workflow-many")
    job = a_job(status=Status.CANCELLED, runner=nested)
    drive([record("MODIFY", job)])
    assert machine.calls == [f"stop_execution {job.id}"] * 3


def test_of_a_failed_job_the_nested_execution_alone_is_stopped(machine: FakeMachine) -> None:
    nested = Runner("stateMachine", "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-workflow-many")
    job = a_job(status=Status.FAILED, runner=nested)
    drive([record("MODIFY", job)])
    assert machine.calls == [f"stop_execution {job.id}"]


def test_a_cancel_without_an_execution_is_harmless(machine: FakeMachine) -> None:
    assert drive([record("MODIFY", a_job(status=Status.CANCELLED))]) == NOTHING_FAILED


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.RUNNING, Status.COMPLETED, Status.FAILED])
def test_other_changes_are_left_to_those_who_made_them(machine: FakeMachine, status: Status) -> None:
    assert drive([record("MODIFY", a_job(status=status))]) == NOTHING_FAILED
    assert machine.calls == []


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_job_deleted_while_it_lived_is_stopped(machine: FakeMachine, status: Status) -> None:
    job = a_job(status=status)
    machine.put(job.id)
    assert drive([record("REMOVE", job)]) == NOTHING_FAILED
    assert machine.status(job.id) == "ABORTED"


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_job_that_expired_takes_its_messages_with_it(machine: FakeMachine, status: Status) -> None:
    job, other = a_job(status=status), a_job()
    for at in range(60):
        put_message(job.tenant, job.id, (NOW, at, "w"), 1, "told", -1, None)
    put_message(other.tenant, other.id, (NOW, 0, "w"), 1, "told", -1, None)
    for _ in range(2):
        assert drive([record("REMOVE", job)]) == NOTHING_FAILED
    assert messages(job) == 0
    assert messages(other) == 1
    assert machine.calls == []


def test_deleting_messages_leaves_the_job_itself(machine: FakeMachine) -> None:
    job = a_job()
    jobs.put(job)
    put_message(job.tenant, job.id, (NOW, 0, "w"), 1, "told", -1, None)
    assert delete_messages(job.tenant, job.id) == 1
    assert jobs.get(job.tenant, job.id) == job


def test_messages_are_no_jobs(machine: FakeMachine) -> None:
    change = {"Keys": {"pk": attribute("JOB#acme#1"), "sk": attribute("MSG#1")}, "SequenceNumber": "1"}
    assert drive([{"eventName": "INSERT", "dynamodb": change}]) == NOTHING_FAILED


def test_one_that_fails_is_told_and_holds_up_no_other(machine: FakeMachine) -> None:
    first, second, third = (a_job(status=Status.SCHEDULED) for _ in range(3))
    machine.refuse = {f"start_execution {second.id}": "ThrottlingException"}
    records = [record("INSERT", job, number) for number, job in enumerate((first, second, third), 11)]
    assert drive(records) == {"batchItemFailures": [{"itemIdentifier": "12"}]}
    assert set(machine.executions) == {first.id, third.id}
    machine.refuse = {}
    assert drive(records[1:]) == NOTHING_FAILED
    assert set(machine.executions) == {first.id, second.id, third.id}


def test_a_record_that_makes_no_sense_is_told_too(machine: FakeMachine) -> None:
    broken = record("INSERT", a_job(), 7)
    del broken["dynamodb"]["NewImage"]["status"]
    assert drive([broken]) == {"batchItemFailures": [{"itemIdentifier": "7"}]}


def test_a_job_that_can_never_be_started_fails_and_says_why(machine: FakeMachine) -> None:
    job = a_job(status=Status.SCHEDULED)
    jobs.put(job)
    machine.refuse = {"start_execution": "InvalidExecutionInput"}
    assert drive([record("INSERT", job)]) == NOTHING_FAILED
    left = jobs.get(job.tenant, job.id)
    assert left
    assert left.status is Status.FAILED
    assert left.error == "The job could not be started: it said InvalidExecutionInput"


def test_a_cancelled_job_that_can_never_be_started_stays_cancelled(machine: FakeMachine) -> None:
    job = a_job()
    jobs.put(job)
    jobs.cancel(job, BOB, NOW)
    machine.refuse = {"start_execution": "InvalidExecutionInput"}
    assert drive([record("INSERT", job)]) == NOTHING_FAILED
    left = jobs.get(job.tenant, job.id)
    assert left
    assert left.status is Status.CANCELLED


def test_the_handler_answers_as_lambda_expects(machine: FakeMachine) -> None:
    handler = importlib.import_module("functions.drive.app").handler
    job = a_job(status=Status.SCHEDULED)
    assert handler({"Records": [record("INSERT", job)]}, None) == NOTHING_FAILED
    assert list(machine.executions) == [job.id]
