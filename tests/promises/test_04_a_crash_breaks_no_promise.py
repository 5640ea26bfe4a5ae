"""Promise 4: a crash between any two AWS calls leaves no job stuck and no promise broken.

Every function is run once to see which calls it makes. Then the process dies right before each of them, and right
after. Whoever invoked it does what AWS or a caller would do, the world comes to rest, and all promises are checked
(``harness/promises.py``). The calls are found by recording, so that a new one is swept without anybody's doing.

In the quick run each place in the code that writes is swept once for each group of scenes, and each scene's beginning:
reads leave the world as it is, so a death at one is the death after the write before it. In the long run both sides of
every call of every scene are, and more pairs of deaths are tried.
"""

from __future__ import annotations

import random

import pytest

from tests.promises.effort import CRASHES
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


@pytest.mark.parametrize("group", GROUPS)
def test_a_crash_on_either_side_of_any_call_breaks_no_promise(world: World, group: str) -> None:
    known: set[Site] | None = None if CRASHES else set()
    swept = 0
    for scene in (each for each in SCENES if each.group == group):
        sites = recorded(world, scene).sites
        for point in points_of(sites, known):
            # What has been written matters to who asks again and to who does not.
            for tries in (1, PERSISTENT) if CRASHES or point.after else (PERSISTENT,):
                where = f"{scene}: died {'after' if point.after else 'before'} {sites[point.number]}, tries: {tries}"
                try:
                    assert crash(world, scene, [point], tries).met == 1, "the call that was recorded was not made"
                except AssertionError as error:
                    error.add_note(where)
                    raise
                swept += 1
    print(f"{group}: {swept} crashes")  # noqa: T201 - how much was tried is part of what this test says


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
