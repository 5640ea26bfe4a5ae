"""POST /webapi/oauth2/token: the forms that the vendor's clients send, and RFC 6749's errors."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import pytest

from jobyard.service.manage import manage
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Clock, Yard
from tests.in_turn import in_turn

TOKEN = "/webapi/oauth2/token"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def basic(id: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{id}:{secret}'.encode()).decode()}"}


def ask(body: str | bytes, headers: dict[str, str] | None = None) -> Answer:
    return call("POST", TOKEN, body=body, headers=FORM | (headers or {}))


def form(client_id: str = "", client_secret: str = "") -> str:
    credentials = {"client_id": client_id, "client_secret": client_secret} if client_id else {}
    return urlencode({"grant_type": "client_credentials"} | credentials)


def assert_granted(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    assert answer.headers == {
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
    }
    granted: dict[str, Any] = answer.json
    assert set(granted) == {"access_token", "token_type", "expires_in"}
    assert granted["token_type"].lower() == "bearer"
    assert granted["expires_in"] == 3600
    token = str(granted["access_token"])
    assert call("GET", "/webapi/v3/jobs", token).status == 200
    return token


def assert_refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.json["error"]) == (status, error)
    assert set(answer.json) == {"error", "error_description"}
    assert answer.json["error_description"].isascii(), "RFC 6749 allows no more"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_client_and_secret_in_a_form(curator: Client) -> None:
    assert_granted(ask(form(curator.id, curator.secret)))


def test_client_and_secret_by_http_basic(curator: Client) -> None:
    assert_granted(ask(form(), headers=basic(curator.id, curator.secret)))


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic  "])
def test_the_scheme_basic_in_any_letter_case(curator: Client, scheme: str) -> None:
    encoded = basic(curator.id, curator.secret)["authorization"].removeprefix("Basic")
    assert_granted(ask(form(), headers={"authorization": scheme + encoded}))


@pytest.mark.parametrize("more", ["scope=admin", "scope=user", "resource=", "resource=a&resource=b", "x=%FF&y"])
def test_other_fields_are_ignored(curator: Client, more: str) -> None:
    assert_granted(ask(f"{form(curator.id, curator.secret)}&{more}"))


def test_a_form_in_base64_as_the_gateway_sends_unknown_content_types(curator: Client) -> None:
    assert_granted(ask(form(curator.id, curator.secret).encode()))


def test_every_call_gives_another_token_and_both_are_good(curator: Client) -> None:
    one, other = (assert_granted(ask(form(curator.id, curator.secret))) for _ in range(2))
    assert one != other


def test_a_token_lives_longer_than_the_five_minutes_in_which_clients_renew_it(curator: Client, clock: Clock) -> None:
    token = assert_granted(ask(form(curator.id, curator.secret)))
    clock.advance(3590)
    assert call("GET", "/webapi/v3/jobs", token).status == 200
    clock.advance(10)
    assert call("GET", "/webapi/v3/jobs", token).status == 401


@in_turn(
    ("body", "status", "error"),
    [
        ("", 400, "invalid_request"),
        ("grant_type=", 400, "invalid_request"),
        ("{}", 400, "invalid_request"),
        ('{"grant_type":"client_credentials"}', 400, "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        ("grant_type=password&username=a&password=b", 400, "unsupported_grant_type"),
        ("grant_type=%00", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=a", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=&client_secret=", 401, "invalid_client"),
        (f"grant_type=client_credentials&client_id={'a' * 24}&client_secret=x", 401, "invalid_client"),
        (f"grant_type=client_credentials&client_id={'a' * 5000}&client_secret=x", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=%00&client_secret=%00", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=%FF%FE&client_secret=%D9%A1", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=\ud800&client_secret=\udfff", 401, "invalid_client"),
        (b"grant_type=client_credentials&client_id=\xff&client_secret=\x00", 401, "invalid_client"),
        ("&" * 100_000, 400, "invalid_request"),
        ("x" * 1_000_000, 400, "invalid_request"),
    ],
)
def test_what_is_no_request_for_a_token(yard: Yard, body: str | bytes, status: int, error: str) -> None:
    with yard.unchanged():
        assert_refused(call("POST", TOKEN, body=body, headers=FORM), status, error)


@in_turn(
    "authorization",
    ["Basic", "Basic ", "Basic !", "Basic YQ", "Basic YQ==", "Basic /w==", "Basic é", "Basic \ud800", "Basic Og=="],
)
def test_what_is_no_http_basic(yard: Yard, authorization: str) -> None:
    with yard.unchanged():
        refused = ask(form(), headers={"authorization": authorization})
        assert_refused(refused, 401, "invalid_client")


def test_a_wrong_secret_and_an_unknown_client_are_refused_in_the_same_words(curator: Client) -> None:
    wrong = ask(form(curator.id, "x"))
    unknown = ask(form("f" * 24, curator.secret))
    assert_refused(wrong, 401, "invalid_client")
    assert wrong == unknown


def test_a_revoked_client_gets_no_token(yard: Yard, curator: Client) -> None:
    assert manage({"action": "clients.revoke", "tenant": "acme", "clientId": curator.id})["ok"]
    with yard.unchanged():
        assert_refused(ask(form(curator.id, curator.secret)), 401, "invalid_client")
