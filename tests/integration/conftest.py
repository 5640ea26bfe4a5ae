from __future__ import annotations

import pytest

from tests.fake_machine import FakeMachine


@pytest.fixture
def machine(table: str, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """A state machine whose executions the test ends, beside a real table."""
    fake = FakeMachine()
    monkeypatch.setattr("jobyard.lifecycle.executions.client", lambda _service: fake)
    return fake
