"""What the operator does: clients and workflows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import replace
from threading import Barrier
from typing import Any

import pytest

from jobyard.authorizer import bearer
from jobyard.authorizer.secrets import hash_of
from jobyard.aws import client
from jobyard.errors import Unauthenticated
from jobyard.lifecycle.dispatch import dispatch
from jobyard.model import Retries, Runner
from jobyard.service import tokens
from jobyard.service.manage import manage
from jobyard.store import credentials, workflows
from jobyard.store.items import table_name
from jobyard.store.records import workflow_item
from tests.factories import a_workflow
from tests.faults import lost_answer

pytestmark = pytest.mark.usefixtures("table")

NESTED = {"type": "stateMachine", "stateMachineName": "jobyard-workflow-many"}
RUNNER = {"type": "lambda", "functionName": "jobyard-workflow-profile"}


def done(action: str, **fields: Any) -> Any:
    answer = manage({"action": action, "tenant": "acme", **fields})
    assert answer["ok"], answer
    return answer["result"]


def refused(**request: Any) -> dict[str, Any]:
    answer = manage({"tenant": "acme", **request})
    assert not answer["ok"], answer
    error: dict[str, Any] = answer["error"]
    return error


def test_a_new_client_gets_a_token_with_its_secret() -> None:
    made = done("clients.create", name="Ada", role="Curator")
    caller = bearer.authenticate(f"Bearer {tokens.issue(made['clientId'], made['clientSecret']).value}")
    assert (caller.tenant, caller.user.name, caller.role, caller.user.id) == ("acme", "Ada", "Curator", made["userId"])


def test_two_clients_may_be_one_user() -> None:
    one = done("clients.create", name="Ada", role="Artisan")
    assert done("clients.create", name="Ada", role="Artisan", userId=one["userId"])["userId"] == one["userId"]


def test_the_table_holds_no_secret(table: str) -> None:
    made = done("clients.create", name="Ada", role="Curator")
    token = tokens.issue(made["clientId"], made["clientSecret"]).value
    content = str(client("dynamodb").scan(TableName=table)["Items"])
    assert made["clientSecret"] not in content
    assert token not in content
    assert hash_of(token) in content


def test_clients_are_listed_without_their_secrets_and_for_their_tenant_only() -> None:
    made = done("clients.create", name="Ada", role="Curator")
    manage({"action": "clients.create", "tenant": "other", "name": "Eve", "role": "Curator"})
    del made["clientSecret"]
    assert done("clients.list") == [made]


def test_a_revoked_client_gets_no_token_and_its_tokens_are_gone() -> None:
    made = done("clients.create", name="Ada", role="Curator")
    issued = [tokens.issue(made["clientId"], made["clientSecret"]).value for _ in range(3)]
    assert done("clients.revoke", clientId=made["clientId"])["tokensRevoked"] == 3
    with pytest.raises(Unauthenticated):
        tokens.issue(made["clientId"], made["clientSecret"])
    for token in issued:
        with pytest.raises(Unauthenticated):
            bearer.authenticate(f"Bearer {token}")
    assert "revokedAt" in done("clients.list")[0]


def test_revoking_again_keeps_the_first_time() -> None:
    made = done("clients.create", name="Ada", role="Curator")
    first = done("clients.revoke", clientId=made["clientId"])
    assert done("clients.revoke", clientId=made["clientId"])["revokedAt"] == first["revokedAt"]


def test_no_token_outlives_a_revocation_at_the_same_time() -> None:
    for _ in range(10):
        made = done("clients.create", name="Ada", role="Curator")
        api_client = credentials.get_client(made["clientId"])
        assert api_client is not None
        start = Barrier(2)

        def issue(api_client: credentials.ApiClient = api_client, start: Barrier = start) -> None:
            start.wait()
            credentials.issue("hash" + api_client.id, api_client, 2_000_000_000)

        def revoke(id: str = made["clientId"], start: Barrier = start) -> None:
            start.wait()
            credentials.revoke_client(id, "acme", 1)

        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(issue), pool.submit(revoke)]:
                each.result()
        assert credentials.find("hash" + made["clientId"]) is None


def test_another_tenants_client_is_unknown() -> None:
    made = done("clients.create", name="Ada", role="Curator")
    answer = manage({"action": "clients.revoke", "tenant": "other", "clientId": made["clientId"]})
    assert answer["error"]["field"] == "clientId"
    assert tokens.issue(made["clientId"], made["clientSecret"])


def test_a_registered_workflow_is_found_and_listed() -> None:
    made = done("workflows.register", name="Profile", runner=RUNNER, settings={"rows": 5, "none": None})
    assert made["runner"]["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:jobyard-workflow-profile"
    assert done("workflows.list") == [made]
    kept = workflows.get("acme", made["id"])
    assert kept is not None
    assert (kept.name, kept.public, kept.settings) == ("Profile", True, {"rows": 5, "none": None})


def test_a_workflow_registered_under_the_same_id_is_replaced() -> None:
    made = done("workflows.register", name="Profile", runner=RUNNER)
    done("workflows.register", id=made["id"], name="Profile 2", runner=RUNNER)
    assert [each["name"] for each in done("workflows.list")] == ["Profile 2"]


def test_a_workflow_remembers_the_names_that_it_had() -> None:
    made = done("workflows.register", name="Profile", runner=RUNNER)
    for name in ("Profile 2", "Profile 2", "Profile", "Profile 3"):
        done("workflows.register", id=made["id"], name=name, runner=RUNNER)
    kept = workflows.get("acme", made["id"])
    assert kept is not None
    assert (kept.name, kept.names) == ("Profile 3", ("Profile", "Profile 2", "Profile 3"))
    assert workflows.all_of("acme") == [kept]


def test_a_workflow_from_before_its_names_were_kept_has_one() -> None:
    workflow = a_workflow(name="Profile")
    record = {name: value for name, value in workflow_item(workflow).items() if name != "names"}
    client("dynamodb").put_item(TableName=table_name(), Item=record)
    assert workflows.get("acme", workflow.id) == replace(workflow, names=("Profile",))
    done("workflows.register", id=workflow.id, name="Profile 2", runner=RUNNER)
    kept = workflows.get("acme", workflow.id)
    assert kept is not None
    assert kept.names == ("Profile", "Profile 2")


def test_of_registrations_at_once_every_name_is_remembered() -> None:
    made = done("workflows.register", name="Profile", runner=RUNNER)
    names = [f"Profile {number}" for number in range(4)]
    start = Barrier(len(names))

    def register(name: str) -> None:
        start.wait()
        done("workflows.register", id=made["id"], name=name, runner=RUNNER)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(register, names))
    kept = workflows.get("acme", made["id"])
    assert kept is not None
    assert sorted(kept.names) == ["Profile", *names]
    assert kept.name == kept.names[-1], "who came last has it"


def test_a_registration_whose_answer_was_lost_is_made_once() -> None:
    with lost_answer(client("dynamodb"), "TransactWriteItems") as lost:
        made = done("workflows.register", name="Profile", runner=RUNNER)
    assert lost
    (kept,) = workflows.all_of("acme")
    assert (kept.id, kept.names) == (made["id"], ("Profile",))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"action": "clients.drop"}, "action"),
        ({}, "action"),
        ({"action": ["clients.create"]}, "action"),
        ({"action": "clients.create", "role": "Curator"}, "name"),
        ({"action": "clients.create", "name": "x", "role": "Root"}, "role"),
        ({"action": "clients.create", "name": "x", "role": "Curator", "tenant": "a#b"}, "tenant"),
        ({"action": "clients.create", "name": "x", "role": "Curator", "userId": "me"}, "userId"),
        ({"action": "clients.create", "name": "x", "role": "Curator", "rôle": "x"}, "rôle"),
        ({"action": "clients.revoke", "clientId": "0" * 24}, "clientId"),
        ({"action": "workflows.register", "name": "x"}, "runner"),
        ({"action": "workflows.register", "name": "x", "runner": {"functionName": "prod-payroll"}}, "runner"),
        ({"action": "workflows.register", "name": "x", "runner": RUNNER | {"type": "ec2"}}, "runner.type"),
        ({"action": "workflows.register", "name": "x", "runner": RUNNER, "public": False}, None),
        ({"action": "workflows.register", "name": "x", "runner": RUNNER, "settings": {"x": "y" * 20_000}}, None),
    ],
)
def test_a_bad_request_names_its_field(request_: dict[str, Any], field: str | None) -> None:
    error = refused(**request_)
    assert error["field"] == field
    assert error["message"]


@pytest.mark.parametrize("request_", [None, [], "clients.list", 3])
def test_what_is_no_request_is_refused(request_: Any) -> None:
    assert manage(request_)["error"]["field"] == "action"


def test_a_workflow_may_be_a_state_machine_of_the_stacks_name() -> None:
    made = done("workflows.register", name="Many", runner=NESTED)
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-workflow-many"
    assert made["runner"] == {"type": "stateMachine", "arn": arn}
    found = workflows.get("acme", made["id"])
    assert found
    assert found.runner == Runner("stateMachine", arn)


@pytest.mark.parametrize(
    "runner",
    [
        {"type": "stateMachine", "stateMachineName": "other-machine"},
        {"type": "stateMachine", "stateMachineName": "jobyard-workflow-a b"},
        {"type": "stateMachine", "functionName": "jobyard-workflow-profile"},
        {"type": "stateMachine"},
        {**NESTED, "functionName": "jobyard-workflow-profile"},
        {"type": "lambda", "stateMachineName": "jobyard-workflow-many"},
        {"type": "lambda"},
    ],
)
def test_a_runner_has_the_name_of_its_type_and_no_other(runner: dict[str, str]) -> None:
    refused(action="workflows.register", name="x", runner=runner)


def test_a_queue_is_set_in_part_and_listed() -> None:
    made = {"tag": "gpu", "slots": 2, "paused": False, "running": None}
    assert done("queues.set", tag="gpu", slots=2) == made
    dispatch("acme#gpu")
    assert done("queues.set", tag="gpu", paused=True) == made | {"paused": True, "running": 0}
    assert done("queues.set", tag="gpu", unlimited=True) == made | {"paused": True, "slots": None}
    assert done("queues.list") == [made | {"paused": True, "slots": None}]


def test_a_workflow_may_be_tried_again_be_limited_and_have_workers() -> None:
    runner = {"type": "sqs", "queueName": "jobyard-workflow-render", "heartbeatSeconds": 60}
    made = done("workflows.register", name="Render", runner=runner, retries={"times": 3}, timeLimitSeconds=600)
    found = workflows.get("acme", made["id"])
    assert found
    arn = "arn:aws:sqs:us-east-1:000000000000:jobyard-workflow-render"
    assert found.runner == Runner("sqs", arn, 60)
    assert (found.retries, found.time_limit) == (Retries(3, 10, 2.0), 600)
    assert made["runner"] == {"type": "sqs", "arn": arn, "heartbeatSeconds": 60}


@pytest.mark.parametrize(
    "fields",
    [
        {"retries": {"times": 0}},
        {"retries": {"times": 3, "seconds": 3601}},
        {"timeLimitSeconds": 9},
        {"timeLimitSeconds": 7 * 86_400 + 1},
        {"runner": {"type": "sqs", "queueName": "another-queue"}},
        {"runner": {"type": "sqs", "functionName": "jobyard-workflow-a"}},
        {"runner": {"functionName": "jobyard-workflow-a", "heartbeatSeconds": 60}},
        {"runner": NESTED, "retries": {"times": 1}},
    ],
)
def test_what_a_workflow_cannot_have_is_refused(fields: dict[str, Any]) -> None:
    given = {"name": "w", "runner": {"functionName": "jobyard-workflow-a"}} | fields
    assert refused(action="workflows.register", **given)
