"""Scenes of lists and counts that are not what they should be, which reconcile finds."""

from __future__ import annotations

from contextlib import suppress

import pytest

from jobyard.lifecycle import recount
from jobyard.model import Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, Facet
from jobyard.store.counts import RowKey, day_key
from tests.promises.harness.stand import SCENES, Play, Stand, scene
from tests.promises.harness.world import GRACE_SECONDS
from tests.rows import add_to_row

__all__ = ["SCENES"]

_RUNS = 8
"""Of reconcile, at the most, until nothing is wrong any more."""


def _lost(stand: Stand) -> None:
    """What the stream has to tell count goes to the dead-letter queue."""
    stand.world.listen()
    stand.world.uncounted.clear()


@scene("lists")
def a_live_job_that_count_was_not_told_of(stand: Stand) -> Play:
    stand.caller("alteryx").submit("a")
    _lost(stand)
    stand.world.deliver()
    _lost(stand)
    return lambda: _minutes(stand)


@scene("lists")
def a_job_that_runs_and_is_listed_as_waiting(stand: Stand) -> Play:
    id = stand.job(stand.caller("tencent"), Status.QUEUED)
    stand.world.catch_up()
    stand.take(id, Status.RUNNING)
    _lost(stand)
    return lambda: _minutes(stand)


@scene("lists", "tencent", Status.RUNNING)
@scene("lists", "alteryx", Status.QUEUED)
def a_job_whose_end_count_was_not_told_of(stand: Stand, dialect: str, status: Status) -> Play:
    """It is listed as running; or it waited, is gone, and is listed."""
    caller = stand.caller(dialect)
    id = stand.job(caller, status)
    stand.world.catch_up()
    caller.cancel(id)
    _lost(stand)
    return lambda: _minutes(stand)


@scene("lists", Status.COMPLETED)
@scene("lists", Status.CANCELLED)
def a_job_that_count_follows(stand: Stand, until: Status) -> Play:
    """Step by step, as it usually does: at rest it is told of a job's whole life at once."""
    caller, world = stand.caller("tencent"), stand.world
    id = stand.job(caller, Status.QUEUED)
    world.catch_up()

    def play() -> None:
        stand.take(id, Status.RUNNING)
        world.catch_up()
        if until is Status.CANCELLED:
            caller.cancel(id)
        else:
            world.advance_executions()
        world.catch_up()
        world.rest()

    return play


@scene("lists")
def a_waiting_job_that_is_removed_before_count_is_told(stand: Stand) -> Play:
    """The last that count saw of it is the first that it hears."""
    caller = stand.caller("alteryx")
    caller.cancel(stand.job(caller, Status.QUEUED))
    return stand.world.rest


@scene("lists")
def counts_that_are_wrong(stand: Stand) -> Play:
    """Of a job that ended on the day after its first: numbers, rows that are missing, and one of who has no job."""
    world = stand.world
    id = stand.job(stand.caller("tencent"), Status.RUNNING)
    world.catch_up()
    world.clock.advance(24 * 3600)
    world.advance_executions()
    world.catch_up()
    day = now_ms() // DAY_MS
    listed_in = world.jobs()[id].listed_in
    first, *others = world.yard.items(f"HOURS#{listed_in}#{day}#")
    for each in others:
        world.yard._dynamodb.delete_item(TableName=world.yard.table, Key={"pk": each["pk"], "sk": each["sk"]})
    add_to_row(world.yard._dynamodb, world.yard.table, RowKey(first["pk"]["S"], first["sk"]["S"]), ".0c0", 3)
    for facet in (Facet(), Facet("nobody")):
        key, place = day_key(listed_in, facet, 0, day)
        add_to_row(world.yard._dynamodb, world.yard.table, key, f"{place}q0", 2)
    return lambda: _minutes(stand, day)


def _minutes(stand: Stand, day: int | None = None) -> None:
    """Until reconcile finds nothing; with ``day``, it is always this one's turn."""
    with pytest.MonkeyPatch.context() as patched:
        if day is not None:
            patched.setattr(recount, "day_due", lambda *_: day)
        for _ in range(_RUNS):
            stand.world.clock.advance(GRACE_SECONDS)
            with suppress(*stand.world.survives):
                if not any(stand.world.invoke("reconcile", {}).values()):
                    return
