"""How much the promises are tried: little and always the same by default, as much as is asked for by `make test-long`.

The environment says: ``JOBYARD_EXAMPLES``, ``JOBYARD_CRASHES`` and ``JOBYARD_FAULTS`` are numbers of tries of each test
of their kind, ``JOBYARD_MINUTES`` is how long a load lasts. One that is given makes the choices of that kind random;
what fails is printed so that it can be repeated.

What takes minutes though its choices are fixed is marked ``nightly``. Where that would leave something untried in
`make test`, the same test takes a ``Sample`` of them there, always the same, or some of its parameters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings


def _given(name: str) -> int | None:
    """Raises ValueError for what is no positive number: a run that tries nothing must not look green."""
    text = os.environ.get(f"JOBYARD_{name}", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError(f"JOBYARD_{name} must be a positive number, not {text!r}")
    return int(text)


EXAMPLES: Final = _given("EXAMPLES")
CRASHES: Final = _given("CRASHES")
FAULTS: Final = _given("FAULTS")
MINUTES: Final = _given("MINUTES")
LONG: Final = any(each is not None for each in (EXAMPLES, CRASHES, FAULTS, MINUTES))


def effort(quick: int, steps: int | None = None, *, asked: int | None = EXAMPLES) -> settings:
    """Settings for a property: ``quick`` fixed examples, or as many as were asked for, random ones.

    ``steps`` is the longest run of a state machine, in rules.
    """
    many = asked is not None
    made = settings(
        max_examples=asked if asked is not None else quick,
        derandomize=not many,
        database=None,
        deadline=None,
        print_blob=many,
        suppress_health_check=list(HealthCheck),
        # Where the choices are fixed, a shorter example is worth its time only once something failed.
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )
    return made if steps is None else settings(made, stateful_step_count=steps * (2 if many else 1))


class Sample(NamedTuple):
    """One scene of ``scenes_of``, and of what there is to try in a scene one of ``every``."""

    scenes_of: int = 1
    every: int = 1

    def scenes[T](self, group: Sequence[T]) -> Sequence[T]:
        return group[:: self.scenes_of]

    def of[T](self, things: Sequence[T]) -> Sequence[T]:
        # From the middle: a scene begins as many others do.
        return things[self.every // 2 :: self.every] or things[-1:]


_ALL = pytest.param(Sample(), id="all", marks=() if LONG else pytest.mark.nightly)
sampled = pytest.mark.parametrize("sample", [_ALL] if LONG else [pytest.param(Sample(5, 8), id="sample"), _ALL])


def nightly_but[T](every: Iterable[T], *daily: T) -> list[Any]:
    """The parameters of a test that is tried with few of them for each change."""
    return [pytest.param(each, marks=() if each in daily else pytest.mark.nightly) for each in every]
