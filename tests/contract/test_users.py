"""/webapi/v3/users: the vendor's views, what a change does to the user's tokens, and when a user can be deleted."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.authorizer import Caller, Right, Role, bearer
from jobyard.errors import Unauthenticated
from jobyard.service import tokens
from jobyard.service.manage import manage
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Clock, Yard
from tests.in_turn import in_turn

USERS = "/webapi/v3/users"
JANE: dict[str, Any] = {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com"}
REDUCED = ["id", "firstName", "lastName", "email", "isActive", "role", "dateCreated"]
OTHERS = [role for role in Role if role is not Role.CURATOR]


def made(curator: Client, **values: Any) -> Any:
    answer = call("POST", USERS, curator.token, body=JANE | values)
    assert answer.status == 201, answer.text
    return answer.json


def whole(user: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The body that leaves a user as it is, but for ``values``."""
    return {name: value for name, value in user.items() if name not in ("id", "dateCreated")} | values


def change(curator: Client, user: dict[str, Any], **values: Any) -> Answer:
    return call("PUT", f"{USERS}/{user['id']}", curator.token, body=whole(user, **values))


def get(curator: Client, id: str) -> Answer:
    return call("GET", f"{USERS}/{id}", curator.token)


def caller_of(client: Client) -> Caller:
    """As a process takes the client's token that has heard of nothing before."""
    bearer.forget()
    return bearer.authenticate(f"Bearer {client.token}")


def test_a_new_user_has_the_vendors_defaults(curator: Client) -> None:
    user = made(curator)
    assert user["role"] == "Evaluated"
    assert [user[name] for name in ("canScheduleJobs", "canPrioritizeJobs", "canAssignJobs")] == [False] * 3
    assert [user[name] for name in ("canCreateCollections", "isApiEnabled")] == [False] * 2
    assert (user["isActive"], user["defaultWorkerTag"]) == (True, "")
    assert get(curator, user["id"]).json == user


def test_what_was_given_is_what_the_user_has(curator: Client) -> None:
    given = {"role": "artisan", "defaultWorkerTag": "gpu", "canScheduleJobs": True, "isActive": False}
    user = made(curator, **given)
    assert {name: user[name] for name in given} == given | {"role": "Artisan"}


def test_a_user_may_come_as_a_form(curator: Client) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = "firstName=Jane&lastName=Doe&email=jane%40example.com&canScheduleJobs=true"
    answer = call("POST", USERS, curator.token, body=body, headers=headers)
    assert (answer.status, answer.json["email"], answer.json["canScheduleJobs"]) == (201, "jane@example.com", True)


