"""How much the promises are tried: little and always the same by default, as much as is asked for by `make test-long`.

The environment says: ``JOBYARD_EXAMPLES``, ``JOBYARD_CRASHES`` and ``JOBYARD_FAULTS`` are numbers of tries of each test
of their kind, ``JOBYARD_MINUTES`` is how long a load lasts. One that is given makes the choices of that kind random;
what fails is printed so that it can be repeated.
"""

from __future__ import annotations

import os
from typing import Final

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
