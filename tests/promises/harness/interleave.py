"""Actors that share one table, of which one goes on at a time; who, is chosen at every call to AWS.

An actor is a function: a request to an endpoint, a batch of the stream, an execution's next states. It runs in a thread
of its own and stops before each of its calls, each attempt of a retried one by itself; with ``fine`` also at its
beginning and behind each answer. What lies between two calls touches nothing that another sees, so the order of the
calls is all that matters: ``every_schedule`` tries each order, ``Play`` by itself one that somebody chooses.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse

from tests.promises.effort import LONG
from tests.promises.harness.wire import Call, CarryOut, Wire

_NEXT = 0.3
"""How often, where orders are passed over, the next one is not."""

PATIENCE_SECONDS = 20.0
"""For one turn of one actor."""

Choose = Callable[[Sequence[str]], str]
"""Who goes on, of the actors (in their order) that can."""

Apart = Callable[[Call], bool]
"""Whether a call touches nothing that another actor may touch: nobody need be let in before it."""


class Stopped(AssertionError):
    """An actor neither made a call nor came to its end."""


class Unrepeatable(AssertionError):
    """The same choices led somewhere else: something besides them decides."""


class Abandoned(BaseException):
    """The play was broken off. No ``except Exception`` of the product may survive it."""


class Op(NamedTuple):
    """Something that an actor did, as who asked for it sees it. ``begun`` and ``ended`` are in the schedule's order."""

    actor: str
    kind: str
    answer: Any
    begun: int
    ended: int


class _Actor:
    def __init__(self, name: str, act: Callable[[], Any]) -> None:
        self.name, self.act = name, act
        self.turn = threading.Semaphore(0)
        self.at = "its beginning"
        self.ended = False
        self.fresh = True
        self.returned: Any = None
        self.raised: BaseException | None = None


class Play:
    """One schedule. ``str`` of it is a table of who did what, in which order."""

    def __init__(self, wire: Wire, choose: Choose, *, fine: bool = False, apart: Apart = lambda _: False) -> None:
        self.ops: list[Op] = []
        self.turns: list[str] = []
        """The choices that were made; ``following`` makes them again."""
        self._wire, self._choose, self._fine, self._apart = wire, choose, fine, apart
        self._rows: list[list[str]] = []
        self._back = threading.Semaphore(0)
        self._mine = threading.local()
        self._actors: list[_Actor] = []
        self._over = False
        self._ticks = 0

    def run(self, actors: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        """What each actor returned. What one raises, this raises once all have ended."""
        self._actors = [_Actor(name, act) for name, act in actors.items()]
        threads = [threading.Thread(target=self._live, args=(each,), daemon=True) for each in self._actors]
        for thread in threads:
            thread.start()
        try:
            while able := [each for each in self._actors if not each.ended]:
                self._go_on(able)
        finally:
            self._over = True
            for each in self._actors:
                each.turn.release()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)
        for each in self._actors:
            if each.raised is not None:
                raise each.raised
        return {each.name: each.returned for each in self._actors}

    def op(self, kind: str, do: Callable[..., Any], *given: Any) -> Any:
        """What ``do(*given)`` returns; who asked for what, and the answer, is noted in ``ops``."""
        begun = self._tick()
        answer = do(*given)
        self.ops.append(Op(self._mine.actor.name, kind, answer, begun, self._tick()))
        return answer

    def pause(self, what: str) -> None:
        """A point at which others may go on, before ``what``: for what is no call of the product to AWS."""
        actor: _Actor = self._mine.actor
        if actor.fresh and not self._fine:
            # It has done nothing yet that another could see.
            actor.fresh = False
        else:
            actor.at = what
            self._give_back(actor)
        self._rows.append([actor.name, what, ""])

    def __str__(self) -> str:
        names = max((len(row[0]) for row in self._rows), default=0)
        whats = max((len(row[1]) for row in self._rows), default=0)
        lines = [
            f"{place:3}  {name:{names}}  {what:{whats}}  {answer}".rstrip()
            for place, (name, what, answer) in enumerate(self._rows, 1)
        ]
        told = [f"     {op.actor}: {op.kind} was answered {op.answer!r}"[:300] for op in self.ops]
        return "\n".join(["The schedule:", *lines, *told, f"     again with following({' '.join(self.turns)!r})"])

    def _go_on(self, able: list[_Actor]) -> None:
        chosen = able[0]
        if len(able) > 1:
            name = self._choose([each.name for each in able])
            chosen = next(each for each in able if each.name == name)
            self.turns.append(name)
        chosen.turn.release()
        if not self._back.acquire(timeout=PATIENCE_SECONDS):
            stand = "; ".join(f"{each.name} stands before {each.at}" for each in self._actors if not each.ended)
            raise Stopped(f"{chosen.name} did not go on from {chosen.at}. {stand}.\n{self}")

    def _live(self, actor: _Actor) -> None:
        self._mine.actor = actor
        actor.turn.acquire()
        try:
            if not self._over:
                with self._wire.gate_of_this_thread(self._gate):
                    actor.returned = actor.act()
        except Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the play was asked for
            actor.raised = error
        finally:
            actor.ended = True
            self._back.release()

    def _gate(self, call: Call, carry_out: CarryOut) -> AWSResponse:
        if self._apart(call):
            return carry_out()
        what = f"{call} {_on(call)}"
        self.pause(what)
        row = self._rows[-1]
        response = carry_out()
        row[2] = _outcome(response)
        if self._fine:
            self._mine.actor.at = f"the answer to {what}"
            self._give_back(self._mine.actor)
            self._rows.append([self._mine.actor.name, "  has the answer", ""])
        return response

    def _give_back(self, actor: _Actor) -> None:
        self._back.release()
        actor.turn.acquire()
        if self._over:
            raise Abandoned

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks


