"""Promise 4 where the state machine's own writes fail, and where reconcile runs twice at once.

The states' own Retry and Catch are carried out as they are deployed: a write that fails for less than they last
changes nothing of the job's life; one that fails for longer ends the job with a reason, by the state machine or, where
that cannot write either, by settle.
"""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from jobyard.lifecycle.reconcile import reconcile as repair
from jobyard.model import Status
from jobyard.model.ids import now_ms
from tests.promises.effort import FAULTS
from tests.promises.harness.crashes import wipe
from tests.promises.harness.interleave import Play
from tests.promises.harness.machine import Fate
from tests.promises.harness.promises import promises_hold
from tests.promises.harness.scenes import SCENES, Scene, Stand
from tests.promises.harness.world import GRACE_SECONDS, World

ERRORS = (
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.InternalServerErrorException",
    "DynamoDB.SdkClientException",
    "States.Timeout",
)
STATES = ("Enqueue", "Start", "Complete", "Fail")
ATTEMPTS = 9
"""Of a write, by its Retry."""

REPAIRS = [scene for scene in SCENES if scene.group == "repair"]
A_WHILE = list(product(STATES, ("before", "after")))
FOR_GOOD = list(product(STATES, ("before", "after"), ("by the machine", "by settle")))


@pytest.fixture(autouse=True)
def _long_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))


def lived(world: World, state: str, fates: list[Fate], others: list[Fate]) -> tuple[Status, str]:
    """How a job ended, and why, in whose life these befall the writes of ``state`` and, with ``others``, of Fail."""
    wipe(world)
    stand = Stand(world, 1)
    caller = stand.caller("openreplay" if state == "Enqueue" else "alteryx")
    caller.submit("a")
    if state == "Fail":
        world.work = lambda name: world.machine.break_(name, "ValueError", "what a pity")
    world.machine.fates[state] += fates
    world.machine.fates["Fail"] += others
    world.rest()
    assert not any(world.machine.fates.values()), "what was to fail was not tried"
    world.new_process()
    promises_hold(world, caller)
    (job,) = world.jobs().values()
    return job.status, job.error or ""


@pytest.mark.parametrize(("state", "side"), A_WHILE if FAULTS else A_WHILE[::3])
def test_a_write_that_fails_for_a_while_changes_nothing(world: World, state: str, side: str) -> None:
    carried_out = side == "after"
    errors = ERRORS if FAULTS else (ERRORS[STATES.index(state) % len(ERRORS)],)
    for error in errors:
        times = 1 if carried_out and state in ("Complete", "Fail") else ATTEMPTS - 1
        status, why = lived(world, state, [Fate(error, carried_out)] * times, [])
        assert status is (Status.FAILED if state == "Fail" else Status.COMPLETED)
        assert why == ("what a pity" if state == "Fail" else "")


@pytest.mark.parametrize(("state", "first", "told"), FOR_GOOD if FAULTS else FOR_GOOD[::3])
def test_a_write_that_fails_for_good_ends_the_job_with_a_reason(
    world: World, state: str, first: str, told: str
) -> None:
    """``first``: whether the first attempt is carried out; ``told``: who fails the job."""
    carried_out = first == "after"
    error = ERRORS[STATES.index(state) % len(ERRORS)]
    fates = [Fate(error, carried_out), *[Fate(error, False)] * (ATTEMPTS - 1)]
    others = [Fate(error, False)] * ATTEMPTS if told == "by settle" and state != "Fail" else []
    status, why = lived(world, state, fates, others)
    if state == "Complete" and carried_out:
        # It was done, whatever was answered: no failure takes it back.
        assert status is Status.COMPLETED
    else:
        assert status is Status.FAILED
        assert why


@pytest.mark.parametrize("scene", REPAIRS if FAULTS else REPAIRS[::3], ids=str)
def test_two_reconciles_at_once_repair_as_one_does(world: World, scene: Scene) -> None:
    for seed in range(FAULTS or 1):
        wipe(world)
        stand, chance = Stand(world, 1), Random(seed)
        scene.prepare(stand)
        # All that is told is lost: there is nobody else to repair.
        stand.lose_records()
        world.machine.ended.clear()
        world.clock.advance(GRACE_SECONDS)
        play = Play(world.wire, chance.choice)
        play.run({"one": reconcile, "other": reconcile})
        assert len(set(play.turns)) == 2
        world.rest()
        world.new_process()
        promises_hold(world, *stand.callers)


def reconcile() -> None:
    repairs = repair(now_ms(), 30)
    assert not repairs.errors
