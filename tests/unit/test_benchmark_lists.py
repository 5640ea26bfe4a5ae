"""The history that the benchmark of lists loads, and what it says of costs; the rest is seen by running it."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.history import BURST_MS, DAY, DAYS, History
from benchmarks.layout import size
from benchmarks.ledger import Index, indexes, units
from benchmarks.lists import main
from benchmarks.loader import table
from benchmarks.meter import longest_chain
from benchmarks.queries import COMMON, Measured, queries
from benchmarks.report import over
from benchmarks.truth import Truth
from jobyard.model import LIVE, Status
from jobyard.model.ids import now_ms
from jobyard.service.filters import Filter, Sort
from jobyard.store.items import item

TODAY = now_ms() // DAY * DAY + DAY
"""Or tomorrow: were it over when a midnight comes in between, the first jobs would have expired by then."""
HISTORY = History(3000, TODAY)


def test_a_history_is_the_same_whenever_it_is_made() -> None:
    assert list(HISTORY.jobs()) == list(History(3000, TODAY).jobs())
    assert HISTORY.day(40) == [job for job in HISTORY.jobs() if (job.created_at - HISTORY.first_day) // DAY == 40]
    assert HISTORY.day(40) != History(3000, TODAY, seed=2).day(40)


def test_a_history_is_skewed_and_bursts_at_night() -> None:
    jobs = list(HISTORY.jobs())
    assert len(jobs) == len({job.id for job in jobs}) == 3000
    assert HISTORY.first_day <= min(job.created_at for job in jobs)
    assert max(job.created_at for job in jobs) < TODAY
    assert sum(job.created_at % DAY < BURST_MS for job in jobs) == pytest.approx(600, abs=DAYS)
    for of in (Counter(job.owner.id for job in jobs), Counter(job.workflow_id for job in jobs)):
        assert of.most_common(1)[0][1] > 3000 * 0.1
    statuses = Counter(job.status for job in jobs)
    assert statuses[Status.COMPLETED] > 3000 * 0.97
    assert statuses[Status.FAILED] > statuses[Status.CANCELLED] > 0
    live = [job for job in jobs if job.status in LIVE]
    assert 0 < len(live) < 3000 * 0.02
    assert all(job.finished_at is None or job.finished_at < TODAY for job in jobs)
    assert any(job.finished_at and job.finished_at // DAY > job.created_at // DAY for job in jobs)


def test_the_plain_model_filters_and_sorts_what_there_is() -> None:
    truth = Truth.of(HISTORY)
    newest = truth.ids(Filter(), Sort.CREATED, descending=True)
    assert newest == [job.id for job in sorted(HISTORY.jobs(), key=lambda job: (job.created_at, job.id), reverse=True)]
    owner = truth.owners[0]
    by_end = truth.ids(Filter(owners=frozenset({owner})), Sort.COMPLETED, descending=False)
    ends = {job.id: job.finished_at or 0 for job in HISTORY.jobs() if job.status in (Status.COMPLETED, Status.FAILED)}
    assert by_end == sorted(
        (job.id for job in sorted(HISTORY.jobs(), key=lambda job: job.created_at) if job.owner.id == owner),
        key=lambda job_id: ends.get(job_id, 0),
    )


def test_each_query_has_a_name_of_its_own() -> None:
    names = [query.name for query in queries(HISTORY, Truth.of(HISTORY))]
    assert len(names) == len(set(names)) > 60


def test_trips_are_the_requests_that_can_have_waited_for_each_other() -> None:
    assert longest_chain([]) == 0
    assert longest_chain([(0, 4), (1, 3), (2, 5)]) == 1
    assert longest_chain([(0, 2), (1, 3), (3, 5), (3, 4), (5, 6)]) == 3


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    assert size(item({"pk": "ab", "n": 1_795_392_000})) == 2 + 2 + 1 + 5
    assert size(item({"pk": "é", "m": {"a": 1, "b": True}})) == 2 + 2 + 1 + 3 + (1 + 1 + 2) + (1 + 1 + 1)


def test_what_a_write_costs_follows_from_what_changed() -> None:
    index = Index("by", ("of", "at"), frozenset({"pk", "sk", "of", "at", "shown"}))
    here = item({"pk": "a", "sk": "a", "of": "x", "at": "1", "shown": "old"})
    assert units({}, here, [index], transaction=False) == {"table": 1, "by": 1}
    assert units(here, here | item({"shown": "new"}), [index], transaction=True) == {"table": 2, "by": 1}
    assert units(here, here | item({"of": "y"}), [index], transaction=False) == {"table": 1, "by": 2}
    assert units(here, here | item({"other": "o" * 1024}), [index], transaction=False) == {"table": 2}


def test_what_costs_too_much_is_told() -> None:
    def cost(jobs: int, read: float, trips: int = 2) -> Measured:
        return Measured(COMMON, "a list", jobs, read, 2, trips, 1, 1, 50, jobs)

    assert over([cost(1000, 4), cost(10_000, 7)]) == []
    assert over([cost(1000, 4), cost(10_000, 8)]) == ["a list: 2.0 times as dear at one size as at another"]
    assert over([cost(1000, 16, 5)]) == [
        "a list: 16.0 RCU, where 15 are the limit",
        "a list: 5 trips, where 4 are the limit",
    ]


@pytest.mark.parametrize(
    "given",
    [["--sizes", "10"], ["--sizes", "many"], ["--sizes", "2000000"], ["--repetitions", "0"]],
)
def test_what_would_not_end_or_say_nothing_is_refused(given: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(given)


def test_every_index_of_the_table_can_be_charged_for() -> None:
    of = {each["IndexName"]: each for each in table()["GlobalSecondaryIndexes"]}
    assert {each.name for each in indexes(table())} == set(of)
    assert all({"pk", "sk", *each.keys} <= each.shows for each in indexes(table()))
