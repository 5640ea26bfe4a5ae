from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from jobyard.authorizer import bearer, signed
from tests.contract.conftest import clock, curator, kms, tenancy, yard
from tests.contract.yard import Clock, Yard
from tests.promises.harness.clients import CLIENTS
from tests.promises.harness.stage import Stage
from tests.promises.harness.world import World, a_world

__all__ = ["clock", "curator", "kms", "tenancy", "yard"]


@pytest.fixture
def world(yard: Yard, dynamodb_endpoint: str, clock: Clock) -> Iterator[World]:
    with a_world(yard, dynamodb_endpoint, clock) as made:
        yield made


@pytest.fixture
def staged(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stage]:
    """Makes a stage for a dialect; its callers are remembered, as in a process that has served them before."""
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))
    for module in (bearer, signed):
        monkeypatch.setattr(module, "CACHED_SECONDS", 10**8)
    return lambda dialect: Stage(world, CLIENTS[dialect](world.yard))
