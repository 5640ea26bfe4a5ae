"""What a job adds to the rows that count it."""

from __future__ import annotations

from copy import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.model import Facets, Job, Status
from jobyard.model.listing import DAY_MS, Facet, cell
from jobyard.store import counts
from jobyard.store.counts import (
    CREATED,
    ENDED,
    HOUR_MS,
    Changes,
    Row,
    RowKey,
    axis_of,
    block_of,
    cell_of,
    counts_of,
    day_key,
    day_of,
    update,
)
from jobyard.store.items import item, plain
from tests.factories import ADA, LIST, NOW, a_job
from tests.promises.effort import effort

DAY = NOW // DAY_MS
_PLACES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
BLOCK, PLACE = divmod(DAY, 16)
LONG_BLOCK, LONG_PLACE = divmod(DAY, 64)


def rows_of(*changes: tuple[Job, int]) -> dict[RowKey, Row]:
    made = Changes()
    for job, number in changes:
        made.add(job, number)
    return made.rows


def hours_of(*changes: tuple[Job, int]) -> dict[RowKey, dict[str, int]]:
    return {key: row.counts for key, row in rows_of(*changes).items() if key.pk.startswith("HOURS#")}


def test_a_job_is_counted_in_four_rows_of_days_and_three_of_hours() -> None:
    job = a_job(created_at=NOW + 3 * HOUR_MS + 5 * 60_000, workflow_id="w", expires_at=(NOW + 91 * DAY_MS) // 1000)
    day, slot = f"{_PLACES[PLACE]}q0", "dq0"
    made = {
        RowKey(f"COUNT#{LIST}#all", f"#00091#{BLOCK:05d}"): {day: 1},
        RowKey(f"COUNT#{LIST}#who", f"{ADA.id}#00091#{BLOCK:05d}"): {day: 1},
        RowKey(f"COUNT#{LIST}#what", f"Profile\nw#00091#{BLOCK:05d}"): {day: 1},
        RowKey(f"COUNT#{LIST}#both", f"{ADA.id}\nProfile\nw#00091#{LONG_BLOCK:05d}"): {f"{_PLACES[LONG_PLACE]}q0": 1},
        RowKey(f"HOURS#{LIST}#{DAY}#", "03#00091"): {slot: 1},
        RowKey(f"HOURS#{LIST}#{DAY}#{ADA.id}", "03#00091"): {slot: 1},
        RowKey(f"HOURS#{LIST}#{DAY}#Profile\nw", "03#00091"): {slot: 1},
    }
    assert {key: row.counts for key, row in rows_of((job, 1)).items()} == made


@pytest.mark.parametrize(
    ("after", "made"),
    [
        (30 * 60_000, {(DAY, 3): {"dc0": 1, ".jc0": 1}}),
        (HOUR_MS, {(DAY, 3): {"dc0": 1}, (DAY, 4): {".dc0": 1}}),
        (DAY_MS, {(DAY, 3): {"dc0+1": 1}, (DAY + 1, 3): {".dc0+1": 1}}),
    ],
)
def test_a_job_that_completes_is_counted_once_more_in_the_hour_of_that_which_may_be_the_same(
    after: int, made: dict[tuple[int, int], dict[str, int]]
) -> None:
    at = NOW + 3 * HOUR_MS + 5 * 60_000
    job = a_job(created_at=at, workflow_id="w", status=Status.COMPLETED, finished_at=at + after)
    assert hours_of((job, 1)) == {
        RowKey(f"HOURS#{LIST}#{day}#{of}", f"{hour:02d}#00000"): numbers
        for (day, hour), numbers in made.items()
        for of in ("", ADA.id, "Profile\nw")
    }


def test_a_job_that_completes_where_it_was_created_moves_in_its_rows() -> None:
    job = a_job(facets=Facets())
    done = replace(job, status=Status.COMPLETED, finished_at=NOW + 1000)
    assert hours_of((job, -1), (done, 1)) == {
        RowKey(f"HOURS#{LIST}#{DAY}#", "00#00000"): {"0q0": -1, "0c0": 1, ".0c0": 1}
    }


@pytest.mark.parametrize(
    ("second", "slot"),
    [
        (0, "0"),
        (9.999, "0"),
        (10, "1"),
        (119, "b"),
        (120, "c"),
        (299, "c"),
        (300, "d"),
        (3299, "m"),
        (3300, "n"),
        (3599, "n"),
    ],
)
def test_the_beginning_of_an_hour_is_told_apart_by_ten_seconds_and_the_rest_by_five_minutes(
    second: float, slot: str
) -> None:
    job = a_job(created_at=NOW + 23 * HOUR_MS + int(second * 1000), facets=Facets())
    (numbers,) = hours_of((job, 1)).values()
    assert numbers == {f"{slot}q0": 1}


def test_a_job_without_facets_is_counted_among_all_only() -> None:
    assert [key.pk for key in rows_of((a_job(facets=Facets()), 1))] == [
        f"COUNT#{LIST}#all",
        f"HOURS#{LIST}#{DAY}#",
    ]


def test_a_job_that_moves_on_is_taken_from_where_it_was() -> None:
    job = a_job()
    moved = rows_of((job, -1), (replace(job, status=Status.INITIALIZING), 1))
    assert {tuple(row.counts.values()) for row in moved.values()} == {(-1, 1)}
    assert len(moved) == 7


JOBS = st.builds(
    lambda day, at, status, after: a_job(
        created_at=NOW + day * DAY_MS + at,
        status=status,
        finished_at=NOW + day * DAY_MS + after if status in (Status.COMPLETED, Status.FAILED) else None,
        expires_at=(NOW + (day + 91) * DAY_MS) // 1000,
    ),
    st.integers(-40, 40),
    st.integers(0, DAY_MS - 1),
    st.sampled_from(Status),
    st.integers(-DAY_MS, 40 * DAY_MS),
)


@effort(50)
@given(jobs=st.lists(JOBS, max_size=8))
def test_what_comes_and_goes_leaves_nothing(jobs: list[Job]) -> None:
    assert rows_of(*((job, 1) for job in jobs), *((job, -1) for job in jobs)) == {}


@effort(50)
@given(jobs=st.lists(JOBS, min_size=1, max_size=8))
def test_the_rows_of_many_are_the_sum_of_those_of_each_and_no_more_than_were_touched(jobs: list[Job]) -> None:
    together, summed = Changes(), dict[tuple[RowKey, str], int]()
    for job in jobs:
        together.add(job, 1)
        for key, row in rows_of((job, 1)).items():
            for name, number in row.counts.items():
                summed[key, name] = summed.get((key, name), 0) + number
    found = {(key, name): number for key, row in together.rows.items() for name, number in row.counts.items()}
    assert found == summed
    assert together.touched >= len(together.rows)


@pytest.mark.parametrize("facet", [Facet(), Facet("a"), Facet("", "b", "c"), Facet("a", "b", "c")])
def test_each_day_has_a_row_and_a_name_of_its_own(facet: Facet) -> None:
    rows = {}
    for day in range(DAY, DAY + 200):
        key, place = day_key(LIST, facet, 91, day)
        assert day in block_of(key)
        assert day_of(key, f"{place}c0") == day
        assert counts_of({f"{place}c0": {"N": "1"}, "version": {"N": "1"}}) == {f"{place}c0": 1}
        rows[key, place] = day
    assert len(rows) == 200


@effort(50)
@given(job=JOBS)
def test_a_row_stays_until_its_last_job_has_expired_and_then_goes(job: Job) -> None:
    assert job.expires_at
    for row in rows_of((job, 1)).values():
        later = row.rest["expiresAt"] - job.expires_at
        assert 2 * DAY_MS // 1000 < later <= (64 + 3 + 40) * DAY_MS // 1000
    for row in rows_of((replace(job, expires_at=None), 1)).values():
        assert "expiresAt" not in row.rest


def test_the_whole_name_of_a_workflow_stands_in_its_rows_where_the_key_has_not_room_for_it() -> None:
    name = "long " * 40
    told = {key.pk: row.rest.get("name") for key, row in rows_of((a_job(workflow_name=name), 1)).items()}
    assert told[f"COUNT#{LIST}#what"] == told[f"COUNT#{LIST}#both"] == name
    assert told[f"COUNT#{LIST}#all"] is told[f"COUNT#{LIST}#who"] is None
    assert not any("name" in row.rest for row in rows_of((a_job(), 1)).values())


def test_a_change_of_a_row_is_one_update_that_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "t")
    (write,) = update(RowKey("p", "s"), Row({"5q0": -1, "5r0": 2}, {"expiresAt": 7})).values()
    assert write == {
        "TableName": "t",
        "Key": item({"pk": "p", "sk": "s"}),
        "UpdateExpression": "ADD #n0 :n0, #n1 :n1, #version :one SET #r_expiresAt = :r_expiresAt",
        "ExpressionAttributeNames": {"#n0": "5q0", "#n1": "5r0", "#r_expiresAt": "expiresAt", "#version": "version"},
        "ExpressionAttributeValues": item({":n0": -1, ":n1": 2, ":r_expiresAt": 7, ":one": 1}),
    }


