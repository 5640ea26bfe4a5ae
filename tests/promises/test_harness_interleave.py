"""The instrument behind the interleavings: it tries every order, finds the one that loses an update, and repeats it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import pytest

from jobyard.aws import client
from jobyard.store.items import item, plain_item, table_name
from tests.promises.harness import interleave
from tests.promises.harness.interleave import Play, Stopped, every_schedule, following, play_once
from tests.promises.harness.world import World

KEY = item({"pk": "a counter", "sk": "of this test"})


def read() -> int:
    found = client("dynamodb").get_item(TableName=table_name(), Key=KEY, ConsistentRead=True)
    return int(plain_item(found["Item"])["value"]) if "Item" in found else 0


def add_one() -> None:
    """As one must not do it: what another adds between the two calls is lost."""
    value = read()
    client("dynamodb").put_item(TableName=table_name(), Item=KEY | item({"value": value + 1}))


def zero() -> None:
    client("dynamodb").delete_item(TableName=table_name(), Key=KEY)


@pytest.mark.parametrize(("calls", "results"), [((2, 2), {1, 2}), ((2, 1, 1), {1}), ((1, 1, 1), {0})])
def test_every_order_of_the_calls_is_tried_once_and_a_lost_update_is_found(
    world: World, calls: tuple[int, ...], results: set[int]
) -> None:
    schedules, found = [], set()

    def scenario(play: Play) -> None:
        zero()
        play.run({f"actor {number}": add_one if many == 2 else read for number, many in enumerate(calls)})
        schedules.append(str(play))
        found.add(read())

    tried = every_schedule(world.wire, scenario, every=True)
    assert tried == len(set(schedules)) == math.factorial(sum(calls)) // math.prod(map(math.factorial, calls))
    assert found == results


def test_what_fails_is_told_with_its_schedule_which_can_be_repeated(world: World) -> None:
    def scenario(play: Play) -> None:
        zero()
        play.run({"one": add_one, "other": add_one})
        assert read() == 2, "an update was lost"

    with pytest.raises(AssertionError, match="an update was lost") as failure:
        every_schedule(world.wire, scenario)
    (told,) = failure.value.__notes__
    assert "one    dynamodb.GetItem a counter/of this test  done" in told
    turns = told.rpartition("following('")[2].partition("'")[0]
    with pytest.raises(AssertionError, match="an update was lost") as again:
        play_once(Play(world.wire, following(turns)), scenario)
    assert again.value.__notes__ == [told]
    play_once(Play(world.wire, following("one one other other")), scenario)


def test_an_actor_that_waits_for_another_is_told_of_and_nobody_is_left_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interleave, "PATIENCE_SECONDS", 0.3)
    lock = threading.Lock()

    def holds() -> None:
        with lock:
            add_one()

    actors: dict[str, Callable[[], object]] = {"one": holds, "other": holds}
    before = threading.active_count()
    with pytest.raises(Stopped, match=r"other did not go on from its beginning\. one stands before dynamodb\.PutItem"):
        Play(world.wire, following("one other")).run(actors)
    assert threading.active_count() == before
