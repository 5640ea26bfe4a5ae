"""docs/cost.md says what the code says, and what was counted is within what may be."""

from __future__ import annotations

import pytest

from benchmarks import cost, life, prices
from benchmarks.steps import ONCE, TWICE


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


def test_what_is_beyond_a_limit_is_told() -> None:
    of = life.kept()
    assert of.invocations(ONCE) <= life.INVOCATIONS
    found = {each.partition(":")[0] for each in life.over(of)}
    assert ("WCU" in found) == (of.units.lives[TWICE].wcu > life.WRITES)
    assert ("invocations" in found) == (of.invocations(TWICE) > life.INVOCATIONS)


def test_a_usual_item_is_written_by_the_same_rules() -> None:
    # Put into the table and four indexes; then twice changed in five places, of which one is another key of an index.
    assert cost.usual_writes() == 5 + 6 + 6


def test_every_price_says_where_it_is_from() -> None:
    assert all(each.each > 0 and each.source.startswith("https://") for each in prices.EVERY)
    assert {each.price for each in cost.lines(life.kept())} <= set(prices.EVERY)
    assert {each.price for each in cost.idle(life.kept())} <= set(prices.EVERY)
