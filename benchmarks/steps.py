"""What each step of a job's life writes and reads, in units, with all of Jobyard in this process, on DynamoDB Local.

The endpoints, drive and count are called as AWS calls them, with what the table's stream tells and the template's
filters let through; the state machine's definition is carried out, and the job's function is one of the runner's that
says nothing. Writes are charged by ``ledger``, reads by the engine, whose own accounting of them is that of AWS.

How many records of the stream reach ``count`` together is a matter of time, so it is given: ``TELLINGS``,
and ``COMPANIES`` for jobs that are told together.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from time import sleep
from typing import NamedTuple

import boto3

from benchmarks import ledger
from benchmarks.ledger import Index, Write
from benchmarks.loader import TABLE, patient, serving
from benchmarks.meter import READS, Meter, metering
from jobyard import runner
from jobyard.authorizer import bearer
from jobyard.aws import client
from jobyard.lifecycle.reconcile import reconcile
from jobyard.model import Status
from jobyard.model.ids import now_ms
from jobyard.store import queues
from local.template import load, table_definition
from tests.conftest import FUNCTION_ENVIRONMENT
from tests.contract.api import call
from tests.contract.yard import Clock, Yard
from tests.promises.harness.clients import Alteryx
from tests.promises.harness.world import World, a_world

ALONE, TWICE, ONCE = "each change by itself", "its beginning and then its end", "all of it at once"
TELLINGS: dict[str, tuple[Status, ...]] = {
    ALONE: (Status.QUEUED, Status.INITIALIZING, Status.RUNNING, Status.COMPLETED),
    TWICE: (Status.RUNNING, Status.COMPLETED),
    ONCE: (Status.COMPLETED,),
}
"""When count is told of a job, and with that of all that it went through before."""

PAGE, MESSAGES = 50, 20
_LISTED = 200
_LIVES_SECONDS = 60


class Company(NamedTuple):
    """Whom a job is told with: ``owners`` of the jobs, and whether drive is told of all together, as count is."""

    owners: int
    driven_together: bool


TOGETHER = 10
COMPANIES = {
    "one owner's, in a burst": Company(1, True),
    "one owner's": Company(1, False),
    "ten owners', in a burst": Company(TOGETHER, True),
    "ten owners'": Company(TOGETHER, False),
}
"""Of ``TOGETHER`` jobs of one workflow. Drive has no window: together it is told of what comes at the same moment."""

Parts = dict[str, int]
"""Write units by ``table`` and index."""


@dataclass
class Lived:
    """A job from its submission until nothing is left to do for it, or so many ``jobs``, of which all is the sum.

    ``written`` is by step and kind of item, ``read`` by step; ``invocations`` are of the functions that the stream
    starts; ``states`` are those that the execution entered.
    """

    written: dict[str, dict[str, Parts]] = field(default_factory=dict)
    read: dict[str, float] = field(default_factory=dict)
    invocations: dict[str, int] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    jobs: int = 1

    @property
    def wcu(self) -> int:
        return sum(self.parts.values())

    @property
    def rcu(self) -> float:
        return sum(self.read.values())

    @property
    def invoked(self) -> int:
        return sum(self.invocations.values())

    @property
    def parts(self) -> Parts:
        found: Parts = {}
        for kinds in self.written.values():
            for parts in kinds.values():
                for part, units in parts.items():
                    found[part] = found.get(part, 0) + units
        return found


@dataclass(frozen=True)
class Units:
    """``lives`` are by how count is told, ``shared`` by company and by that; ``slotted`` is of a job whose queue has
    slots, told all at once.

    ``keyed`` is what a submit with an Idempotency-Key writes. ``reads`` are of requests whose caller is remembered,
    ``token`` what it costs to look one up. ``reconciled`` is what a run of reconcile reads where nothing is to do.
    """

    lives: dict[str, Lived]
    shared: dict[str, dict[str, Lived]]
    slotted: Lived
    keyed: int
    reads: dict[str, float]
    token: float
    reconciled: float


@contextmanager
def a_stack() -> Iterator[World]:
    with serving(None):
        quiet = {"POWERTOOLS_METRICS_DISABLED": "true", "OIDC_ISSUER": "", "OIDC_AUDIENCE": ""}
        os.environ.update(FUNCTION_ENVIRONMENT | quiet)
        logging.disable(logging.CRITICAL)
        patient().create_table(TableName=TABLE, **table_definition(load()))
        with a_world(Yard(boto3.client("dynamodb"), TABLE), os.environ["AWS_ENDPOINT_URL"], Clock()) as world:
            world.new_process()
            # However long this takes, a caller is remembered until he is to be forgotten.
            bearer.CACHED_SECONDS = 10**8
            yield world


def measured() -> Units:
    with a_stack() as world:
        return units(world)


def units(world: World) -> Units:
    caller = Alteryx(world.yard)
    # The first job of all names its list.
    life(world, caller, TELLINGS[ONCE])
    lives = {name: life(world, caller, statuses) for name, statuses in TELLINGS.items()}
    keyed = Lived()
    with _kept(world, keyed, "submit"):
        assert caller.submit("with a key", "key").id
    world.rest()
    (reads, token), reconciled = _reads(world, caller), _reconciled()
    # Last: reconcile reads more the more owners there are.
    shared = {
        name: {telling: together(world, caller, company, TELLINGS[telling]) for telling in (ONCE, TWICE)}
        for name, company in COMPANIES.items()
    }
    return Units(lives, shared, _slotted(world, caller), keyed.wcu, reads, token, reconciled)


def life(world: World, caller: Alteryx, told: Collection[Status], sleep: Callable[[float], None] = sleep) -> Lived:
    """One job alone; count is told when it has reached a status of ``told``."""
    return _lives(world, [[caller]], told, sleep)


def _slotted(world: World, caller: Alteryx) -> Lived:
    _limit(world, 100)
    lived = life(world, caller, TELLINGS[ONCE])
    _limit(world, None)
    return lived


def _limit(world: World, slots: int | None) -> None:
    assert queues.put(queues.get("acme", ""), slots, False, now_ms())
    world.rest()


def together(
    world: World, caller: Alteryx, company: Company, told: Collection[Status], sleep: Callable[[float], None] = sleep
) -> Lived:
    """``TOGETHER`` jobs of one workflow, of which count is told together when all have reached a status of ``told``."""
    callers = [caller] * TOGETHER
    if company.owners > 1:
        callers = [caller.of_another_user(world.yard) for _ in range(TOGETHER)]
        # As those of a job alone, who have asked before: what it costs to look one up is told apart.
        for each in callers:
            each.total()
    return _lives(world, [callers] if company.driven_together else [[each] for each in callers], told, sleep)


def _lives(world: World, turns: list[list[Alteryx]], told: Collection[Status], sleep: Callable[[float], None]) -> Lived:
    """Jobs of ``turns``: of those of one drive is told together, of each turn by itself; count of all together."""
    # Each hour has rows of its own: whether a life falls into two is no matter of how count is told.
    left = 3600 - now_ms() / 1000 % 3600
    if left < _LIVES_SECONDS:
        sleep(left)
    lived = Lived()

    def tell(status: Status) -> None:
        world.listen()
        if status in told and world.uncounted:
            lived.invocations["count"] = lived.invocations.get("count", 0) + 1
            with _kept(world, lived, "count"):
                world.deliver_to_count()

    def drive(step: str) -> None:
        world.listen()
        if world.undelivered:
            lived.invocations["drive"] = lived.invocations.get("drive", 0) + 1
            with _kept(world, lived, step):
                world.deliver()

    ids: list[list[str]] = []
    for callers in turns:
        with _kept(world, lived, "submit"):
            ids.append([each.submit("a usual one").id for each in callers])
        assert all(ids[-1])
        tell(Status.QUEUED)
        drive("claim")
        tell(Status.INITIALIZING)
        drive("begin")
        with _kept(world, lived, "start"):
            _until_they_work(world, ids[-1])
    tell(Status.RUNNING)
    for turn in ids:
        for id in turn:
            _complete(world, lived, id)
        drive("give back")
        drive("look again")
    tell(Status.COMPLETED)
    _conclude(world, lived, [id for turn in ids for id in turn])
    return lived


def _until_they_work(world: World, ids: list[str]) -> None:
    for id in ids:
        while id not in world.machine.working():
            world.machine.step(id)


def _complete(world: World, lived: Lived, id: str) -> None:
    machine = world.machine
    with _kept(world, lived, "work"):
        runner.job(lambda _: None)(machine.payload(id))
    machine.finish(id)
    with _kept(world, lived, "complete"):
        while id in machine.able():
            machine.step(id)


def _conclude(world: World, lived: Lived, ids: list[str]) -> None:
    """See that all went as it does, and nothing is left to be told."""
    lived.jobs = len(ids)
    lived.states = world.machine.executions[ids[0]].passed
    for id in ids:
        job = world.raw(id)
        assert job["status"] == Status.COMPLETED
        assert "slotOf" not in job
        assert world.machine.executions[id].passed == lived.states
    assert not world.deliver()
    assert not world.uncounted


@contextmanager
def _kept(world: World, lived: Lived, step: str) -> Iterator[None]:
    def add(write: Write) -> None:
        kind = _kind(write.key["pk"]["S"])
        parts = lived.written.setdefault(step, {}).setdefault(kind, {})
        for part, units in write.charged.items():
            parts[part] = parts.get(part, 0) + units

    ours = client("dynamodb")
    # The machine's writes are those of Step Functions, which reads nothing.
    with (
        ledger.told(ours, _indexes(), add),
        ledger.told(world.machine.dynamodb, _indexes(), add),
        metering(ours, operations=READS) as meter,
    ):
        yield
    lived.read[step] = lived.read.get(step, 0) + meter.units


@cache
def _indexes() -> list[Index]:
    return ledger.indexes(table_definition(load()))


def _kind(pk: str) -> str:
    """Of an item, as the tables of the report name it."""
    kind, _, rest = pk.partition("#")
    if kind == "COUNT":
        return f"days of {rest.rpartition('#')[2]}"
    names = {"JOB": "job", "QUEUE": "queue", "LISTED": "listing", "HOURS": "hours", "IDEMPOTENCY": "key"}
    return names.get(kind, kind)


def _reads(world: World, caller: Alteryx) -> tuple[dict[str, float], float]:
    now = now_ms()
    jobs = [
        world.yard.job(tenant="acme", status=Status.COMPLETED, created_at=at, finished_at=at + 1000)
        for at in range(now - _LISTED, now)
    ]
    world.rest()
    world.yard.messages(jobs[0], [f"Read part {number} of {MESSAGES}." for number in range(MESSAGES)])
    token, found = caller.client.token, {}
    for name, path, query in (
        ("get", f"/webapi/v3/jobs/{jobs[0].id}", ""),
        ("list", "/webapi/v3/jobs", f"allUsers=true&sortField=CreateDate&direction=desc&limit={PAGE}"),
    ):
        call("GET", path, token, query=query)
        with _metered() as meter:
            answer = call("GET", path, token, query=query)
        assert answer.status == 200, answer.text
        found[name] = meter.units
    bearer.forget()
    with _metered() as meter:
        call("GET", path, token, query=query)
    return found, meter.units - found["list"]


def _reconciled() -> float:
    """Of a minute, over ten: not every list's counts are compared in each."""
    with _metered() as meter:
        for minute in range(10):
            assert not any(reconcile(now_ms() + minute * 60_000, seconds=50))
    return meter.units / 10


@contextmanager
def _metered() -> Iterator[Meter]:
    with metering(client("dynamodb"), operations=READS) as meter:
        yield meter
