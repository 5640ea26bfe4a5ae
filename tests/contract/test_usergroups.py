"""/webapi/v3/usergroups: groups and their members."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobyard.authorizer import Role
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.in_turn import in_turn

GROUPS = "/webapi/v3/usergroups"
NOBODY = "0" * 24


def made(curator: Client, name: str = "Analysts") -> str:
    answer = call("POST", GROUPS, curator.token, body={"name": name, "role": "Viewer"})
    assert answer.status == 201, answer.text
    return str(answer.json)


def add(curator: Client, group: str, body: Any) -> Answer:
    return call("POST", f"{GROUPS}/{group}/users", curator.token, body=body)


def members(curator: Client, group: str) -> list[str]:
    return [each["userId"] for each in call("GET", f"{GROUPS}/{group}", curator.token).json["members"]]


def test_a_new_group_is_empty_and_listed(curator: Client) -> None:
    group = made(curator)
    view = call("GET", f"{GROUPS}/{group}", curator.token).json
    assert (view["id"], view["name"], view["role"], view["members"]) == (group, "Analysts", "Viewer", [])
    assert call("GET", GROUPS, curator.token).json == [{"id": group, "name": "Analysts", "role": "Viewer"}]


def test_a_group_is_renamed(curator: Client) -> None:
    group = made(curator)
    answer = call("PUT", f"{GROUPS}/{group}", curator.token, body={"name": "People", "role": "Artisan"})
    assert (answer.status, answer.json["name"], answer.json["role"]) == (200, "People", "Artisan")
    assert call("GET", f"{GROUPS}/{group}", curator.token).json == answer.json
    answer = call("PUT", f"{GROUPS}/{group}", curator.token, body={"role": "Artisan"})
    assert (answer.status, answer.message) == (400, "name: Field required.")


@pytest.mark.parametrize("form", ["list", "commas", "object", "form"])
def test_users_are_added_however_their_ids_are_written(
    curator: Client, member: Client, other_member: Client, form: str
) -> None:
    group, ids = made(curator), [member.user.id, other_member.user.id]
    if form == "form":
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = call(
            "POST", f"{GROUPS}/{group}/users", curator.token, body=f"userIds={ids[0]}&userIds={ids[1]}", headers=headers
        )
    else:
        answer = add(
            curator, group, {"list": ids, "commas": json.dumps(",".join(ids)), "object": {"userIds": ids}}[form]
        )
    assert answer.json == {
        "successfullyAddedUserCount": 2,
        "totalUsersSubmittedCount": 2,
        "failedUserReasons": {},
    }
    assert members(curator, group) == sorted(ids)


def test_who_cannot_be_added_is_told_and_the_others_are(curator: Client, member: Client, stranger: Client) -> None:
    group = made(curator)
    answer = add(curator, group, [member.user.id, NOBODY, stranger.user.id])
    assert answer.json == {
        "successfullyAddedUserCount": 1,
        "totalUsersSubmittedCount": 3,
        "failedUserReasons": {
            NOBODY: "There is no such user.",
            stranger.user.id: "There is no such user.",
        },
    }
    assert add(curator, group, ["x" * 2000]).json["successfullyAddedUserCount"] == 0
    again = add(curator, group, [member.user.id]).json
    assert again["failedUserReasons"] == {member.user.id: "The user is a member already."}
    assert members(curator, group) == [member.user.id]


@in_turn("body", [[], "", {"users": []}, [1], "[", [NOBODY] * 101])
def test_what_is_no_list_of_ids_is_refused(yard: Yard, curator: Client, body: Any) -> None:
    group = made(curator)
    with yard.unchanged():
        answer = add(curator, group, body)
    assert answer.status == 400
    assert answer.message.startswith("userIds: ")


def test_a_member_is_taken_out_and_one_who_is_none_is_out(curator: Client, member: Client) -> None:
    group = made(curator)
    add(curator, group, [member.user.id])
    for _ in range(2):
        answer = call("DELETE", f"{GROUPS}/{group}/users/{member.user.id}", curator.token)
        assert (answer.status, answer.json["members"]) == (200, [])


def test_a_group_with_members_is_deleted_by_force_only(yard: Yard, curator: Client, member: Client) -> None:
    group = made(curator)
    add(curator, group, [member.user.id])
    with yard.unchanged():
        answer = call("DELETE", f"{GROUPS}/{group}", curator.token)
    assert answer.status == 400
    assert answer.message.startswith("forceDelete: ")
    assert call("DELETE", f"{GROUPS}/{group}", curator.token, "forceDelete=true").status == 200
    assert call("GET", f"{GROUPS}/{group}", curator.token).status == 404
    assert yard.items(f"GROUP#acme#{group}") + yard.items(f"IN#acme#USER#{member.user.id}") == []


def test_a_deleted_group_is_in_no_collection(yard: Yard, curator: Client) -> None:
    group = made(curator)
    collection = call("POST", "/webapi/v3/collections", curator.token, body={"name": "A"}).json
    call("POST", f"/webapi/v3/collections/{collection}/userGroups", curator.token, body={"userGroupId": group})
    assert call("DELETE", f"{GROUPS}/{group}", curator.token).status == 200
    assert call("GET", f"/webapi/v3/collections/{collection}", curator.token).json["userGroupIds"] == []
    assert yard.items("IN#acme#GROUP#") == []


def test_a_group_of_another_tenant_is_none(yard: Yard, curator: Client, stranger: Client, member: Client) -> None:
    group = made(curator)
    assert call("GET", GROUPS, stranger.token).json == []
    with yard.unchanged():
        for method, more, body in (
            ("GET", "", None),
            ("PUT", "", {"name": "a", "role": "Viewer"}),
            ("DELETE", "", None),
            ("POST", "/users", [member.user.id]),
            ("DELETE", f"/users/{member.user.id}", None),
        ):
            answer = call(method, f"{GROUPS}/{group}{more}", stranger.token, body=body)
            assert (answer.status, answer.message) == (404, f"UserGroup {group} not found.")


def test_others_than_administrators_learn_nothing(yard: Yard, curator: Client) -> None:
    group = made(curator)
    other = yard.client(Role.ARTISAN)
    with yard.unchanged():
        for method, path in (
            ("GET", GROUPS),
            ("POST", GROUPS),
            ("GET", f"{GROUPS}/{group}"),
            ("PUT", f"{GROUPS}/{group}"),
            ("DELETE", f"{GROUPS}/{group}"),
            ("POST", f"{GROUPS}/{group}/users"),
            ("DELETE", f"{GROUPS}/{group}/users/{other.user.id}"),
        ):
            assert call(method, path, other.token).status == 401
