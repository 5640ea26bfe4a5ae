"""Promise 4, and promise 1 with it, where AWS fails: it refuses, or does what it was asked and does not say so.

Every place in the code that calls AWS meets a fault, for one attempt or for more than botocore makes; each change is
tried with a sample of the places, the long run tries every kind that the service has, both ways. What a caller is
answered is true, in the dialect's own form, and at most a 503; a caller that was answered nothing asks again or gives
up. Then everything comes to rest, and all promises are checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from jobyard import aws
from jobyard.aws import ClientError
from jobyard.errors import Busy
from tests.promises.effort import FAULTS, Sample, effort, nightly_but, sampled
from tests.promises.harness.crashes import Site, wipe
from tests.promises.harness.faults import ANYWHERE, OF_OPERATION, OF_SERVICE, Trouble, Troubles, Unruly, faults_of
from tests.promises.harness.promises import messages_hold, promises_hold
from tests.promises.harness.scenes import SCENES, Scene, Stand
from tests.promises.harness.stand import recorded
from tests.promises.harness.wire import Call, CarryOut, Died
from tests.promises.harness.world import World

GROUPS = list(dict.fromkeys(scene.group for scene in SCENES))
ENDPOINTS = [scene for scene in SCENES if scene.group in ("submit", "read")]
ATTEMPTS = 4
"""Of botocore, for one call."""

LAMBDA_SECONDS = 10.0
Disorder = Callable[[], AbstractContextManager[None]]

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("one_at_a_time"),
    pytest.mark.filterwarnings("ignore:No application metrics to publish"),
]


@pytest.fixture(autouse=True)
def _no_waits(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))


def disturb(
    world: World, scene: Scene, troubles: Iterable[Trouble], tries: int, disorder: Disorder = nullcontext
) -> Troubles:
    wipe(world)
    stand = Stand(world, tries)
    play = scene.prepare(stand)
    world.new_process()
    # botocore counts how often it has tried again, and gives up sooner after many: each time a new process.
    aws.client.cache_clear()
    gate = Troubles(troubles, stand.inner)
    with surviving(world), disorder():
        with world.wire.gate(gate):
            play()
        with world.wire.gate(stand.inner):
            world.rest()
    with world.wire.gate(stand.inner):
        _check(stand)
    return gate


@contextmanager
def surviving(world: World) -> Iterator[None]:
    """What AWS answered may end an invocation."""
    before = world.survives
    world.survives = (Died, ClientError, BotoCoreError, Busy, RuntimeError)
    try:
        yield
    finally:
        world.survives = before


def _check(stand: Stand) -> None:
    stand.world.new_process()
    promises_hold(stand.world, *stand.callers)
    if stand.function is not None:
        messages_hold(stand.world, stand.function.said)
    for caller in stand.callers:
        assert {status for status in caller.statuses if status >= 500} <= {503}
    for check in stand.afterwards:
        check()


def _chosen(site: Site, turn: int) -> list[str]:
    """Each kind of fault in the long run; in the quick one the next in turn, every other one of the operation's own."""
    every = list(faults_of(site.call))
    if FAULTS:
        return every
    own = list(OF_OPERATION.get(site.call, ()))
    others = [name for name in every if name not in own]
    return [own[turn // 2 % len(own)]] if own and turn % 2 else [others[turn % len(others)]]


@sampled
@pytest.mark.parametrize("group", GROUPS)
def test_a_fault_of_aws_breaks_no_promise(world: World, group: str, sample: Sample) -> None:
    known: set[Site] = set()
    tried = 0
    for scene in sample.scenes([each for each in SCENES if each.group == group]):
        sites = recorded(world, scene).sites
        for trouble, tries in sample.of(list(_troubles(sites, known))):
            try:
                assert disturb(world, scene, [trouble], tries).met
            except AssertionError as error:
                error.add_note(f"{scene}: {trouble} at {sites[trouble.number]}, tries: {tries}")
                raise
            tried += 1
    print(f"{group}: {tried} faults of {len(known)} places")  # noqa: T201 - how much was tried


def _troubles(sites: Sequence[Site], known: set[Site]) -> Iterator[tuple[Trouble, int]]:
    """At each place that is not known yet, which then is; and how often callers ask."""
    for number, site in enumerate(sites):
        if site in known:
            continue
        known.add(site)
        for place, fault in enumerate(_chosen(site, len(known))):
            for times in (1, ATTEMPTS + 1) if FAULTS else ((1, ATTEMPTS + 1)[(len(known) + place) % 2],):
                yield Trouble(number, fault, times), (1, 3)[(len(known) + times) % 2]


def test_what_dynamodb_leaves_undone_of_a_batch_is_deleted_too(world: World) -> None:
    (scene,) = (each for each in SCENES if str(each) == "a cancel alteryx queued")
    calls = [site.call for site in recorded(world, scene).sites]
    disturbed = disturb(world, scene, [Trouble(calls.index("dynamodb.BatchWriteItem"), "half of the batch", 3)], 1)
    assert len(disturbed.met) == 3


EVERY_FAULT = sorted({*ANYWHERE, *(n for each in (*OF_SERVICE.values(), *OF_OPERATION.values()) for n in each)})


@pytest.mark.nightly
@effort(12, asked=FAULTS)
@given(
    scene=st.sampled_from(SCENES),
    troubles=st.lists(
        st.builds(Trouble, st.integers(0, 40), st.sampled_from(EVERY_FAULT), st.integers(1, ATTEMPTS + 2)), max_size=8
    ),
    tries=st.sampled_from((1, 3)),
    seed=st.integers(0, 2**16),
)
def test_any_faults_and_an_unruly_stream_break_no_promise(
    world: World, scene: Scene, troubles: list[Trouble], tries: int, seed: int
) -> None:
    disturb(world, scene, troubles, tries, lambda: disordered(world, Random(seed)))


@contextmanager
def disordered(world: World, chance: Random) -> Iterator[None]:
    """Stream and events in disorder, some of them twice; reconcile runs more often than each minute."""
    told: list[dict[str, Any]] = []
    tell = world.tell_of_ends

    def tell_of_ends() -> bool:
        told.extend(world.machine.ended)
        if chance.random() < 0.3:
            with suppress(*world.survives):
                world.reconcile()
        ended = tell()
        if told and chance.random() < 0.5:
            with suppress(*world.survives):
                world.settle(chance.choice(told))
        return ended

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world, "tell_of_ends", tell_of_ends)
        patched.setattr(world, "stream", Unruly(world.stream, chance))
        # The events may come first.
        if chance.random() < 0.5:
            patched.setattr(world, "deliver", _late(world.deliver, chance))
        yield


def _late(deliver: Callable[[], bool], chance: Random) -> Callable[[], bool]:
    """Now and then the stream has nothing to tell yet."""
    return lambda: chance.random() < 0.3 or deliver()


class _Clock:
    """Time that passes by waiting alone."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr("jobyard.aws.time", clock)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.mark.parametrize("scene", nightly_but(ENDPOINTS, *ENDPOINTS[::6]), ids=str)
def test_an_aws_that_hangs_is_told_before_lambda_ends_the_function(world: World, scene: Scene, still: _Clock) -> None:
    sites = recorded(world, scene).sites
    # Every request has a process of its own: what hangs in one place does so in any of them.
    for number in sorted({site: number for number, site in reversed(list(enumerate(sites)))}.values()):
        wipe(world)
        stand = Stand(world, 1)
        play = scene.prepare(stand)
        world.new_process()
        aws.client.cache_clear()
        calls = iter(range(10**6))

        def hangs(call: Call, carry_out: CarryOut, number: int = number, calls: Iterator[int] = calls) -> AWSResponse:
            if next(calls) < number:
                return carry_out()
            still.sleep(aws._ATTEMPT_SECONDS)
            raise ReadTimeoutError(endpoint_url="https://aws.example")

        asked = [len(caller.statuses) for caller in stand.callers]
        began = still.now
        with world.wire.gate(hangs):
            play()
        statuses = [status for n, caller in zip(asked, stand.callers, strict=True) for status in caller.statuses[n:]]
        assert statuses[-1] == 503
        assert (still.now - began) / statuses.count(503) < LAMBDA_SECONDS
