"""What is told of one column, gathered a batch at a time."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from csvprofile.kinds import DATE, DATETIME, DECIMAL, EMPTY, INTEGER, STRING, classify, combined
from csvprofile.sketch import Distinct, Estimate, Frequent

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SHOWN = 100
TOP_VALUES = 10

# For all columns together, so that the memory does not grow with their number: some 70 and 60 MB.
_ALL_HASHES, _HASHES = 500_000, (500, 10_000)
_ALL_COUNTERS, _COUNTERS = 200_000, (100, 10_000)


class Numbers:
    """Mean and variance by Welford's method, weighted by how often a value occurs."""

    def __init__(self) -> None:
        self.count = 0
        self.low: int | float = math.inf
        self.high: int | float = -math.inf
        self._mean = self._squares = 0.0

    def add(self, value: float, times: int) -> None:
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value
        self.count += times
        delta = value - self._mean
        self._mean += delta * times / self.count
        self._squares += delta * (value - self._mean) * times

    @property
    def mean(self) -> float | None:
        return self._mean if self.count and math.isfinite(self._mean) else None

    @property
    def stddev(self) -> float | None:
        """Of a sample (divided by n - 1); None for fewer than two values, and beyond what a float can hold."""
        if self.count < 2 or not math.isfinite(self._squares):
            return None
        return math.sqrt(max(self._squares, 0.0) / (self.count - 1))


class Extremes[T: (int, str, tuple[datetime, str])]:
    def __init__(self) -> None:
        self.low: T | None = None
        self.high: T | None = None

    def add(self, value: T) -> None:
        if self.low is None or self.high is None:
            self.low = self.high = value
        elif value > self.high:
            self.high = value
        elif value < self.low:
            self.low = value


class Column:
    def __init__(self, position: int, name: str, columns: int, nulls: frozenset[str] = frozenset()) -> None:
        """``position`` counts from 1; ``columns`` share the memory; ``nulls`` are texts that count as no value."""
        self.position = position
        self.name = name
        self.count = self.nulls = 0
        self.lengths = Extremes[int]()
        self.numbers = Numbers()
        self._times = Extremes[tuple[datetime, str]]()
        self._texts = Extremes[str]()
        self.type = EMPTY
        self._kinds: set[str] = set()
        self._null_texts = nulls
        self._distinct = Distinct(_share(columns, _ALL_HASHES, _HASHES))
        self._frequent = Frequent(_share(columns, _ALL_COUNTERS, _COUNTERS))
        self._all_counted = True

    def add(self, cells: Iterable[str | None]) -> None:
        """None is a cell that its row does not have."""
        for cell, times in Counter(cells).items():
            text = cell.strip() if cell else None
            if not cell or not text or text in self._null_texts:
                self.nulls += times
            else:
                self._add(cell, text, times)

    def _add(self, cell: str, text: str, times: int) -> None:
        self.count += times
        length = len(cell)
        if length <= MAX_SHOWN:
            known = self._frequent.add(cell, times)
        else:
            known = self._all_counted = False
        if not known:
            # What was counted before was taken in before: only its number weighs again.
            self._distinct.add(cell)
            self._texts.add(cell[:MAX_SHOWN])
            self.lengths.add(length)
        if self.type == STRING:
            return
        kind, value = classify(text)
        if kind not in self._kinds:
            self._kinds.add(kind)
            self.type = combined(self._kinds)
        if isinstance(value, datetime):
            self._times.add((value, text))
        elif value is not None:
            self.numbers.add(value, times)

    @property
    def distinct(self) -> Estimate:
        estimate = self._distinct.estimate()
        return Estimate(min(estimate.count, self.count), estimate.exact)

    @property
    def top(self) -> list[tuple[str, int]]:
        """Values of at most MAX_SHOWN characters and how often they occur, the most frequent first."""
        return self._frequent.top(TOP_VALUES)

    @property
    def top_exact(self) -> bool:
        return self._all_counted and not self._frequent.missed

    @property
    def range(self) -> tuple[int | float | str | None, int | float | str | None]:
        """The least and the greatest value, in the order of the column's type; texts cut at MAX_SHOWN characters."""
        kind = self.type
        if kind in {INTEGER, DECIMAL}:
            return self.numbers.low, self.numbers.high
        if kind in {DATE, DATETIME} and self._times.low and self._times.high:
            return self._times.low[1], self._times.high[1]
        return self._texts.low, self._texts.high


def _share(columns: int, total: int, bounds: tuple[int, int]) -> int:
    return min(max(total // max(columns, 1), bounds[0]), bounds[1])
