"""Whether the answers about one job can be explained by some order of what happened to it: linearizability.

The specification is a job's life: a graph without a way back. So what happened is a path through it and a time for
each step, and a read between ``invoked`` and ``returned`` that showed one of ``states`` (neighbours on the path) is
explained just if the path had entered the first of them by ``returned``, and had not left the last before ``invoked``.
Each answer is thus a bound on the time of one step from above and of one from below, and reads bind each other through
those times only. There are times for a path just if, step after step, the earliest time that is allowed (not before
the step before) is not too late. All 26 paths are tried. That is exact, with no search; `test_history_checker` holds
it against a search over all orders.

Times are closed intervals: calls of which one returns in the instant in which the other is invoked overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from tests.promises.history.calls import GONE, Call

NEXT: Final = {
    "scheduled": ("queued", "failed", "cancelled", GONE),
    "queued": ("initializing", "failed", "cancelled", GONE),
    "initializing": ("running", "failed", "cancelled"),
    "running": ("completed", "failed", "cancelled"),
    "completed": (),
    "failed": (),
    "cancelled": (),
    GONE: (),
}
"""The life of a job as DESIGN and docs/architecture.md draw it, on purpose not read off the product."""

FIRST: Final = ("scheduled", "queued")
FINAL: Final = frozenset(state for state, following in NEXT.items() if not following)
ENDED_BY_CALL: Final = ("cancelled", GONE)


def paths() -> list[tuple[str, ...]]:
    """Every way that a life may have gone so far."""
    found: list[tuple[str, ...]] = []
    growing: list[tuple[str, ...]] = [(state,) for state in FIRST]
    while growing:
        path = growing.pop()
        found.append(path)
        growing += [(*path, state) for state in NEXT[path[-1]]]
    return found


_PATHS: Final = paths()


def explained(calls: Iterable[Call], lag: float = 0.0) -> bool:
    """Whether some life explains ``calls``: all those about one job. A row of a list stands as a call of kind page.

    The submits given are those that may have made the job: with its id as the answer, or with none.
    """
    calls = list(calls)
    return any(_fits(path, calls, lag) for path in _PATHS)


class _Bounds:
    """When each step of ``path`` may have been made; there is one more at the end, the step that is never made."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = path
        self.earliest = [-math.inf] * (len(path) + 1)
        self.latest = [math.inf] * (len(path) + 1)

    def within(self, step: int, earliest: float, latest: float = math.inf) -> None:
        self.earliest[step] = max(self.earliest[step], earliest)
        self.latest[step] = min(self.latest[step], latest)

    def read(self, states: Sequence[str], since: float, until: float) -> bool:
        """Bounds from a read. False if the path never comes by what it showed."""
        here = [index for index, state in enumerate(self.path) if state in states]
        if not here:
            return False
        self.within(here[0], -math.inf, until)
        self.within(here[-1] + 1, since)
        return True

    @property
    def possible(self) -> bool:
        at = -math.inf
        for earliest, latest in zip(self.earliest[:-1], self.latest, strict=False):
            at = max(at, earliest)
            if at > latest:
                return False
        return True


def _fits(path: Sequence[str], calls: Sequence[Call], lag: float) -> bool:
    bounds = _Bounds(path)
    if not (_made(bounds, calls) and _ended(bounds, calls)):
        return False
    for call in calls:
        # A replay shows what was answered the first time.
        if call.states and not call.unknown and not call.replayed and not (call.kind == "cancel" and call.done):
            since = call.invoked - (lag if call.kind == "page" else 0)
            if not bounds.read(call.states, since, call.returned):
                return False
    return bounds.possible


def _made(bounds: _Bounds, calls: Sequence[Call]) -> bool:
    """Bounds of the first step from the submits. False if none of them can have made the job."""
    submits = [call for call in calls if call.kind == "submit"]
    first = [call for call in submits if call.done and not call.replayed]
    makers = first or [call for call in submits if call.unknown]
    if not makers or len(first) > 1:
        return False
    bounds.within(0, min(call.invoked for call in makers))
    for call in submits:
        if call.done:
            bounds.within(0, -math.inf, call.returned)
    return True


def _ended(bounds: _Bounds, calls: Sequence[Call]) -> bool:
    """Bounds of the last step from the cancels: just one of them makes it, and is told so if it is told anything."""
    path, cancels = bounds.path, [call for call in calls if call.kind == "cancel"]
    told = [call for call in cancels if call.done]
    if path[-1] not in ENDED_BY_CALL:
        return not told
    enders = [call for call in told or cancels if _may_end(call, path)]
    if len(told) > 1 or not enders:
        return False
    if told:
        bounds.within(len(path) - 1, told[0].invoked, told[0].returned)
        return path[-1] in told[0].states
    bounds.within(len(path) - 1, min(call.invoked for call in enders))
    return True


def _may_end(call: Call, path: Sequence[str]) -> bool:
    """Whether this cancel may have made the last step of ``path``: alteryx deletes what waits, and only that."""
    if not (call.done or call.unknown) or len(path) == 1:
        return False
    if call.dialect == "alteryx":
        return (path[-2] in FIRST) == (path[-1] == GONE)
    return path[-1] == "cancelled"


def shrunk(calls: Sequence[Call], lag: float = 0.0) -> list[Call]:
    """The fewest of ``calls`` (none can be left out) that still cannot be explained; what may change the job stays."""
    left = list(calls)
    for call in list(left):
        if call.kind == "submit" or (call.kind == "cancel" and (call.done or call.unknown)):
            continue
        without = [each for each in left if each is not call]
        if not explained(without, lag):
            left = without
    return left
