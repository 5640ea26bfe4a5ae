"""Who is calling: the same at every endpoint but the token's."""

from __future__ import annotations

import base64
import json
import time

import pytest

from jobyard.authorizer import Role
from jobyard.authorizer.bearer import CACHED_SECONDS
from jobyard.service.manage import manage
from tests.contract.api import Answer, Route, call, routes
from tests.contract.yard import Client, Clock, Yard
from tests.in_turn import in_turn

DENIED = "Authorization has been denied for this request."
ROUTES = [route for route in routes() if route.path.startswith("/webapi/")]
ENDPOINTS = [route for route in ROUTES if route.path != "/webapi/oauth2/token"]
IDS = [f"{route.method} {route.path}" for route in ENDPOINTS]
LIST = "/webapi/v3/jobs"


def at(route: Route, token: str | None = None, **headers: str) -> Answer:
    return call(route.method, route.path.replace("{", "").replace("}", ""), token, headers=headers)


def assert_denied(answer: Answer) -> None:
    assert (answer.status, answer.message) == (401, DENIED)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def unsigned(claims: dict[str, object]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_the_template_has_the_vendors_endpoints_and_ours_and_no_other() -> None:
    beyond_jobs = ("/webapi/v3/users", "/webapi/v3/usergroups", "/webapi/v3/collections", "/webapi/v3/audit")
    assert {(route.method, route.path) for route in ROUTES if not route.path.startswith(beyond_jobs)} == {
        ("POST", "/webapi/oauth2/token"),
        ("GET", "/webapi/v3/jobs"),
        ("GET", "/webapi/v3/jobs/{jobId}"),
        ("GET", "/webapi/v3/jobs/{jobId}/messages"),
        ("DELETE", "/webapi/v3/jobs/{jobId}"),
        ("GET", "/webapi/v3/workflows/{workflowId}/jobs"),
        ("POST", "/webapi/v3/workflows/{workflowId}/jobs"),
        ("GET", "/webapi/v1/jobs/{jobId}/output/{outputId}"),
        ("GET", "/webapi/v3/jobs/{jobId}/output/{outputId}"),
        ("PATCH", "/webapi/v3/jobs/{jobId}"),
        ("GET", "/webapi/v3/queues"),
        ("GET", "/webapi/v3/queues/{tag}"),
        ("PUT", "/webapi/v3/queues/{tag}"),
        ("PATCH", "/webapi/v3/queues/{tag}"),
        ("GET", "/webapi/v3/schedules"),
        ("POST", "/webapi/v3/schedules"),
        ("GET", "/webapi/v3/schedules/{scheduleId}"),
        ("PUT", "/webapi/v3/schedules/{scheduleId}"),
        ("PATCH", "/webapi/v3/schedules/{scheduleId}"),
        ("DELETE", "/webapi/v3/schedules/{scheduleId}"),
        ("POST", "/webapi/v3/schedules/{scheduleId}/run"),
    }


@in_turn("route", ENDPOINTS)
def test_no_endpoint_answers_without_a_good_token(yard: Yard, route: Route) -> None:
    with yard.unchanged():
        assert_denied(at(route))
        assert_denied(at(route, "unknown"))
        assert_denied(at(route, unsigned({"sub": "a", "jobyard_tenant": "acme", "jobyard_role": "Curator"})))


@in_turn(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "{token}",
        "Basic {token}",
        "Token {token}",
        "Bearer {token}x",
        "Bearer {token} x",
        "Bearer  x{token}",
        "Bearer {token},{token}",
        "Bearer ..",
        "Bearer a.b.c",
        "Bearer é",
        "Bearer \ud800",
        "Bearer \udc80\x00",
        "Bearer %00",
        "Bearer " + "x" * 8193,
        "Bearer " + "x" * 100_000,
        "Bearer " + "\n".join("ab"),
    ],
)
def test_what_is_no_bearer_token(yard: Yard, curator: Client, authorization: str) -> None:
    given = authorization.replace("{token}", curator.token)
    with yard.unchanged():
        assert_denied(call("GET", LIST, headers={"authorization": given}))


@in_turn("form", ["Bearer {}", "bearer {}", "BEARER {}", "bEaReR   {}", " Bearer {} "])
def test_the_scheme_in_any_letter_case(curator: Client, form: str) -> None:
    assert call("GET", LIST, headers={"Authorization": form.format(curator.token)}).status == 200


def test_a_token_is_compared_in_its_exact_letter_case(curator: Client) -> None:
    assert_denied(call("GET", LIST, curator.token.swapcase()))


def test_the_hash_of_a_token_is_no_token(yard: Yard, curator: Client) -> None:
    (credential,) = yard.items("CREDENTIAL#")
    assert_denied(call("GET", LIST, credential["pk"]["S"].removeprefix("CREDENTIAL#")))


def test_a_clients_secret_is_no_token(curator: Client) -> None:
    assert_denied(call("GET", LIST, curator.secret))


def test_an_expired_token_is_refused_whether_or_not_it_is_remembered(yard: Yard, curator: Client, clock: Clock) -> None:
    soon = yard.token_until(curator, int(time.time()) + 10)
    late = yard.token_until(curator, int(time.time()) - 1)
    assert call("GET", LIST, soon).status == 200
    assert_denied(call("GET", LIST, late))
    clock.advance(10)
    assert_denied(call("GET", LIST, soon))


def test_a_revoked_token_is_refused_when_its_remembered_time_is_over(curator: Client, clock: Clock) -> None:
    assert call("GET", LIST, curator.token).status == 200
    manage({"action": "clients.revoke", "tenant": "acme", "clientId": curator.id})
    clock.advance(CACHED_SECONDS)
    assert_denied(call("GET", LIST, curator.token))


def test_a_revoked_token_that_is_not_remembered_is_refused_at_once(curator: Client) -> None:
    manage({"action": "clients.revoke", "tenant": "acme", "clientId": curator.id})
    assert_denied(call("GET", LIST, curator.token))


def test_an_unknown_token_is_not_remembered_as_such(
    yard: Yard, curator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_come = "t" * 43
    monkeypatch.setattr("jobyard.service.tokens.new_token", lambda tenant, user: f"{to_come}~{tenant}~{user}")
    user = curator.user
    token = f"{to_come}~acme~{user.id}"
    assert_denied(call("GET", LIST, token))
    yard.client(user=user)
    assert call("GET", LIST, token).status == 200


@pytest.mark.parametrize("path", [LIST, "/webapi/v3/jobs/jobId/messages"])
@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CURATOR])
def test_an_endpoint_for_administrators_refuses_others_in_the_same_words(yard: Yard, path: str, role: Role) -> None:
    other = yard.client(role)
    assert_denied(call("GET", path, other.token))
    assert_denied(call("GET", path, other.token, "sortField=nonsense&after=nonsense"))
