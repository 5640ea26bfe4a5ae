from __future__ import annotations

import pytest

from tests.contract.openreplay.organisation import Organisation
from tests.contract.yard import Yard


@pytest.fixture
def acme(yard: Yard) -> Organisation:
    return Organisation(yard)


@pytest.fixture
def globex(yard: Yard) -> Organisation:
    return Organisation(yard, "globex")
