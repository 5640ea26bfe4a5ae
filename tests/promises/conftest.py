from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.conftest import clock, kms, tenancy, yard
from tests.contract.yard import Clock, Yard
from tests.promises.harness.world import World, a_world

__all__ = ["clock", "kms", "tenancy", "yard"]


@pytest.fixture
def world(yard: Yard, dynamodb_endpoint: str, clock: Clock) -> Iterator[World]:
    with a_world(yard, dynamodb_endpoint, clock) as made:
        yield made
