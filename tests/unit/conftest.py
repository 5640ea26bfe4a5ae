from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runner_world import World, running_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from running_world(monkeypatch)
