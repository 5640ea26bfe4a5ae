"""The check of a whole history. Pure: it knows no network and no clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.promises.history import life, rules
from tests.promises.history.calls import GONE, Call, History, shown
from tests.promises.history.jobs import Jobs
from tests.promises.history.rules import Violation

SHOWN = 40
"""Calls of a violation that are printed; the file has them all."""


def check(history: History) -> list[Violation]:
    """What of the history breaks a promise; nothing where some order of what happened explains every answer."""
    jobs = Jobs(history)
    return [violation for rule in (lives, *rules.ALL) for violation in rule(jobs)]


def lives(jobs: Jobs) -> Iterator[Violation]:
    """Promises 1 to 3: each job's status is linearizable."""
    for id, calls in jobs.calls.items():
        about = [call for call in calls if call.kind in ("submit", "get", "messages", "page", "cancel")]
        if any(call.kind == "submit" for call in about) and not life.explained(about, jobs.history.lag):
            few = life.shrunk(about, jobs.history.lag)
            yield Violation(*_named(id, few), few)


def _named(id: str, calls: Sequence[Call]) -> tuple[int, str]:
    """The promise that is broken, told by what cannot be explained."""
    cancelled = any(call.kind == "cancel" and call.done for call in calls)
    if any(call.kind != "cancel" and call.states == (GONE,) for call in calls) and not cancelled:
        return 1, f"job {id} is lost: nobody deleted it"
    if cancelled and any("completed" in call.states for call in calls):
        return 3, f"job {id} was completed, and its cancel answered success"
    return 2, f"no order of these calls explains what was answered of job {id}"


def report(violations: Sequence[Violation], most: int = 8) -> str:
    """For a person: of each promise first the violation with the fewest calls, then the others."""
    by_promise: dict[int, list[Violation]] = defaultdict(list)
    for violation in sorted(violations, key=lambda each: (each.promise, len(each.calls))):
        by_promise[violation.promise].append(violation)
    ranked = [each[0] for each in by_promise.values()] + [one for each in by_promise.values() for one in each[1:]]
    parts = [
        f"promise {each.promise}: {each.text}\n{shown(each.calls[:SHOWN])}"
        + (f"\n  and {len(each.calls) - SHOWN} more calls" if len(each.calls) > SHOWN else "")
        for each in ranked[:most]
    ]
    if len(ranked) > most:
        parts.append(f"and {len(ranked) - most} more violations")
    return "\n\n".join(parts)
