"""Cursors: good for what they were made for, and for nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.errors import Invalid
from jobyard.model import Status
from jobyard.service.cursors import LONGEST, Cursor, opened, scope, sealed
from jobyard.service.filters import Filter, Sort, Window
from tests.factories import ADA, BOB, LIST, a_caller

CURSOR = Cursor(0, "1764547200000#68f0c0de00000000000000a1", 50)
SCOPE = scope(a_caller(), LIST, Filter(), Window())


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURSOR_KEY", "a key of the stack's own")


@pytest.mark.parametrize("group", [0, 3, "Load, then save", "é\n#", "", "語" * 256, "🗂" * 256])
def test_a_cursor_opens_to_what_was_sealed(group: int | str) -> None:
    cursor = CURSOR._replace(key=group)
    assert opened(sealed(cursor, SCOPE), SCOPE, "cursor") == cursor
    assert cursor.at == 1764547200000


def test_it_may_stand_in_a_query_as_it_is() -> None:
    assert sealed(CURSOR, SCOPE).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "other",
    [
        scope(a_caller(BOB), LIST, Filter(), Window()),
        scope(a_caller(tenant="globex"), LIST, Filter(), Window()),
        scope(a_caller(), "alteryx#globex", Filter(), Window()),
        scope(a_caller(), LIST, Filter(statuses=frozenset({Status.FAILED})), Window()),
        scope(a_caller(), LIST, Filter(owners=frozenset({ADA.id})), Window()),
        scope(a_caller(), LIST, Filter(), Window(sort=Sort.STATUS)),
        scope(a_caller(), LIST, Filter(), Window(descending=True)),
    ],
)
def test_it_is_refused_for_anything_else(other: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        opened(sealed(CURSOR, SCOPE), other, "nextToken")
    assert refused.value.field == "nextToken"


def test_a_page_of_another_length_may_follow() -> None:
    longer = scope(a_caller(), LIST, Filter(), Window(limit=1000, offset=3))
    assert opened(sealed(CURSOR, SCOPE), longer, "cursor") == CURSOR


def test_another_stacks_cursor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = sealed(CURSOR, SCOPE)
    monkeypatch.setenv("CURSOR_KEY", "another key")
    with pytest.raises(Invalid):
        opened(theirs, SCOPE, "cursor")


@given(place=st.integers(0, 200), to=st.characters(codec="utf-8"))
def test_no_letter_of_it_can_be_changed(place: int, to: str) -> None:
    good = sealed(CURSOR, SCOPE)
    at = place % len(good)
    changed = good[:at] + to + good[at + 1 :]
    if changed != good:
        with pytest.raises(Invalid):
            opened(changed, SCOPE, "cursor")


@given(st.text() | st.binary(max_size=100).map(lambda sent: base64.urlsafe_b64encode(sent).decode()))
def test_whatever_else_is_given_is_refused(given_instead: str) -> None:
    with pytest.raises(Invalid):
        opened(given_instead, SCOPE, "cursor")


def test_one_that_is_too_long_is_not_even_read() -> None:
    with pytest.raises(Invalid):
        opened("A" * (LONGEST + 1), SCOPE, "cursor")
