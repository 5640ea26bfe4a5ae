"""The sample events of events/openreplay-*.json, on what the seeding script puts into the table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.template import ROOT
from tests.contract.api import CONTEXT, _handler, routes
from tests.contract.yard import Yard
from tests.sam import seed

EVENTS = {path.stem.removeprefix("openreplay-"): path for path in ROOT.glob("events/openreplay-*.json")}


@pytest.fixture(autouse=True)
def _seeded(yard: Yard) -> None:
    seed.seed_records()


def sent(name: str) -> Any:
    event = json.loads(EVENTS[name].read_text(encoding="utf-8"))
    answer = _handler(f"functions/{name}")(event, CONTEXT)
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])["data"]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_agrees_with_its_route_and_with_itself(name: str) -> None:
    event = json.loads(EVENTS[name].read_text(encoding="utf-8"))
    method, path = event["routeKey"].split(" ")
    assert (method, path, f"functions/{name}") in routes()
    for parameter, value in event["pathParameters"].items():
        path = path.replace(f"{{{parameter}}}", value)
    http = event["requestContext"]["http"]
    assert (event["rawPath"], http["path"], http["method"]) == (path, path, method)
    assert event["headers"]["authorization"] == f"Bearer {seed.API_KEY}"


def test_each_endpoint_has_one() -> None:
    assert set(EVENTS) == {"list", "get", "cancel", "submit"}


def test_what_they_do() -> None:
    assert [job["jobId"] for job in sent("list")] == [int(seed.CANCELLED_ERASURE), int(seed.WAITING_ERASURE)]
    assert (sent("get")["jobId"], sent("get")["status"]) == (int(seed.CANCELLED_ERASURE), "cancelled")
    cancelled = sent("cancel")
    assert (cancelled["jobId"], cancelled["status"]) == (int(seed.WAITING_ERASURE), "cancelled")
    assert sent("submit") == sent("submit")
