"""The checker of histories is itself checked: it takes what can be explained, and nothing else.

`tests/e2e/test_history.py` rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import replace
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobyard.model import TRANSITIONS
from tests.promises.effort import effort
from tests.promises.history import life
from tests.promises.history.calls import GONE, NEVER, Call, Chaos, History
from tests.promises.history.checker import check, report
from tests.promises.history.simulated import Simulation

WAITS = ("scheduled", "queued")
QUEUED = ("queued",)
RUNNING = ("running",)
COMPLETED = ("completed",)
CANCELLED = ("cancelled",)


def call(
    kind: str, invoked: float, returned: float = NEVER, *states: str, dialect: str = "alteryx", **values: Any
) -> Call:
    usual: dict[str, Any] = {"status": 200 if returned < NEVER else 0, "states": states}
    if kind != "page":
        usual["job"] = "j" if returned < NEVER or kind != "submit" else ""
    if kind == "submit":
        usual["wish"] = "w"
    return Call("c", dialect, kind, invoked, returned, **usual | values)


def submit(invoked: float, returned: float = NEVER, **values: Any) -> Call:
    return call("submit", invoked, returned, *(WAITS if returned < NEVER else ()), **values)


def get(invoked: float, returned: float, *states: str, **values: Any) -> Call:
    return call(
        "get", invoked, returned, *states, **{"status": 404 if states == (GONE,) else 200, "wish": "w"} | values
    )


def cancel(invoked: float, returned: float = NEVER, *states: str, **values: Any) -> Call:
    return call("cancel", invoked, returned, *states, **values)


def refused(invoked: float, returned: float, *states: str) -> Call:
    return cancel(invoked, returned, *states, status=404 if states == (GONE,) else 400)


def page(at: float, *ids: str, **values: Any) -> Call:
    rows = tuple((id, WAITS) for id in ids)
    usual: dict[str, Any] = {"walk": f"w{at}", "limit": 10, "order": "created+", "last": True, "rows": rows}
    return call("page", at, at + 0.1, **usual | values)


def broken(*calls: Call, **values: Any) -> set[int]:
    """The promises that the calls break."""
    return {violation.promise for violation in check(History(calls, **values))}


LEGAL = {
    "a life": [submit(0, 1), get(2, 3, *WAITS), get(4, 5, *RUNNING), get(6, 7, *COMPLETED), get(8, 9, *COMPLETED)],
    "reads that overlap may show either": [submit(0, 1), get(2, 9, *COMPLETED), get(3, 8, *RUNNING)],
    "a read may see what a submit under way has made": [submit(0, 9), get(1, 2, *RUNNING)],
    "a deleted job is gone": [submit(0, 1), cancel(2, 3, GONE), get(4, 5, GONE)],
    "a running job is cancelled": [submit(0, 1), get(2, 3, *RUNNING), cancel(4, 5, *CANCELLED), get(6, 7, *CANCELLED)],
    "a cancel that loses": [submit(0, 1), cancel(2, 6, *CANCELLED), refused(3, 5, "cancelled"), get(7, 8, *CANCELLED)],
    "a cancel without an answer may work later": [submit(0, 1), cancel(2), get(3, 4, *RUNNING), get(5, 6, *CANCELLED)],
    "or may not": [submit(0, 1), cancel(2), get(3, 4, *RUNNING), get(5, 6, *COMPLETED)],
    "an error of the server may come before the effect": [
        submit(0, 1),
        call("cancel", 2, 3, status=503, honest=True),
        get(4, 5, *RUNNING),
        get(6, 7, *CANCELLED),
    ],
    "a submit without an answer may have worked": [submit(0), get(5, 6, *RUNNING)],
    "it may be answered to who repeats it": [submit(0), submit(2, 3, replayed=True), get(4, 5, *WAITS)],
    "the job of a replay may be gone": [submit(0, 1), cancel(2, 3, GONE), submit(4, 5, replayed=True)],
    "failed while it waits": [submit(0, 1), get(2, 3, "failed")],
    "cancelled while it waits": [submit(0, 1, dialect="tencent"), cancel(2, 3, *CANCELLED, dialect="tencent")],
    "listed, and deleted before anybody looked at it": [submit(0), page(2, "j"), cancel(3, 4, GONE)],
    "a refusal": [submit(0, 1), call("submit", 2, 3, status=409, job="", wish="x")],
    "too busy, and said so": [call("submit", 2, 3, status=503, honest=True, job="", wish="x")],
}

ILLEGAL: dict[str, tuple[int, Sequence[Call]]] = {
    "a completed job runs again": (2, [submit(0, 1), get(2, 3, *COMPLETED), get(4, 5, *RUNNING)]),
    "a stale read": (2, [submit(0, 1), get(2, 3, *RUNNING), get(4, 5, *WAITS)]),
    "a job ends twice": (2, [submit(0, 1), get(2, 3, *COMPLETED), get(4, 5, "failed")]),
    "cancelled without a cancel": (2, [submit(0, 1), get(2, 3, *CANCELLED)]),
    "cancelled before its cancel": (2, [submit(0, 1), get(2, 3, *CANCELLED), cancel(4, 5, *CANCELLED)]),
    "two cancels that won": (2, [submit(0, 1), cancel(2, 5, *CANCELLED), cancel(3, 4, *CANCELLED)]),
    "completed after its cancel": (3, [submit(0, 1), cancel(2, 3, *CANCELLED), get(4, 5, *COMPLETED)]),
    "completed before its cancel": (3, [submit(0, 1), get(2, 3, *COMPLETED), cancel(4, 5, *CANCELLED)]),
    "runs after its cancel": (2, [submit(0, 1), cancel(2, 3, *CANCELLED), get(4, 5, *RUNNING)]),
    "a running job deleted": (2, [submit(0, 1), get(2, 3, *RUNNING), cancel(4, 5, GONE)]),
    "a waiting job cancelled, and deleting is said to be the way": (
        2,
        [submit(0, 1), get(2, 6, *WAITS), cancel(3, 4, *CANCELLED), get(5, 6, *WAITS)],
    ),
    "deleted and there": (2, [submit(0, 1), cancel(2, 3, GONE), get(4, 5, *WAITS)]),
    "a final cancel refused in a live state": (2, [submit(0, 1), refused(2, 3, "completed"), get(4, 5, *RUNNING)]),
    "lost": (1, [submit(0, 1), get(2, 3, GONE)]),
    "lost after it was there": (1, [submit(0, 1), get(2, 3, *WAITS), get(4, 5, GONE)]),
    "there before it was submitted": (2, [submit(5, 6), get(2, 3, *WAITS)]),
    "two jobs of one wish": (1, [submit(0, 1), submit(2, 3, job="k", replayed=True)]),
    "two firsts": (1, [submit(0, 1), submit(2, 3)]),
    "a replay of nothing": (2, [submit(0, 1, replayed=True)]),
    "nobody submitted it": (1, [get(2, 3, *RUNNING)]),
    "a row that nobody submitted": (1, [submit(0, 1), page(2, "j", "x")]),
    "one submit without an answer, two jobs": (
        1,
        [submit(0), page(2, "j", "k"), cancel(3, 4, GONE), cancel(5, 6, GONE, job="k")],
    ),
    "listed before its submit without an answer": (1, [page(2, "j"), cancel(3, 4, GONE), submit(5)]),
    "an error": (10, [call("get", 2, 3, status=500, job="")]),
    "a refusal that does not fit": (10, [call("get", 2, 3, status=401, job="")]),
    "too busy without a time": (10, [call("get", 2, 3, status=429, job="")]),
    "a message lost": (5, [submit(0, 1), get(2, 3, messages=("a", "b")), get(4, 5, messages=("a", "c"))]),
    "a message that came before": (
        5,
        [submit(0, 1), get(2, 3, messages=("a", "b")), get(4, 5, messages=("a", "x", "b"))],
    ),
    "steps left out": (5, [submit(0, 1), get(2, 3, messages=("step 1 of 3", "step 3 of 3"))]),
    "a list that is behind": (2, [submit(0, 1), get(2, 3, *RUNNING), page(4, "j")]),
    "a job left out of a walk": (6, [submit(0, 1), page(2)]),
    "a job twice in a walk": (6, [submit(0, 1), page(2, "j", "j")]),
    "more than the limit": (6, [submit(0, 1), page(2, "j", limit=0)]),
    "a total too small": (7, [submit(0, 1), page(2, "j", total=0)]),
    "a total too great": (7, [submit(0, 1), page(2, "j", total=2)]),
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_can_be_explained_is_taken(name: str) -> None:
    history = History(LEGAL[name])
    assert check(history) == [], report(check(history))


@pytest.mark.parametrize("name", ILLEGAL)
def test_what_cannot_is_named_with_its_promise(name: str) -> None:
    promise, calls = ILLEGAL[name]
    assert promise in broken(*calls)


def test_the_life_that_is_checked_against_is_the_products() -> None:
    moves = {
        (source, transition.target or GONE) for transition in TRANSITIONS.values() for source in transition.sources
    }
    assert moves == {(source, target) for source, following in life.NEXT.items() for target in following}


def test_a_cancelled_jobs_execution_ends_in_the_stated_time() -> None:
    calls = [submit(0, 1), get(2, 3, *RUNNING), cancel(4, 5, *CANCELLED)]
    assert broken(*calls, call("stopped", 5, 14), stops=10) == set()
    assert broken(*calls, call("stopped", 5, 16), stops=10) == {3}
    assert broken(*calls, call("stopped", 5), stops=10) == {3}


def test_at_rest_every_job_is_read_and_has_ended() -> None:
    assert broken(submit(0, 1), get(11, 12, *COMPLETED), rest=10) == set()
    assert broken(submit(0, 1), get(11, 12, *RUNNING), rest=10) == {4}
    assert broken(submit(0, 1), get(2, 3, *COMPLETED), rest=10) == {1}


def test_chaos_explains_errors_while_it_lasts_and_nothing_else() -> None:
    crashed = call("get", 2, 3, status=502, job="")
    assert broken(crashed, chaos=[Chaos(2.5, 4, "killed")]) == set()
    assert broken(crashed, chaos=[Chaos(3.5, 4, "killed")]) == {10}
    lost = [submit(0, 1), get(2, 3, GONE)]
    assert broken(*lost, chaos=[Chaos(1, 4, "killed")]) == {1}


def test_a_list_may_be_behind_as_far_as_it_is_said_to_be() -> None:
    calls = [submit(0, 1), get(2, 3, *RUNNING), page(4, "j")]
    assert broken(*calls, lag=2.5) == set()
    assert broken(*calls, lag=0.5) == {2}
    assert broken(submit(0, 1), page(2), lag=2.0) == set()


def test_of_a_thousand_messages_the_newest_go_on_from_where_a_read_ended() -> None:
    numbers = [str(number) for number in range(1500)]
    first = get(2, 3, messages=tuple(numbers[:900]))
    assert broken(submit(0, 1), first, get(4, 5, messages=tuple(numbers[500:]))) == set()
    holed = (*numbers[499:700], *numbers[701:])
    assert broken(submit(0, 1), first, get(4, 5, messages=holed)) == {5}


def test_offsets_skip_and_repeat_as_much_as_was_deleted_and_made_meanwhile() -> None:
    made = [submit(0, 1, job=id, wish=id) for id in "abc"]
    gone = cancel(5, 6, GONE, job="a")
    first = page(4, "a", "b", walk="w", limit=2, last=False)
    assert broken(*made, gone, first, page(7, walk="w", page=1, limit=2)) == set()
    assert broken(*made, first, page(7, walk="w", page=1, limit=2)) == {6}
    newest = [page(4, "c", "b", walk="w", limit=2, last=False), page(7, "b", "a", walk="w", page=1, limit=2)]
    newest = [replace(each, order="created-") for each in newest]
    assert broken(*made, submit(5, 6, job="d", wish="d"), *newest) == set()
    assert broken(*made, *newest) == {6}
    cursor = [replace(each, order="token") for each in newest]
    assert broken(*made, submit(5, 6, job="d", wish="d"), *cursor) == {6}


def test_the_order_of_a_list_does_not_change() -> None:
    made = [submit(0, 1, job=id, wish=id) for id in "ab"]
    assert broken(*made, page(2, "a", "b"), page(3, "b", "a", order="created-")) == set()
    assert broken(*made, page(2, "a", "b"), page(3, "b", "a")) == {6}


def searched(calls: Sequence[Call]) -> bool:
    """Whether some order explains the calls, by trying all (after Wing and Gong): slow, and plainly right."""
    known: set[tuple[frozenset[int], str]] = set()

    def search(left: frozenset[int], state: str) -> bool:
        if all(calls[number].unknown for number in left):
            return True
        if (left, state) in known:
            return False
        known.add((left, state))
        if any(search(left, moved) for moved in _by_itself(state)):
            return True
        for number in left:
            # None that had returned before this one was invoked may come after it.
            before = [calls[other] for other in left if not calls[other].unknown]
            may_be_next = all(each.returned >= calls[number].invoked for each in before)
            if may_be_next and any(search(left - {number}, after) for after in _after(calls[number], state)):
                return True
        return False

    return search(frozenset(range(len(calls))), "")


def _by_itself(state: str) -> Iterable[str]:
    return [each for each in life.NEXT.get(state, ()) if each not in life.ENDED_BY_CALL]


def _after(call: Call, state: str) -> Iterable[str]:
    """States in which ``call`` may leave a job that is in ``state``, if it may be answered so."""
    live = bool(life.NEXT.get(state))
    ended = GONE if call.dialect == "alteryx" and state in life.FIRST else "cancelled"
    match call.kind:
        case "submit" if call.replayed:
            return [state] if state else []
        case "submit":
            return [] if state else life.FIRST
        case "cancel" if call.unknown:
            return [ended] if live else []
        case "cancel" if call.done:
            return [ended] if live and ended in call.states else []
        case _:
            return [state] if state in call.states else []


@st.composite
def any_calls(draw: st.DrawFn) -> list[Call]:
    """A few calls about one job, whether they make sense or not."""
    dialect = draw(st.sampled_from(("alteryx", "tencent")))
    final = [COMPLETED, ("failed",), CANCELLED]
    shown = [WAITS, QUEUED, ("initializing",), RUNNING, ("initializing", "running"), ("completed", "failed"), *final]
    ends = [CANCELLED] + ([(GONE,)] if dialect == "alteryx" else [])
    shown += [(GONE,)] if dialect == "alteryx" else []
    calls: list[Call] = []
    for _ in range(draw(st.integers(2, 6))):
        invoked = draw(st.integers(0, 9))
        returned = draw(st.one_of(st.integers(invoked, 10), st.just(NEVER)))
        match draw(st.sampled_from(("submit", "get", "get", "get", "cancel", "cancel", "refused"))):
            case "submit":
                calls.append(
                    submit(
                        invoked, returned, dialect=dialect, replayed=returned < NEVER and draw(st.booleans()), states=()
                    )
                )
            case "get" if returned < NEVER:
                calls.append(get(invoked, returned, *draw(st.sampled_from(shown)), dialect=dialect))
            case "refused" if returned < NEVER:
                calls.append(replace(refused(invoked, returned, *draw(st.sampled_from(final))), dialect=dialect))
            case "cancel":
                states = draw(st.sampled_from(ends)) if returned < NEVER else ()
                calls.append(cancel(invoked, returned, *states, dialect=dialect))
            case _:
                pass
    return calls


@effort(200)
@given(any_calls())
def test_the_bounds_find_just_what_a_search_over_all_orders_finds(calls: list[Call]) -> None:
    assume(any(not each.unknown for each in calls))
    assert life.explained(calls) == searched(calls), "\n".join(each.shown() for each in calls)


@effort(60)
@given(st.integers(0, 2**32))
def test_a_system_that_keeps_its_promises_is_believed(seed: int) -> None:
    history = Simulation(Random(seed)).history()
    assert check(history) == [], report(check(history))
