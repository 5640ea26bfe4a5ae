"""Counts that are wrong are set right, those that only move are left alone, and no job that is counted gets lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from types_boto3_dynamodb import DynamoDBClient

from jobyard.aws import client, within
from jobyard.errors import Unavailable
from jobyard.lifecycle import recount
from jobyard.lifecycle.count import Told, settle
from jobyard.model import Job, Priority, Status
from jobyard.model.listing import DAY_MS, GONE, Facet
from jobyard.store import counts
from jobyard.store.counts import RowKey, axis_of, day_key, hours_pk
from tests.factories import ADA, LIST
from tests.integration.recounting import (
    DAYS,
    FACETS,
    NOW_MS,
    OWNERS,
    TODAY,
    WORKFLOWS,
    Rows,
    Table,
    a_history,
    before,
    holds,
    made,
    one_pass,
    place,
    repairs,
    tell,
    writes,
)


@pytest.fixture(autouse=True)
def _no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recount, "LAG_SECONDS", 0)


@pytest.fixture
def kept(dynamodb_client: DynamoDBClient, table: str) -> Table:
    return Table(dynamodb_client, table)


# ---- What is right


def test_counts_that_are_right_are_left_alone(kept: Table) -> None:
    tell(*a_history())
    holds(kept)


def test_an_empty_list_has_nothing_to_set_right(kept: Table) -> None:
    with writes() as written:
        assert one_pass() == 0
    assert written == []
    assert kept.items() == []


# ---- What is wrong


@pytest.mark.parametrize("by", [1, -1, 7])
@pytest.mark.parametrize("family", FACETS)
def test_a_wrong_number_is_set_right_in_each_family(kept: Table, family: str, by: int) -> None:
    tell(*a_history())
    key, row = next((key, row) for key, row in kept.right().items() if key.pk == f"COUNT#{LIST}#{family}")
    kept.add(key, min(row), by)
    version = kept.version(key)
    assert one_pass() == abs(by)
    assert kept.version(key) == version + 1
    holds(kept)


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("axis", ["created", "ended"])
@pytest.mark.parametrize("facet", ["", ADA.id, "\n"])
def test_a_wrong_number_is_set_right_on_each_axis(kept: Table, axis: str, facet: str, by: int) -> None:
    tell(*a_history())
    rows = kept.right()
    for day in DAYS[1:]:
        begin = f"HOURS#{LIST}#{day}#"
        key, name = next(
            (key, name)
            for key, row in rows.items()
            for name in sorted(row)
            if key.pk.startswith(begin) and _is_of(key.pk.removeprefix(begin), facet) and axis_of(name) == axis
        )
        kept.add(key, name, by)
    assert one_pass() == 3
    holds(kept)


@pytest.mark.parametrize(("wrong", "other"), [("0c0", ".6c0"), (".6c0", "0c0")])
def test_what_a_row_says_by_the_other_axis_is_not_touched(kept: Table, wrong: str, other: str) -> None:
    tell(*a_history())
    key = RowKey(hours_pk(LIST, Facet(), TODAY - 1), "03#00000")
    was = kept.right()[key]
    assert was.keys() == {"0c0", ".6c0"}
    kept.add(key, wrong, 5)
    with repairs() as written:
        assert one_pass() == 5
    assert written == [{wrong, "version"}]
    assert kept.counted()[key][other] == was[other]
    holds(kept)


def test_a_row_of_completions_is_set_right_where_those_of_its_day_have_expired(kept: Table) -> None:
    """It counts jobs by the day of their creation, too, and of these nothing is set right any more."""
    days = 900
    end = (TODAY - 1) * DAY_MS
    for day in (TODAY - 2, TODAY - 1):
        tell(made(day, 0, finished_at=end, expires_at=(day + days) * DAY_MS // 1000))
    key = RowKey(hours_pk(LIST, Facet(), TODAY - 1), f"00#{days:05d}")
    assert kept.right()[key] == {"0c0": 1, ".0c0": 1, ".0c0+1": 1}
    for name in (".0c0", ".0c0+1"):
        kept.add(key, name, 4)
    # Those that were created the day before have expired, and those of the day have not.
    assert recount.compare(LIST, TODAY - 1, (TODAY - 2 + days) * DAY_MS) == 4
    assert kept.counted()[key] == {"0c0": 1, ".0c0": 1, ".0c0+1": 5}


def test_rows_of_hours_that_there_are_none_of_are_made_of_the_listings(kept: Table) -> None:
    """Or only in part, as where they had another form before: with numbers that jobs have moved from and to."""
    tell(*a_history(), made(TODAY, 9, id="f" * 24, status=Status.RUNNING, finished_at=None))
    for key in kept.right():
        if key.pk.startswith("HOURS#"):
            kept.delete(key)
    tell(made(TODAY, 9, id="f" * 24))
    assert -1 in {number for row in kept.counted().values() for number in row.values()}
    assert one_pass() > 0
    holds(kept)


def _is_of(key: str, facet: str) -> bool:
    return "\n" in key if facet == "\n" else key == facet


@pytest.mark.parametrize(
    "kind", [*(f"COUNT#{LIST}#{family}" for family in FACETS), f"HOURS#{LIST}#{TODAY - 1}", "HOURS#"]
)
def test_a_row_that_is_missing_is_made_as_it_was(kept: Table, kind: str) -> None:
    tell(*a_history())
    whole = {each["pk"]["S"] + each["sk"]["S"]: each for each in kept.items(kind)}
    gone = [key for key in kept.right() if key.pk.startswith(kind)]
    lost = sum(number for key in gone for number in kept.right()[key].values())
    for key in gone:
        kept.delete(key)
    assert one_pass() == lost
    holds(kept)
    for each in kept.items(kind):
        was = whole[each["pk"]["S"] + each["sk"]["S"]]
        assert {name: each.get(name) for name in ("name", "expiresAt")} == {
            name: was.get(name) for name in ("name", "expiresAt")
        }


@pytest.mark.parametrize(
    "facet", [Facet("nobody"), Facet("", "None", "id"), Facet("", "", "id"), Facet("nobody", "None", "id")]
)
def test_a_row_of_a_facet_without_jobs_counts_none_afterwards(kept: Table, facet: Facet) -> None:
    tell(*a_history())
    key, begins = day_key(LIST, facet, 0, TODAY - 1)
    kept.add(key, f"{begins}c0", 3)
    if facet.family != "both":
        kept.add(RowKey(hours_pk(LIST, facet, TODAY - 1), "05#00000"), "0c0", 2)
        kept.add(RowKey(hours_pk(LIST, facet, TODAY - 1), "05#00000"), ".0c0", 1)
    assert one_pass() == (3 if facet.family == "both" else 6)
    holds(kept)


def test_a_number_for_another_day_of_a_row_is_of_that_day_only(kept: Table) -> None:
    tell(*a_history())
    key = next(key for key in kept.right() if key.pk == f"COUNT#{LIST}#all")
    name = f"{place(TODAY - 2)}x3"
    kept.add(key, name, 4)
    assert recount.compare(LIST, TODAY - 1, NOW_MS) == 0
    assert recount.compare(LIST, TODAY - 2, NOW_MS) == 4
    holds(kept)


def test_what_has_expired_is_neither_counted_nor_set_right(kept: Table) -> None:
    """The service deletes rows and listings when it gets round to it, one before the other."""
    tell(made(TODAY - 2, expires_at=(TODAY + 900) * DAY_MS // 1000))
    for key in kept.right():
        kept.delete(key)
    after = (TODAY + 901) * DAY_MS
    with writes() as written:
        assert recount.compare(LIST, TODAY - 2, after) == 0
    assert written == []
    assert recount.compare(LIST, TODAY - 2, (TODAY + 899) * DAY_MS) > 0
    assert kept.counted() == kept.right()


def test_the_zeros_of_days_that_are_over_are_tidied_away(kept: Table) -> None:
    jobs = [made(TODAY - 1, 3, priority=priority) for priority in Priority]
    jobs += [made(TODAY, 3, priority=priority) for priority in Priority]
    for status in (Status.QUEUED, Status.INITIALIZING, Status.RUNNING, Status.COMPLETED):
        tell(*(replace(job, status=status, finished_at=job.finished_at if job.terminal else None) for job in jobs))
    assert one_pass() == 0
    zeros = [
        (each["pk"]["S"], name)
        for each in kept.items("COUNT#") + kept.items("HOURS#")
        for name, number in counts.counts_of(each).items()
        if not number
    ]
    assert {name[0] for pk, name in zeros if pk.startswith("COUNT#")} == {place(TODAY)}
    assert not [pk for pk, _ in zeros if f"#{TODAY - 1}#" in pk]
    holds(kept)


# ---- What moves


def moves(jobs: Iterable[Job]) -> Iterator[Job]:
    """A job's next status, each time that it is asked for."""
    for job in jobs:
        for status in (Status.QUEUED, Status.INITIALIZING, Status.RUNNING, Status.COMPLETED):
            yield replace(job, status=status, finished_at=job.created_at if status is Status.COMPLETED else None)


