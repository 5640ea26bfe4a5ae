"""Promises 1 to 7 and 10 under load: what many clients were answered at once can be explained by some order.

A short load of always the same clients in `make test`; hundreds of them for ``JOBYARD_MINUTES`` in `make test-long`.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from local.stack import LocalStack
from tests.promises.effort import MINUTES
from tests.promises.history.calls import History, dump
from tests.promises.history.checker import check, report
from tests.promises.history.load import BEHIND, READERS, WRITERS, Load, Plan
from tests.promises.history.world import World

if MINUTES is None:
    PLAN = Plan()
else:
    PLAN = Plan(
        clients=300,
        seconds=60 * MINUTES,
        seed=secrets.randbelow(10**9),
        live=60,
        pause=20,
        kills=(*READERS, *WRITERS, *BEHIND),
        calm=10,
        patience=300,
    )

# Whichever test comes first waits for the load.
pytestmark = pytest.mark.timeout(3 * PLAN.seconds + PLAN.patience + 120)


@pytest.fixture(scope="module")
def history(stack: LocalStack) -> History:
    return asyncio.run(Load(World(stack), PLAN).run())


def test_every_answer_is_explained(history: History, tmp_path: Path) -> None:
    violations = check(history)
    if violations:
        dump(history, tmp_path / "history.jsonl")
    assert not violations, f"{report(violations)}\n\nseed {PLAN.seed}, all in {tmp_path / 'history.jsonl'}"


def test_the_load_was_worth_the_name(history: History) -> None:
    """What is not tried is not checked: a load in which nothing happened would pass too."""
    done = {(call.dialect, call.kind) for call in history.calls if call.done}
    for dialect in ("alteryx", "openreplay", "tencent"):
        assert {(dialect, kind) for kind in ("submit", "get", "page", "cancel")} <= done
    assert ("alteryx", "messages") in done
    ends = {call.states[0] for call in history.calls if call.kind == "get" and len(call.states) == 1}
    assert {"completed", "cancelled"} <= ends
    assert any(call.replayed for call in history.calls)
    assert any(not call.answered for call in history.calls if call.kind == "submit")
    assert any(call.status == 400 for call in history.calls if call.kind == "cancel")
    assert history.chaos
    overlapping = 0
    last = 0.0
    for call in sorted(history.calls, key=lambda each: each.invoked):
        overlapping += call.invoked < last
        last = max(last, call.returned if call.answered else call.invoked)
    assert overlapping > len(history.calls) / 2
