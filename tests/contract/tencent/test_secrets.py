"""What the operator does for clients of the tencent dialect: secrets, which the table holds sealed."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.authorizer.sealing import seal, unseal
from jobyard.aws import ClientError
from jobyard.service.manage import manage
from jobyard.store import secrets
from tests.contract.tencent.signing import Key, ask
from tests.contract.yard import Yard
from tests.in_turn import in_turn

pytestmark = pytest.mark.usefixtures("tenancy")


def done(action: str, tenant: str = "acme", **fields: Any) -> Any:
    answer = manage({"action": action, "tenant": tenant, **fields})
    assert answer["ok"], answer
    return answer["result"]


def works(made: dict[str, Any]) -> bool:
    return ask(Key(made["secretId"], made["secretKey"], made.get("token", "")), "GET").status == 200


def test_a_new_secret_has_the_vendors_form() -> None:
    made = done("secrets.create", name=" CI ", bucket="data-1250000000")
    assert made["secretId"].startswith("AKID")
    assert (len(made["secretId"]), len(made["secretKey"])) == (36, 32)
    assert (made["name"], made["bucket"], made["tenant"]) == ("CI", "data-1250000000", "acme")
    assert "token" not in made
    assert works(made)


def test_the_table_holds_no_key(tenancy: Yard) -> None:
    made = done("secrets.create", name="CI", lifetimeSeconds=600)
    content = str(tenancy.items())
    assert made["secretId"] in content
    assert made["secretKey"] not in content
    assert made["token"] not in content


def test_what_was_sealed_for_one_place_opens_in_no_other(tenancy: Yard) -> None:
    sealed = seal("k3y", "AKID1", "acme")
    assert unseal(sealed, "AKID1", "acme") == "k3y"
    for place in (("AKID2", "acme"), ("AKID1", "globex")):
        with pytest.raises(ClientError, match="InvalidCiphertext"):
            unseal(sealed, *place)


def test_secrets_are_listed_without_their_keys_and_for_their_tenant_only() -> None:
    made = done("secrets.create", name="CI")
    done("secrets.create", "globex", name="Other")
    del made["secretKey"]
    assert done("secrets.list") == [made]


def test_a_revoked_secret_is_gone_and_still_listed() -> None:
    made = done("secrets.create", name="CI")
    revoked = done("secrets.revoke", secretId=made["secretId"])
    assert not works(made)
    assert secrets.find(made["secretId"]) is None
    assert done("secrets.list") == [revoked]
    assert done("secrets.revoke", secretId=made["secretId"]) == revoked, "the first time stays"


def test_another_tenants_secret_is_unknown() -> None:
    made = done("secrets.create", name="CI")
    answer = manage({"action": "secrets.revoke", "tenant": "globex", "secretId": made["secretId"]})
    assert answer["error"]["field"] == "secretId"
    assert works(made)
    assert done("secrets.list", "globex") == []


def test_a_temporary_secret() -> None:
    made = done("secrets.create", name="CI", lifetimeSeconds=600)
    assert made["expiresAt"] // 1000 == made["createdAt"] // 1000 + 600
    assert works(made)
    assert not works({**made, "token": "other"})


@in_turn(
    ("request_", "field"),
    [
        ({"action": "secrets.create"}, "name"),
        ({"action": "secrets.create", "name": "x", "bucket": "a.b"}, "bucket"),
        ({"action": "secrets.create", "name": "x", "bucket": "a#b"}, "bucket"),
        ({"action": "secrets.create", "name": "x", "lifetimeSeconds": 0}, "lifetimeSeconds"),
        ({"action": "secrets.create", "name": "x", "lifetimeSeconds": 10**6}, "lifetimeSeconds"),
        ({"action": "secrets.create", "name": "x", "secretKey": "mine"}, "secretKey"),
        ({"action": "secrets.revoke", "secretId": "AKID"}, "secretId"),
        ({"action": "secrets.revoke", "secretId": f"AKID{'0' * 32}"}, "secretId"),
    ],
)
def test_a_bad_request_names_its_field(tenancy: Yard, request_: dict[str, Any], field: str) -> None:
    with tenancy.unchanged():
        answer = manage({"tenant": "acme", **request_})
    assert answer["error"]["field"] == field


@pytest.mark.parametrize("id", [f"w{'0' * 32}", "0" * 24])
def test_a_workflow_may_have_an_id_of_either_form(id: str) -> None:
    runner = {"type": "lambda", "functionName": "jobyard-workflow-inventory"}
    assert done("workflows.register", id=id, name="inventory", runner=runner)["id"] == id


@pytest.mark.parametrize("id", ["w", f"w{'0' * 31}", f"W{'0' * 32}", "w" + "g" * 32, f"w{'0' * 32}\n"])
def test_other_ids_of_workflows_are_refused(id: str) -> None:
    runner = {"type": "lambda", "functionName": "jobyard-workflow-inventory"}
    answer = manage({"action": "workflows.register", "tenant": "acme", "id": id, "name": "x", "runner": runner})
    assert answer["error"]["field"] == "id"