@pytest.mark.parametrize(
    ("index", "day"),
    [
        ("", TODAY),
        ("", TODAY - 1),
        ("all-by-creation", TODAY),
        ("all-by-creation", TODAY - 1),
        ("all-cells-by-end", TODAY - 1),
    ],
)
def test_jobs_that_move_meanwhile_are_no_drift(kept: Table, index: str, day: int) -> None:
    tell(*a_history())
    moving = moves(made(day, hour) for hour in range(6, 20))
    with before("Query", lambda: tell(next(moving)), 40, index) as moved:
        assert recount.compare(LIST, day, NOW_MS) == 0
    assert set(moved) == {1}
    holds(kept)


@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("day", [TODAY, TODAY - 1])
@pytest.mark.parametrize("operation", ["UpdateItem", "GetItem"])
def test_a_job_that_is_counted_between_looking_and_writing_is_not_lost(
    kept: Table, operation: str, day: int, missing: bool
) -> None:
    """Whether a row was set right or left: what it is wrong by is what it was wrong by, or nothing."""
    tell(*a_history())
    for family in FACETS:
        key = next(key for key in kept.right() if key.pk == f"COUNT#{LIST}#{family}" and "#00000#" in key.sk)
        if missing:
            kept.delete(key)
        else:
            kept.add(key, f"{place(day, family)}c0", 5)
    wrong = kept.wrong()
    with before(operation, lambda: tell(made(day, 3, owner=ADA, workflow_id="f" * 24)), 20) as counted:
        recount.compare(LIST, day, NOW_MS)
    assert set(counted) == {1}
    assert kept.wrong().items() <= wrong.items()
    one_pass()
    holds(kept)


