"""The planner, on counts made up by hand: totals, where a page begins, and what is read for it."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.model import Status
from jobyard.model.listing import DAY_MS, Cell, Facet
from jobyard.service.filters import Filter, Sort
from jobyard.service.plan import CROWDED, Place, Plan
from jobyard.store.counts import CREATED, ENDED, Slot, Tally

ALL = Facet()
DONE, LATE = Cell(Status.COMPLETED, 0, 91, 0), Cell(Status.COMPLETED, 0, 91, 2)
URGENT = Cell(Status.COMPLETED, 3, 91, 0)
FAILED, RUNNING = Cell(Status.FAILED, 0, 91, 0), Cell(Status.RUNNING, 0, 91, -1)
TODAY = 20_000
SLOT_MS = 300_000


def plan(
    days: dict[int, dict[Cell, int]],
    sort: Sort = Sort.CREATED,
    descending: bool = False,
    facet: Facet = ALL,
    **filter: Any,
) -> Plan:
    """``days`` ago, and what was created then."""
    told = Tally(facet, facet.workflow_name, {TODAY - ago: cells for ago, cells in days.items()})
    return Plan([told], Filter(**filter), sort, descending, TODAY)


def statuses(*wanted: Status) -> dict[str, Any]:
    return {"statuses": frozenset(wanted)}


@pytest.mark.parametrize(
    ("filter", "total"),
    [
        ({}, 116),
        (statuses(Status.FAILED), 3),
        (statuses(Status.FAILED, Status.RUNNING), 8),
        ({"ranks": frozenset({3})}, 1),
        ({"completed_from": (TODAY - 1) * DAY_MS}, 107),
        ({"completed_until": (TODAY - 1) * DAY_MS}, 4),
        ({"completed_from": TODAY * DAY_MS, "completed_until": (TODAY + 1) * DAY_MS}, 4),
        ({"ranks": frozenset({3})} | statuses(Status.FAILED), 0),
    ],
)
def test_the_total_is_the_sum_of_what_matches(filter: dict[str, Any], total: int) -> None:
    days = {3: {DONE: 4}, 2: {LATE: 4}, 1: {DONE: 99, URGENT: 1, FAILED: 3}, 0: {RUNNING: 5}}
    assert plan(days, **filter).total == total


def test_jobs_are_counted_until_the_day_on_which_they_expire() -> None:
    assert plan({90: {DONE: 1}, 91: {DONE: 10}, 92: {DONE: 100}}).total == 1
    assert plan({5000: {DONE._replace(kept=0): 7}}).total == 7, "these are kept for ever"


@pytest.mark.parametrize(
    ("descending", "offset", "day", "before"),
    [(False, 0, 9, 0), (False, 9, 9, 9), (False, 10, 4, 0), (False, 39, 0, 9), (True, 0, 0, 0), (True, 12, 4, 2)],
)
def test_sums_carry_an_offset_to_its_day(descending: bool, offset: int, day: int, before: int) -> None:
    place = plan({9: {DONE: 10}, 4: {DONE: 20}, 0: {DONE: 10}}, descending=descending).at(offset)
    assert place
    assert (TODAY - place.bucket.day, place.before) == (day, before)


def test_behind_the_last_job_is_nothing() -> None:
    assert plan({1: {DONE: 3}}).at(3) is None
    assert plan({}).at(0) is None


def test_days_without_a_match_are_not_read() -> None:
    made = plan({day: {DONE: 1000} for day in range(80)} | {50: {FAILED: 1}}, **statuses(Status.FAILED))
    place = made.at(0)
    assert place
    (span,) = made.spans(place, 51)
    assert {(run.begin, run.end) for run in span.runs} == {((TODAY - 50) * DAY_MS, (TODAY - 49) * DAY_MS)}


def test_what_most_jobs_match_is_read_from_the_plain_index_and_what_few_do_from_their_cells() -> None:
    days = {day: {DONE: 9800, FAILED: 170, RUNNING: 30} for day in range(5)}
    for wanted, cells in ((Status.COMPLETED, [None]), (Status.FAILED, [FAILED]), (Status.RUNNING, [RUNNING])):
        made = plan(days, **statuses(wanted))
        place = made.at(0)
        assert place
        span = next(iter(made.spans(place, 51)))
        assert [run.cell for run in span.runs] == cells


def test_where_many_others_may_stand_all_together_the_slots_tell_how_many_are_in_the_way() -> None:
    made = plan({0: {DONE: 9000, RUNNING: 600}}, descending=True, **statuses(Status.COMPLETED))
    place = made.at(0)
    assert place
    assert made.crowded(place, 51) == [(ALL, CREATED, TODAY)]
    begin = TODAY * DAY_MS
    busy = [Slot(begin + n * SLOT_MS, begin + (n + 1) * SLOT_MS, DONE, 90) for n in range(100)]
    for live_in, cells in ((100, [DONE]), (50, [None])):
        live = Slot(begin + live_in * SLOT_MS, begin + (live_in + 1) * SLOT_MS, RUNNING, 600)
        narrow = made.narrowed(place, {ALL: [*busy, live]})
        assert [run.cell for run in next(made.spans(narrow, 51)).runs] == cells


def test_of_each_cell_only_those_days_are_read_on_which_it_matches() -> None:
    days = {1: {DONE: 3000, LATE: 10}, 0: {DONE: 3000}}
    made = plan(days, completed_from=TODAY * DAY_MS)
    place = made.at(0)
    assert place
    (span,) = made.spans(place, 51)
    assert {run.cell: (run.begin // DAY_MS, run.end // DAY_MS) for run in span.runs} == {
        LATE: (TODAY - 1, TODAY),
        DONE: (TODAY, TODAY + 1),
    }


def test_no_more_is_read_than_a_page_needs_however_much_there_is() -> None:
    for many in (100, 10_000, 1_000_000):
        made = plan({0: {DONE: many, FAILED: many // 100}})
        place = made.at(0)
        assert place
        (run,) = next(iter(made.spans(place, 51))).runs
        assert run.expected <= 60


def test_a_page_in_the_second_half_of_a_day_is_read_from_its_end() -> None:
    made = plan({1: {DONE: 100}, 0: {DONE: 100}})
    place = made.at(90)
    assert place
    first, second, *_ = made.spans(place, 51)
    assert (first.backwards, first.take, first.skip) == (True, 10, 0)
    assert (second.backwards, second.runs[0].begin, second.take) == (False, TODAY * DAY_MS, 41)


def test_only_a_crowded_day_is_told_apart_by_slots() -> None:
    made = plan({0: {DONE: 10_000}})
    for offset, looked_at in ((0, False), (CROWDED, False), (5000, True), (9999 - CROWDED // 2, False)):
        place = made.at(offset)
        assert place
        assert bool(made.crowded(place, 51)) == looked_at, offset


def test_nobodys_jobs_of_one_workflow_have_slots() -> None:
    made = plan({0: {DONE: 10_000}}, facet=Facet("ada", "Profile", "f"))
    place = made.at(5000)
    assert place
    assert made.crowded(place, 51) == []


def test_a_place_is_narrowed_to_its_slot_and_the_rest_of_the_day_follows() -> None:
    made = plan({0: {DONE: 1000, RUNNING: 5}}, **statuses(Status.COMPLETED))
    midnight = TODAY * DAY_MS
    slots = [Slot(midnight + number * SLOT_MS, midnight + (number + 1) * SLOT_MS, DONE, 100) for number in range(10)]
    slots.append(Slot(midnight, midnight + SLOT_MS, RUNNING, 5))
    place = made.at(250)
    assert place
    narrow = made.narrowed(place, {ALL: slots})
    assert (narrow.bucket.begin, narrow.bucket.size, narrow.before) == (midnight + 2 * SLOT_MS, 100, 50)
    assert [bucket.begin for bucket in narrow.then] == [slots[number][0] for number in range(3, 10)]
    # Slots that are a moment newer than their day may tell of fewer.
    assert made.narrowed(place, {ALL: slots[:2]}) == place


def test_orders_by_what_a_cell_says_are_groups_one_after_the_other() -> None:
    days = {1: {DONE: 5, URGENT: 2, FAILED: 1}, 0: {RUNNING: 3}}
    by_priority = plan(days, Sort.PRIORITY)
    assert [(group.key, group.size) for group in by_priority.groups] == [(0, 9), (3, 2)]
    assert [(group.key, group.size) for group in plan(days, Sort.PRIORITY, True).groups] == [(3, 2), (0, 9)]
    by_status = plan(days, Sort.STATUS)
    assert [group.size for group in by_status.groups] == [8, 3], "what failed says Completed, too"


def test_what_has_not_completed_stands_before_all_that_has() -> None:
    made = plan({3: {LATE: 2}, 2: {DONE: 1}, 0: {RUNNING: 4}}, Sort.COMPLETED)
    waiting, ended = made.groups
    assert (waiting.axis, waiting.size, ended.axis, ended.size) == (CREATED, 4, ENDED, 3)
    assert sorted(TODAY - day for day in ended.days) == [1, 2], "by the day on which they ended"


def test_workflows_stand_in_the_order_of_their_names_and_one_name_is_one_group() -> None:
    told = [
        Tally(Facet("", name, id), name, {TODAY: {DONE: number}})
        for name, id, number in (("b", "1", 1), ("a", "2", 2), ("b", "3", 3))
    ]
    made = Plan(told, Filter(), Sort.WORKFLOW, False, TODAY)
    assert [(group.key, group.size) for group in made.groups] == [("a", 2), ("b", 4)]


@pytest.mark.parametrize(("descending", "expected"), [(False, (0, TODAY)), (True, (0, TODAY - 2))])
def test_a_walk_goes_on_in_the_day_that_it_has_come_to(descending: bool, expected: tuple[int, int]) -> None:
    made = plan({2: {DONE: 10}, 0: {DONE: 10}}, descending=descending)
    # Between the two days nothing matches.
    place = made.after(0, (TODAY - 1) * DAY_MS)
    assert place
    assert (place.group, place.bucket.day) == expected


def test_a_walk_that_has_come_into_a_day_leaves_out_what_lies_before() -> None:
    made = plan({0: {DONE: 100}})
    place = made.after(0, TODAY * DAY_MS + DAY_MS // 4)
    assert place
    assert place == Place(0, place.bucket)
    assert (place.bucket.begin, place.bucket.end) == (TODAY * DAY_MS + DAY_MS // 4, (TODAY + 1) * DAY_MS)
    assert made.after(1, 0) is None, "its group is gone, and none follows"
