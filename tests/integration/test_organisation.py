"""What the operator does for the openreplay dialect: API keys and projects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobyard.authorizer import Role, bearer
from jobyard.authorizer.secrets import hash_of
from jobyard.errors import Unauthenticated
from jobyard.service.manage import manage
from jobyard.store import keys, projects, workflows
from jobyard.store.counters import next_number
from tests.factories import a_workflow

pytestmark = pytest.mark.usefixtures("table")

UNKNOWN = "f" * 24


def done(action: str, tenant: str = "acme", **fields: Any) -> Any:
    answer = manage({"action": action, "tenant": tenant, **fields})
    assert answer["ok"], answer
    return answer["result"]


@pytest.fixture
def workflow_id() -> str:
    workflow = a_workflow(name="Erase")
    workflows.put(workflow)
    return workflow.id


def test_a_new_key_is_an_administrator_of_its_tenant_under_its_own_name() -> None:
    made = done("keys.create", name=" Backend ")
    caller = bearer.holder(made["apiKey"])
    assert (caller.tenant, caller.role, caller.client_id) == ("acme", Role.CURATOR, made["keyId"])
    assert caller.user == (made["keyId"], "Backend")


def test_keys_are_listed_without_themselves_and_for_their_tenant_only() -> None:
    made = [done("keys.create", name=name) for name in ("Backend", "Support")]
    done("keys.create", "globex", name="Backend")
    shown = [{name: value for name, value in each.items() if name != "apiKey"} for each in made]
    assert sorted(done("keys.list"), key=str) == sorted(shown, key=str)


def test_a_revoked_key_is_unknown_and_listed_as_revoked() -> None:
    made, other = done("keys.create", name="Backend"), done("keys.create", name="Support")
    revoked = done("keys.revoke", keyId=made["keyId"])
    assert revoked["revokedAt"] >= made["createdAt"]
    with pytest.raises(Unauthenticated):
        bearer.holder(made["apiKey"])
    assert bearer.holder(other["apiKey"]).user.name == "Support"
    assert [each for each in done("keys.list") if "revokedAt" in each] == [revoked]
    assert done("keys.revoke", keyId=made["keyId"]) == revoked


def test_another_tenants_key_cannot_be_revoked() -> None:
    made = done("keys.create", name="Backend")
    refused = manage({"action": "keys.revoke", "tenant": "globex", "keyId": made["keyId"]})
    assert refused["error"]["field"] == "keyId"
    assert bearer.holder(made["apiKey"]).tenant == "acme"


def test_a_keys_hash_is_what_the_table_has() -> None:
    made = done("keys.create", name="Backend")
    kept = keys.get("acme", made["keyId"])
    assert kept
    assert kept.secret_hash == hash_of(made["apiKey"])


def test_projects_are_numbered_over_all_tenants_and_listed_for_theirs(workflow_id: str) -> None:
    workflows.put(a_workflow(tenant="globex", id=workflow_id))
    made = [done("projects.create", name=name, workflowId=workflow_id) for name in ("Web", "iOS")]
    other = done("projects.create", "globex", name="Web", workflowId=workflow_id)
    assert [each["projectId"] for each in [*made, other]] == [1, 2, 3]
    assert done("projects.list") == made
    assert done("projects.list", "globex") == [other]
    found = projects.find(made[0]["projectKey"])
    assert found
    assert (found.tenant, found.name, found.workflow_id, found.bucket) == ("acme", "Web", workflow_id, "")


@pytest.mark.parametrize(
    "place",
    [
        {"bucket": "sessions"},
        {"bucket": "sessions", "prefix": "recordings/"},
        {"bucket": "sessions", "prefix": "a/b/c=1/"},
        {"prefix": "users/acme/web/"},
        {"bucket": "data", "prefix": "users/acme/web/"},
    ],
)
def test_a_project_may_say_where_its_users_data_is(workflow_id: str, place: dict[str, str]) -> None:
    made = done("projects.create", name="Web", workflowId=workflow_id, **place)
    assert {name: made[name] for name in place} == place


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"workflowId": UNKNOWN}, "workflowId"),
        ({"workflowId": "../x"}, "workflowId"),
        ({"bucket": "A"}, "bucket"),
        ({"bucket": "sessions", "prefix": "recordings"}, "prefix"),
        ({"bucket": "sessions", "prefix": "/"}, "prefix"),
        ({"bucket": "sessions", "prefix": ""}, "prefix"),
        ({"prefix": "users/globex/"}, "prefix"),
        ({"prefix": "users/acmeother/"}, "prefix"),
        ({"prefix": "inputs/acme/"}, "prefix"),
        ({"bucket": "data", "prefix": "users/globex/"}, "prefix"),
        ({"platform": "web"}, "platform"),
    ],
)
def test_what_is_no_project_is_refused(workflow_id: str, fields: dict[str, Any], field: str) -> None:
    request = {"action": "projects.create", "tenant": "acme", "name": "Web", "workflowId": workflow_id} | fields
    refused = manage(request)
    assert not refused["ok"]
    assert refused["error"]["field"] == field
    assert done("projects.list") == []


def test_another_tenants_workflow_is_unknown(workflow_id: str) -> None:
    refused = manage({"action": "projects.create", "tenant": "globex", "name": "Web", "workflowId": workflow_id})
    assert refused["error"]["field"] == "workflowId"


@pytest.mark.parametrize("request_", [{"name": ""}, {}, {"name": "x", "role": "Curator"}, {"name": "x" * 300}])
def test_what_is_no_key_is_refused(request_: dict[str, Any]) -> None:
    assert not manage({"action": "keys.create", "tenant": "acme"} | request_)["ok"]
    assert done("keys.list") == []


def test_no_number_is_given_twice() -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: next_number("jobs"), range(40)))
    assert sorted(numbers) == list(range(1, 41))
    assert next_number("other") == 1