@in_turn(
    ("values", "field"),
    [
        ({"firstName": ""}, "firstName"),
        ({"lastName": "x" * 256}, "lastName"),
        ({"email": "nobody"}, "email"),
        ({"email": None}, "email"),
        ({"role": "Evaluator"}, "role"),
        ({"canScheduleJobs": "perhaps"}, "canScheduleJobs"),
        ({"defaultWorkerTag": "x" * 129}, "defaultWorkerTag"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_written(yard: Yard, curator: Client, values: Any, field: str) -> None:
    with yard.unchanged():
        answer = call("POST", USERS, curator.token, body=JANE | values)
    assert answer.status == 400
    assert answer.message.startswith(field)


def test_a_role_that_there_is_not_names_those_that_there_are(curator: Client) -> None:
    answer = call("POST", USERS, curator.token, body=JANE | {"role": "King"})
    assert answer.message.endswith("NoAccess, Viewer, Member, Artisan, Curator.")


def test_a_change_is_of_the_whole_user(curator: Client) -> None:
    user = made(curator)
    assert change(curator, user, lastName="Roe", canAssignJobs=True).json == user | {
        "lastName": "Roe",
        "canAssignJobs": True,
    }
    left_out = whole(user)
    del left_out["isActive"]
    answer = call("PUT", f"{USERS}/{user['id']}", curator.token, body=left_out)
    assert (answer.status, answer.message) == (400, "isActive: Field required.")


def test_users_are_listed_reduced_or_whole_and_by_what_they_are(curator: Client) -> None:
    user = made(curator, role="Viewer")
    made(curator, firstName="John", isActive=False)

    def names(query: str) -> list[str]:
        return sorted(each["firstName"] for each in call("GET", USERS, curator.token, query).json)

    assert [*call("GET", USERS, curator.token, "role=viewer").json[0]] == REDUCED
    for query in ("view=Full&role=Viewer", "verbose=true&role=Viewer"):
        assert call("GET", USERS, curator.token, query).json == [user]
    assert names("") == ["Jane", "Jane", "John"]
    assert names("active=false") == ["John"]
    assert names("firstName=JOHN") == ["John"]
    assert names("email=jane@example.com&lastName=doe&active=true") == ["Jane"]
    assert names(f"createdAfter={user['dateCreated']}&role=Viewer") == []
    assert names("createdBefore=2100-01-01&role=Viewer") == ["Jane"]
    for query, name in (("view=Half", "view"), ("role=King", "role"), ("createdAfter=soon", "createdAfter")):
        assert call("GET", USERS, curator.token, query).message.startswith(name)


@pytest.mark.parametrize("role", OTHERS)
def test_others_than_administrators_learn_nothing(yard: Yard, curator: Client, role: Role) -> None:
    user = made(curator)
    other = yard.client(role)
    for method, path, body in (
        ("GET", USERS, None),
        ("POST", USERS, JANE),
        ("GET", f"{USERS}/{user['id']}", None),
        ("PUT", f"{USERS}/{user['id']}", whole(user)),
        ("DELETE", f"{USERS}/{user['id']}", None),
    ):
        with yard.unchanged():
            assert call(method, path, other.token, body=body).status == 401


@in_turn("id", ["x", "a%2Fb", "%252F", "users", "v3", "{userId}", "%7BuserId%7D", "a" * 2000])
def test_an_id_that_is_none_is_the_id_of_nobody(curator: Client, id: str) -> None:
    assert get(curator, id).status == 404


def test_a_user_of_another_tenant_is_none(yard: Yard, curator: Client, stranger: Client) -> None:
    user = made(curator)
    assert [each["id"] for each in call("GET", USERS, stranger.token).json] == [stranger.user.id]
    with yard.unchanged():
        for answer in (
            get(stranger, user["id"]),
            change(stranger, user),
            call("DELETE", f"{USERS}/{user['id']}", stranger.token),
        ):
            assert (answer.status, answer.message) == (404, f"User {user['id']} not found.")


# ---- What a change does to tokens


def test_the_user_of_the_first_client_is_made_with_it(curator: Client) -> None:
    user = get(curator, curator.user.id).json
    assert (user["firstName"], user["lastName"], user["role"]) == ("Jane", "Doe", "Curator")
    assert (user["isActive"], user["isApiEnabled"], user["canCreateCollections"]) == (True, True, True)


def test_a_change_holds_for_every_token_that_was_issued_before(yard: Yard, curator: Client, member: Client) -> None:
    user = get(curator, member.user.id).json
    assert caller_of(member).rights == {Right.RUN}
    change(curator, user, role="Artisan", canScheduleJobs=True, canPrioritizeJobs=True, firstName="Janet")
    caller = caller_of(member)
    assert (caller.role, caller.user.name) == (Role.ARTISAN, "Janet Doe")
    assert caller.rights == {Right.RUN, Right.SCHEDULE, Right.PRIORITISE}
    change(curator, user)
    assert caller_of(member).rights == {Right.RUN}


@pytest.mark.parametrize("shut", [{"isActive": False}, {"isApiEnabled": False}])
def test_who_is_shut_out_is_let_in_by_no_token_and_gets_none(curator: Client, member: Client, shut: Any) -> None:
    user = get(curator, member.user.id).json
    assert change(curator, user, **shut).status == 200
    with pytest.raises(Unauthenticated):
        caller_of(member)
    with pytest.raises(Unauthenticated):
        tokens.issue(member.id, member.secret)
    change(curator, user)
    assert caller_of(member).user == member.user


def test_what_was_taken_away_is_remembered_for_so_long(yard: Yard, curator: Client, clock: Clock) -> None:
    member = yard.client(Role.CURATOR)
    assert call("GET", USERS, member.token).status == 200
    change(curator, get(curator, member.user.id).json, role="Viewer")
    clock.advance(bearer.CACHED_SECONDS - 1)
    assert call("GET", USERS, member.token).status == 200
    clock.advance(1)
    assert call("GET", USERS, member.token).status == 401


def test_an_evaluated_user_has_the_default_role_of_the_time(
    curator: Client, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(curator, get(curator, member.user.id).json, role="Evaluated")
    assert caller_of(member).role is Role.VIEWER
    monkeypatch.setenv("DEFAULT_ROLE", "Artisan")
    assert caller_of(member).role is Role.ARTISAN


def test_a_token_with_another_users_name_behind_it_is_unknown(curator: Client, member: Client) -> None:
    secret, tenant, _ = member.token.split("~")
    for forged in (secret, f"{secret}~{tenant}~{curator.user.id}", f"{secret}~globex~{member.user.id}"):
        bearer.forget()
        with pytest.raises(Unauthenticated):
            bearer.authenticate(f"Bearer {forged}")


def test_a_client_is_of_the_users_role_or_refused(curator: Client) -> None:
    user = made(curator, role="Member", isApiEnabled=True)

    def client(role: str, **values: Any) -> Any:
        return manage({"action": "clients.create", "tenant": "acme", "name": "CI", "role": role} | values)

    assert client("Curator", userId=user["id"])["error"]["field"] == "role"
    assert client("Member", userId=made(curator, role="Member")["id"])["error"]["field"] == "userId"
    given = client("Member", userId=user["id"])["result"]
    token = tokens.issue(given["clientId"], given["clientSecret"]).value
    assert bearer.authenticate(f"Bearer {token}").user == (user["id"], "Jane Doe")


# ---- Deleting


def test_a_deleted_user_is_gone_with_all_tokens(curator: Client, member: Client) -> None:
    assert call("DELETE", f"{USERS}/{member.user.id}", curator.token) == Answer(200, {}, "")
    assert get(curator, member.user.id).status == 404
    with pytest.raises(Unauthenticated):
        caller_of(member)
    with pytest.raises(Unauthenticated):
        tokens.issue(member.id, member.secret)


def test_a_user_who_owns_something_or_is_in_a_group_stays(yard: Yard, curator: Client) -> None:
    owner = yard.client(Role.CURATOR)
    collection = call("POST", "/webapi/v3/collections", owner.token, body={"name": "A"}).json
    group = call("POST", "/webapi/v3/usergroups", curator.token, body={"name": "G", "role": "Viewer"}).json
    call("POST", f"/webapi/v3/usergroups/{group}/users", curator.token, body=[owner.user.id])
    workflow = yard.workflow(owner=owner.user.id, public=False)
    yard.schedule("5" * 24, owner.user.id)
    answer = call("DELETE", f"{USERS}/{owner.user.id}", curator.token)
    assert answer.status == 409
    for what in (f"collections: {collection}", f"workflows: {workflow.id}", f"schedules: {'5' * 24}", group):
        assert what in answer.message
    assert get(curator, owner.user.id).status == 200


def test_a_deleted_user_leaves_no_share_behind(yard: Yard, curator: Client, member: Client) -> None:
    collection = call("POST", "/webapi/v3/collections", curator.token, body={"name": "A"}).json
    place = f"/webapi/v3/collections/{collection}"
    call("POST", f"{place}/users", curator.token, body={"userId": member.user.id})
    assert call("DELETE", f"{USERS}/{member.user.id}", curator.token).status == 200
    assert call("GET", place, curator.token).json["users"] == []
    assert yard.items(f"IN#acme#USER#{member.user.id}") == []
