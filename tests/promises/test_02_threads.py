"""The races of promises 1 to 3 as they are in AWS: real threads from one barrier, on Amazon's DynamoDB Local.

Which of them meet is left to chance, so each is run many times; JOBYARD_EXAMPLES says how often. What is answered is
noted with the clock, and must fit some order (``orders.explain``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from jobyard.model import Status
from jobyard.store import keys
from tests.promises.effort import EXAMPLES, nightly_but
from tests.promises.harness.clients import CLIENTS, Made, OpenReplay
from tests.promises.harness.interleave import Op
from tests.promises.harness.orders import GONE, explain, of_a_job
from tests.promises.harness.stage import TENANT, Stage

Staged = Callable[[str], Stage]
ROUNDS = EXAMPLES or 12


class Race:
    def __init__(self, actors: Mapping[str, Callable[[], Any]]) -> None:
        self.ops: list[Op] = []
        self._start = Barrier(len(actors))
        with ThreadPoolExecutor(len(actors)) as pool:
            running = {name: pool.submit(self._run, name, act) for name, act in actors.items()}
        self.answers = {name: each.result() for name, each in running.items()}

    def _run(self, name: str, act: Callable[[], Any]) -> Any:
        """``name`` is a kind of operation, and something that tells it apart behind a dot."""
        self._start.wait(10)
        began = time.monotonic_ns()
        answer = act()
        self.ops.append(Op(name, name.partition(".")[0], answer, began, time.monotonic_ns()))
        return answer


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
@pytest.mark.parametrize("dialect", nightly_but(CLIENTS, "alteryx"))
def test_cancels_against_the_execution_and_who_looks(staged: Staged, dialect: str, status: Status) -> None:
    stage = staged(dialect)
    machine, client = stage.world.machine, stage.client
    for _ in range(ROUNDS):
        id = stage.job(status)

        def write(id: str = id, claims: bool = status is Status.QUEUED) -> bool | None:
            if claims:
                stage.world.deliver()
                return None
            machine.step(id)
            return machine.executions[id].state != "Superseded"

        race = Race(
            {
                "cancel.one": partial(client.cancel, id),
                "cancel.other": partial(client.cancel, id),
                "initialize" if status is Status.QUEUED else "complete": write,
                "word": partial(client.word, id),
            }
        )
        ended = stage.status(id)
        now = Op("afterwards", "status", ended, time.monotonic_ns(), time.monotonic_ns())
        first: Status | None = status
        explain([*race.ops, now], first, of_a_job(client.words, deletes=dialect == "alteryx"))
        assert ended in (GONE, Status.CANCELLED, Status.COMPLETED)
        assert sum(race.answers[name].done for name in ("cancel.one", "cancel.other")) == (ended != Status.COMPLETED)
    stage.world.rest()
    stage.world.check()


def test_a_cancel_against_settle_and_reconcile(staged: Staged) -> None:
    stage = staged("tencent")
    for _ in range(ROUNDS):
        id = stage.job(Status.RUNNING)
        event = stage.stopped(id)
        stage.world.clock.advance(61)
        race = Race(
            {
                "cancel": partial(stage.client.cancel, id),
                "fail.settle": partial(stage.world.settle, event),
                "fail.reconcile": lambda: stage.world.reconcile() and None,
            }
        )
        now = Op("afterwards", "status", stage.status(id), time.monotonic_ns(), time.monotonic_ns())
        first: Status | None = Status.RUNNING
        explain([*race.ops, now], first, of_a_job(stage.client.words, deletes=False))


def test_of_many_cancels_at_once_exactly_one_succeeds(staged: Staged) -> None:
    stage = staged("alteryx")
    for status in (Status.QUEUED, Status.RUNNING):
        for _ in range(ROUNDS // 2):
            id = stage.job(status)
            race = Race({f"cancel.{number}": partial(stage.client.cancel, id) for number in range(6)})
            assert sum(answer.done for answer in race.answers.values()) == 1


@pytest.mark.parametrize("dialect", nightly_but(CLIENTS, "tencent"))
def test_of_many_submits_at_once_with_one_key_exactly_one_makes_a_job(staged: Staged, dialect: str) -> None:
    stage = staged(dialect)
    for number in range(ROUNDS // 3):
        before = len(stage.world.yard.jobs())
        race = Race({f"submit.{n}": partial(stage.client.submit, f"{number}", f"{number}") for n in range(10)})
        answers: list[Made] = list(race.answers.values())
        assert {made.status for made in answers} == {200}
        assert len({made.id for made in answers}) == 1
        assert sum(not made.replayed for made in answers) == 1
        assert len(stage.world.yard.jobs()) == before + 1


@pytest.mark.parametrize("name_is", ["free", "that of an ended job"])
def test_of_many_erasures_of_one_user_at_once_exactly_one_makes_a_job(staged: Staged, name_is: str) -> None:
    stage = staged("openreplay")
    for number in range(ROUNDS // 3):
        user = f"user {number}"
        if name_is != "free":
            assert stage.client.cancel(stage.submitted(user)).done
        race = Race({f"submit.{n}": partial(stage.client.submit, user) for n in range(10)})
        assert sorted(made.status for made in race.answers.values()) == [200] + [409] * 9


def test_of_many_revocations_of_one_key_at_once_each_is_answered_with_the_same(staged: Staged) -> None:
    stage = staged("openreplay")
    assert isinstance(stage.client, OpenReplay)
    for _ in range(ROUNDS):
        made = stage.world.invoke("manage", {"action": "keys.create", "tenant": TENANT, "name": "Backend"})["result"]
        asked = {"action": "keys.revoke", "tenant": TENANT, "keyId": made["keyId"]}
        race = Race({f"revoke.{n}": partial(stage.world.invoke, "manage", asked) for n in range(6)})
        first = keys.get(TENANT, made["keyId"])
        assert first
        assert {answer["result"]["revokedAt"] for answer in race.answers.values()} == {first.revoked_at}
