"""The sample events of events/tencent-*.json, on what the seeding script puts into the table."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from local.template import ROOT
from tests.contract.api import CONTEXT, _handler, routes
from tests.contract.yard import Yard
from tests.sam import seed

EVENTS = {path.stem.removeprefix("tencent-"): path for path in ROOT.glob("events/tencent-*.json")}


@pytest.fixture(autouse=True)
def _seeded(tenancy: Yard) -> None:
    seed.seed_tencent()


def event(name: str) -> Any:
    return json.loads(EVENTS[name].read_text(encoding="utf-8"))


def sent(name: str) -> str:
    answer = _handler(f"functions/{name}")(event(name), CONTEXT)
    assert answer["statusCode"] == 200, answer
    return str(answer["body"])


def ids(body: str) -> set[str | None]:
    return {each.text for each in ET.fromstring(body).iterfind("JobsDetail/JobId")}


def test_each_endpoint_has_one() -> None:
    assert set(EVENTS) == {"list", "get", "cancel", "submit"}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_agrees_with_its_route_and_with_itself(name: str) -> None:
    given = event(name)
    method, path = given["routeKey"].split(" ")
    assert (method, path, f"functions/{name}") in routes()
    path = path.replace("{jobId+}", given.get("pathParameters", {}).get("jobId", ""))
    http = given["requestContext"]["http"]
    assert (given["rawPath"], http["path"], http["method"]) == (path, path, method)
    assert f"q-ak={seed.SECRET_ID}&" in given["headers"]["authorization"]


def test_what_they_do() -> None:
    assert ids(sent("list")) == {seed.SHOWN_INVENTORY, seed.CANCELLED_INVENTORY}
    assert ids(sent("get")) == {seed.SHOWN_INVENTORY}
    assert sent("cancel") == ""
    assert "<State>Submitted</State>" in (first := sent("submit"))
    # The event has an idempotency key, so that it can be sent again and again.
    assert ids(sent("submit")) == ids(first)
