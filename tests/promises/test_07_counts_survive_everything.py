"""Promise 7, where totals come from: whatever the stream does, counts equal a plain recount of the jobs.

Batches come twice, out of their turn, cut in the middle, merged, to two invocations at once; a process dies between any
two calls and its batch comes again, or another one of the same records does; jobs are deleted before they are known.
What is asked of the stream is only that each record comes once at least.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.errors import Busy
from jobyard.lifecycle.count import ACTIONS_MOST, count
from jobyard.model import Person, Status
from jobyard.model.listing import DAY_MS
from jobyard.store import counts, listings
from tests.contract.yard import Clock
from tests.factories import NOW
from tests.promises.effort import effort
from tests.promises.harness.counted import assert_counted
from tests.promises.harness.crashes import Deaths, Point, Recording
from tests.promises.harness.interleave import Play, every_schedule, play_once
from tests.promises.harness.lives import DAYS, Life, Record, a_life, lives, record, records_of, remaining
from tests.promises.harness.wire import Died
from tests.promises.harness.world import World

QUEUED, INITIALIZING, RUNNING = Status.QUEUED, Status.INITIALIZING, Status.RUNNING
LATER = NOW + (DAYS + 5) * DAY_MS
"""Some of the jobs have expired by then."""

pytestmark = [
    pytest.mark.timeout(600),
    # Of a function that died, in words for one that forgot its metrics.
    pytest.mark.filterwarnings("ignore:No application metrics to publish"),
]


@pytest.fixture
def still(clock: Clock) -> Clock:
    clock.stop_at(NOW + DAYS * DAY_MS)
    return clock


def strangers(number: int) -> list[Life]:
    """Lives that have owner and workflow for themselves."""
    owners = [Person(f"{n:024x}", "Owner") for n in range(number)]
    return [
        a_life(n, [QUEUED, INITIALIZING], owner=owner, workflow_id=f"{n:024x}", created_at=NOW + n % DAYS * DAY_MS)
        for n, owner in enumerate(owners)
    ]


def counted_right(world: World, told: Iterable[Life]) -> None:
    assert_counted(world.yard.items(), remaining(told))


@st.composite
def deliveries(draw: st.DrawFn, told: Sequence[Record]) -> list[list[Record]]:
    """Batches with each record in one of them at least."""
    again = draw(st.lists(st.integers(0, len(told) - 1), max_size=len(told)))
    order = draw(st.permutations([*range(len(told)), *again]))
    batches: list[list[Record]] = [[]]
    for number in order:
        batches[-1].append(told[number])
        if draw(st.booleans()):
            batches.append([])
    return batches


@pytest.mark.nightly
@effort(20)
@given(data=st.data())
def test_records_twice_out_of_turn_cut_and_merged(world: World, still: Clock, data: st.DataObject) -> None:
    world.clear()
    still.stop_at(NOW + DAYS * DAY_MS)
    told = data.draw(lives())
    batches = data.draw(deliveries(records_of(told)))
    later = data.draw(st.integers(0, len(batches)))
    for place, batch in enumerate(batches):
        if place == later:
            still.stop_at(LATER)
        world.count(batch)
    counted_right(world, told)


@pytest.mark.nightly
@effort(12)
@given(data=st.data())
def test_processes_that_die_between_any_two_calls(world: World, still: Clock, data: st.DataObject) -> None:
    world.clear()
    told = data.draw(lives(5))
    for batch in data.draw(deliveries(records_of(told))):
        points = [Point(data.draw(st.integers(0, 3)), data.draw(st.booleans()))]
        try:
            with world.wire.gate(Deaths(points)):
                world.count(batch)
        except Died:
            # Lambda delivers it again, perhaps in halves.
            cut = data.draw(st.integers(0, len(batch)))
            for half in (batch[:cut], batch[cut:]):
                world.count(half)
    counted_right(world, told)


@pytest.mark.nightly
def test_each_side_of_each_call_of_a_batch_that_takes_several_transactions(
    world: World, still: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobyard.lifecycle.count.ACTIONS_MOST", 20)
    told = strangers(6)
    batch = records_of(told)
    world.clear()
    recording = Recording()
    with world.wire.gate(recording):
        world.count(batch)
    assert [str(each) for each in recording.calls] == ["dynamodb.BatchGetItem", *["dynamodb.TransactWriteItems"] * 3]
    for number in range(len(recording.calls)):
        for after in (False, True):
            world.clear()
            with pytest.raises(Died), world.wire.gate(Deaths([Point(number, after)])):
                world.count(batch)
            world.count(batch)
            counted_right(world, told)


def _one(images: Sequence[Status], number: int = 1, *, removed: bool = False) -> Life:
    return a_life(number, images, removed=removed)


OVERLAPS: dict[str, Callable[[], tuple[list[Life], list[Record], list[Record]]]] = {}


def overlap(make: Callable[[], tuple[list[Life], list[Record], list[Record]]]) -> Callable[[], object]:
    OVERLAPS[make.__name__.replace("_", " ")] = make
    return make


@overlap
def the_same_batch() -> tuple[list[Life], list[Record], list[Record]]:
    told = [_one([QUEUED]), _one([QUEUED, INITIALIZING], 2)]
    return told, records_of(told), records_of(told)


@overlap
def a_change_and_what_was_before() -> tuple[list[Life], list[Record], list[Record]]:
    told = [_one([QUEUED, INITIALIZING, RUNNING])]
    first, *rest = records_of(told)
    return told, [first], rest


@overlap
def a_deletion_and_the_job() -> tuple[list[Life], list[Record], list[Record]]:
    told = [_one([QUEUED], removed=True)]
    first, last = records_of(told)
    return told, [first], [last]


@overlap
def one_in_common() -> tuple[list[Life], list[Record], list[Record]]:
    told = [_one([QUEUED], 1), _one([QUEUED, INITIALIZING], 2), _one([QUEUED], 3)]
    first, *both, last = records_of(told)
    return told, [first, both[0]], [*both, last]


@overlap
def nothing_but_the_rows() -> tuple[list[Life], list[Record], list[Record]]:
    told = [_one([QUEUED], 1), _one([QUEUED], 2)]
    first, last = records_of(told)
    return told, [first], [last]


@pytest.mark.parametrize("name", OVERLAPS)
def test_two_invocations_at_once_in_every_order_of_their_calls(
    world: World, still: Clock, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    told, one, other = OVERLAPS[name]()

    def scenario(play: Play) -> None:
        world.clear()
        done = play.run({"one": lambda: count(one), "other": lambda: count(other)})
        assert sum(each.jobs for each in done.values()) >= len(told)
        counted_right(world, told)

    assert every_schedule(world.wire, scenario) >= 6


@effort(10)
@given(data=st.data())
def test_three_invocations_at_once(
    world: World, still: Clock, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    world.clear()
    told = data.draw(lives(4))
    batches = [data.draw(st.permutations(records_of(told))) for _ in range(2)]
    third = data.draw(st.lists(st.sampled_from(records_of(told)), min_size=1, max_size=4))

    def scenario(play: Play) -> None:
        actors = [lambda batch=batch: count(batch) for batch in (*batches, third)]
        play.run({f"invocation {number}": act for number, act in enumerate(actors)})
        counted_right(world, told)

    play_once(Play(world.wire, lambda able: data.draw(st.sampled_from(able)), fine=True), scenario)


def test_many_invocations_at_once(world: World, still: Clock) -> None:
    chance = Random(7)
    told = [
        a_life(n, [QUEUED, INITIALIZING, RUNNING, Status.COMPLETED][: n % 4 + 1], removed=n % 7 == 0)
        for n in range(1, 17)
    ]

    def deliver(number: int) -> None:
        records = records_of(told)
        Random(number).shuffle(records)
        while records:
            size = 3 + number * 3
            batch, records = records[:size], records[size:]
            while True:
                try:
                    count(batch)
                    break
                except Busy:
                    # As Lambda would, it is delivered again.
                    continue

    with ThreadPoolExecutor(4) as invocations:
        list(invocations.map(deliver, chance.sample(range(4), 4)))
    counted_right(world, told)


@pytest.mark.nightly
def test_a_batch_of_jobs_that_have_nothing_in_common_takes_several_transactions(world: World, still: Clock) -> None:
    told = strangers(105)
    inserts, changes = ([life.records[place] for life in told] for place in (0, 1))
    changes, told = changes[:20], [*told[:20], *(life._replace(images=life.images[:1]) for life in told[20:])]
    recording = Recording()
    with world.wire.gate(recording):
        world.count(inserts)
        world.count(changes)
    written = [len(call.asked["TransactItems"]) for call in recording.calls if "TransactItems" in call.asked]
    assert max(written) <= ACTIONS_MOST
    read = [len(keys["Keys"]) for call in recording.calls for keys in call.asked.get("RequestItems", {}).values()]
    assert read == [100, 5, 20]
    counted_right(world, told)


def test_what_is_told_of_a_job_that_has_expired_changes_nothing(world: World, still: Clock) -> None:
    expires = (NOW + 9 * DAY_MS) // 1000
    known, unknown = (a_life(n, [QUEUED, INITIALIZING], removed=True, expires_at=expires) for n in (1, 2))
    still.stop_at(expires * 1000 - 1)
    world.count(known.records[:1])
    assert len(world.yard.items("LISTED#")) == 1
    still.advance(0.001)
    with world.yard.unchanged():
        world.count([*known.records, *unknown.records])
    counted_right(world, [])


def test_a_job_whose_deletion_is_told_first_never_comes_back(world: World, still: Clock) -> None:
    life = a_life(1, [QUEUED], removed=True)
    for each in (*life.records[::-1], *life.records):
        world.count([each])
    counted_right(world, [life])
    (tombstone,) = world.yard.items("LISTED#")
    assert set(tombstone) == {"pk", "sk", "phase", "expiresAt"}


def test_a_record_that_cannot_be_read_is_told_of_and_holds_nobody_up(
    world: World, still: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [a_life(n, [QUEUED]) for n in (1, 2, 3)]
    broken = record("INSERT", None, a_life(4, [QUEUED]).images[0])
    del broken["dynamodb"]["NewImage"]["createdAt"]
    unheard = record("INSERT", None, a_life(5, [QUEUED]).images[0])
    unheard["dynamodb"]["NewImage"]["status"] = {"S": "dreaming"}
    nowhere = record("INSERT", None, a_life(6, [QUEUED], listed_in="").images[0])
    batch = records_of(told)
    world.count([broken, batch[0], unheard, *batch[1:], nowhere])
    counted_right(world, told)
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [(each["Counted"], each["Uncountable"]) for each in metrics] == [([3.0], [3.0])]


def test_a_batch_that_others_are_in_the_way_of_for_too_long_comes_again(
    world: World, still: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    life = a_life(1, [QUEUED, INITIALIZING])
    world.count(life.records[:1])
    seen = listings.seen
    # Others are always a step ahead: what was seen is never what is there.
    monkeypatch.setattr(listings, "seen", lambda _: {})
    with pytest.raises(Busy):
        world.count(life.records)
    monkeypatch.setattr(listings, "seen", seen)
    world.count(life.records)
    counted_right(world, [life])


def test_a_process_that_has_named_a_list_does_not_write_its_name_again(world: World, still: Clock) -> None:
    recording = Recording()
    with world.wire.gate(recording):
        for n in (1, 2):
            world.count(a_life(n, [QUEUED]).records)
        world.new_process()
        world.count(a_life(3, [QUEUED]).records)
    written = [str(call.asked["TransactItems"]) for call in recording.calls if "TransactItems" in call.asked]
    assert [f"{{'S': '{counts.LISTS}'}}" in each for each in written] == [True, False, True]
