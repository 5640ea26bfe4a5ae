"""Promise 4: a crash between any two AWS calls leaves no job stuck and no promise broken.

Every function is run once to see which calls it makes. Then it is run again for some of them, and its process dies
there. Whoever invoked it does what AWS or a caller would do, the world comes to rest, and all promises are checked
(``harness/promises.py``). The calls are found by recording, so that a new one is swept without anybody's doing.

It dies right after each write from a place in the code that no scene of the group has written from before, and at the
beginning of each scene: reads leave the world as it is, so a death at one is the death after the write before it. The
long run tries both sides of every call of every scene, and more pairs of deaths; each change is tried with a sample.
"""

from __future__ import annotations

import random

import pytest

from tests.promises.effort import CRASHES, Sample, sampled
from tests.promises.harness.crashes import Point, Site, points_of
from tests.promises.harness.scenes import SCENES
from tests.promises.harness.stand import crash, recorded
from tests.promises.harness.world import World

GROUPS = list(dict.fromkeys(scene.group for scene in SCENES))
PERSISTENT = 3
"""How often a caller asks who goes on asking."""

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("one_at_a_time"),
    # Of a function that died, in words for one that forgot its metrics.
    pytest.mark.filterwarnings("ignore:No application metrics to publish"),
]


@pytest.fixture(autouse=True)
def _long_lived(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Days pass while a world comes to rest.
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))


@sampled
@pytest.mark.parametrize("group", GROUPS)
def test_a_process_that_dies_at_a_call_breaks_no_promise(world: World, group: str, sample: Sample) -> None:
    known: set[Site] | None = None if CRASHES else set()
    swept = 0
    for scene in sample.scenes([each for each in SCENES if each.group == group]):
        sites = recorded(world, scene).sites
        # What has been written matters to who asks again and to who does not.
        deaths = [
            (point, tries)
            for point in points_of(sites, known)
            for tries in ((1, PERSISTENT) if CRASHES or point.after else (PERSISTENT,))
        ]
        for point, tries in sample.of(deaths):
            where = f"{scene}: died {'after' if point.after else 'before'} {sites[point.number]}, tries: {tries}"
            try:
                assert crash(world, scene, [point], tries).met == 1, "the call that was recorded was not made"
            except AssertionError as error:
                error.add_note(where)
                raise
            swept += 1
    print(f"{group}: {swept} crashes")  # noqa: T201 - how much was tried is part of what this test says


@pytest.mark.nightly
def test_two_crashes_break_no_promise_either(world: World) -> None:
    chance = random.Random(CRASHES and random.randrange(2**32))
    for _ in range(CRASHES or 12):
        scene = chance.choice(SCENES)
        sites = recorded(world, scene).sites
        first = Point(chance.randrange(len(sites)), after=chance.random() < 0.5)
        second = Point(first.number + 1 + chance.randrange(len(sites)), after=chance.random() < 0.5)
        tries = chance.choice((1, PERSISTENT))
        try:
            assert crash(world, scene, [first, second], tries).met
        except AssertionError as error:
            error.add_note(f"{scene}: {first}, {second}, tries: {tries}")
            raise
