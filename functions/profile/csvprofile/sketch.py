"""Counts in bounded memory: exact while there is little to count, estimates with a known error after that.

Two short and well known methods on the standard library, in place of a package of sketches: those that are well kept
bring NumPy, tens of megabytes that every cold start would pay for.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from hashlib import blake2b

_SPACE = 2**64


@dataclass(frozen=True, slots=True)
class Estimate:
    count: int
    exact: bool


class Distinct:
    """How many different values were added.

    Keeps the ``limit`` smallest hashes (Bar-Yossef et al. 2002, "bottom k"): up to ``limit`` values the count is
    exact, beyond it its standard error is 1 / sqrt(limit - 2), 1 % at 10,000. The same values give the same answer.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hashes: set[int] = set()
        self._heap: list[int] = []  # the same ones negated, once there are ``limit``: its first is the greatest
        self._full = False

    def add(self, value: str) -> None:
        number = int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        if not self._full:
            self._hashes.add(number)
            if len(self._hashes) > self._limit:
                self._full = True
                self._heap = [-kept for kept in self._hashes]
                heapq.heapify(self._heap)
                self._hashes.discard(-heapq.heappop(self._heap))
        elif number < -self._heap[0] and number not in self._hashes:
            self._hashes.add(number)
            self._hashes.discard(-heapq.heapreplace(self._heap, -number))

    def estimate(self) -> Estimate:
        if not self._full:
            return Estimate(len(self._hashes), exact=True)
        return Estimate(round((self._limit - 1) * _SPACE / -self._heap[0]), exact=False)


class Frequent:
    """The most frequent values.

    Up to ``limit`` different values all counts are exact. Beyond it (Misra and Gries 1982, in the form that Agarwal
    et al. 2013 prove) a count may be too low by at most ``missed``, which is at most 1/limit of all values.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, int] = {}
        self.missed = 0

    def add(self, value: str, times: int) -> bool:
        """Returns whether ``value`` was known already."""
        counts = self._counts
        if value in counts:
            counts[value] += times
            return True
        counts[value] = times
        if len(counts) > 2 * self._limit:
            self._shrink()
        return False

    def _shrink(self) -> None:
        surplus = heapq.nlargest(self._limit + 1, self._counts.values())[-1]
        self.missed += surplus
        self._counts = {value: count - surplus for value, count in self._counts.items() if count > surplus}

    def top(self, number: int) -> list[tuple[str, int]]:
        """The most frequent first; with counts that may be too low, only values that are surely among them."""
        sure = [(value, count) for value, count in self._counts.items() if count > self.missed]
        return sorted(sure, key=lambda entry: (-entry[1], entry[0]))[:number]
