"""What the page of cold starts shows is what was counted, of the tricks that there are, and keeps its goals."""

from __future__ import annotations

from benchmarks import starts_report
from benchmarks.ablations import TRICKS
from benchmarks.starts import COMMITTED
from benchmarks.starts_report import PAGE, Counted, broken, rendered


def test_the_page_shows_what_is_committed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition("<!-- starts -->\n")[2].partition("\n<!-- end -->")[0]
    assert shown == rendered(Counted.read(COMMITTED))


def test_what_each_trick_pays_is_of_the_tricks_that_there_are() -> None:
    paid = [(each.name, each.row) for each in Counted.read(COMMITTED).pays]
    assert paid == [(trick.name, row) for trick in TRICKS for row in trick.rows]


def test_every_goal_is_kept_by_what_is_committed() -> None:
    counted = Counted.read(COMMITTED)
    assert broken(counted) == []
    # And the goals are looked at: one of them is not to be had for nothing.
    counted.counts["cold get"] = int(starts_report.COLD_MOST) + 1
    assert any("cold get" in each for each in broken(counted))
