"""Whether there is an order in which what was answered had to be answered so (Herlihy and Wing, 1990).

By trying them all: for the few operations of one schedule that is the plainest checker there can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jobyard.model import LIVE, TRANSITIONS, Status
from jobyard.model.transitions import WAITING
from tests.promises.harness.interleave import Op

type Step[State] = Callable[[State, Op], Iterable[State]]
"""The states that ``op`` may leave behind in ``state`` with the answer that it had; none where that cannot be."""

GONE = None
"""The status of a job that was deleted."""


def an_order[State](ops: Sequence[Op], state: State, step: Step[State]) -> list[Op] | None:
    """An order of ``ops`` that explains their answers; None where there is none.

    What had ended before another began stays before it.
    """
    if not ops:
        return []
    for op in ops:
        if any(other.ended < op.begun for other in ops):
            continue
        rest = [other for other in ops if other is not op]
        for after in step(state, op):
            found = an_order(rest, after, step)
            if found is not None:
                return [op, *found]
    return None


def explain[State](ops: Sequence[Op], state: State, step: Step[State]) -> list[Op]:
    """The order that there must be."""
    found = an_order(ops, state, step)
    assert found is not None, f"no order explains these answers: {list(ops)}"
    return found


def of_a_job(words: Mapping[Status, str], *, deletes: bool) -> Step[Status | None]:
    """One job, in a dialect whose words for its status are ``words``; ``deletes``: a cancel removes one that waits.

    Operations: ``cancel`` (a ``clients.Cancel``), ``word`` (a status in the dialect's word, None: not found),
    ``status`` (as the table has it), and the transitions by their names: whether they were made, None where nobody is
    told.
    """

    def step(status: Status | None, op: Op) -> Iterable[Status | None]:
        if op.kind == "word":
            return [status] if op.answer == (words[status] if status else None) else []
        if op.kind == "status":
            return [status] if op.answer == status else []
        if op.kind == "cancel":
            return [after for answer, after in [cancelled(status)] if answer == op.answer.status]
        return made(status, op)

    def cancelled(status: Status | None) -> tuple[int, Status | None]:
        if status is GONE:
            return 404, GONE
        if status in WAITING and deletes:
            return 200, GONE
        return (200, Status.CANCELLED) if status in LIVE else (400, status)

    return step


def made(status: Status | None, op: Op) -> Iterable[Status | None]:
    """After a transition that was made, or was not."""
    sources, target = TRANSITIONS[op.kind]
    if status is GONE or status not in sources:
        return [] if op.answer is True else [status]
    return [] if op.answer is False else [target]


def check_life(records: Iterable[Mapping[str, Any]]) -> list[Status | None]:
    """The statuses of one job, as the table's stream tells them: each only from where the table of transitions says,
    and a final one the last. Returns them, None for the removal.
    """
    passed: list[Status | None] = []
    for record in records:
        images = record["dynamodb"]
        now = Status(images["NewImage"]["status"]["S"]) if "NewImage" in images else GONE
        if not passed:
            assert record["eventName"] == "INSERT", record
            assert now in WAITING, "a new job waits"
        elif now != passed[-1]:
            edges = {target for sources, target in TRANSITIONS.values() if passed[-1] in sources}
            assert now in edges, f"{passed[-1]} became {now}"
        if not passed or now != passed[-1]:
            passed.append(now)
    return passed
