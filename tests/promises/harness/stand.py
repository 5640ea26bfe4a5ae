"""Where a scene is played, and what there is to play it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pytest

from jobyard import unmatched
from jobyard.model import Runner, Status
from jobyard.runner import Job as Running
from tests.contract import api
from tests.promises.harness.clients import CLIENTS, Alteryx
from tests.promises.harness.crashes import Deaths, Function, Point, Recording, dies, wipe
from tests.promises.harness.promises import Caller, messages_hold, promises_hold
from tests.promises.harness.wire import Gate, through
from tests.promises.harness.world import GRACE_SECONDS, World

Play = Callable[[], None]
NESTED = Runner("stateMachine", "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-workflow-map")
CALLBACK = Runner("callback", "arn:aws:lambda:us-east-1:000000000000:function:jobyard-workflow-worker")


class Stand:
    """The world of one playing. ``tries`` is how often callers ask."""

    def __init__(self, world: World, tries: int) -> None:
        self.world, self.tries = world, tries
        self.callers: list[Caller] = []
        self.function: Function | None = None
        self.inner: Gate = through
        self.afterwards: list[Callable[[], None]] = []
        """Further checks, at rest."""
        world.work = world.machine.finish

    def caller(self, dialect: str) -> Caller:
        made = Caller(self.world, CLIENTS[dialect](self.world.yard), self.tries)
        self.callers.append(made)
        return made

    def alteryx(self) -> tuple[Caller, Alteryx]:
        caller = self.caller("alteryx")
        assert isinstance(caller.client, Alteryx)
        return caller, caller.client

    def job(self, caller: Caller, status: Status) -> str:
        """A job of the caller's, taken so far by its execution."""
        id = caller.submit(f"about {len(caller.submits)}")
        assert id
        if status is Status.QUEUED and caller.client.dialect != "openreplay":
            return id
        self.world.deliver_all()
        self.take(id, status)
        return id

    def take(self, id: str, status: Status) -> None:
        """Stream and execution take a job so far, and no further."""
        machine = self.world.machine
        while self.world.jobs()[id].status is not status:
            execution = machine.executions.get(id)
            if id in machine.able():
                machine.step(id)
            elif execution is not None and execution.state == "WaitForStart":
                self.world.clock.advance(24 * 3600)
            else:
                assert self.world.deliver(), f"nothing takes {id} on"
        while status is Status.RUNNING and id not in machine.working():
            machine.step(id)

    def operator(self, action: str, **fields: Any) -> Any:
        """An action of the operator's; None where no answer came. What is answered was done."""
        for _ in range(self.tries):
            try:
                answer = self.world.invoke("manage", {"action": action, "tenant": "acme", **fields})
            except self.world.survives:
                continue
            assert answer["ok"], answer
            return answer["result"]
        return None

    def works(self, work: Callable[[Running, Function], object]) -> None:
        """What the functions of all workflows do."""
        self.world.work = self.function = Function(self.world, work, invoked_again=self.tries - 1)

    def minutes(self, count: int) -> None:
        """Pass, with reconcile in each, while functions are at work."""
        for _ in range(count):
            self.world.clock.advance(GRACE_SECONDS)
            with suppress(*self.world.survives):
                self.world.reconcile()

    def lose_records(self) -> None:
        """What the stream has to tell drive goes to the dead-letter queue."""
        self.world.hear()
        self.world.undelivered.clear()


@contextmanager
def a_slash_too_many() -> Iterator[None]:
    """Requests come by the default route. What fails there is the gateway's 500."""
    routes = {f"{each.method} {each.path}": each.function.removeprefix("functions/") for each in api.routes()}

    def by_default(folder: str) -> Callable[[dict[str, Any], object], Any]:
        def answered(event: dict[str, Any], context: object) -> Any:
            event = event | {"routeKey": "$default", "rawPath": f"{event['rawPath']}/"}
            event.pop("pathParameters", None)
            try:
                return handler("functions/unmatched")(event, context)
            except RuntimeError:
                return _FAILED

        return answered

    handler = api._handler
    served = {name: [key for key in routes if routes[key] == name] for name in routes.values()}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ROUTES", json.dumps(served))
        patched.setattr(api, "_handler", by_default)
        unmatched.routes.cache_clear()
        yield
    unmatched.routes.cache_clear()


_FAILED = {
    "statusCode": 500,
    "headers": {"Content-Type": "application/json"},
    "body": '{"message":"Internal Server Error"}',
    "isBase64Encoded": False,
}


def ignored(_: object) -> None:
    pass


def a_function(job: Running, function: Function) -> None:
    function.say(job, "begun")
    job.progress(0.5)
    job.attach("result.csv", f"of {job.id}")
    function.say(job, "done")


class Scene(NamedTuple):
    """``group``: scenes that call AWS in many of the same places."""

    group: str
    name: str
    prepare: Callable[[Stand], Play]

    def __str__(self) -> str:
        return self.name


def recorded(world: World, scene: Scene) -> Recording:
    """The calls of a scene that nothing disturbs."""
    wipe(world)
    stand, recording = Stand(world, 1), Recording()
    play = scene.prepare(stand)
    world.new_process()
    with world.wire.gate(lambda call, carry_out: recording(call, lambda: stand.inner(call, carry_out))):
        play()
    assert recording.sites, f"{scene} asked AWS for nothing"
    return recording


def crash(world: World, scene: Scene, points: Iterable[Point], tries: int) -> Deaths:
    """Play a scene in which the process dies at ``points``; afterwards all is checked."""
    wipe(world)
    stand = Stand(world, tries)
    play = scene.prepare(stand)
    world.new_process()
    deaths = dies(world, points, play, stand.inner)
    with world.wire.gate(stand.inner):
        _check(stand)
    return deaths


def _check(stand: Stand) -> None:
    stand.world.rest()
    stand.world.new_process()
    promises_hold(stand.world, *stand.callers)
    if stand.function is not None:
        messages_hold(stand.world, stand.function.said)
    for check in stand.afterwards:
        check()


SCENES: list[Scene] = []


def scene(group: str, *arguments: Any) -> Callable[[Callable[..., Play]], Callable[..., Play]]:
    def add(prepare: Callable[..., Play]) -> Callable[..., Play]:
        name = " ".join([prepare.__name__.replace("_", " "), *(str(each) for each in arguments)])
        SCENES.append(Scene(group, name, lambda stand: prepare(stand, *arguments)))
        return prepare

    return add
