"""GET /webapi/v3/audit: who changed what, when and from where."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.authorizer import Role
from jobyard.model import Status
from jobyard.model.ids import now_ms
from jobyard.service import auditing
from jobyard.service.manage import _ACTIONS, manage
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Clock, Yard

AUDIT, COLLECTIONS = "/webapi/v3/audit", "/webapi/v3/collections"
JANUARY_MS = 1_767_225_600_000
DAY_S = 24 * 3600


def audit(who: Client, query: str = "") -> Answer:
    answer = call("GET", AUDIT, who.token, query)
    assert answer.status == 200, answer.text
    return answer


def actions(who: Client, query: str = "") -> list[str]:
    return [each["action"] for each in audit(who, query).json]


def collection(who: Client, name: str = "A") -> str:
    return str(call("POST", COLLECTIONS, who.token, body={"name": name}).json)


def test_a_change_is_told_whole(curator: Client) -> None:
    id = collection(curator)
    answer = call(
        "PUT",
        f"{COLLECTIONS}/{id}",
        curator.token,
        body={"name": "B", "ownerId": curator.user.id},
        headers={"user-agent": "a client"},
    )
    assert answer.status == 200
    newest = audit(curator).json[0]
    assert newest.pop("id") > newest["dateTime"][:0]
    assert newest.pop("dateTime").endswith("Z")
    assert newest == {
        "userId": curator.user.id,
        "userName": curator.user.name,
        "clientId": curator.id,
        "sourceIp": "192.0.2.1",
        "userAgent": "a client",
        "action": "collection.change",
        "kind": "collection",
        "objectId": id,
        "before": {"name": "A"},
        "after": {"name": "B"},
    }


def test_what_was_refused_and_what_only_looked_is_not_told(yard: Yard, curator: Client, member: Client) -> None:
    call("POST", COLLECTIONS, member.token, body={"name": "A"})
    call("POST", COLLECTIONS, curator.token, body={})
    call("GET", COLLECTIONS, curator.token)
    call("DELETE", f"/webapi/v3/jobs/{yard.job(status=Status.COMPLETED).id}", curator.token)
    assert audit(curator).json == []


def test_every_kind_of_change_is_told(yard: Yard, curator: Client, member: Client) -> None:
    def do(method: str, path: str, body: Any = None, query: str = "") -> Any:
        answer = call(method, f"/webapi/v3/{path}", curator.token, query, body)
        assert answer.status in (200, 201), answer.text
        return answer.json if answer.text else None

    user = do("POST", "users", {"firstName": "J", "lastName": "D", "email": "j@d"})
    do("PUT", f"users/{user['id']}", user | {"role": "Viewer"})
    group = do("POST", "usergroups", {"name": "G", "role": "Viewer"})
    do("PUT", f"usergroups/{group}", {"name": "H", "role": "Viewer"})
    do("POST", f"usergroups/{group}/users", [user["id"]])
    do("DELETE", f"usergroups/{group}/users/{user['id']}")
    shared = do("POST", "collections", {"name": "A"})
    do("POST", f"collections/{shared}/users", {"userId": user["id"]})
    do("PUT", f"collections/{shared}/users/{user['id']}/permissions", {"collectionsPermissions": {"isAdmin": True}})
    do("DELETE", f"collections/{shared}/users/{user['id']}")
    do("DELETE", f"collections/{shared}")
    do("DELETE", f"usergroups/{group}")
    do("DELETE", f"users/{user['id']}")
    do("DELETE", f"jobs/{yard.job(status=Status.RUNNING).id}")
    do("DELETE", f"jobs/{yard.job(status=Status.QUEUED).id}")
    assert actions(curator)[::-1] == [
        "user.create",
        "user.change",
        "usergroup.create",
        "usergroup.change",
        "usergroup.add",
        "usergroup.remove",
        "collection.create",
        "collection.add",
        "collection.permissions",
        "collection.remove",
        "collection.delete",
        "usergroup.delete",
        "user.delete",
        "job.cancel",
        "job.delete",
    ]


def test_a_cancel_by_whom_it_is_shared_with_tells_who(yard: Yard, curator: Client, member: Client) -> None:
    job = yard.job(status=Status.RUNNING, owner=member.user)
    call("DELETE", f"/webapi/v3/jobs/{job.id}", member.token)
    (told,) = audit(curator, f"id={job.id}").json
    assert (told["userId"], told["before"], told["after"]) == (
        member.user.id,
        {"status": "running"},
        {"status": "cancelled"},
    )


def test_what_the_operator_does_is_told_and_no_secret_with_it(tenancy: Yard, curator: Client) -> None:
    done: list[str] = []

    def do(action: str, **values: Any) -> Any:
        answer = manage({"tenant": "acme", "action": action, **values})
        assert answer["ok"], answer
        done.append(action)
        return answer["result"]

    made = do("clients.create", name="CI", role="Viewer")
    workflow = do("workflows.register", name="w", runner={"functionName": "jobyard-workflow-w"})
    do("queues.set", tag="gpu", slots=2)
    key = do("keys.create", name="k")
    do("projects.create", name="p", workflowId=workflow["id"])
    secret = do("secrets.create", name="s", lifetimeSeconds=60)
    do("clients.revoke", clientId=made["clientId"])
    do("keys.revoke", keyId=key["keyId"])
    do("secrets.revoke", secretId=secret["secretId"])
    assert sorted(done) == sorted(each for each in _ACTIONS if not each.endswith(".list"))
    assert actions(curator)[::-1] == [
        "queue.change" if each == "queues.set" else each.replace("s.", ".", 1) for each in done
    ]
    # What was revoked before is not changed.
    do("clients.revoke", clientId=made["clientId"])
    do("keys.revoke", keyId=key["keyId"])
    do("secrets.revoke", secretId=secret["secretId"])
    records = str(tenancy.items("AUDIT#"))
    assert len(tenancy.items("AUDIT#")) == len(done) - 3
    for hidden in (made["clientSecret"], key["apiKey"], secret["secretKey"], secret["token"]):
        assert hidden not in records


def test_filters_together_and_times(curator: Client, clock: Clock, yard: Yard) -> None:
    clock.stop_at(JANUARY_MS - 1000)
    other = yard.client(Role.CURATOR)
    first = collection(curator)
    clock.advance(1)
    second = collection(other)
    clock.advance(0.001)
    call("DELETE", f"{COLLECTIONS}/{second}", other.token)
    assert actions(curator) == ["collection.delete", "collection.create", "collection.create"]
    assert actions(curator, f"user={other.user.id}&action=collection.create") == ["collection.create"]
    assert [each["objectId"] for each in audit(curator, "to=2026-01-01").json] == [first]
    assert [each["objectId"] for each in audit(curator, "from=2026-01-01T00:00:00Z").json] == [second] * 2
    assert actions(curator, "kind=user") == []
    assert actions(curator, f"id={first}&kind=collection") == ["collection.create"]
    assert actions(curator, "from=2026-01-01T01:00:00%2B01:00&to=2026-01-01T00:00:00.001Z") != []
    assert actions(curator, "from=2026-01-02&to=2026-01-01") == []


@pytest.mark.parametrize("read_at_once", [1, 3, 500])
def test_a_walk_gives_each_change_once_newest_first(
    curator: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch, read_at_once: int
) -> None:
    monkeypatch.setattr(auditing, "_READ_AT_ONCE", read_at_once)
    monkeypatch.setattr(auditing, "_READ_MOST", read_at_once)
    clock.stop_at(JANUARY_MS - 3)
    made = []
    for _ in range(7):
        made.append(collection(curator))
        clock.advance(0.001)
    clock.advance(40 * DAY_S)
    made.append(collection(curator))
    walked: list[str] = []
    query: str | None = "limit=2&action=collection.create"
    while query is not None:
        page = audit(curator, query)
        walked += [each["objectId"] for each in page.json]
        query = page.following
    assert walked == made[::-1]


def test_a_cursor_is_of_use_for_the_same_search_only(yard: Yard, curator: Client, stranger: Client) -> None:
    for _ in range(2):
        collection(curator)
    following = audit(curator, "limit=1").following
    assert following
    cursor = following.partition("cursor=")[2]
    other = yard.client(Role.CURATOR)
    for who, query in (
        (curator, f"kind=job&cursor={cursor}"),
        (other, following),
        (stranger, following),
        (curator, "cursor=x"),
    ):
        answer = call("GET", AUDIT, who.token, query)
        assert (answer.status, answer.message[:7]) == (400, "cursor:")


def test_records_go_after_the_stated_time(
    yard: Yard, curator: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_DAYS", "10")
    collection(curator)
    (record,) = yard.items("AUDIT#")
    assert abs(int(record["expiresAt"]["N"]) - now_ms() // 1000 - 10 * DAY_S) <= 1
    clock.advance(10 * DAY_S - 5)
    fresh = yard.client(Role.CURATOR)
    assert len(audit(fresh).json) == 1
    clock.advance(6)
    assert audit(fresh).json == []


@pytest.mark.parametrize(
    "query", ["from=soon", "to=2026-13-01", "limit=0", "limit=1001", "from=9999-12-31T23:59:59-23:59"]
)
def test_a_bad_value_is_named(curator: Client, query: str) -> None:
    answer = call("GET", AUDIT, curator.token, query)
    assert answer.status in (200, 400)
    if answer.status == 400:
        assert answer.message.startswith(query.partition("=")[0])


def test_no_tenant_learns_of_anothers_changes(curator: Client, stranger: Client) -> None:
    collection(curator)
    assert audit(stranger).json == []


@pytest.mark.parametrize("role", [Role.NO_ACCESS, Role.MEMBER, Role.ARTISAN])
def test_others_than_administrators_learn_nothing(yard: Yard, role: Role) -> None:
    assert call("GET", AUDIT, yard.client(role).token).status == 401