Scenario = Callable[[Play], None]
"""Sets the stage, has the play run its actors, and asserts what must hold afterwards."""


def every_schedule(wire: Wire, scenario: Scenario, apart: Apart = lambda _: False, *, every: bool = LONG) -> int:
    """``scenario`` under each order of its actors' calls, depth first; how many there were.

    Without ``every`` it passes over many of them, always the same: each actor goes first and last, and is met by the
    others between its calls. There are hundreds of orders of a few calls, and ``make test-long`` tries them all.
    """
    chance = random.Random(0)
    path: list[tuple[int, int]] = []
    """The choice at each fork, and of how many."""
    for count in range(1, 1_000_000):
        taken: list[tuple[int, int]] = []

        def choose(able: Sequence[str], path: Sequence[tuple[int, int]] = path, taken: Any = taken) -> str:
            known = path[len(taken)] if len(taken) < len(path) else (0, len(able))
            if known[1] != len(able):
                raise Unrepeatable(f"{len(able)} could go on where {known[1]} could before")
            taken.append(known)
            return able[known[0]]

        play_once(Play(wire, choose, apart=apart), scenario)
        forks = [place for place, (choice, of) in enumerate(taken) if choice < of - 1]
        if not forks:
            print(f"{count} schedules{', all that there are' if every else ''}")  # noqa: T201 - for who asks pytest
            return count
        # The last of them is the next order; one before it passes over those that differ behind it only.
        fork = forks[-1] if every or chance.random() < _NEXT else chance.choice(forks)
        choice, of = taken[fork]
        path = [*taken[:fork], (choice + 1, of)]
    raise AssertionError("too many schedules to try them all")


def play_once(play: Play, scenario: Scenario) -> None:
    """What fails is told with the schedule under which it did."""
    with _told(play):
        scenario(play)


def following(turns: str) -> Choose:
    """Makes the choices of a schedule that was printed; behind its end the first who can goes on."""
    left = turns.split()
    return lambda able: left.pop(0) if left else able[0]


@contextmanager
def _told(play: Play) -> Any:
    try:
        yield
    except BaseException as error:
        error.add_note(str(play))
        raise


def _on(call: Call) -> str:
    """What a call is about, as short as one can tell it apart by."""
    asked = call.asked
    if "TransactItems" in asked:
        return " + ".join(_key(next(iter(each.values()))) for each in asked["TransactItems"])
    for name in ("executionArn", "name", "stateMachineArn"):
        if name in asked:
            return str(asked[name]).rpartition(":")[2]
    if "ExpressionAttributeValues" in asked and "KeyConditionExpression" in asked:
        return f"{asked.get('IndexName', '')} {json.dumps(asked['ExpressionAttributeValues'])}".strip()
    return _key(asked) or call.path


def _key(asked: Mapping[str, Any]) -> str:
    key = asked.get("Key") or asked.get("Item") or {}
    return "/".join(key[name]["S"] for name in ("pk", "sk") if name in key)


def _outcome(response: AWSResponse) -> str:
    if response.status_code < 300:
        return "done"
    try:
        return str(json.loads(response.content)["__type"].rpartition("#")[2])
    except (ValueError, KeyError):
        return str(response.status_code)
