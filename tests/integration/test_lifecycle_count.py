"""What count makes of the stream's records, on a table: listings and rows as the lists read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from jobyard.aws import client
from jobyard.errors import Busy
from jobyard.lifecycle.count import Counted, Told, count, settle
from jobyard.model import Facets, Job, Person, Priority, Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, GONE, PHASES, Cell, Facet
from jobyard.store import counts, listings
from jobyard.store.counts import CREATED, ENDED, Slot
from jobyard.store.listings import Listing, Stretch
from tests.factories import ADA, BOB, LIST, NOW, a_job
from tests.promises.harness.lives import record

DAY = NOW // DAY_MS
QUEUED, DONE = Cell(Status.QUEUED, 0, 0, -1), Cell(Status.COMPLETED, 0, 0, 0)
pytestmark = pytest.mark.usefixtures("table")


def told(*jobs: Job, gone: bool = False) -> int:
    return settle(Told(job, GONE if gone else PHASES[job.status]) for job in jobs)


def numbers(family: str = "all", begins: str = "") -> dict[Facet, dict[int, dict[Cell, int]]]:
    return {tally.facet: tally.days for tally in counts.days(LIST, family, begins)}


def listed(facet: Facet, of: Cell | None, axis: str = CREATED) -> list[str]:
    return [job.id for job in listings.read(Stretch(LIST, facet, of, axis, "0", "9"), False, 100).jobs]


def completed(job: Job, at: int) -> Job:
    return replace(job, status=Status.COMPLETED, finished_at=at, updated_at=at)


def test_a_new_job_is_counted_in_each_of_its_facets_and_found_in_each_of_their_indexes() -> None:
    job = a_job()
    assert told(job) == 1
    facets = {
        "all": Facet(),
        "who": Facet(ADA.id),
        "what": Facet("", "Profile", job.workflow_id),
        "both": Facet(ADA.id, "Profile", job.workflow_id),
    }
    for family, facet in facets.items():
        assert numbers(family) == {facet: {DAY: {QUEUED: 1}}}
        assert listed(facet, QUEUED) == [job.id]
        assert listed(facet, DONE) == []
        if family != "both":
            assert listed(facet, None) == [job.id]
            assert counts.slots(LIST, facet, CREATED, DAY) == [Slot(NOW, NOW + 10_000, QUEUED, 1)]


def test_what_is_listed_is_the_job_as_a_list_shows_it() -> None:
    job = a_job(details={"name": "x"}, facets=Facets("x", "", "w", 1), priority=Priority.HIGH, worker_tag="blue")
    told(job)
    (shown,) = listings.read(Stretch(LIST, Facet(), None, CREATED, "0", "9"), False, 1).jobs
    assert shown == replace(job, questions=(), runner=None, settings={})


def test_a_job_that_completes_leaves_where_it_waited_and_is_found_by_its_end() -> None:
    job, end = a_job(), NOW + 2 * DAY_MS + 300_001
    told(job)
    told(completed(job, end))
    of = Cell(Status.COMPLETED, 0, 0, 2)
    assert numbers() == {Facet(): {DAY: {of: 1}}}
    assert counts.slots(LIST, Facet(), CREATED, DAY) == [Slot(NOW, NOW + 10_000, of, 1)]
    assert counts.slots(LIST, Facet(), ENDED, DAY + 2) == [
        Slot(NOW + 2 * DAY_MS + 300_000, NOW + 2 * DAY_MS + 600_000, of, 1)
    ]
    assert (listed(Facet(), QUEUED), listed(Facet(), of), listed(Facet(), of, ENDED)) == ([], [job.id], [job.id])


def test_slots_are_of_the_axis_that_is_asked_for() -> None:
    """Though the rows are the same: of two that were created and completed in one hour, in two slots."""
    first, second = (completed(a_job(created_at=NOW + at), NOW + at + 600_000) for at in (0, 300_000))
    told(first, second, replace(a_job(), status=Status.RUNNING))
    minutes = NOW + 300_000
    assert sorted(counts.slots(LIST, Facet(), CREATED, DAY)) == [
        Slot(NOW, NOW + 10_000, Cell(Status.COMPLETED, 0, 0, 0), 1),
        Slot(NOW, NOW + 10_000, Cell(Status.RUNNING, 0, 0, -1), 1),
        Slot(minutes, minutes + 300_000, DONE, 1),
    ]
    assert sorted(counts.slots(LIST, Facet(), ENDED, DAY)) == [
        Slot(minutes + 300_000, minutes + 600_000, DONE, 1),
        Slot(minutes + 600_000, minutes + 900_000, DONE, 1),
    ]


@pytest.mark.parametrize(("after", "rows"), [(0, 3), (3599_000, 3), (3600_000, 6), (DAY_MS, 6)])
def test_creation_and_completion_in_one_hour_are_one_write_of_each_facet(after: int, rows: int) -> None:
    waiting, whole = a_job(), a_job()
    told(waiting)
    with transactions() as met:
        told(completed(waiting, NOW + after))
        told(completed(whole, NOW + after))
    assert [sum(pk.startswith("HOURS#") for pk in written) for written in met] == [rows, rows]


@pytest.mark.parametrize("id", [".", ".0c0", "0c0", str(DAY), f"{DAY}#.0c0"])
def test_a_facet_may_be_named_as_what_stands_in_rows(id: str) -> None:
    told(completed(a_job(owner=Person(id, id)), NOW + 1000), a_job())
    slot = [Slot(NOW, NOW + 10_000, DONE, 1)]
    assert counts.slots(LIST, Facet(id), CREATED, DAY) == counts.slots(LIST, Facet(id), ENDED, DAY) == slot


def test_a_job_that_is_deleted_leaves_nothing_but_that_it_is_gone() -> None:
    job = a_job()
    told(job)
    assert told(job, gone=True) == 1
    assert told(job, gone=True) == told(job) == 0
    assert numbers() == {Facet(): {}}
    assert counts.slots(LIST, Facet(), CREATED, DAY) == []
    assert listed(Facet(), None) == []
    assert listings.seen([(job.tenant, job.id)]) == {(job.tenant, job.id): Listing(GONE, None)}


def test_an_earlier_phase_changes_nothing_and_nor_does_the_same_again() -> None:
    job = a_job()
    done = completed(job, NOW + 5)
    assert told(done) == 1
    assert told(job) == told(done) == told(replace(job, status=Status.RUNNING)) == 0
    assert numbers() == {Facet(): {DAY: {DONE: 1}}}


def test_of_a_batch_the_latest_of_each_job_counts() -> None:
    job, other = a_job(), a_job(owner=BOB)
    done = completed(job, NOW + 1)
    change: list[dict[str, Any]] = [
        record("MODIFY", job, done),
        record("INSERT", None, job),
        record("INSERT", None, other),
        {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": f"JOB#acme#{job.id}"}, "sk": {"S": "MSG#1"}}}},
        {"eventName": "REMOVE"},
    ]
    assert count(change) == Counted(2, 1)
    assert numbers() == {Facet(): {DAY: {QUEUED: 1, DONE: 1}}}


def test_what_has_expired_is_not_counted_and_its_removal_takes_nothing_away() -> None:
    now_s = now_ms() // 1000
    kept, expired = a_job(expires_at=now_s + 3600), a_job(expires_at=now_s)
    assert told(kept, expired) == 1
    assert told(expired, gone=True) == 0
    ((cell, number),) = numbers()[Facet()][DAY].items()
    assert (cell.status, number) == (Status.QUEUED, 1)
    assert listed(Facet(), None) == [kept.id]


def test_facets_of_a_long_name_are_told_by_their_whole_name() -> None:
    name = "a long name " * 20
    told(a_job(workflow_name=name, workflow_id="w"), a_job(workflow_name=name + "!", workflow_id="w"))
    assert {tally.name for tally in counts.days(LIST, "what")} == {name, name + "!"}
    assert {tally.name for tally in counts.days(LIST, "both")} == {name, name + "!"}


def test_the_names_of_lists_are_kept_once_for_all() -> None:
    told(a_job(), a_job(listed_in="tencent#acme#b", tenant="acme"))
    told(a_job(), a_job(tenant="globex"))
    assert [row["sk"]["S"] for row in counts.rows(counts.LISTS)] == ["alteryx#acme", "alteryx#globex", "tencent#acme#b"]


def test_one_owner_of_many_is_asked_for_alone() -> None:
    told(*(a_job(owner=Person(id, id)) for id in ("a", "a", "ab")))
    assert numbers("who", "a#") == {Facet("a"): {DAY: {QUEUED: 2}}}


@pytest.mark.parametrize(("family", "days"), [("all", 16), ("who", 16), ("what", 16), ("both", 64)])
def test_jobs_of_a_block_of_days_are_in_one_row(family: str, days: int) -> None:
    first = DAY // days * days
    told(*(a_job(created_at=(first + n) * DAY_MS) for n in (*range(0, days + 1, 8), days - 1)))
    assert len(list(counts.rows(f"COUNT#{LIST}#{family}"))) == 2
    (of_facet,) = numbers(family).values()
    assert of_facet == {first + n: {QUEUED: 1} for n in (*range(0, days + 1, 8), days - 1)}


@contextmanager
def transactions(*reasons: list[str] | None) -> Iterator[list[list[str]]]:
    """Each of the next transactions is cancelled for reasons, or carried out (None); what each writes, by partition."""
    left, met = list(reasons), list[list[str]]()

    def instead(params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        written = [write for each in json.loads(params["body"])["TransactItems"] for write in each.values()]
        met.append([write["Key" if "Key" in write else "Item"]["pk"]["S"] for write in written])
        codes = left.pop(0) if left else None
        if codes is None:
            return None
        why = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": c} for c in codes]}
        raise ClientError(why, "TransactWriteItems")  # type: ignore[arg-type]

    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb.TransactWriteItems", instead)
    try:
        yield met
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", instead)


def test_a_transaction_that_another_is_in_the_way_of_is_written_again() -> None:
    with transactions(["None", "TransactionConflict"], ["TransactionConflict", "ThrottlingError"]) as met:
        assert told(a_job()) == 1
    assert len(met) == 3
    assert numbers() == {Facet(): {DAY: {QUEUED: 1}}}


def test_where_another_has_counted_a_job_what_was_seen_is_read_again() -> None:
    with transactions(["ConditionalCheckFailed", "TransactionConflict"]) as met:
        assert told(a_job(), a_job()) == 2
    assert len(met) == 2
    assert numbers() == {Facet(): {DAY: {QUEUED: 2}}}


def test_listings_that_are_too_large_for_one_transaction_are_written_in_several() -> None:
    with transactions() as met:
        assert told(*(a_job(details={"input": "x" * 320_000}) for _ in range(13))) == 13
    assert len(met) == 2
    assert numbers() == {Facet(): {DAY: {QUEUED: 13}}}


def test_others_in_the_way_for_too_long_are_told_to_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with transactions(*[["TransactionConflict"]] * 100), pytest.raises(Busy):
        told(a_job())
    with transactions(*[["ConditionalCheckFailed"]] * 100), pytest.raises(Busy):
        told(a_job())
    assert numbers() == {}


@pytest.mark.parametrize("reason", ["ThrottlingError", "ValidationError"])
def test_what_does_not_pass_by_waiting_here_is_told_to_lambda(reason: str) -> None:
    with transactions(["None", reason]), pytest.raises(ClientError):
        told(a_job())
