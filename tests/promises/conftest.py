from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import jobyard.service.scheduler
from jobyard import aws
from jobyard.authorizer import bearer, sharing, signed
from jobyard.lifecycle import recount
from jobyard.service import lists
from tests.contract import api
from tests.contract.conftest import clock, curator, kms, tenancy, yard
from tests.contract.yard import Clock, Yard
from tests.promises.harness.clients import CLIENTS
from tests.promises.harness.small_table import SmallTable, in_memory
from tests.promises.harness.stage import Stage
from tests.promises.harness.world import World, a_world

__all__ = ["clock", "curator", "kms", "tenancy", "yard"]


@pytest.fixture
def world(yard: Yard, dynamodb_endpoint: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # It has the stream itself.
    monkeypatch.setattr(api, "before_list", api.nothing)
    # DynamoDB's indexes here do not lag.
    monkeypatch.setattr(recount, "LAG_SECONDS", 0)
    # It has a Scheduler, too, which is asked over its wire.
    monkeypatch.setattr(jobyard.service.scheduler, "client", aws.client)
    with a_world(yard, dynamodb_endpoint, clock) as made:
        yield made


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for at once is asked for in turn: a call is known by its number, and by who led to it."""
    for each in (lists, sharing):
        monkeypatch.setattr(each, "at_once", lambda calls: [call() for call in calls])


@pytest.fixture
def small() -> Iterator[SmallTable]:
    """In place of ``table``, for counts and lists alone."""
    with in_memory() as made:
        yield made


@pytest.fixture
def staged(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stage]:
    """Makes a stage for a dialect; its callers are remembered, as in a process that has served them before."""
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))
    for module in (bearer, signed):
        monkeypatch.setattr(module, "CACHED_SECONDS", 10**8)
    return lambda dialect: Stage(world, CLIENTS[dialect](world.yard))
