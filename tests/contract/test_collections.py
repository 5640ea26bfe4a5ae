"""/webapi/v3/collections: what is in a collection, and whom it is shared with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobyard.authorizer import Role
from jobyard.model import Workflow
from jobyard.store.collections import AT_ONCE
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.in_turn import in_turn

COLLECTIONS = "/webapi/v3/collections"
NOBODY, SCHEDULE = "0" * 24, "5" * 24
NOTHING = dict.fromkeys(
    ("isAdmin", "canAddAssets", "canRemoveAssets", "canUpdateAssets", "canAddUsers", "canRemoveUsers"), False
)


@pytest.fixture
def collection(curator: Client) -> str:
    answer = call("POST", COLLECTIONS, curator.token, body={"name": "Accounting"})
    assert answer.status == 200, answer.text
    return str(answer.json)


def get(curator: Client, collection: str) -> Answer:
    return call("GET", f"{COLLECTIONS}/{collection}", curator.token)


def test_a_new_collection_is_its_makers_and_empty(curator: Client, collection: str) -> None:
    view = get(curator, collection).json
    assert (view["id"], view["name"], view["ownerId"]) == (collection, "Accounting", curator.user.id)
    for empty in ("workflowIds", "users", "subscriptionIds", "userGroupIds", "scheduleIds"):
        assert view[empty] == []
    (listed,) = call("GET", COLLECTIONS, curator.token).json
    assert listed == {name: view[name] for name in ("id", "name", "ownerId", "dateAdded")}
    assert call("GET", COLLECTIONS, curator.token, "view=Full").json == [view]


def test_whoever_may_not_create_collections_creates_none(yard: Yard, curator: Client) -> None:
    user = call("GET", f"/webapi/v3/users/{curator.user.id}", curator.token).json
    body = user | {"canCreateCollections": False}
    assert call("PUT", f"/webapi/v3/users/{curator.user.id}", curator.token, body=body).status == 200
    with yard.unchanged():
        assert call("POST", COLLECTIONS, curator.token, body={"name": "A"}).status == 401


def test_name_and_owner_are_changed(curator: Client, member: Client, collection: str) -> None:
    body = {"name": "Books", "ownerId": member.user.id}
    answer = call("PUT", f"{COLLECTIONS}/{collection}", curator.token, body=body)
    assert (answer.json["name"], answer.json["ownerId"]) == ("Books", member.user.id)
    assert get(curator, collection).json == answer.json
    answer = call("PUT", f"{COLLECTIONS}/{collection}", curator.token, body=body | {"ownerId": NOBODY})
    assert (answer.status, answer.message) == (400, f"ownerId: there is no user {NOBODY}.")


def test_each_kind_of_thing_is_put_in_and_taken_out(
    yard: Yard, curator: Client, member: Client, workflow: Workflow, collection: str
) -> None:
    yard.schedule(SCHEDULE, member.user.id)
    group = call("POST", "/webapi/v3/usergroups", curator.token, body={"name": "G", "role": "Viewer"}).json
    things = {
        "users": ("userId", member.user.id),
        "userGroups": ("userGroupId", group),
        "workflows": ("workflowId", workflow.id),
        "schedules": ("scheduleId", SCHEDULE),
    }
    place = f"{COLLECTIONS}/{collection}"
    for what, (field, id) in things.items():
        answer = call("POST", f"{place}/{what}", curator.token, body={field: id})
        assert (answer.status, answer.json) == (200, get(curator, collection).json)
    view = get(curator, collection).json
    assert view["users"] == [{"userId": member.user.id, "expirationDate": None, "collectionsPermissions": NOTHING}]
    assert (view["userGroupIds"], view["workflowIds"], view["scheduleIds"]) == ([group], [workflow.id], [SCHEDULE])
    for what, (_, id) in things.items():
        answer = call("DELETE", f"{place}/{what}/{id}", curator.token)
        assert (answer.status, answer.json) == (200, get(curator, collection).json)
        assert call("DELETE", f"{place}/{what}/{id}", curator.token).status == 404
    assert yard.items(f"COLLECTION#acme#{collection}") == []
    assert [each["sk"]["S"].partition("#")[0] for each in yard.items("IN#")] == ["OWNED"]


@pytest.mark.parametrize("change", ["put", "take", "rename", "permit", "the same", "delete"])
def test_what_was_deleted_is_not_shown_and_leaves_with_the_next_change(
    yard: Yard, curator: Client, member: Client, workflow: Workflow, collection: str, change: str
) -> None:
    place = f"{COLLECTIONS}/{collection}"
    yard.schedule(SCHEDULE, member.user.id)
    for what, body in (
        ("schedules", {"scheduleId": SCHEDULE}),
        ("workflows", {"workflowId": workflow.id}),
        ("users", {"userId": member.user.id}),
    ):
        call("POST", f"{place}/{what}", curator.token, body=body)
    yard.no_schedule(SCHEDULE)
    view = get(curator, collection).json
    assert (view["scheduleIds"], view["workflowIds"]) == ([], [workflow.id])
    assert call("GET", COLLECTIONS, curator.token, "view=Full").json == [view]
    assert yard.items(f"IN#acme#SCHEDULE#{SCHEDULE}")
    assert call("DELETE", f"{place}/schedules/{SCHEDULE}", curator.token).status == 404
    changes: dict[str, tuple[str, str, Any, int]] = {
        "put": ("POST", "/users", {"userId": curator.user.id}, 200),
        "take": ("DELETE", f"/workflows/{workflow.id}", None, 200),
        "rename": ("PUT", "", {"name": "B", "ownerId": curator.user.id}, 200),
        "permit": ("PUT", f"/users/{member.user.id}/permissions", {"collectionsPermissions": {}}, 200),
        "the same": ("POST", "/schedules", {"scheduleId": SCHEDULE}, 400),
        "delete": ("DELETE", "?forceDelete=true", None, 200),
    }
    method, path, sent, status = changes[change]
    path, _, query = path.partition("?")
    assert call(method, place + path, curator.token, query, sent).status == status
    assert bool(yard.items(f"IN#acme#SCHEDULE#{SCHEDULE}")) is (change == "the same")


def test_a_collection_of_nothing_but_what_was_deleted_is_empty_however_much_that_is(
    yard: Yard, curator: Client, collection: str
) -> None:
    schedules = [f"{number:024x}" for number in range(2 * AT_ONCE + 5)]
    for each in schedules:
        yard.schedule(each, curator.user.id)
        call("POST", f"{COLLECTIONS}/{collection}/schedules", curator.token, body={"scheduleId": each})
    for each in schedules:
        yard.no_schedule(each)
    assert call("DELETE", f"{COLLECTIONS}/{collection}", curator.token).status == 200
    assert yard.items("COLLECTION#") + yard.items("IN#") == []


@pytest.mark.parametrize("what", ["user", "userGroup", "workflow", "schedule"])
def test_what_there_is_not_or_is_anothers_is_not_put_in(
    yard: Yard, curator: Client, stranger: Client, collection: str, what: str
) -> None:
    anothers = yard.workflow(tenant="globex").id
    with yard.unchanged():
        for id in (NOBODY, stranger.user.id, anothers):
            answer = call("POST", f"{COLLECTIONS}/{collection}/{what}s", curator.token, body={f"{what}Id": id})
            assert (answer.status, answer.message) == (400, f"{what}Id: there is no {what} {id}.")


@pytest.mark.parametrize("form", ["json", "dots", "brackets"])
def test_permissions_and_the_end_are_kept_and_changed(
    curator: Client, member: Client, collection: str, form: str
) -> None:
    place, id = f"{COLLECTIONS}/{collection}/users", member.user.id
    if form == "json":
        body: Any = {
            "userId": id,
            "expirationDate": "2100-01-01T02:00:00+02:00",
            "collectionsPermissions": {"canAddAssets": True},
        }
        answer = call("POST", place, curator.token, body=body)
    else:
        name = {"dots": "collectionsPermissions.canAddAssets", "brackets": "collectionsPermissions[canAddAssets]"}[form]
        headers = {"content-type": "application/x-www-form-urlencoded"}
        text = f"userId={id}&expirationDate=2100-01-01&{name}=true"
        answer = call("POST", place, curator.token, body=text, headers=headers)
    (share,) = answer.json["users"]
    assert share["expirationDate"] == "2100-01-01T00:00:00.000Z"
    assert share["collectionsPermissions"] == NOTHING | {"canAddAssets": True}
    answer = call("PUT", f"{place}/{id}/permissions", curator.token, body={"collectionsPermissions": {"isAdmin": True}})
    (share,) = answer.json["users"]
    assert (share["expirationDate"], share["collectionsPermissions"]) == (None, NOTHING | {"isAdmin": True})
    assert get(curator, collection).json == answer.json


def test_permissions_of_whom_it_is_not_shared_with_are_not_found(
    yard: Yard, curator: Client, member: Client, collection: str
) -> None:
    place = f"{COLLECTIONS}/{collection}"
    with yard.unchanged():
        for what, kind in (("users", "User"), ("userGroups", "UserGroup")):
            answer = call("PUT", f"{place}/{what}/{member.user.id}/permissions", curator.token, body={})
            assert (answer.status, answer.message) == (404, f"{kind} {member.user.id} not found.")


@in_turn(
    ("more", "body", "field"),
    [
        ("", {"name": ""}, "name"),
        ("", {"name": "x" * 256}, "name"),
        ("", "[]", ""),
        ("/{id}/users", {"userId": "x"}, "userId"),
        ("/{id}/users", {"userId": NOBODY, "expirationDate": "soon"}, "expirationDate"),
        (
            "/{id}/users",
            {"userId": NOBODY, "collectionsPermissions": {"isAdmin": "x"}},
            "collectionsPermissions.isAdmin",
        ),
        ("/{id}/users", {"userId": NOBODY, "expirationDate": "0001-01-01T00:00:00+14:00"}, "expirationDate"),
        ("/{id}/users", {"userId": NOBODY, "expirationDate": "9999-12-31T23:59:59-14:00"}, "expirationDate"),
        ("/{id}/workflows", {}, "workflowId"),
        ("/{id}/schedules", {"scheduleId": 5}, "scheduleId"),
        ("/{id}/userGroups", {"userGroupId": None}, "userGroupId"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(
    yard: Yard, curator: Client, collection: str, more: str, body: Any, field: str
) -> None:
    with yard.unchanged():
        answer = call("POST", f"{COLLECTIONS}{more.format(id=collection)}", curator.token, body=body)
    assert answer.status == 400
    assert answer.message.startswith(field)


def test_a_collection_with_something_in_it_is_deleted_by_force_only(
    yard: Yard, curator: Client, workflow: Workflow, collection: str
) -> None:
    place = f"{COLLECTIONS}/{collection}"
    call("POST", f"{place}/workflows", curator.token, body={"workflowId": workflow.id})
    with yard.unchanged():
        assert call("DELETE", place, curator.token).message.startswith("forceDelete: ")
    assert call("DELETE", place, curator.token, "forceDelete=true").status == 200
    assert get(curator, collection).status == 404
    assert yard.items("COLLECTION#") + yard.items("IN#") == []


def test_a_collection_of_more_than_one_transaction_is_deleted_whole(
    yard: Yard, curator: Client, collection: str
) -> None:
    for _ in range(AT_ONCE + 3):
        body = {"workflowId": yard.workflow().id}
        assert call("POST", f"{COLLECTIONS}/{collection}/workflows", curator.token, body=body).status == 200
    assert call("DELETE", f"{COLLECTIONS}/{collection}", curator.token, "forceDelete=true").status == 200
    assert yard.items("COLLECTION#") + yard.items("IN#") == []


def test_changes_at_once_are_all_done(yard: Yard, curator: Client, collection: str) -> None:
    ids = [yard.workflow().id for _ in range(6)]

    def add(id: str) -> int:
        return call("POST", f"{COLLECTIONS}/{collection}/workflows", curator.token, body={"workflowId": id}).status

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(add, ids)) == {200}
    assert get(curator, collection).json["workflowIds"] == sorted(ids)


def test_a_collection_of_another_tenant_is_none(
    yard: Yard, stranger: Client, curator: Client, member: Client, collection: str
) -> None:
    assert call("GET", COLLECTIONS, stranger.token).json == []
    place = f"{COLLECTIONS}/{collection}"
    with yard.unchanged():
        for method, path, body in (
            ("GET", place, None),
            ("PUT", place, {"name": "a", "ownerId": stranger.user.id}),
            ("DELETE", place, None),
            ("POST", f"{place}/users", {"userId": stranger.user.id}),
            ("PUT", f"{place}/users/{stranger.user.id}/permissions", {}),
            ("DELETE", f"{place}/users/{stranger.user.id}", None),
        ):
            answer = call(method, path, stranger.token, body=body)
            assert (answer.status, answer.message) == (404, f"Collection {collection} not found.")


def test_others_than_administrators_learn_nothing(yard: Yard, curator: Client, collection: str) -> None:
    other = yard.client(Role.ARTISAN)
    place = f"{COLLECTIONS}/{collection}"
    with yard.unchanged():
        for method, path in (
            ("GET", COLLECTIONS),
            ("POST", COLLECTIONS),
            ("GET", place),
            ("PUT", place),
            ("DELETE", place),
            ("POST", f"{place}/users"),
            ("DELETE", f"{place}/users/{other.user.id}"),
            ("PUT", f"{place}/users/{other.user.id}/permissions"),
            ("POST", f"{place}/schedules"),
        ):
            assert call(method, path, other.token).status == 401
