"""Queues: who is taken, when, and never more than there are slots, however many take at once."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobyard.aws import client
from jobyard.lifecycle.dispatch import dispatch
from jobyard.lifecycle.drive import drive
from jobyard.model import Job, Person, Priority, Stand, Status
from jobyard.model.queue import NOTED_MOST, Queue
from jobyard.store import jobs, queues
from jobyard.store import slots as slot_store
from jobyard.store.items import item, plain_item, table_name
from jobyard.store.queues import Waiting
from jobyard.store.records import job_key, waiting_place
from tests.factories import NOW, a_job
from tests.fake_machine import FakeMachine

pytestmark = pytest.mark.usefixtures("table")

BOB = Person("b" * 24, "Bob")
NAME = "acme#gpu"


@pytest.fixture(autouse=True)
def _machine(machine: FakeMachine) -> None:
    """No job begins here by itself."""


def queued(number: int = 0, priority: Priority = Priority.DEFAULT, tag: str = "gpu", tenant: str = "acme") -> Job:
    at = NOW + number
    job = a_job(worker_tag=tag, priority=priority, created_at=at, queued_at=at, updated_at=at, tenant=tenant)
    jobs.put(job)
    return job


def a_queue(slots: int | None = None, paused: bool = False) -> None:
    assert queues.put(queues.get("acme", "gpu"), slots, paused, NOW)


def status(job: Job) -> Status:
    found = jobs.get(job.tenant, job.id)
    assert found
    return found.status


def taken(of: list[Job]) -> list[Job]:
    return [job for job in of if status(job) is Status.INITIALIZING]


def told(job: Job) -> Waiting:
    return Waiting(waiting_place(job), job.tenant, job.id)


def ends(job: Job, how: Status = Status.FAILED) -> None:
    found = jobs.get(job.tenant, job.id)
    assert found
    if how is Status.FAILED:
        jobs.fail(found, "enough", NOW)
    else:
        jobs.cancel(found, BOB, NOW)


def image(job: Job) -> dict[str, Any]:
    found = client("dynamodb").get_item(TableName=table_name(), Key=job_key(job.tenant, job.id), ConsistentRead=True)
    attributes: dict[str, Any] = found["Item"]
    return attributes


def record(job: Job, kind: str = "MODIFY") -> dict[str, Any]:
    keys = job_key(job.tenant, job.id)
    return {"eventName": kind, "dynamodb": {"Keys": keys, "NewImage": image(job), "SequenceNumber": job.id}}


def running() -> int:
    return queues.get("acme", "gpu").running


def test_without_a_limit_all_are_taken_and_counted() -> None:
    waiting = [queued(number) for number in range(60)]
    assert dispatch(NAME) == 60
    assert taken(waiting) == waiting
    assert running() == 60
    assert queues.first(Queue("acme", "gpu"), 10) == []


def test_no_more_run_than_there_are_slots() -> None:
    a_queue(slots=2)
    waiting = [queued(number) for number in range(5)]
    assert [dispatch(NAME), dispatch(NAME)] == [2, 0]
    assert taken(waiting) == waiting[:2]


def test_the_highest_priority_goes_first_and_within_one_the_first_that_was_queued() -> None:
    a_queue(slots=1)
    order = [Priority.LOW, Priority.CRITICAL, Priority.DEFAULT, Priority.HIGH, Priority.MEDIUM, Priority.CRITICAL]
    waiting = [queued(number, priority) for number, priority in enumerate(order)]
    went = []
    for _ in waiting:
        assert dispatch(NAME) == 1
        (now,) = taken(waiting)
        went.append(waiting.index(now))
        ends(now)
        slot_store.give_back(NAME, [now.id], NOW)
    assert went == [1, 5, 3, 4, 0, 2]


def test_a_paused_queue_takes_none_and_goes_on_when_it_is_resumed() -> None:
    a_queue(slots=2, paused=True)
    job = queued()
    assert dispatch(NAME) == 0
    a_queue(slots=2)
    assert dispatch(NAME) == 1
    assert taken([job])


def test_fewer_slots_than_jobs_that_run_stop_none_and_take_none() -> None:
    a_queue(slots=3)
    waiting = [queued(number) for number in range(5)]
    dispatch(NAME)
    a_queue(slots=1)
    first, second, *_ = waiting
    for job in (first, second):
        ends(job)
        slot_store.give_back(NAME, [job.id], NOW)
        assert dispatch(NAME) == 0
    assert running() == 1


def test_queues_of_other_tags_and_tenants_are_others() -> None:
    a_queue(slots=0)
    others = [queued(tag=""), queued(tag="gpu", tenant="globex")]
    mine = queued()
    assert dispatch(NAME) == 0
    assert [dispatch("acme#"), dispatch("globex#gpu")] == [1, 1]
    assert taken(others) == others
    assert status(mine) is Status.QUEUED


def test_a_slot_is_given_back_once_however_often_it_is_told() -> None:
    a_queue(slots=2)
    waiting = [queued(number) for number in range(2)]
    dispatch(NAME)
    ends(waiting[0])
    assert [slot_store.give_back(NAME, [waiting[0].id] * 2, NOW) for _ in range(3)] == [1, 0, 0]
    assert running() == 1


def test_a_job_that_runs_keeps_its_slot() -> None:
    a_queue(slots=1)
    job = queued()
    dispatch(NAME)
    assert slot_store.give_back(NAME, [job.id], NOW) == 0
    assert running() == 1


def test_jobs_that_the_index_does_not_have_yet_are_taken_when_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "first", lambda *_: [])
    a_queue(slots=2)
    waiting = [queued(number) for number in range(3)]
    assert dispatch(NAME, [told(job) for job in reversed(waiting)]) == 2
    assert taken(waiting) == waiting[:2]


def test_whoever_makes_room_takes_a_job_that_had_to_wait_however_far_the_index_is_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "first", lambda *_: [])
    a_queue(slots=1)
    low, high, runs = queued(1, Priority.LOW), queued(2, Priority.HIGH), queued(0)
    assert dispatch(NAME, [told(runs)]) == 1
    assert dispatch(NAME, [told(low), told(high)]) == 0
    for done, then in ((runs, high), (high, low)):
        ends(done)
        assert drive([record(done)]) == {"batchItemFailures": []}
        assert taken([low, high]) == [then]
    assert not queues.get("acme", "gpu").noted


def test_room_that_is_made_while_a_job_is_about_to_be_noted_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "first", lambda *_: [])
    a_queue(slots=1)
    runs, waits = queued(0), queued(1)
    assert dispatch(NAME, [told(runs)]) == 1
    seen = queues.get("acme", "gpu")
    ends(runs)
    slot_store.give_back(NAME, [runs.id], NOW)
    assert not queues.note(seen, [told(waits)])
    monkeypatch.setattr(
        queues, "get", lambda *_, real=queues.get, old=[seen]: old.pop() if old else real("acme", "gpu")
    )
    assert dispatch(NAME, [told(waits)]) == 1
    assert taken([waits])


@pytest.mark.parametrize("how", ["cancelled", "moved"])
def test_a_job_that_was_noted_and_waits_there_no_more_is_forgotten(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "first", lambda *_: [])
    a_queue(slots=1, paused=True)
    gone = queued()
    assert dispatch(NAME, [told(gone)]) == 0
    assert queues.noted(queues.get("acme", "gpu")) == [told(gone)]
    if how == "cancelled":
        jobs.cancel(gone, BOB, NOW)
    else:
        jobs.stand(gone, Stand(Priority.HIGH, "cpu"), BOB, NOW)
    a_queue(slots=1)
    assert dispatch(NAME) == 0
    assert not queues.get("acme", "gpu").noted
    assert running() == 0


def test_a_queue_notes_no_more_jobs_than_it_has_place_for() -> None:
    a_queue(slots=0)
    waiting = [queued(number) for number in range(NOTED_MOST + 5)]
    for each in reversed(waiting):
        dispatch(NAME, [told(each)])
    assert len(queues.get("acme", "gpu").noted) == NOTED_MOST
    a_queue(slots=NOTED_MOST + 5)
    assert dispatch(NAME) == NOTED_MOST + 5
    assert not queues.get("acme", "gpu").noted


def test_what_the_index_has_though_it_is_gone_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    a_queue(slots=2)
    waiting = [queued(number) for number in range(6)]
    stale = [told(job) for job in waiting]
    jobs.delete(waiting[0])
    jobs.cancel(waiting[1], BOB, NOW)
    monkeypatch.setattr(queues, "first", lambda _queue, at_most: stale[:at_most])
    assert dispatch(NAME) == 2
    assert taken(waiting[2:]) == waiting[2:4]


def test_a_claim_that_a_change_of_the_queue_has_overtaken_takes_none() -> None:
    a_queue(slots=5)
    seen = queues.get("acme", "gpu")
    job = queued()
    a_queue(slots=5, paused=True)
    assert slot_store.claim(seen, [told(job)], NOW, "taken").changed
    assert status(job) is Status.QUEUED
    assert running() == 0


def test_a_job_that_has_to_wait_says_so_once_and_what_for() -> None:
    a_queue(slots=1)
    first, second = queued(1), queued(2)
    drive([record(first, "INSERT"), record(second, "INSERT")])
    found = jobs.get(second.tenant, second.id)
    assert found
    assert found.waits_for == "a free slot of queue gpu (1 of 1 running)"
    drive([record(second)])
    assert jobs.get(second.tenant, second.id) == found
    assert "waitsFor" not in plain_item(image(first))


def test_the_record_of_an_end_gives_the_slot_to_the_next() -> None:
    a_queue(slots=1)
    first, second = queued(1), queued(2)
    dispatch(NAME)
    ends(first, Status.CANCELLED)
    for _ in range(2):
        assert drive([record(first)]) == {"batchItemFailures": []}
    assert taken([second])
    assert running() == 1


def test_a_queue_that_was_resumed_is_looked_at() -> None:
    a_queue(paused=True)
    job = queued()
    a_queue()
    key = item({"pk": "QUEUE#acme", "sk": "TAG#gpu"})
    found = client("dynamodb").get_item(TableName=table_name(), Key=key)["Item"]
    change = {"Keys": key, "NewImage": found, "SequenceNumber": "1"}
    drive([{"eventName": "MODIFY", "dynamodb": change}])
    assert taken([job])


def test_a_moved_job_stands_where_it_was_moved_to() -> None:
    a_queue(slots=1)
    waiting = [queued(number) for number in range(3)]
    moved = jobs.stand(waiting[2], Stand(Priority.HIGH, "gpu"), BOB, NOW)
    assert moved.done
    assert moved.job == jobs.get("acme", waiting[2].id)
    assert jobs.stand(waiting[1], Stand(Priority.DEFAULT, "cpu"), BOB, NOW).done
    assert [each.id for each in queues.first(Queue("acme", "gpu"), 9)] == [waiting[2].id, waiting[0].id]
    assert [each.id for each in queues.first(Queue("acme", "cpu"), 9)] == [waiting[1].id]


def test_a_job_that_was_claimed_or_moved_meanwhile_is_not_moved() -> None:
    job, other = queued(1), queued(2)
    dispatch(NAME, [told(job)])
    refused = jobs.stand(job, Stand(Priority.HIGH, ""), BOB, NOW)
    assert not refused.done
    assert refused.job
    assert refused.job.status is Status.INITIALIZING
    other = queued(3, tag="cpu")
    assert jobs.stand(other, Stand(Priority.HIGH, "cpu"), BOB, NOW).done
    assert not jobs.stand(other, Stand(Priority.LOW, "cpu"), BOB, NOW).done


def drained(left: list[Job], slots: int) -> None:
    """End what runs until nothing is left: whenever all is told, either every slot is in use or nobody waits."""
    names = {job.id: job for job in left if status(job) is not Status.FAILED}
    while names:
        held = slot_store.held().get(NAME, [])
        assert len(held) == min(slots, len(names)) == running()
        for id in held:
            job = names.pop(id)
            assert status(job) is Status.INITIALIZING
            ends(job)
            drive([record(job)])
    assert running() == 0


@pytest.mark.parametrize("slots", [7, pytest.param(1, marks=pytest.mark.nightly)])
def test_many_dispatchers_at_once_keep_to_the_slots_and_leave_none_idle(slots: int) -> None:
    """Records come twice, in any order, and at once; each job ends at some time, and its slot is used again."""
    a_queue(slots=slots)
    waiting = [queued(number, random.Random(number).choice(list(Priority))) for number in range(200)]
    most = Counter[str]()

    def worker(seed: int) -> None:
        chance = random.Random(seed)
        for job in chance.sample(waiting, 40):
            now = jobs.get(job.tenant, job.id)
            assert now
            if now.status is Status.INITIALIZING and chance.random() < 0.5:
                jobs.fail(now, "enough", NOW)
            assert not drive([record(job) for _ in range(chance.randint(1, 2))])["batchItemFailures"]
            held = len(slot_store.held().get(NAME, []))
            counted = running()
            most["held"], most["counted"] = max(most["held"], held), max(most["counted"], counted)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(worker, range(6)))
    assert most["counted"] <= slots
    assert most["held"] <= slots
    # Of some of them the end was never told.
    for job in waiting:
        drive([record(job)])
    drained(waiting, slots)


@pytest.mark.parametrize("slots", [1, 3])
def test_no_slot_is_idle_though_the_index_never_has_a_job(slots: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are queued, told and ended at once; each is told twice, and its end before or after others are queued."""
    monkeypatch.setattr(queues, "first", lambda *_: [])
    a_queue(slots=slots)

    def worker(seed: int) -> list[Job]:
        chance = random.Random(seed)
        mine = []
        for number in range(6):
            job = queued(10 * number + seed, chance.choice(list(Priority)))
            mine.append(job)
            inserted = record(job, "INSERT")
            for _ in range(2):
                assert not drive([inserted])["batchItemFailures"]
            for each in mine:
                if status(each) is Status.INITIALIZING and chance.random() < 0.5:
                    ends(each)
                    drive([record(each)])
        return mine

    with ThreadPoolExecutor(4) as pool:
        waiting = [job for mine in pool.map(worker, range(4)) for job in mine]
    assert len(waiting) <= NOTED_MOST
    drained(waiting, slots)
