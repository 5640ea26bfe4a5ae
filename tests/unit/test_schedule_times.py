"""When a schedule runs: what is computed, what Scheduler is told, and a walk minute by minute through a year agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobyard.errors import Invalid
from jobyard.model.iteration import WEEKDAYS, iteration_of
from jobyard.model.recurrence import Recurrence
from jobyard.model.timing import recurrence_of
from jobyard.service.expressions import expressions
from tests.scheduler_model import invocations

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
ZONES = ["", NEW_YORK, BERLIN, LORD_HOWE]
CHANGES = {
    NEW_YORK: ("2027-03-14", "2027-11-07"),
    BERLIN: ("2027-03-28", "2027-10-31"),
    LORD_HOWE: ("2027-10-03", "2027-04-04"),
}
"""The days on which clocks are put forward and back; at Lord Howe by half an hour."""


def ms(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def shown(runs: list[int], zone: str = "UTC") -> list[str]:
    return [f"{datetime.fromtimestamp(run / 1000, ZoneInfo(zone)):%Y-%m-%dT%H:%M%z}" for run in runs]


def a_recurrence(kind: str, contract: dict[str, Any] | None = None, zone: str = "", **members: Any) -> Recurrence:
    names = {"Hourly": "hourly", "Weekly": "weekly", "Monthly": "monthly", "Custom": "custom", "Cron": "cron"}
    made = {"iterationType": kind, "startTime": "2027-01-01T00:00:00Z"} | members
    if contract is not None:
        made[f"{names.get(kind, 'daily')}Contract"] = contract
    return recurrence_of(iteration_of(made), zone)


def cron(expression: str, zone: str = "", **members: Any) -> Recurrence:
    return a_recurrence("Cron", {"cronExpression": expression}, zone, **members)


def told(recurrence: Recurrence, now: int = ms("2026-06-01T00:00")) -> list[str]:
    return [each.text for each in expressions(recurrence, now)]


def walked(recurrence: Recurrence, from_: int, until: int) -> list[int]:
    """The runs that Scheduler makes of what it is told shortly before ``from_``."""
    found = {run for each in expressions(recurrence, from_ - 1) for run in invocations(*each, from_, until)}
    return sorted(found)


@pytest.mark.parametrize(
    ("kind", "contract", "expected"),
    [
        ("Once", None, ["at(2027-01-01T00:00:00)"]),
        ("Hourly", {"hours": 1, "minutes": 30}, ["rate(90 minutes)"]),
        ("Hourly", {"hours": 0, "minutes": 1}, ["rate(1 minute)"]),
        ("Daily", None, ["cron(0 0 * * ? *)"]),
        ("Daily", {"runOnlyWorkWeek": True}, ["cron(0 0 ? * MON,TUE,WED,THU,FRI *)"]),
        ("Weekly", {"daysOfWeek": ["Sunday", "wednesday"]}, ["cron(0 0 ? * SUN,WED *)"]),
        ("Monthly", {"simpleDayOfMonth": True, "dayOfMonth": 31}, ["cron(0 0 31 * ? *)"]),
        ("Monthly", {"simpleDayOfMonth": False, "occurrence": 2, "dayOfWeek": "Tuesday"}, ["cron(0 0 ? * 3#2 *)"]),
        ("Custom", {"daysOfMonth": [14, 1, 15], "months": [6, 1]}, ["cron(0 0 1,14-15 1,6 ? *)"]),
        ("Cron", {"cronExpression": "*/20 8-17 * * 1-5"}, ["cron(0,20,40 8-17 ? * MON,TUE,WED,THU,FRI *)"]),
        ("Cron", {"cronExpression": "0 0 * jan-mar 7"}, ["cron(0 0 ? 1-3 SUN *)"]),
        ("Cron", {"cronExpression": "0 0 1 * 0"}, ["cron(0 0 1 * ? *)", "cron(0 0 ? * SUN *)"]),
        ("Cron", {"cronExpression": "0 0 1-31 * 1"}, ["cron(0 0 * * ? *)"]),
        ("Cron", {"cronExpression": "50/5 23 * * *"}, ["cron(50,55 23 * * ? *)"]),
    ],
)
def test_scheduler_is_told_each_iteration_in_its_own_words(kind: str, contract: Any, expected: list[str]) -> None:
    assert told(a_recurrence(kind, contract)) == expected


def test_an_expression_says_in_which_zone_from_when_and_until_when() -> None:
    made = a_recurrence("Daily", {}, BERLIN, startTime="2027-01-01T09:00:00", endTime="2027-02-01T09:00:00")
    (each,) = expressions(made, ms("2026-06-01T00:00"))
    assert each == ("cron(0 9 * * ? *)", BERLIN, ms("2027-01-01T08:00"), ms("2027-02-01T08:00"))


def test_a_start_that_is_past_is_not_told_and_a_period_starts_at_its_next_run() -> None:
    now = ms("2027-05-05T00:10")
    (daily,) = expressions(a_recurrence("Daily"), now)
    assert daily.start is None
    (hourly,) = expressions(a_recurrence("Hourly", {"hours": 7, "minutes": 0}), now)
    assert hourly.start == ms("2027-01-01T00:00") + 426 * 7 * 3_600_000
    assert hourly.start > now


@pytest.mark.parametrize("kind", ["Once", "Daily"])
def test_nothing_is_told_of_what_is_over(kind: str) -> None:
    made = a_recurrence(kind, endTime="2027-02-01T00:00:00")
    assert told(made, ms("2027-02-01T00:00")) == []
    assert made.next_run(ms("2027-02-01T00:00")) is None


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN])
def test_a_daily_run_at_an_hour_that_is_left_out_is_left_out_and_one_in_the_hour_that_comes_twice_runs_once(
    zone: str,
) -> None:
    forward, back = CHANGES[zone]
    made = a_recurrence("Daily", {}, zone, startTime="2027-01-01T02:30:00")
    runs = shown(list(made.runs(ms("2027-01-01T00:00"), ms("2028-01-01T00:00"))), zone)
    assert len(runs) == 364
    assert not any(run.startswith(forward) for run in runs)
    assert sum(run.startswith(back) for run in runs) == 1
    twice = a_recurrence("Daily", {}, zone, startTime=f"2027-01-01T0{1 if zone == NEW_YORK else 2}:30:00")
    on_that_day = [run for run in shown(list(twice.runs(ms("2027-01-02T00:00"), ms("2028-01-01T00:00"))), zone)
                   if run.startswith(back)]  # fmt: skip
    assert on_that_day == [f"{back}T0{1 if zone == NEW_YORK else 2}:30{'-0400' if zone == NEW_YORK else '+0200'}"]


@pytest.mark.parametrize("zone", ZONES)
def test_an_hourly_schedule_knows_no_clocks(zone: str) -> None:
    made = a_recurrence("Hourly", {"hours": 1, "minutes": 0}, zone)
    runs = list(made.runs(made.start, made.start + 400 * 24 * 3_600_000))
    assert {after - before for before, after in pairwise(runs)} == {3_600_000}


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN, LORD_HOWE])
@pytest.mark.parametrize(
    ("kind", "contract", "start"),
    [
        ("Daily", {}, "2027-01-01T01:45:00"),
        ("Daily", {"runOnlyWorkWeek": True}, "2027-01-01T02:15:00"),
        ("Weekly", {"daysOfWeek": ["Sunday"]}, "2027-01-01T02:00:00"),
        ("Monthly", {"simpleDayOfMonth": True, "dayOfMonth": 31}, "2027-01-01T02:30:00"),
        ("Monthly", {"simpleDayOfMonth": False, "occurrence": 5, "dayOfWeek": "Sunday"}, "2027-01-01T01:30:00"),
        ("Custom", {"daysOfMonth": [7, 14, 28, 31], "months": [3, 10, 11]}, "2027-01-01T02:10:00"),
        ("Hourly", {"hours": 5, "minutes": 7}, "2027-01-01T00:03:00"),
        ("Cron", {"cronExpression": "*/30 0-3 * * 0"}, "2027-01-01T00:00:00"),
        ("Cron", {"cronExpression": "10 2 7,14,28 * 0"}, "2027-01-01T00:00:00"),
    ],
)
def test_over_a_year_with_its_changes_of_clocks_scheduler_runs_what_is_computed(
    kind: str, contract: Any, start: str, zone: str
) -> None:
    made = a_recurrence(kind, contract, zone, startTime=start)
    from_, until = ms("2027-01-01T00:00") - 24 * 3_600_000, ms("2028-01-02T00:00")
    assert list(made.runs(from_, until)) == walked(made, from_, until)


def _cron_texts() -> st.SearchStrategy[str]:
    def field(least: int, most: int) -> st.SearchStrategy[str]:
        number = st.integers(least, most)
        ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
        stepped = st.tuples(ranges | st.just("*"), st.integers(1, 20)).map(lambda pair: f"{pair[0]}/{pair[1]}")
        return st.just("*") | st.lists(number.map(str) | ranges | stepped, min_size=1, max_size=3).map(",".join)

    return st.tuples(field(0, 59), field(0, 4), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(_cron_texts(), st.sampled_from(ZONES), st.sampled_from(["03-13", "03-27", "04-03", "10-02", "10-30", "11-06"]))
def test_any_crontab_runs_as_scheduler_runs_it_on_the_days_on_which_clocks_change(
    text: str, zone: str, day: str
) -> None:
    try:
        made = cron(text, zone)
        expressions(made, made.start)
    except Invalid as refused:
        assert refused.field in ("iteration.cronContract.cronExpression", "iteration")  # noqa: PT017
        return
    from_ = ms(f"2027-{day}T00:00")
    until = from_ + 3 * 24 * 3_600_000
    assert list(made.runs(from_, until)) == walked(made, from_, until)


@settings(max_examples=200, deadline=None)
@given(_cron_texts(), st.integers(ms("2027-01-01T00:00"), ms("2028-01-01T00:00")), st.sampled_from(ZONES))
def test_a_crontab_means_what_cron_means(text: str, at: int, zone: str) -> None:
    """By the rules of cron: fields as sets, either kind of day where both are restricted."""
    try:
        made = cron(text, zone)
    except Invalid:
        return
    at = max(at, made.start - 1)
    run = made.next_run(at)
    assert run is None or run > at
    if run is not None:
        local = datetime.fromtimestamp(run / 1000, ZoneInfo(zone or "UTC"))
        assert local.fold == 0
        assert _is_due(text, local)
        minutes = range(at // 60_000 * 60_000 + 60_000, min(run, at + 6 * 3_600_000), 60_000)
        for each in minutes:
            before = datetime.fromtimestamp(each / 1000, UTC).astimezone(ZoneInfo(zone or "UTC"))
            assert before.fold or not _is_due(text, before)


def _is_due(text: str, local: datetime) -> bool:
    minute, hour, day, month, weekday = text.split()

    def has(field: str, value: int, least: int, most: int) -> bool:
        for part in field.split(","):
            span, _, step = part.partition("/")
            low, _, high = span.partition("-")
            first, last = (least, most) if span == "*" else (int(low), int(high or low))
            if first <= value <= last and (value - first) % int(step or 1) == 0:
                return True
        return False

    on_day = has(day, local.day, 1, 31)
    on_weekday = has(weekday, local.isoweekday() % 7, 0, 7) or (has(weekday, local.isoweekday() % 7 + 7, 0, 7) and (
        local.isoweekday() == 7
    ))  # fmt: skip
    both = day.startswith("*") or weekday.startswith("*")
    days = on_day and on_weekday if both else on_day or on_weekday
    return has(minute, local.minute, 0, 59) and has(hour, local.hour, 0, 23) and has(month, local.month, 1, 12) and days


def test_times_are_of_the_zones_clock_whether_or_not_they_end_in_z_and_instants_where_they_have_an_offset() -> None:
    for text in ("2027-07-01T09:00:00", "2027-07-01T09:00:00Z", "2027-07-01T09:00:00.000Z", "2027-07-01 09:00"):
        assert a_recurrence("Once", zone=NEW_YORK, startTime=text).start == ms("2027-07-01T13:00")
    assert a_recurrence("Once", zone=NEW_YORK, startTime="2027-07-01T09:00:00+02:00").start == ms("2027-07-01T07:00")
    daily = a_recurrence("Daily", {}, NEW_YORK, startTime="2027-07-01T09:00:00+02:00")
    assert told(daily) == ["cron(0 3 * * ? *)"]


def test_one_run_at_a_time_that_does_not_exist_is_refused_and_one_that_comes_twice_is_the_first() -> None:
    with pytest.raises(Invalid, match="clocks are put forward in America/New_York") as refused:
        a_recurrence("Once", zone=NEW_YORK, startTime="2027-03-14T02:30:00")
    assert refused.value.field == "iteration.startTime"
    assert a_recurrence("Once", zone=NEW_YORK, startTime="2027-11-07T01:30:00").start == ms("2027-11-07T05:30")


def test_a_daily_schedule_may_begin_on_the_day_on_which_its_time_does_not_exist() -> None:
    made = a_recurrence("Daily", {}, NEW_YORK, startTime="2027-03-14T02:30:00")
    assert shown([made.next_run(made.start) or 0], NEW_YORK) == ["2027-03-15T02:30-0400"]
    assert told(made) == ["cron(30 2 * * ? *)"]


def test_the_end_of_one_run_is_ignored() -> None:
    assert iteration_of({"iterationType": "Once", "startTime": "2027-01-01T00:00", "endTime": "x"}).end_time is None


def test_the_fifth_sunday_of_february_is_found_after_decades() -> None:
    made = cron("0 0 29 2 *")
    assert shown([made.next_run(made.start) or 0]) == ["2028-02-29T00:00+0000"]
    monthly = a_recurrence("Custom", {"daysOfMonth": [29], "months": [2]}, startTime="2096-03-01T00:00:00")
    assert shown([monthly.next_run(monthly.start) or 0]) == ["2104-02-29T00:00+0000"]


def test_a_firing_stands_for_the_run_of_its_minute() -> None:
    made = a_recurrence("Daily", {}, startTime="2027-01-01T09:00:00")
    run = ms("2027-01-05T09:00")
    assert [made.run_of(run + late) for late in (-1, 0, 59_999, 60_000)] == [None, run, run, None]
    assert made.run_of(ms("2026-12-31T09:00")) is None


def test_a_firing_at_the_second_pass_of_a_time_that_comes_twice_stands_for_its_run_at_the_first() -> None:
    made = a_recurrence("Daily", {}, NEW_YORK, startTime="2027-01-01T01:30:00")
    first, second = ms("2027-11-07T05:30"), ms("2027-11-07T06:30")
    assert made.run_of(first) == made.run_of(second) == made.run_of(second + 59_999) == first
    assert made.run_of(second + 60_000) is None


@pytest.mark.parametrize(
    ("given_iteration", "field"),
    [
        (None, "iteration"),
        ([], "iteration"),
        ({"startTime": "2027-01-01T00:00"}, "iteration.iterationType"),
        ({"iterationType": "Yearly", "startTime": "2027-01-01T00:00"}, "iteration.iterationType"),
        ({"iterationType": "Once"}, "iteration.startTime"),
        ({"iterationType": "Once", "startTime": "tomorrow"}, "iteration.startTime"),
        ({"iterationType": "Once", "startTime": "2027-02-30T00:00"}, "iteration.startTime"),
        ({"iterationType": "Once", "startTime": "2200-01-01T00:00"}, "iteration.startTime"),
        ({"iterationType": "Once", "startTime": 5}, "iteration.startTime"),
        ({"iterationType": "Daily", "startTime": "2027-01-01T00:00", "endTime": "-"}, "iteration.endTime"),
        ({"iterationType": "Daily", "startTime": "2027-01-02T00:00", "endTime": "2027-01-01T00:00"},
         "iteration.endTime"),
        ({"iterationType": "Daily", "startTime": "2027-01-01T00:00", "dailyContract": {"runOnlyWorkWeek": "x"}},
         "iteration.dailyContract.runOnlyWorkWeek"),
        ({"iterationType": "Hourly", "startTime": "2027-01-01T00:00"}, "iteration.hourlyContract"),
        ({"iterationType": "Hourly", "startTime": "2027-01-01T00:00", "hourlyContract": {}},
         "iteration.hourlyContract"),
        ({"iterationType": "Hourly", "startTime": "2027-01-01T00:00", "hourlyContract": {"minutes": 60}},
         "iteration.hourlyContract.minutes"),
        ({"iterationType": "Weekly", "startTime": "2027-01-01T00:00", "weeklyContract": {"daysOfWeek": []}},
         "iteration.weeklyContract.daysOfWeek"),
        ({"iterationType": "Weekly", "startTime": "2027-01-01T00:00", "weeklyContract": {"daysOfWeek": ["Mon"]}},
         "iteration.weeklyContract.daysOfWeek"),
        ({"iterationType": "Monthly", "startTime": "2027-01-01T00:00", "monthlyContract": {"dayOfMonth": 32}},
         "iteration.monthlyContract.dayOfMonth"),
        ({"iterationType": "Monthly", "startTime": "2027-01-01T00:00", "monthlyContract": {"occurrence": 6}},
         "iteration.monthlyContract.occurrence"),
        ({"iterationType": "Custom", "startTime": "2027-01-01T00:00", "customContract": {"daysOfMonth": [1]}},
         "iteration.customContract.months"),
        ({"iterationType": "Custom", "startTime": "2027-01-01T00:00",
          "customContract": {"daysOfMonth": [30], "months": [2]}}, "iteration"),
        *(
            ({"iterationType": "Cron", "startTime": "2027-01-01T00:00", "cronContract": {"cronExpression": text}},
             "iteration.cronContract.cronExpression")
            for text in ("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
                         "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "* * L * *", "0 0 */2 * 1", None, 5)
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_by_its_name(given_iteration: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        recurrence_of(iteration_of(given_iteration), "")
    assert refused.value.field == field
    assert str(refused.value).startswith(field)


@pytest.mark.parametrize(
    "zone", ["Mars", "America", "../etc/passwd", "/etc/localtime", "a" * 51, "Europe/Berlin\0", "+02:00"]
)
def test_a_zone_that_is_not_known_is_refused(zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        a_recurrence("Daily", zone=zone)
    assert refused.value.field == "timeZone"


@pytest.mark.parametrize(
    "given_iteration",
    [
        {"iterationType": "Once", "startTime": "2027-01-01T00:00:00Z", "endTime": None},
        {"iterationType": "Weekly", "startTime": "2027-01-01T00:00:00", "endTime": "2028-01-01T00:00:00",
         "weeklyContract": {"daysOfWeek": list(WEEKDAYS)}},
        {"iterationType": "Cron", "startTime": "2027-01-01T00:00:00", "endTime": None,
         "cronContract": {"cronExpression": "0 9 * * 1-5"}},
    ],
)  # fmt: skip
def test_an_iteration_is_given_back_as_it_came(given_iteration: dict[str, Any]) -> None:
    assert iteration_of(given_iteration).given() == given_iteration


def test_the_longest_crontab_that_can_be_told_has_no_more_characters_than_scheduler_takes() -> None:
    odd = ",".join(str(each) for each in range(0, 60, 2))
    assert all(len(text) <= 256 for text in told(cron(f"{odd} {','.join(map(str, range(0, 24, 2)))} * * *")))


def test_runs_are_found_in_no_time_however_rare_they_are() -> None:
    made = a_recurrence("Custom", {"daysOfMonth": [29], "months": [2]}, NEW_YORK)
    began = datetime.now(UTC)
    for _ in range(20):
        made.next_run(made.start)
    assert datetime.now(UTC) - began < timedelta(seconds=2)
