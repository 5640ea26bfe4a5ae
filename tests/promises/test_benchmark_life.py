"""What a job's life writes is what was counted last: nobody adds a write, an index or an attribute unnoticed.

Where it differs on purpose: `python -m benchmarks.life --write`, and then `python -m benchmarks.cost`.
"""

from __future__ import annotations

import pytest

from benchmarks import life, steps
from benchmarks.steps import COMPANIES, ONCE, TELLINGS, TWICE
from tests.promises.harness.clients import Alteryx
from tests.promises.harness.world import World


def test_a_jobs_life_costs_what_was_counted(world: World) -> None:
    caller, kept = Alteryx(world.yard), life.kept()
    # The first job of all names its list.
    steps.life(world, caller, TELLINGS[ONCE], world.clock.advance)
    for name in (ONCE, TWICE):
        lived = steps.life(world, caller, TELLINGS[name], world.clock.advance)
        assert lived.written == kept.units.lives[name].written, name
        assert lived.invocations == kept.units.lives[name].invocations, name
        assert lived.states == kept.ran[0].states


@pytest.mark.parametrize(("company", "name"), [("one owner's", TWICE), ("ten owners', in a burst", ONCE)])
def test_jobs_together_cost_what_was_counted(world: World, company: str, name: str) -> None:
    """Two of eight, which takes seconds: what the others must be follows, and test_benchmark_cost sees to it."""
    caller, kept = Alteryx(world.yard), life.kept().units.shared[company][name]
    steps.life(world, caller, TELLINGS[ONCE], world.clock.advance)
    lived = steps.together(world, caller, COMPANIES[company], TELLINGS[name], world.clock.advance)
    assert (lived.jobs, lived.written, lived.invocations) == (kept.jobs, kept.written, kept.invocations)


@pytest.mark.parametrize("name", [ONCE, TWICE])
def test_every_write_has_its_reason(name: str) -> None:
    written = life.kept().units.lives[name].written
    assert {(step, kind) for step, kinds in written.items() for kind in kinds} <= set(life.WHY)