def test_a_row_whose_other_days_never_rest_is_set_right_all_the_same(kept: Table) -> None:
    tell(*a_history())
    key, of_day = day_key(LIST, Facet(), 0, TODAY - 2)
    kept.add(key, f"{of_day}c0", 5)
    with before("Query", lambda: tell(made(TODAY, 4)), 200) as counted:
        assert recount.compare(LIST, TODAY - 2, NOW_MS) == 5
    assert set(counted) == {1}
    holds(kept)


def test_a_row_of_today_is_set_right_once_it_rests(kept: Table) -> None:
    tell(*a_history())
    key, of_day = day_key(LIST, Facet(), 0, TODAY)
    kept.add(key, f"{of_day}c0", 5)
    with before("Query", lambda: tell(made(TODAY - 1, 4)), 200) as counted:
        assert recount.compare(LIST, TODAY, NOW_MS) == 0
    assert set(counted) == {1}
    assert recount.compare(LIST, TODAY, NOW_MS) == 5
    holds(kept)


def test_two_at_once_set_right_what_one_would(kept: Table) -> None:
    tell(*a_history())
    key = next(key for key in kept.right() if key.pk == f"COUNT#{LIST}#who")
    kept.add(key, min(kept.right()[key]), 5)
    with before("UpdateItem", one_pass) as others:
        assert one_pass() in (0, 5)
    assert others == [5]
    holds(kept)


