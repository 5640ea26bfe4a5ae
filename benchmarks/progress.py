"""How far a benchmark has come, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

_TERMINAL_SECONDS, _LOG_SECONDS = 0.2, 10.0


def told[T](what: str, total: int, steps: Iterable[tuple[int, T]]) -> Iterator[T]:
    """The second of each step; the first is how much of ``total`` it did. Tells the rate and the time that is left."""
    began = last = time.monotonic()
    line_end, pause = ("\r", _TERMINAL_SECONDS) if sys.stderr.isatty() else ("\n", _LOG_SECONDS)
    done = 0
    for number, value in steps:
        yield value
        done += number
        now = time.monotonic()
        if now - last >= pause:
            last = now
            rate = done / (now - began)
            left = (total - done) / rate if rate else 0
            say(f"{what}: {done:,} of {total:,}, {rate:,.0f} a second, {left:.0f} s left", line_end)
    say(f"{what}: {done:,} in {time.monotonic() - began:.0f} s")


def say(text: str, end: str = "\n") -> None:
    clear = "\x1b[K" if sys.stderr.isatty() else ""
    print(f"{text}{clear}", end=end, file=sys.stderr, flush=True)
