"""One job in the table: what is written is read, and of all who would change it one decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from jobyard.aws import client
from jobyard.model import LIVE, TERMINAL, TRANSITIONS, Job, Message, Output, Status
from jobyard.model.messages import message_key
from jobyard.store import jobs
from jobyard.store.items import item
from jobyard.store.records import job_item, job_key, job_pk
from tests.factories import ADA, BOB, NOW, a_job
from tests.faults import lost_answer

pytestmark = pytest.mark.usefixtures("table")


def stored(job: Job) -> Job:
    jobs.put(job)
    return job


def write_messages(table: str, job: Job, count: int, text: str = "line") -> None:
    for number in range(count):
        key = message_key(NOW + number // 3, number % 3, "00000000")
        values = {
            "pk": job_pk(job.tenant, job.id),
            "sk": f"MSG#{key}",
            "at": NOW,
            "level": 1,
            "text": f"{text} {number}",
        }
        client("dynamodb").put_item(TableName=table, Item=item(values))


def test_a_job_is_read_as_it_was_written() -> None:
    job = stored(
        a_job(worker_tag="gpu", run_with_e2=True, settings={"limit": 3, "ratio": 0.5, "deep": {"x": [True, None]}})
    )
    assert jobs.get(job.tenant, job.id) == job


def test_a_job_of_another_tenant_is_not_there() -> None:
    job = stored(a_job())
    assert jobs.get("other", job.id) is None


@pytest.mark.parametrize("status", sorted(Status))
def test_only_live_jobs_are_in_the_index_of_live_jobs(status: Status) -> None:
    assert ("live" in job_item(a_job(status=status))) is (status in LIVE)


@pytest.mark.parametrize("transition", sorted(name for name, each in TRANSITIONS.items() if each.target))
@pytest.mark.parametrize("status", sorted(Status))
def test_a_job_moves_only_along_the_table_of_transitions(transition: str, status: Status) -> None:
    sources, target = TRANSITIONS[transition]
    job = stored(a_job(status=status))
    moved = jobs.move(job, transition, {"updatedAt": NOW + 1})
    assert moved.done is (status in sources)
    now = jobs.get(job.tenant, job.id)
    assert now is not None
    assert now.status is (target if moved.done else status)
    assert moved.job == now


@pytest.mark.parametrize("status", sorted(Status))
def test_only_a_waiting_job_is_deleted(status: Status) -> None:
    job = stored(a_job(status=status))
    removed = jobs.delete(job)
    assert removed.done is (status in TRANSITIONS["delete"].sources)
    assert jobs.get(job.tenant, job.id) == (None if removed.done else job)


def test_a_job_that_ended_leaves_the_index_of_live_jobs(table: str) -> None:
    job = stored(a_job(status=Status.RUNNING))
    jobs.cancel(job, BOB, NOW + 5)
    kept = client("dynamodb").get_item(TableName=table, Key=job_key(job.tenant, job.id))["Item"]
    assert "live" not in kept
    cancelled = jobs.get(job.tenant, job.id)
    assert cancelled is not None
    assert (cancelled.cancelled_by, cancelled.finished_at) == (BOB, NOW + 5)


def test_changing_a_job_that_is_gone_says_so_and_writes_nothing() -> None:
    job = a_job()
    assert jobs.cancel(job, ADA, NOW) == (False, None)
    assert jobs.delete(job) == (False, None)
    assert jobs.get(job.tenant, job.id) is None


CONTESTS = {
    "cancel against cancel": ("cancel", "cancel", "cancel", "cancel"),
    "cancel against complete": ("cancel", "complete", "cancel", "complete"),
    "fail against complete": ("fail", "complete", "fail", "complete"),
}


@pytest.mark.parametrize("contest", CONTESTS.values(), ids=CONTESTS)
def test_of_all_who_end_a_running_job_at_once_exactly_one_does(contest: tuple[str, ...]) -> None:
    for _ in range(15):
        job = stored(a_job(status=Status.RUNNING))
        start = Barrier(len(contest))

        def end(transition: str, job: Job = job, start: Barrier = start) -> tuple[str, jobs.Moved]:
            start.wait()
            return transition, jobs.move(job, transition, {"finishedAt": NOW})

        with ThreadPoolExecutor(len(contest)) as pool:
            outcomes = list(pool.map(end, contest))
        winners = [transition for transition, moved in outcomes if moved.done]
        now = jobs.get(job.tenant, job.id)
        assert now is not None
        assert now.status in TERMINAL
        assert [TRANSITIONS[winner].target for winner in winners] == [now.status]
        assert all(moved.job == now for _, moved in outcomes)


def test_a_queued_job_either_starts_or_is_deleted() -> None:
    for _ in range(15):
        job = stored(a_job(status=Status.QUEUED))
        start = Barrier(2)

        def delete(job: Job = job, start: Barrier = start) -> bool:
            start.wait()
            return jobs.delete(job).done

        def begin(job: Job = job, start: Barrier = start) -> bool:
            start.wait()
            return jobs.move(job, "initialize", {}).done

        with ThreadPoolExecutor(2) as pool:
            deleted, begun = pool.submit(delete), pool.submit(begin)
        assert deleted.result() is not begun.result()
        now = jobs.get(job.tenant, job.id)
        assert now is None if deleted.result() else now is not None and now.status is Status.INITIALIZING


@pytest.mark.parametrize(
    ("operation", "change", "left"),
    [
        ("UpdateItem", lambda job: jobs.cancel(job, ADA, NOW), Status.CANCELLED),
        ("TransactWriteItems", jobs.delete, None),
    ],
    ids=["cancel", "delete"],
)
def test_a_change_whose_answer_was_lost_is_reported_as_done(operation: str, change: Any, left: Status | None) -> None:
    job = stored(a_job(status=Status.QUEUED))
    with lost_answer(client("dynamodb"), operation) as lost:
        moved = change(job)
    assert lost == [operation]
    assert moved.done
    now = jobs.get(job.tenant, job.id)
    assert (now.status if now else None) == left


def test_a_submit_whose_answer_was_lost_is_reported_as_done() -> None:
    job = a_job()
    with lost_answer(client("dynamodb"), "PutItem") as lost:
        jobs.put(job)
    assert lost
    assert jobs.get(job.tenant, job.id) == job


@pytest.mark.parametrize("count", [0, 1, 20, 99, 100, 101, 250])
def test_the_newest_messages_come_with_the_job_oldest_first(table: str, count: int) -> None:
    job = stored(a_job())
    write_messages(table, job, count)
    found, messages = jobs.get_with_messages(job.tenant, job.id, newest=100)
    assert found == job
    assert [message.text for message in messages] == [f"line {number}" for number in range(count)][-100:]


def test_a_job_with_twenty_messages_is_read_by_one_query(table: str) -> None:
    job = stored(a_job())
    write_messages(table, job, 20)
    called: list[str] = []
    client("dynamodb").meta.events.register("before-call.dynamodb", lambda model, **_: called.append(model.name))
    jobs.get_with_messages(job.tenant, job.id, newest=1000)
    assert called == ["Query"]


def test_messages_of_more_than_a_megabyte_are_all_read(table: str) -> None:
    job = stored(a_job())
    write_messages(table, job, 60, text="x" * 30_000)
    found, messages = jobs.get_with_messages(job.tenant, job.id, newest=100)
    assert found == job
    assert len(messages) == 60


def test_messages_of_no_job_are_no_job(table: str) -> None:
    job = a_job()
    write_messages(table, job, 3)
    assert jobs.get_with_messages(job.tenant, job.id, newest=100)[0] is None


def test_a_walk_through_messages_gives_each_once_in_order(table: str) -> None:
    job = stored(a_job())
    write_messages(table, job, 50)
    walked: list[Message] = []
    more = True
    while more:
        page, more = jobs.messages_after(job.tenant, job.id, walked[-1].key if walked else "", 7)
        walked += page
    assert [message.text for message in walked] == [f"line {number}" for number in range(50)]


def test_outputs_progress_and_error_are_read(table: str) -> None:
    job = stored(a_job(status=Status.RUNNING))
    output = {"id": "1", "name": "profile", "fileName": "profile.csv", "format": "csv", "key": "outputs/k", "size": 12}
    client("dynamodb").update_item(
        TableName=table,
        Key=job_key(job.tenant, job.id),
        UpdateExpression="SET outputs = :outputs, progress = :progress",
        ExpressionAttributeValues=item({":outputs": [output], ":progress": 0.25}),
    )
    jobs.fail(job, "no such bucket", NOW + 9)
    now = jobs.get(job.tenant, job.id)
    assert now is not None
    assert now.outputs == (Output("1", "profile", "profile.csv", "csv", "outputs/k", 12),)
    assert (now.status, now.error, now.progress, now.finished_at) == (Status.FAILED, "no such bucket", 0.25, NOW + 9)
