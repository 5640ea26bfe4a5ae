"""Processes that die at a call that they make to AWS, and what AWS and callers do about it.

A *scene* is played once to record its calls, and then once for each of them and each side of it: the process dies right
before the call, or right after it was carried out. Whoever made the process tries again as it would: Lambda delivers
the batch again, invokes an asynchronous function twice more, runs reconcile the next minute; a caller is told nothing,
and asks again or gives up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse

from jobyard.runner import Job as Running
from jobyard.runner import job as as_handler
from local.template import ROOT
from tests.factories import NOW
from tests.promises.harness.wire import Call, CarryOut, Died, Gate, through
from tests.promises.harness.world import World

_BEGIN_MS = NOW + 40 * 24 * 3600 * 1000 + 10 * 3600 * 1000
_FUNCTIONS = f"{ROOT}/functions/"
_CODE = (f"{ROOT}/layers/jobyard/jobyard/", _FUNCTIONS)
_PLUMBING = ("jobyard/aws.py", "jobyard/handlers.py")


class Site(NamedTuple):
    """A place in the product that calls AWS: the operation, the function that was invoked, as its folder is called
    (empty for one of a workflow), and the lines that led from there.
    """

    call: str
    function: str
    lines: tuple[str, ...]

    @property
    def writes(self) -> bool:
        return not self.call.partition(".")[2].startswith(
            ("Get", "BatchGet", "Query", "Describe", "List", "Decrypt", "Encrypt")
        )

    def __str__(self) -> str:
        return f"{self.call} of {self.function} at {' > '.join(self.lines[-2:])}"


class Point(NamedTuple):
    """The ``number``-th call of a scene, from 0 on, and whether it is carried out."""

    number: int
    after: bool


class Recording:
    """A gate that notes each call, and where it is made."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.calls: list[Call] = []

    def __call__(self, call: Call, carry_out: CarryOut) -> AWSResponse:
        self.sites.append(site_of(call))
        self.calls.append(call)
        return carry_out()


class Deaths:
    """A gate at which the process dies at certain points. ``born`` begins the next process."""

    def __init__(self, points: Iterable[Point], inner: Gate = through) -> None:
        self.points, self.met = frozenset(points), 0
        self._inner, self._count, self._dead = inner, 0, False

    def __call__(self, call: Call, carry_out: CarryOut) -> AWSResponse:
        if self._dead:
            raise Died
        number, self._count = self._count, self._count + 1
        if Point(number, after=False) in self.points:
            self._die()
        answer = self._inner(call, carry_out)
        if Point(number, after=True) in self.points:
            self._die()
        return answer

    def born(self) -> None:
        self._dead = False

    def _die(self) -> None:
        self._dead = True
        self.met += 1
        raise Died


def site_of(call: Call) -> Site:
    lines: list[str] = []
    function = ""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_FUNCTIONS):
            function = file.removeprefix(_FUNCTIONS).partition("/")[0]
        elif file.endswith("jobyard/handlers.py") and frame.f_code.co_name == "handler":
            function = frame.f_locals["name"]
        if file.startswith(_CODE) and not file.endswith(_PLUMBING):
            short = file.removeprefix(f"{ROOT}/layers/jobyard/jobyard/").removeprefix(f"{ROOT}/")
            lines.append(f"{short}:{frame.f_lineno}")
        frame = frame.f_back
    return Site(str(call), function, tuple(reversed(lines)))


def points_of(sites: Sequence[Site], known: set[Site] | None = None) -> list[Point]:
    """Both sides of each call.

    With ``known`` only where the world is in a state of its own: before the first call, and after each write from a
    place that is not known yet, which then is. Whoever dies anywhere between two writes leaves behind what whoever
    dies after the first of them does.
    """
    if known is None:
        return [Point(number, after) for number in range(len(sites)) for after in (False, True)]
    points = [Point(0, after=False)]
    for number, site in enumerate(sites):
        if site.writes and site not in known:
            points.append(Point(number, after=True))
            known.add(site)
    return points


class Function:
    """A workflow's function, run by the product's own runner as Lambda would; a ``World``'s work.

    ``invoked_again`` is how often Step Functions invokes it once more after it died, as it does where Lambda itself is
    to blame; then the job is failed. A worker of a callback job that dies gives no sign of life any more.
    """

    def __init__(self, world: World, work: Callable[[Running, Function], object], invoked_again: int = 0) -> None:
        self.world, self.invoked_again = world, invoked_again
        self.said: dict[str, list[str]] = {}
        """What the runner took as written, by job."""
        self.processes = 0
        self._handler = as_handler(lambda job: work(job, self))

    def say(self, job: Running, text: str) -> None:
        text = f"{text}, process {self.processes}"
        job.log(text)
        self.said.setdefault(job.id, []).append(text)

    def __call__(self, name: str) -> None:
        machine = self.world.machine
        if machine.executions[name].state == "RunStateMachine":
            return machine.finish(name)
        event = machine.payload(name)
        answer, error = self._invoked(event)
        # It may have been stopped, or have answered by its token.
        if name not in machine.working():
            return None
        if "taskToken" in event:
            return machine.break_(name, "States.HeartbeatTimeout")
        return machine.break_(name, error) if error else machine.finish(name, answer)

    def _invoked(self, event: dict[str, Any]) -> tuple[Any, str]:
        """What the function answers, and the error that it ended with."""
        for _ in range(1 + self.invoked_again):
            self.processes += 1
            try:
                return self._handler(event, None), ""
            except Died:
                self.world.new_process()
            except Exception as problem:  # noqa: BLE001 - as Lambda tells Step Functions of whatever it is
                return None, type(problem).__name__
        return None, "Runtime.ExitError"


def wipe(world: World) -> None:
    """Nothing is there any more, as in a new deployment; it is always the same moment of the same day, as some of what
    reconcile does goes by the clock.
    """
    world.clock.go_on_from(_BEGIN_MS)
    world.yard.clear()
    world.hear()
    world.stream.told.clear()
    world.undelivered.clear()
    world.uncounted.clear()
    world.scheduler.held.clear()
    world.machine.executions.clear()
    world.machine.ended.clear()
    world.machine.nested.clear()
    world.machine.fates.clear()
    world.births.clear()
    world.new_process()


def dies(world: World, points: Iterable[Point], play: Callable[[], Any], inner: Gate = through) -> Deaths:
    """Play, with deaths at ``points``; the world then rests without any."""
    deaths = Deaths(points, inner)
    world.births.append(deaths.born)
    with world.wire.gate(deaths):
        play()
    return deaths
