from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from jobyard.model.ids import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT = 4000
_LAST_SEQUENCE = 999_999


class Clock:
    """Gives each message its place: the millisecond, and a number within it.

    Places strictly increase even when the machine's clock stands still or goes back. Safe under threads.
    """

    def __init__(self, now: Callable[[], int] = now_ms) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._last = (0, _LAST_SEQUENCE)

    def next(self) -> tuple[int, int]:
        with self._lock:
            last_ms, sequence = self._last
            if sequence >= _LAST_SEQUENCE:
                last_ms, sequence = last_ms + 1, -1
            at = self._now()
            self._last = (at, 0) if at > last_ms else (last_ms, sequence + 1)
            return self._last


def fit(text: object) -> str:
    """``text`` as it can be stored: valid Unicode, and cut, with a mark, after MAX_TEXT characters."""
    whole = str(text).encode("utf-8", "replace").decode("utf-8")
    if len(whole) <= MAX_TEXT:
        return whole
    return f"{whole[:MAX_TEXT]}… ({len(whole) - MAX_TEXT:,} more characters)"
