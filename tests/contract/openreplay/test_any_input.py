"""No input makes a 5xx, whatever is sent where."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.api import Answer, NoRoute, call, routes
from tests.contract.openreplay.organisation import Organisation

AWKWARD = [
    "",
    " ",
    "%00",
    "%0D%0A",
    "%",
    "%zz",
    "%FF",
    "%C0%80",
    "%ED%A0%80",
    "%F0%9F%92%A9",
    "%D9%A1",
    "..",
    "%2E%2E%2F",
    "{jobId}",
    "$default",
    "null",
    "NaN",
    "1e400",
    "-1",
    "9" * 400,
    "x" * 4000,
    quote("'\"<>&;--"),
    "\ud800",
]
ENDPOINTS = [("GET", "/jobs"), ("GET", "/jobs/1"), ("DELETE", "/jobs/1"), ("DELETE", "/users/shekar")]


def assert_an_answer(answer: Answer) -> None:
    assert answer.status < 500, answer.text
    answer.text.encode()
    if answer.status == 401:
        assert (answer.headers, answer.text) == ({}, "")
    elif answer.headers["Content-Type"] == "application/json":
        assert list(answer.json) == ["data" if answer.status == 200 else "error"]
    else:
        assert answer == (404, {"Content-Type": "text/plain; charset=utf-8"}, "404 page not found\n")


@pytest.mark.parametrize("awkward", AWKWARD)
def test_in_the_path(acme: Organisation, awkward: str) -> None:
    for method, path in ENDPOINTS:
        segments = ["public", acme.project.key, *path.strip("/").split("/")]
        for place in (1, len(segments) - 1):
            changed = [*segments[:place], awkward, *segments[place + 1 :]]
            try:
                assert_an_answer(call(method, "/" + "/".join(changed), acme.api_key))
            except NoRoute:
                assert awkward == "" or place == len(segments) - 1


@pytest.mark.parametrize("awkward", AWKWARD)
def test_in_the_query(acme: Organisation, awkward: str) -> None:
    for method, path in ENDPOINTS:
        for query in (awkward, f"limit={awkward}&page={awkward}", f"{awkward}=1", "limit=1&" * 2000):
            assert_an_answer(acme.call(method, path, query))


@pytest.mark.parametrize("awkward", AWKWARD)
def test_in_the_headers(acme: Organisation, awkward: str) -> None:
    for method, path in ENDPOINTS:
        for name in ("authorization", "idempotency-key", "host", "content-type", "x-forwarded-proto"):
            assert_an_answer(acme.call(method, path, headers={name: awkward}))
        assert_an_answer(acme.call(method, path, headers={"authorization": f"Bearer {awkward}"}))


@pytest.mark.parametrize("event", [{"body": "{}"}, {"body": "not base64", "isBase64Encoded": True}])
def test_in_the_body(acme: Organisation, event: dict[str, Any]) -> None:
    for method, path in ENDPOINTS:
        assert_an_answer(acme.call(method, path, **event))


def test_events_without_what_may_be_absent(acme: Organisation) -> None:
    for method, path in ENDPOINTS:
        assert_an_answer(acme.call(method, path, pathParameters=None))
        assert_an_answer(acme.call(method, path, pathParameters={"projectKey": acme.project.key}))


def test_other_methods_and_paths_are_the_gateways_to_refuse(acme: Organisation) -> None:
    known = [route for route in routes() if route.path.startswith("/public/")]
    assert sorted((route.method, route.path) for route in known) == [
        ("DELETE", "/public/{projectKey}/jobs/{jobId}"),
        ("DELETE", "/public/{projectKey}/users/{userId}"),
        ("GET", "/public/{projectKey}/jobs"),
        ("GET", "/public/{projectKey}/jobs/{jobId}"),
    ]
    for method, path in [
        ("POST", "/jobs"),
        ("PUT", "/jobs/1"),
        ("GET", "/users/shekar"),
        ("GET", ""),
        ("HEAD", "/jobs"),
    ]:
        with pytest.raises(NoRoute):
            acme.call(method, path)