def test_of_a_row_only_counts_are_counts() -> None:
    numbers = {"5c0": 2, "fx3+-1": 1, ".5c0": 4, "..5c0": 1, "5.c0": 1, ".5": 1}
    row = item({"pk": "HOURS#l#1#", "sk": "05#0", "version": 3, "expiresAt": 9, "name": "5c0"} | numbers)
    assert counts_of(row) == {"5c0": 2, "fx3+-1": 1, ".5c0": 4}
    assert plain(row["name"]) == "5c0"


@effort(50)
@given(job=JOBS)
def test_what_an_attribute_counts_is_told_by_its_name(job: Job) -> None:
    of = cell(job)
    for key, row in rows_of((job, 1)).items():
        assert {cell_of(name, of.kept) for name in row.counts} == {of}
        assert counts_of(item(row.counts)) == row.counts
        if key.pk.startswith("HOURS#"):
            axes = [axis_of(name) for name in row.counts]
            assert axes in ([CREATED], [ENDED], [CREATED, ENDED])
        else:
            assert day_of(key, min(row.counts)) == job.created_at // DAY_MS


def test_no_place_looks_like_a_mark() -> None:
    assert {axis_of(f"{place}c0") for place in _PLACES} == {CREATED}


def test_a_list_is_named_once_by_a_process() -> None:
    counts.forget()
    assert counts.unnamed({"a", "b"}) == {"a", "b"}
    counts.remember_named({"a"})
    assert counts.unnamed({"a", "b"}) == {"b"}
    counts.forget()
    assert counts.unnamed({"a"}) == {"a"}
