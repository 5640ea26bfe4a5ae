"""Queues without a limit: their jobs begin at once and hold no slot; and what becomes of them when a limit is set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobyard.aws import client
from jobyard.lifecycle.dispatch import dispatch
from jobyard.lifecycle.drive import drive
from jobyard.lifecycle.reconcile import GRACE_MS, reconcile
from jobyard.model import Job, Person, Status
from jobyard.model.ids import now_ms
from jobyard.store import jobs, lifecycle, queues
from jobyard.store import slots as slot_store
from jobyard.store.items import attribute, item, table_name
from jobyard.store.queues import Waiting
from jobyard.store.records import job_key, waiting_place
from jobyard.store.slots import CLAIMED_AT_ONCE
from tests.factories import NOW, a_job
from tests.fake_machine import FakeMachine

pytestmark = pytest.mark.usefixtures("table")

BOB = Person("b" * 24, "Bob")
NAME = "acme#gpu"
ALL_WELL: dict[str, Any] = {"batchItemFailures": []}


def queued(number: int = 0, **values: Any) -> Job:
    at = NOW + number
    job = a_job(worker_tag="gpu", created_at=at, queued_at=at, updated_at=at, **values)
    jobs.put(job)
    return job


def record(job: Job, kind: str = "INSERT") -> dict[str, Any]:
    keys = job_key(job.tenant, job.id)
    image = client("dynamodb").get_item(TableName=table_name(), Key=keys, ConsistentRead=True)["Item"]
    return {"eventName": kind, "dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": job.id}}


def now(job: Job) -> Job:
    found = jobs.get(job.tenant, job.id)
    assert found
    return found


def set_slots(slots: int | None, *, paused: bool = False) -> None:
    assert queues.put(queues.get("acme", "gpu"), slots, paused, NOW)


def counted() -> int | None:
    return queues.get("acme", "gpu").counted


def ends(job: Job) -> None:
    jobs.cancel(now(job), BOB, NOW)
    drive([record(job, "MODIFY")])


def test_a_job_begins_at_once_however_often_it_is_told_and_its_queue_is_not_written(machine: FakeMachine) -> None:
    job = queued()
    told = record(job)
    for _ in range(3):
        assert drive([told]) == ALL_WELL
    assert list(machine.executions) == [job.id]
    assert (now(job).status, now(job).slot_of) == (Status.INITIALIZING, None)
    assert queues.all_of("acme") == []


def test_jobs_that_are_told_together_begin_together(machine: FakeMachine) -> None:
    waiting = [queued(number) for number in range(30)]
    assert drive([record(job) for job in waiting]) == ALL_WELL
    assert set(machine.executions) == {job.id for job in waiting}


def test_one_whose_claimer_died_before_it_began_is_begun_when_it_is_told_again(machine: FakeMachine) -> None:
    job = queued()
    told = record(job)
    machine.refuse = {"start_execution": "ThrottlingException"}
    assert drive([told]) == {"batchItemFailures": [{"itemIdentifier": job.id}]}
    assert now(job).status is Status.INITIALIZING
    machine.refuse = {}
    assert drive([told]) == ALL_WELL
    assert list(machine.executions) == [job.id]


def test_one_that_cannot_begin_holds_up_no_other(machine: FakeMachine) -> None:
    first, second, third = (queued(number) for number in range(3))
    machine.refuse = {f"start_execution {second.id}": "ThrottlingException"}
    assert drive([record(job) for job in (first, second, third)]) == {
        "batchItemFailures": [{"itemIdentifier": second.id}]
    }
    assert set(machine.executions) == {first.id, third.id}


def test_one_that_waited_for_its_start_goes_on(machine: FakeMachine) -> None:
    job = queued()
    machine.put(job.id)
    told = record(job)
    told["dynamodb"]["NewImage"]["taskToken"] = attribute(job.id)
    assert drive([told]) == ALL_WELL
    assert machine.calls == [f"send_task_success {job.id}"]


def test_one_that_was_cancelled_or_moved_meanwhile_does_not_begin(machine: FakeMachine) -> None:
    job = queued()
    told = record(job)
    jobs.cancel(job, BOB, NOW)
    assert drive([told]) == ALL_WELL
    assert machine.executions == {}
    assert now(job).status is Status.CANCELLED


def test_the_end_of_a_schedules_job_is_waited_for_so_it_has_a_slot(machine: FakeMachine) -> None:
    job = queued(schedule_id="e" * 24)
    assert drive([record(job)]) == ALL_WELL
    assert (now(job).status, now(job).slot_of) == (Status.INITIALIZING, NAME)
    assert machine.executions == {}, "the record of its claim begins it"


@pytest.mark.parametrize("change", [{"slots": 0}, {"slots": None, "paused": True}])
def test_what_is_claimed_after_a_limit_or_a_pause_was_set_obeys_it(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """Though the queue was read before."""
    job = queued()
    seen = queues.get("acme", "gpu")
    set_slots(**change)
    monkeypatch.setattr(
        queues, "get", lambda *_, old=[seen], real=queues.get: old.pop() if old else real("acme", "gpu")
    )
    assert drive([record(job)]) == ALL_WELL
    assert now(job).status is Status.QUEUED
    assert machine.executions == {}
    # And it was written down as one that waits.
    assert [each.id for each in queues.noted(queues.get("acme", "gpu"))] == [job.id]


def test_of_many_that_are_told_together_those_that_came_before_the_limit_begin(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = slot_store.claim_without

    def then_limited(*asked: Any) -> Any:
        claimed = real(*asked)
        if queues.get("acme", "gpu").slots is None:
            set_slots(1)
        return claimed

    monkeypatch.setattr(slot_store, "claim_without", then_limited)
    waiting = [queued(number) for number in range(CLAIMED_AT_ONCE + 5)]
    assert drive([record(job) for job in waiting]) == ALL_WELL
    assert set(machine.executions) == {job.id for job in waiting[:CLAIMED_AT_ONCE]}
    assert counted() == CLAIMED_AT_ONCE
    assert {now(job).status for job in waiting[CLAIMED_AT_ONCE:]} == {Status.QUEUED}


@pytest.mark.usefixtures("machine")
def test_a_limit_counts_those_that_run_already() -> None:
    running = [queued(number) for number in range(60)]
    drive([record(job) for job in running])
    ends(running[0])
    set_slots(60)
    waits = [queued(number) for number in range(100, 103)]
    assert counted() is None
    drive([record(job) for job in waits])
    assert counted() == 60
    assert sorted(now(job).status for job in waits) == [Status.INITIALIZING, Status.QUEUED, Status.QUEUED]
    assert all(now(job).slot_of == NAME for job in running[1:])


@pytest.mark.usefixtures("machine")
def test_where_more_run_than_the_limit_none_begins_until_enough_have_ended() -> None:
    running = [queued(number) for number in range(3)]
    drive([record(job) for job in running])
    set_slots(1)
    waits = queued(9)
    for job in running:
        assert dispatch(NAME) == 0
        assert now(waits).status is Status.QUEUED
        ends(job)
    assert now(waits).status is Status.INITIALIZING
    assert counted() == 1


@pytest.mark.usefixtures("machine")
def test_until_those_that_run_are_counted_none_is_taken_and_the_noted_are_not_forgotten() -> None:
    running = queued(1)
    drive([record(running)])
    set_slots(1)
    seen = queues.get("acme", "gpu")
    waits = queued(2)
    told = Waiting(waiting_place(waits), waits.tenant, waits.id)
    assert seen.room(1) == 0
    assert slot_store.claim(seen, [told], NOW, "taken").changed
    assert queues.note(seen, [told])
    assert dispatch(NAME) == 0
    assert counted() == 1
    ends(running)
    assert now(waits).status is Status.INITIALIZING


@pytest.mark.usefixtures("machine")
def test_a_limit_that_was_taken_away_and_given_again_counts_anew() -> None:
    set_slots(5)
    assert dispatch(NAME) == 0
    with_slot = queued(1)
    drive([record(with_slot)])
    set_slots(5)
    stale = queues.get("acme", "gpu")
    set_slots(None)
    without = queued(2)
    drive([record(without)])
    set_slots(5)
    assert not slot_store.set_counted(stale._replace(uncounted=stale.version))
    assert counted() is None
    dispatch(NAME)
    assert counted() == 2
    assert {now(job).slot_of for job in (with_slot, without)} == {NAME}


def test_one_that_was_given_a_slot_before_it_began_is_begun_for_the_record_of_that(machine: FakeMachine) -> None:
    job = queued()
    told = record(job)
    machine.refuse = {"start_execution": "ThrottlingException"}
    drive([told])
    machine.refuse = {}
    set_slots(1)
    dispatch(NAME)
    assert drive([record(job, "MODIFY")]) == ALL_WELL
    assert list(machine.executions) == [job.id]


def test_one_that_the_index_did_not_have_when_the_limit_was_set_is_counted_by_reconcile(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queued()
    drive([record(job)])
    with monkeypatch.context() as patched:
        patched.setattr("jobyard.lifecycle.dispatch.live_jobs", list)
        set_slots(1)
        dispatch(NAME)
    assert counted() == 0
    later = now_ms() + 2 * GRACE_MS
    reconcile(later, 30.0)
    assert counted() == 1
    assert now(job).slot_of == NAME
    reconcile(later + GRACE_MS, 30.0)
    assert counted() == 1


@pytest.mark.parametrize("again", [1, 3])
def test_those_that_run_are_counted_once_however_many_count(again: int) -> None:
    running = [queued(number) for number in range(40)]
    for job in running:
        _claimed_without_slot(job)
    for _ in range(again):
        slot_store.adopt(NAME, [job.id for job in running], NOW)
    assert queues.get("acme", "gpu").running == 40


def test_the_index_of_live_jobs_tells_those_that_run_without_a_slot() -> None:
    first, second, _ = queued(1), queued(2), queued(3)
    _claimed_without_slot(first)
    slot_store.claim(queues.get("acme", "gpu"), [_waiting(second)], NOW, "taken")
    assert {each.id for each in lifecycle.live_jobs() if each.slotless} == {first.id}


def _waiting(job: Job) -> Waiting:
    return Waiting(waiting_place(job), job.tenant, job.id)


def _claimed_without_slot(job: Job) -> None:
    claimed: Callable[..., Any] = slot_store.claim_without
    assert claimed(queues.get("acme", "gpu"), [_waiting(job)], NOW).jobs


def test_a_claim_reads_nothing_but_its_queue(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits in such a queue has a record of its own."""
    monkeypatch.setattr(queues, "first", None)
    job = queued()
    assert drive([record(job)]) == ALL_WELL
    assert list(machine.executions) == [job.id]


def test_a_queue_whose_limit_was_taken_away_lets_all_begin(machine: FakeMachine) -> None:
    set_slots(0)
    waits = [queued(number) for number in range(3)]
    assert dispatch(NAME) == 0
    set_slots(None)
    key = item({"pk": "QUEUE#acme", "sk": "TAG#gpu"})
    image = client("dynamodb").get_item(TableName=table_name(), Key=key)["Item"]
    change = {"Keys": key, "NewImage": image, "SequenceNumber": "1"}
    # In one batch with the record of another that was queued.
    drive([record(queued(9)), {"eventName": "MODIFY", "dynamodb": change}])
    assert {now(job).status for job in waits} == {Status.INITIALIZING}
    for job in waits:
        drive([record(job, "MODIFY")])
    assert len(machine.executions) == 4
