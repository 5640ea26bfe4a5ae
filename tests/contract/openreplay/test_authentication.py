"""Who is refused gets 401 and not one byte: no body, and no content type."""

from __future__ import annotations

import pytest

from jobyard.authorizer import Role
from jobyard.authorizer.bearer import CACHED_SECONDS, forget
from tests.contract.api import Answer, call
from tests.contract.openreplay.organisation import Organisation, managed
from tests.contract.yard import Clock, Yard
from tests.in_turn import in_turn

NOTHING = Answer(401, {}, "")
ENDPOINTS = [("GET", "/jobs"), ("GET", "/jobs/1"), ("DELETE", "/jobs/1"), ("DELETE", "/users/shekar")]


def everywhere(acme: Organisation, project_key: str, headers: dict[str, str]) -> list[Answer]:
    with acme.yard.unchanged():
        return [call(method, f"/public/{project_key}{path}", headers=headers) for method, path in ENDPOINTS]


def test_no_key(acme: Organisation) -> None:
    assert everywhere(acme, acme.project.key, {}) == [NOTHING] * 4


@in_turn(
    "header",
    [
        "{}",
        "bearer {}",
        "BEARER {}",
        "Bearer",
        "Bearer ",
        "Bearer  {}",
        "Bearer\t{}",
        "Basic {}",
        "Token {}",
        "Bearer Bearer {}",
        "Bearer {0},Bearer {0}",
        "Bearer {}x",
        "Bearer x",
        "Bearer ٣sWXSsqHgSKnE87YkNJK",
        "Bearer \ud800",
        "Bearer " + "x" * 9000,
        "Bearer a.b.c",
        "",
    ],
)
def test_a_header_that_is_not_bearer_and_a_known_key(acme: Organisation, header: str) -> None:
    refused = everywhere(acme, acme.project.key, {"authorization": header.format(acme.api_key)})
    assert refused == [NOTHING] * 4


@in_turn(
    "key",
    ["3sWXSsqHgSKnE87YkNJK", "x", "1", "%00", "x" * 3000, "%D9%A3sWXSsqHgSKnE87YkNJK", "a%2Fb", "..", "%F0%9F%92%A9"],
)
def test_an_unknown_project(acme: Organisation, key: str) -> None:
    assert everywhere(acme, key, {"authorization": f"Bearer {acme.api_key}"}) == [NOTHING] * 4


def test_another_organisations_project(acme: Organisation, globex: Organisation) -> None:
    assert everywhere(acme, globex.project.key, {"authorization": f"Bearer {acme.api_key}"}) == [NOTHING] * 4


def test_a_projects_key_in_other_letter_cases_is_another_key(acme: Organisation) -> None:
    assert everywhere(acme, acme.project.key.swapcase(), {"authorization": f"Bearer {acme.api_key}"}) == [NOTHING] * 4


def test_it_comes_before_what_is_wrong_with_the_request(acme: Organisation) -> None:
    for method, path in [("GET", "/jobs/abc"), ("DELETE", "/jobs/abc"), ("DELETE", f"/users/{'x' * 300}")]:
        assert call(method, f"/public/{acme.project.key}{path}", "wrong") == NOTHING


def test_one_key_is_good_for_all_projects_of_its_organisation(acme: Organisation) -> None:
    for project in (acme.project, acme.another_project("iOS")):
        assert acme.list(project=project) == []


def test_two_keys_of_an_organisation_are_both_good(acme: Organisation) -> None:
    second = managed("keys.create", "acme", name="Support desk")["apiKey"]
    assert acme.list() == []
    assert call("GET", f"/public/{acme.project.key}/jobs", second).status == 200


def test_a_revoked_key_is_refused_once_what_is_remembered_is_forgotten(acme: Organisation, clock: Clock) -> None:
    assert acme.list() == []
    managed("keys.revoke", "acme", keyId=acme.key_id)
    clock.advance(CACHED_SECONDS)
    assert acme.call("GET", "/jobs") == NOTHING


def test_a_revoked_key_is_refused_by_a_new_process_at_once(acme: Organisation) -> None:
    managed("keys.revoke", "acme", keyId=acme.key_id)
    forget()
    assert acme.call("GET", "/jobs") == NOTHING


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CURATOR])
def test_an_access_token_that_may_not_do_all_that_a_key_may(acme: Organisation, yard: Yard, role: Role) -> None:
    token = yard.client(role).token
    assert everywhere(acme, acme.project.key, {"authorization": f"Bearer {token}"}) == [NOTHING] * 4


def test_an_administrators_access_token_is_as_good_as_a_key(acme: Organisation, yard: Yard) -> None:
    assert call("GET", f"/public/{acme.project.key}/jobs", yard.client(Role.CURATOR).token).status == 200


def test_the_table_holds_no_key(acme: Organisation) -> None:
    assert acme.api_key not in str(acme.yard.items())


def test_keys_are_of_digits_and_letters(acme: Organisation) -> None:
    assert len(acme.api_key) >= 20
    assert acme.api_key.isascii()
    assert acme.api_key.isalnum()
    assert len(acme.project.key) == 20
    assert acme.project.key.isascii()
    assert acme.project.key.isalnum()
