"""The sample events are what AWS sends, and speak of what the seeding script makes. tests/sam runs them."""

from __future__ import annotations

import base64
import json
from copy import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from jobyard.model import Status
from jobyard.store.records import job_item
from local.template import ROOT, load
from tests.sam import seed
from tests.transformed import count_is_told

EVENTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("events/*.json"))}
HTTP = [name for name, event in EVENTS.items() if "routeKey" in event]


def function_of(name: str) -> str:
    """The folder of the function. An event of a further dialect is named after it: openreplay-get.json."""
    return name.rpartition("-")[2]


def routes(name: str) -> set[str]:
    """The route keys of the function that the event `name` is for."""
    logical_id = "".join(word.capitalize() for word in function_of(name).split("_")) + "Function"
    events = load()["Resources"][logical_id]["Properties"].get("Events", {}).values()
    return {
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"
        if "Path" in event["Properties"]
        else "$default"
        for event in events
        if event["Type"] == "HttpApi"
    }


def test_every_function_has_an_event() -> None:
    assert {function_of(name) for name in EVENTS} == {path.parent.name for path in ROOT.glob("functions/*/app.py")}


def test_every_function_with_a_route_has_an_http_event() -> None:
    assert set(HTTP) == {name for name in EVENTS if routes(name)}


@pytest.mark.parametrize("name", HTTP)
def test_an_http_event_agrees_with_its_route_and_with_itself(name: str) -> None:
    event = EVENTS[name]
    context, headers = event["requestContext"], event["headers"]
    assert event["routeKey"] in routes(name)
    method, _, path = event["routeKey"].partition(" ")
    if event["routeKey"] == "$default":
        method, path = context["http"]["method"], event["rawPath"]
    for parameter, value in event.get("pathParameters", {}).items():
        path = path.replace(f"{{{parameter}}}", value).replace(f"{{{parameter}+}}", value)
    assert (event["rawPath"], context["http"]["path"]) == (path, path)
    assert (context["http"]["method"], context["routeKey"]) == (method, event["routeKey"])
    assert dict(parse_qsl(event["rawQueryString"], keep_blank_values=True)) == event.get("queryStringParameters", {})
    body = event.get("body", "")
    body = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    assert headers.get("content-length", "0") == str(len(body))
    assert headers["host"] == context["domainName"]
    given = headers.get("authorization", "")
    if name.startswith("tencent-"):
        assert f"q-ak={seed.SECRET_ID}&" in given
    else:
        bearer = seed.API_KEY if name.startswith("openreplay-") else seed.TOKEN
        assert given == ("" if name == "token" else f"Bearer {bearer}")


def test_the_stream_record_shows_the_seeded_job() -> None:
    (record,) = EVENTS["drive"]["Records"]
    image = job_item(seed.sample_job(seed.QUEUED_JOB))
    assert record["dynamodb"]["NewImage"] == image
    assert record["dynamodb"]["Keys"] == {name: image[name] for name in ("pk", "sk")}


def test_the_records_that_count_is_told_show_a_seeded_job_and_the_end_of_another() -> None:
    new, ended = (record["dynamodb"] for record in EVENTS["count"]["Records"])
    assert new == EVENTS["drive"]["Records"][0]["dynamodb"]
    was = seed.sample_job(seed.COMPLETED_JOB)
    assert ended["OldImage"] == job_item(was)
    end = seed.CREATED_MS + 3000
    assert ended["NewImage"] == job_item(replace(was, status=Status.COMPLETED, finished_at=end, updated_at=end))
    assert all(count_is_told(record) for record in EVENTS["count"]["Records"])


def test_the_ended_execution_is_the_seeded_jobs() -> None:
    detail: dict[str, Any] = EVENTS["settle"]["detail"]
    assert detail["stateMachineArn"] == seed.STATE_MACHINE_ARN
    assert detail["name"] == json.loads(detail["input"])["jobId"] == seed.ENDED_JOB
    assert detail["executionArn"].endswith(f":execution:{seed.STATE_MACHINE}:{seed.ENDED_JOB}")
