"""Each way to break a promise is caught: a history that keeps all is changed a little, as a fault would change it."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.promises.effort import effort
from tests.promises.history.calls import GONE, NEVER, Call, dump, load
from tests.promises.history.checker import check, report
from tests.promises.history.simulated import END, Simulation

Fault = Callable[[list[Call], Random], Call | tuple[Call, Call] | None]
"""Takes one call of the list for another, or adds one. None where the history has no place for it."""


def chosen(calls: list[Call], chance: Random, fits: Callable[[Call], bool]) -> Call | None:
    found = [call for call in calls if fits(call)]
    return chance.choice(found) if found else None


def last_read(calls: list[Call], chance: Random, *states: str) -> Call | None:
    return chosen(calls, chance, lambda call: call.kind == "get" and call.invoked > END and call.states == states)


def lost(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    read = last_read(calls, chance, "completed")
    return None if read is None else (read, replace(read, status=404, states=(GONE,), messages=None))


def resurrected(calls: list[Call], chance: Random) -> Call | None:
    read = last_read(calls, chance, "failed")
    return (
        None
        if read is None
        else replace(read, invoked=read.returned + 1, returned=read.returned + 2, states=("running",))
    )


def stale(calls: list[Call], chance: Random) -> Call | None:
    read = chosen(calls, chance, lambda call: call.kind == "get" and "running" in call.states)
    return (
        None
        if read is None
        else replace(read, invoked=read.returned + 0.1, returned=read.returned + 0.2, states=("scheduled", "queued"))
    )


def completed_after_cancel(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    told = {call.job for call in calls if call.kind == "cancel" and call.done}
    read = chosen(calls, chance, lambda call: call.job in told and call.kind == "get" and call.states == ("cancelled",))
    return None if read is None else (read, replace(read, states=("completed",)))


def cancel_told_twice(calls: list[Call], chance: Random) -> Call | None:
    told = chosen(calls, chance, lambda call: call.kind == "cancel" and call.done)
    return None if told is None else replace(told, client="other")


def cancel_told_in_vain(calls: list[Call], chance: Random) -> Call | None:
    read = last_read(calls, chance, "completed")
    return (
        None
        if read is None
        else Call("c", read.dialect, "cancel", 90, 95, job=read.job, status=200, states=("cancelled",))
    )


def doubled(calls: list[Call], chance: Random) -> Call | None:
    first = chosen(calls, chance, lambda call: call.kind == "submit" and call.done)
    return None if first is None else replace(first, job="another")


def told_twice_to_be_first(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    firsts = {call.wish for call in calls if call.kind == "submit" and call.done and not call.replayed}
    replay = chosen(calls, chance, lambda call: call.replayed and call.wish in firsts)
    return None if replay is None else (replay, replace(replay, replayed=False))


def from_nowhere(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    page = chosen(calls, chance, lambda call: call.kind == "page" and call.invoked > END and bool(call.rows))
    return None if page is None else (page, replace(page, rows=(("nobodys", ("queued",)), *page.rows[1:])))


def skipped(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    page = chosen(calls, chance, lambda call: call.kind == "page" and call.invoked > END and bool(call.rows))
    return None if page is None else (page, replace(page, rows=page.rows[1:]))


def repeated(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    page = chosen(calls, chance, lambda call: call.kind == "page" and call.invoked > END and bool(call.rows))
    return None if page is None else (page, replace(page, rows=(*page.rows, page.rows[0]), limit=9))


def miscounted(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    page = chosen(calls, chance, lambda call: call.kind == "page" and call.invoked > END and call.total >= 0)
    return None if page is None else (page, replace(page, total=page.total + chance.choice((-1, 1))))


def with_steps(calls: list[Call], chance: Random, least: int) -> Call | None:
    return chosen(
        calls,
        chance,
        lambda call: call.messages is not None and len(call.messages) > least and call.invoked > END,
    )


def message_lost(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    read = with_steps(calls, chance, 2)
    return (
        None
        if read is None
        else (read, replace(read, messages=(*(read.messages or ())[:1], *(read.messages or ())[2:])))
    )


def messages_swapped(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    read = with_steps(calls, chance, 2)
    return None if read is None else (read, replace(read, messages=(read.messages or ())[::-1]))


def last_message_lost(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    read = chosen(
        calls,
        chance,
        lambda call: call.invoked > END and len(call.messages or ()) > 1 and call.states == ("completed",),
    )
    return None if read is None else (read, replace(read, messages=(read.messages or ())[:-1]))


def stuck(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    read = last_read(calls, chance, "completed")
    return None if read is None else (read, replace(read, states=("running",)))


def unread(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    answered = {call.job for call in calls if call.kind == "submit" and call.done}
    read = chosen(calls, chance, lambda call: call.job in answered and call.kind == "get" and call.invoked > END)
    return None if read is None else (read, replace(read, returned=NEVER, status=0, states=(), messages=None))


def ran_on(calls: list[Call], chance: Random) -> tuple[Call, Call] | None:
    end = chosen(calls, chance, lambda call: call.kind == "stopped")
    return None if end is None else (end, replace(end, returned=end.returned + 20))


def failed_inside(calls: list[Call], chance: Random) -> tuple[Call, Call]:
    call = chance.choice([call for call in calls if call.answered and call.kind != "stopped"])
    return call, replace(call, status=500)


FAULTS: dict[Fault, int] = {
    lost: 1,
    resurrected: 2,
    stale: 2,
    completed_after_cancel: 3,
    cancel_told_twice: 2,
    cancel_told_in_vain: 3,
    doubled: 1,
    told_twice_to_be_first: 1,
    from_nowhere: 1,
    skipped: 6,
    repeated: 6,
    miscounted: 7,
    message_lost: 5,
    messages_swapped: 5,
    last_message_lost: 5,
    stuck: 4,
    unread: 1,
    ran_on: 3,
    failed_inside: 10,
}
"""And the promise that each breaks."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@effort(12)
@given(seed=st.integers(0, 2**32))
def test_a_fault_is_caught(fault: Fault, seed: int) -> None:
    chance = Random(seed)
    history = Simulation(chance).history()
    calls = list(history.calls)
    changed = fault(calls, chance)
    assume(changed is not None)
    if isinstance(changed, tuple):
        calls.remove(changed[0])
        changed = changed[1]
    assert changed
    violations = check(replace(history, calls=[*calls, changed]))
    assert FAULTS[fault] in {each.promise for each in violations}, report(violations)


def test_what_is_shown_of_a_violation_is_as_short_as_it_can_be() -> None:
    chance = Random(3)
    history = Simulation(chance, reads=200).history()
    calls = list(history.calls)
    wrong = resurrected(calls, chance)
    assert wrong
    (violation,) = (each for each in check(replace(history, calls=[*calls, wrong])) if each.promise == 2)
    # A read of the end, and the one that came after it; and all that may have changed the job.
    assert [call.kind for call in violation.calls if call.kind in ("get", "page", "messages")] == ["get", "get"]
    assert all(call.unknown for call in violation.calls if call.kind == "cancel")
    assert f"no order of these calls explains what was answered of job {wrong.job}" in report([violation])
    assert "running" in report([violation])


def test_a_history_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    history = Simulation(Random(1)).history()
    dump(history, tmp_path / "history.jsonl")
    again = load(tmp_path / "history.jsonl")
    assert sorted(again.calls, key=repr) == sorted(history.calls, key=repr)
    assert (again.rest, again.lag, again.stops) == (history.rest, history.lag, history.stops)
