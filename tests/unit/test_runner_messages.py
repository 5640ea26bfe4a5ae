from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from jobyard.model.messages import message_key
from jobyard.runner._messages import MAX_TEXT, Clock, fit


@given(st.lists(st.integers(0, 10**13 - 2), max_size=50))
def test_places_strictly_increase_whatever_the_clock_does(times: list[int]) -> None:
    ticks = iter(times)
    clock = Clock(lambda: next(ticks))
    keys = [message_key(*clock.next(), "00000000") for _ in times]
    assert keys == sorted(set(keys))


def test_a_full_millisecond_runs_over_into_the_next() -> None:
    clock = Clock(lambda: 5)
    places = [clock.next() for _ in range(1_000_002)]
    assert places[:2] == [(5, 0), (5, 1)]
    assert places[-3:] == [(5, 999_999), (6, 0), (6, 1)]


def test_places_are_unique_under_threads() -> None:
    clock = Clock()
    places: list[tuple[int, int]] = []
    threads = [threading.Thread(target=lambda: places.extend(clock.next() for _ in range(2000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(places)) == 16_000


@given(st.text(st.characters(), max_size=MAX_TEXT + 50))
def test_a_text_is_storable_bounded_and_whole_when_short(text: str) -> None:
    fitted = fit(text)
    fitted.encode()
    assert len(fitted) < MAX_TEXT + 50
    if len(text) <= MAX_TEXT and text.isascii():
        assert fitted == text
