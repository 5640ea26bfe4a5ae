"""How a job is counted and where it is found: the model that lists and the function that counts share."""

from __future__ import annotations

from copy import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.model import Facets, Person, Priority, Status
from jobyard.model.listing import (
    DAY_MS,
    GONE,
    PHASES,
    Cell,
    Facet,
    cell,
    end_place,
    ended_at,
    facets,
    facets_to_count,
    key_part,
    place,
)
from jobyard.model.transitions import TRANSITIONS
from tests.factories import ADA, NOW, a_job
from tests.promises.effort import effort

NAMES = st.text(st.characters(codec="utf-8"), max_size=300)
CELLS = st.builds(Cell, st.sampled_from(Status), st.integers(0, 9), st.integers(0, 99_999), st.integers(-1, 4000))


def test_every_transition_leads_to_a_later_phase() -> None:
    for transition in TRANSITIONS.values():
        target = GONE if transition.target is None else PHASES[transition.target]
        assert all(PHASES[source] < target for source in transition.sources)
    assert max(PHASES.values()) < GONE


@effort(100)
@given(of=CELLS)
def test_the_text_of_a_cell_leads_back_to_it(of: Cell) -> None:
    assert Cell.of_short(of.short, of.kept) == of
    assert of.text.rpartition(".")[2] == str(of.kept)
    assert "#" not in of.text


@effort(100)
@given(one=CELLS, other=CELLS)
def test_different_cells_have_different_texts(one: Cell, other: Cell) -> None:
    assert (one.text == other.text) == (one == other)


def test_a_job_that_ends_on_its_day_says_nothing_of_it() -> None:
    done = a_job(status=Status.COMPLETED, finished_at=NOW + 1000, priority=Priority.HIGH)
    assert cell(done).short == "c2"
    assert cell(replace(done, finished_at=NOW + DAY_MS)).short == "c2+1"
    assert cell(replace(done, finished_at=None)).short == "c2+-1"
    assert cell(replace(done, status=Status.CANCELLED)).short == "x2", "it did not end by itself"


@pytest.mark.parametrize(
    ("created_at", "expires_at", "kept"),
    [
        (NOW, None, 0),
        (NOW, (NOW + 91 * DAY_MS) // 1000, 91),
        (NOW + DAY_MS - 1, (NOW + 91 * DAY_MS) // 1000, 91),
        # Not at the beginning of a day: to the end of it.
        (NOW, (NOW + 90 * DAY_MS) // 1000 + 1, 91),
    ],
)
def test_a_job_is_kept_for_whole_days(created_at: int, expires_at: int | None, kept: int) -> None:
    assert cell(a_job(created_at=created_at, expires_at=expires_at)).kept == kept


def test_a_job_is_not_said_to_have_ended_before_the_day_of_its_creation() -> None:
    early = a_job(status=Status.FAILED, created_at=NOW + 5, finished_at=NOW - 1)
    assert ended_at(early) == NOW
    assert cell(early).ended == 0


@effort(100)
@given(names=st.tuples(NAMES, NAMES))
def test_a_part_of_a_key_is_short_and_different_for_different_names(names: tuple[str, str]) -> None:
    one, other = (key_part(name) for name in names)
    assert (one == other) == (names[0] == names[1])
    for part in (one, other):
        assert len(part.encode()) <= 128
        assert "\n" not in part


def test_the_name_in_a_part_of_a_key_can_be_read_where_it_is_short() -> None:
    assert key_part("Profile") == "Profile"
    assert key_part("ä" * 64) == "ä" * 64
    assert key_part("ä" * 65).startswith("ä" * 47 + "~")
    assert key_part("a\nb").startswith("a b~")
    # What was made of another name is nobody's own.
    assert key_part(key_part("a\nb")) != key_part("a\nb")


PARTS = NAMES.map(key_part)
FACETS = st.builds(Facet, PARTS, PARTS, st.text("abc0", max_size=24)).map(
    lambda each: each if each.workflow_id else Facet(each.who)
)


@effort(200)
@given(one=FACETS, other=FACETS)
def test_different_facets_have_different_keys(one: Facet, other: Facet) -> None:
    # Partitions of hours do not name the family.
    assert (one.key == other.key) == (one == other)


def test_what_a_job_is_counted_for_is_what_its_dialect_says() -> None:
    job = a_job(workflow_id="w", workflow_name="Profile", priority=Priority.CRITICAL)
    assert facets(job) == Facets(ADA.id, "Profile", "w", 3)
    families = {each.family: each for each in facets_to_count(job)}
    assert families == {
        "all": Facet(),
        "who": Facet(ADA.id),
        "what": Facet("", "Profile", "w"),
        "both": Facet(ADA.id, "Profile", "w"),
    }
    assert facets_to_count(replace(job, facets=Facets())) == [Facet()]
    assert facets_to_count(replace(job, facets=Facets("a"))) == [Facet(), Facet("a")]
    assert facets_to_count(replace(job, facets=Facets("", "", "w"))) == [Facet(), Facet("", "", "w")]


def test_places_are_in_the_order_of_times_and_then_of_ids() -> None:
    jobs = [
        a_job(created_at=at, id=id, owner=Person("a", "b"))
        for at, id in [(9, "1"), (10, "2"), (10, "10"), (NOW, "68f0c0de00000000000000a1")]
    ]
    assert all(one < other for one, other in pairwise(place(job.created_at, job.id) for job in jobs))
    ended = [replace(job, status=Status.COMPLETED, finished_at=NOW) for job in jobs]
    ends = [end_place(job) for job in ended]
    assert ends == sorted(map(str, ends))
    assert end_place(replace(ended[0], status=Status.CANCELLED)) is None
