"""docs/cost.md says what the code says, and what was counted is within what may be."""

from __future__ import annotations

import pytest

from benchmarks import cost, life, prices
from benchmarks.steps import COMPANIES, ONCE, TOGETHER, TWICE, Lived
from local.template import load


def test_the_page_is_what_the_code_makes_of_what_was_counted() -> None:
    page = cost.PAGE.read_text(encoding="utf-8")
    assert cost.filled(page, life.kept()) == page, "python -m benchmarks.cost"


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks"):
        cost.filled("# What it costs\n", life.kept())


def test_transitions_are_within_their_limit() -> None:
    of = life.kept()
    assert of.transitions == len(of.ran[0].states) + life.ENDS <= life.TRANSITIONS
    assert all(each.retries == 0 and each.states == of.ran[0].states for each in of.ran)


def test_a_job_alone_that_is_told_all_at_once_is_within_the_limits_and_what_is_beyond_one_is_told() -> None:
    of = life.kept()
    once, twice = of.units.lives[ONCE], of.units.lives[TWICE]
    assert once.wcu <= life.WRITES
    assert once.invoked <= twice.invoked <= life.INVOCATIONS
    assert [each.partition(":")[0] for each in life.over(of)] == [f"WCU, told {TWICE}"]


@pytest.mark.parametrize("telling", [ONCE, TWICE])
@pytest.mark.parametrize("company", COMPANIES)
def test_what_jobs_share_is_what_is_nobodys_own(company: str, telling: str) -> None:
    """Each writes its own listing, and what has its owner in the key; the rest is written once for all."""
    units, (owners, driven_together) = life.kept().units, COMPANIES[company]
    alone, shared = units.lives[telling].written, units.shared[company][telling].written
    assert set(shared) == set(alone)
    for step, kinds in alone.items():
        for kind, parts in kinds.items():
            for part, units_alone in parts.items():
                own = _own(step, kind, owners, driven_together)
                assert shared[step][kind][part] == pytest.approx(units_alone * own), (step, kind, part)


def _own(step: str, kind: str, owners: int, driven_together: bool) -> float:
    if step != "count":
        return 1 if driven_together and kind == "queue" else TOGETHER
    # Of three rows of hours one is the owner's.
    return {
        "listing": TOGETHER,
        "days of who": owners,
        "days of both": owners,
        "hours": (2 + owners) / 3,
    }.get(kind, 1)


@pytest.mark.parametrize("company", COMPANIES)
def test_jobs_told_together_and_all_at_once_are_within_the_limits(company: str) -> None:
    lived = life.kept().units.shared[company][ONCE]
    assert lived.invoked / lived.jobs <= life.INVOCATIONS
    assert lived.wcu / lived.jobs <= life.WRITES


def test_how_many_jobs_are_enough_for_the_limit_follows_from_one_and_ten() -> None:
    alone = Lived({"submit": {"job": {"table": 32}}, "count": {"days of all": {"table": 20}}})
    ten = Lived({"submit": {"job": {"table": 320}}, "count": {"days of all": {"table": 20}}}, jobs=10)
    # 32 are a job's own, and 20 shared: two jobs take 42 each, three not 39.
    assert life.enough(alone, ten) == 3
    each_alone = Lived({"submit": {"job": {"table": 520}}}, jobs=10)
    assert life.enough(alone, each_alone) is None


def test_the_window_of_the_usual_telling_is_the_templates() -> None:
    assert cost.WINDOWS[life.USUAL] == load()["Parameters"]["CountWindowSeconds"]["Default"]


def test_a_usual_item_is_written_by_the_same_rules() -> None:
    # Put into the table and four indexes; then twice changed in five places, of which one is another key of an index.
    assert cost.usual_writes() == 5 + 6 + 6


def test_every_price_says_where_it_is_from() -> None:
    assert all(each.each > 0 and each.source.startswith("https://") for each in prices.EVERY)
    assert {each.price for each in cost.lines(life.kept())} <= set(prices.EVERY)
    assert {each.price for each in cost.idle(life.kept())} <= set(prices.EVERY)