def test_a_repair_whose_answer_is_lost_is_counted_as_one(kept: Table) -> None:
    tell(*a_history())
    key = next(key for key in kept.right() if key.pk == f"COUNT#{LIST}#who")
    kept.add(key, min(kept.right()[key]), 5)
    lost: list[bool] = []

    events = client("dynamodb").meta.events
    events.register("before-parse.dynamodb.UpdateItem", lambda response_dict, **_: _fail_once(response_dict, lost))
    assert one_pass() == 5
    assert lost
    client.cache_clear()
    holds(kept)


def _fail_once(response: dict[str, Any], lost: list[bool]) -> None:
    if not lost:
        lost.append(True)
        response["status_code"] = 500


def test_without_time_nothing_is_begun(kept: Table) -> None:
    tell(*a_history())
    with within(0), pytest.raises(Unavailable):
        one_pass()


# ---- Anything


STATUSES = list(Status)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    status = draw(st.sampled_from(STATUSES))
    day, hour = draw(st.sampled_from(DAYS)), draw(st.integers(0, 23))
    at = day * DAY_MS + hour * 3600_000
    ended = status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    id, name = draw(st.sampled_from(WORKFLOWS))
    return made(
        day,
        hour,
        status=status,
        finished_at=min(at + draw(st.sampled_from([0, DAY_MS // 3, DAY_MS, 2 * DAY_MS])), NOW_MS) if ended else None,
        owner=draw(st.sampled_from(OWNERS)),
        workflow_id=id,
        workflow_name=name,
        priority=draw(st.sampled_from(Priority)),
        expires_at=draw(st.sampled_from([None, (TODAY + 900) * DAY_MS // 1000])),
    )


@st.composite
def damages(draw: st.DrawFn, right: Rows) -> list[tuple[RowKey, str, int]]:
    """Of rows, attributes and by how much; by nothing where the row is deleted."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        key = draw(st.sampled_from(sorted(right)))
        own = draw(st.sampled_from(sorted(right[key])))
        kind = draw(st.sampled_from(["deleted", "wrong", "phantom", "a facet of nobody"]))
        by = draw(st.integers(-3, 5).filter(bool))
        if kind == "deleted":
            found.append((key, "", 0))
        elif kind == "phantom":
            status = draw(st.sampled_from("sqirx"))
            begin = own[: 1 + own.startswith(".")]
            found.append((key, f"{begin}{status}{draw(st.integers(0, 3))}", by))
        elif kind == "wrong" or not key.pk.startswith("COUNT#"):
            found.append((key, own, by))
        else:
            family = key.pk.rpartition("#")[2]
            facet = {"all": "", "who": "nobody", "what": "None\nid", "both": "nobody\nNone\nid"}[family]
            found.append((key._replace(sk=f"{facet}#{key.sk.split('#', key.sk.count('#') - 1)[-1]}"), own, by))
    return found


@pytest.mark.nightly
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_wrong_one_pass_sets_it_right(kept: Table, data: st.DataObject) -> None:
    kept.clear()
    made_jobs = data.draw(st.lists(jobs(), min_size=1, max_size=12))
    tell(*made_jobs)
    settle([Told(job, GONE) for job in made_jobs[: data.draw(st.integers(0, 2))] if not job.terminal])
    right = kept.right()
    if right:
        for key, name, by in data.draw(damages(right)):
            if by:
                kept.add(key, name, by)
            else:
                kept.delete(key)
    damaged = kept.counted() != right
    assert (one_pass() > 0) == damaged
    assert kept.counted() == right
    with writes() as written:
        assert one_pass() == 0
    assert written == []
