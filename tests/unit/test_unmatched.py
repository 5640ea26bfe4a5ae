"""Paths with a slash too many, and whose endpoint they mean."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from jobyard import unmatched
from tests.transformed import functions, of_function, target
from tests.unit.test_template_functions import ROUTES

# In the original of OpenReplay a slash too many is 404.
LIBERAL = ("/webapi/", "/inventorytriggerjob")
DECLARED = {f"{method} {path}": name for (method, path), name in ROUTES.items() if path.startswith(LIBERAL)}
JOB = "68f0c0de00000000000000a5"


class Lambda:
    """Says what it was asked."""

    def __init__(self) -> None:
        self.failing = False
        self.raising: Exception | None = None
        self.asked = 0

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        if self.raising:
            raise self.raising
        if self.failing:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "no memory"}')}
        event = json.loads(Payload)
        told = {"function": FunctionName, "key": event["routeKey"], "path": event["rawPath"]}
        return {"Payload": io.BytesIO(json.dumps(told | event["pathParameters"]).encode())}


@pytest.fixture(autouse=True)
def endpoints(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    served = {name: [key for key in DECLARED if DECLARED[key] == name] for name in DECLARED.values()}
    monkeypatch.setenv("ROUTES", json.dumps(served))
    lambda_ = Lambda()
    monkeypatch.setattr(unmatched, "client", lambda _: lambda_)
    unmatched.routes.cache_clear()
    yield lambda_
    unmatched.routes.cache_clear()


def asked(method: str, path: str) -> dict[str, Any]:
    return unmatched.answer(
        {"routeKey": "$default", "rawPath": path, "requestContext": {"http": {"method": method, "path": path}}}
    )


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/webapi/v3/jobs/", "ListFunction"),
        ("GET", "/webapi//v3/jobs", "ListFunction"),
        ("GET", "//webapi/v3//jobs//", "ListFunction"),
        ("POST", "/webapi/oauth2/token/", "TokenFunction"),
        ("GET", f"/webapi/v3/jobs/{JOB}/", "GetFunction"),
        ("DELETE", f"/webapi/v3/jobs//{JOB}", "CancelFunction"),
        ("GET", f"/webapi/v3/jobs/{JOB}/messages/", "MessagesFunction"),
        ("PUT", f"/inventorytriggerjob//{JOB}", "CancelFunction"),
        ("GET", f"/api-of-ours/webapi/v3/jobs/{JOB}/", "GetFunction"),
    ],
)
def test_the_endpoint_is_asked_with_the_path_as_it_came(method: str, path: str, function: str) -> None:
    answer = asked(method, path)
    assert (answer["function"], answer["path"]) == (function, path)
    assert answer.get("jobId", JOB) == JOB


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/webapi/"),
        ("PUT", "/webapi/v3/jobs/"),
        ("GET", "/webapi/v3/jobs/a/b/"),
        ("GET", "/v3/jobs/"),
        ("GET", "/public/key/jobs/"),
    ],
)
def test_any_other_path_is_not_found(method: str, path: str) -> None:
    assert asked(method, path) == {
        "statusCode": 404,
        "headers": {"Content-Type": "application/json"},
        "body": '{"message":"Not Found"}',
        "isBase64Encoded": False,
    }


def refused(code: str, status: int) -> ClientError:
    said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "Invoke")


@pytest.mark.parametrize(
    "error",
    [
        refused("TooManyRequestsException", 429),
        refused("ServiceException", 500),
        ReadTimeoutError(endpoint_url="https://lambda"),
        ConnectTimeoutError(endpoint_url="https://lambda"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    ("path", "media"), [("/webapi/v3/jobs/", "application/json"), ("/inventorytriggerjob/", "application/xml")]
)
def test_a_lambda_that_does_not_answer_is_a_503_and_is_asked_once(
    endpoints: Lambda, error: Exception, path: str, media: str
) -> None:
    endpoints.raising = error
    answer = asked("GET", path)
    assert (answer["statusCode"], endpoints.asked) == (503, 1)
    assert answer["headers"]["Retry-After"] == "1"
    assert media in answer["headers"]["Content-Type"]


def test_what_does_not_pass_fails_the_function_itself(endpoints: Lambda) -> None:
    endpoints.raising = refused("AccessDeniedException", 403)
    with pytest.raises(ClientError):
        asked("GET", "/webapi/v3/jobs/")


def test_an_endpoint_that_fails_is_no_answer(endpoints: Lambda) -> None:
    endpoints.failing = True
    with pytest.raises(RuntimeError, match="no memory"):
        asked("GET", "/webapi/v3/jobs/")


def test_the_template_tells_it_every_route_and_lets_it_ask_just_these_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROUTES", functions()["UnmatchedFunction"]["Environment"]["Variables"]["ROUTES"]["Fn::Sub"])
    told = [(route.key, route.function) for route in unmatched.routes()]
    assert sorted(told) == [(key, f"${{{name}}}") for key, name in sorted(DECLARED.items())]
    (statement,) = [each for each in of_function("UnmatchedFunction") if "lambda:InvokeFunction" in each["Action"]]
    assert {target(each) for each in statement["Resource"]} == set(DECLARED.values())


def test_the_routes_fit_into_the_environment_whatever_the_names() -> None:
    """Lambda's quota is 4 KB for all variables; a function's name has 64 characters at the most, and the other values,
    of which half are numbers, have as many on average.
    """
    variables = functions()["UnmatchedFunction"]["Environment"]["Variables"]
    routes = re.sub(r"\$\{\w+\}", "f" * 64, variables["ROUTES"]["Fn::Sub"])
    others = sum(len(name) + 64 for name in variables)
    assert len(routes) + others < 4096
