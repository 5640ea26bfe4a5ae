"""Jobs that are not listed as they are, whatever became of the records that told of them."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest
from types_boto3_dynamodb import DynamoDBClient

from jobyard.errors import Busy
from jobyard.lifecycle import lost, recount
from jobyard.lifecycle.count import Told, settle
from jobyard.lifecycle.reconcile import GRACE_MS, Repairs, reconcile
from jobyard.lifecycle.schedules import Compared
from jobyard.model import LIVE, TERMINAL, Job, Person, Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, PHASES
from jobyard.store import counts, jobs, queues, recounts
from jobyard.store.counts import RowKey
from jobyard.store.listings import listing_key, seen
from tests.factories import LIST, NOW, a_job
from tests.fake_machine import FakeMachine
from tests.rows import add_to_row

LATER = NOW + GRACE_MS + 1


@pytest.fixture(autouse=True)
def _every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recount, "LAG_SECONDS", 0)
    monkeypatch.setattr(recount, "day_due", lambda *_: NOW // DAY_MS)


@pytest.fixture(autouse=True)
def _queued_jobs_wait(table: str) -> None:
    """What reconcile does to jobs that nobody claimed is another matter."""
    for tenant in ("acme", "other", "third"):
        assert queues.put(queues.get(tenant, ""), 0, False, NOW)


def running(machine: FakeMachine, **values: object) -> Job:
    """A job that only its list knows nothing of."""
    job = a_job(**values)
    jobs.put(job)
    if not job.terminal:
        machine.put(job.id)
    return job


def tell(job: Job) -> None:
    settle([Told(job, PHASES[job.status])])


def shown(job: Job) -> Status | None:
    found = seen([(job.tenant, job.id)]).get((job.tenant, job.id))
    return found.job.status if found and found.job else None


def counted(listed_in: str = LIST) -> dict[Status, int]:
    (tally,) = counts.days(listed_in, "all")
    return {cell.status: number for numbers in tally.days.values() for cell, number in numbers.items()}


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_live_job_that_is_not_listed_is(machine: FakeMachine, status: Status) -> None:
    job = running(machine, status=status)
    assert reconcile(LATER, 60) == Repairs(recounted=1)
    assert shown(job) is status
    assert counted() == {status: 1}
    assert reconcile(LATER, 60) == Repairs()


def test_a_live_job_whose_listing_is_behind_is_listed_as_it_is(machine: FakeMachine) -> None:
    job = running(machine, status=Status.QUEUED)
    tell(job)
    jobs.move(job, "initialize", {"updatedAt": NOW})
    assert reconcile(LATER, 60) == Repairs(recounted=1)
    assert counted() == {Status.INITIALIZING: 1}
    assert reconcile(LATER, 60) == Repairs()


def test_a_job_that_has_just_changed_is_left_to_the_stream(machine: FakeMachine) -> None:
    job = running(machine)
    assert reconcile(NOW + GRACE_MS, 60) == Repairs()
    tell(job)
    jobs.move(job, "initialize", {"updatedAt": NOW + 5})
    assert reconcile(LATER, 60) == Repairs()
    jobs.cancel(job, Person("b", "Bob"), NOW + 9)
    machine.executions.clear()
    assert reconcile(LATER, 60) == Repairs()


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_listing_that_shows_a_job_live_which_has_ended_shows_its_end(machine: FakeMachine, status: Status) -> None:
    tell(a_job(id="a" * 24, status=Status.RUNNING))
    running(machine, id="a" * 24, status=status, finished_at=NOW)
    assert reconcile(LATER, 60) == Repairs(recounted=1)
    assert counted() == {status: 1}
    assert reconcile(LATER, 60) == Repairs()


def test_a_listing_of_a_job_that_is_gone_goes_too(machine: FakeMachine) -> None:
    job = a_job()
    tell(job)
    assert reconcile(LATER, 60) == Repairs(recounted=1)
    assert shown(job) is None
    assert counted() == {}
    # What the stream tells late does not bring it back.
    tell(job)
    assert reconcile(LATER, 60) == Repairs()
    assert counted() == {}


def test_the_listing_of_an_expired_job_is_left_to_expire(machine: FakeMachine) -> None:
    tell(a_job(expires_at=(NOW + 900 * DAY_MS) // DAY_MS * DAY_MS // 1000))
    assert reconcile(NOW + 900 * DAY_MS, 60) == Repairs()


def test_a_listing_that_is_gone_is_made_anew_and_the_counts_come_right(
    machine: FakeMachine, dynamodb_client: DynamoDBClient, table: str
) -> None:
    job = running(machine)
    tell(job)
    dynamodb_client.delete_item(TableName=table, Key=listing_key(job.tenant, job.id))
    # It is counted a second time; what is too much is the drift of its day.
    first = reconcile(LATER, 60)
    assert first.recounted == 1
    assert first.drift > 0
    assert counted() == {Status.QUEUED: 1}
    assert reconcile(LATER, 60) == Repairs()


def test_counts_that_miss_a_live_cell_hide_no_job(
    machine: FakeMachine, dynamodb_client: DynamoDBClient, table: str
) -> None:
    job = running(machine)
    tell(job)
    for row in counts.rows(f"COUNT#{LIST}#all"):
        dynamodb_client.delete_item(TableName=table, Key={"pk": row["pk"], "sk": row["sk"]})
    assert reconcile(LATER, 60) == Repairs(drift=1)
    assert counted() == {Status.QUEUED: 1}


def test_one_that_cannot_be_counted_keeps_no_other_from_it(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, fine = running(machine), running(machine)
    heal = lost.heal

    def fails(suspect: lost.Suspect, old: int) -> bool:
        if suspect.id == stuck.id:
            raise Busy("no")
        return heal(suspect, old)

    monkeypatch.setattr(lost, "heal", fails)
    assert reconcile(LATER, 60) == Repairs(recounted=1, errors=1)
    assert shown(fine) is Status.QUEUED


def test_a_list_that_cannot_be_compared_keeps_no_other_from_it(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in ("acme", "other", "third"):
        tell(running(machine, tenant=tenant))
    compared = []

    def compare(listed_in: str, day: int, at: int) -> int:
        compared.append(listed_in)
        if listed_in.endswith("other"):
            raise Busy("no")
        return 1

    monkeypatch.setattr(recount, "compare", compare)
    assert reconcile(LATER, 60) == Repairs(drift=2, errors=1)
    assert reconcile(LATER + 60_000, 60) == Repairs(drift=2, errors=1)
    assert (
        sorted(compared[:3]) == sorted(compared[3:]) == [f"alteryx#{tenant}" for tenant in ("acme", "other", "third")]
    )
    assert compared[:3] != compared[3:], "where time is short, it is not the same that wait"


def test_without_time_lists_are_left_for_the_next_run(machine: FakeMachine) -> None:
    running(machine)
    assert reconcile(LATER, 0) == Repairs()
    assert reconcile(LATER, 60) == Repairs(recounted=1)


def test_by_turns_each_kept_day_is_due_and_the_one_that_has_just_ended(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("RETENTION_DAYS", "3")
    monkeypatch.setattr(counts, "days", lambda *_: [])
    noon = 20_000 * DAY_MS + DAY_MS // 2
    due = [recount.day_due(LIST, noon + minute * 60_000) for minute in range(8 * recount.EVERY_MINUTES)]
    taken = [day for day in due if day is not None]
    assert len(taken) == 8
    assert sorted(taken) == [19_997, 19_998, 19_999, 19_999, 19_999, 19_999, 19_999, 20_000]
    others = {recount.day_due(f"alteryx#{n}", noon) for n in range(50)}
    assert None in others
    assert len(others) > 1, "not all lists are due in one minute"


def test_days_beyond_the_retention_that_count_jobs_are_kept_days(machine: FakeMachine) -> None:
    tell(a_job(created_at=NOW - 300 * DAY_MS, expires_at=(NOW + 900 * DAY_MS) // DAY_MS * DAY_MS // 1000))
    days = recount.kept_days(LIST, NOW)
    assert days[0] == NOW // DAY_MS - 300
    assert days[1:] == list(range(NOW // DAY_MS - 90, NOW // DAY_MS + 1))
    assert recount.kept_days(LIST, NOW + 900 * DAY_MS)[0] == NOW // DAY_MS + 810
    assert recounts.lists() == [LIST]


def test_the_handler_tells_of_drift(
    machine: FakeMachine, table: str, dynamodb_client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jobyard")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "jobyard-test")
    module = importlib.reload(importlib.import_module("functions.reconcile.app"))
    at = now_ms() - 2 * GRACE_MS
    monkeypatch.setattr(recount, "day_due", lambda *_: at // DAY_MS)
    job = running(machine, created_at=at, updated_at=at)
    tell(job)
    (row,) = counts.rows(f"COUNT#{LIST}#all")
    key = RowKey(row["pk"]["S"], row["sk"]["S"])
    add_to_row(dynamodb_client, table, key, next(iter(counts.counts_of(row))), 41)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000, function_name="reconcile")
    assert module.handler({}, context) == Repairs(drift=41)._asdict() | Compared()._asdict()
    metric = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if '"CountDrift"' in line)
    assert metric["CountDrift"] == [41.0]
