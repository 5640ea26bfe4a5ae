"""The jobyard command, with a manage function that answers as it is told."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from jobyard_cli import __main__ as cli
from jobyard_cli import target
from jobyard_cli.manage import Manage

CLIENT = {"clientId": "c1", "name": "Ada", "role": "Curator", "userId": "u1", "createdAt": 1_795_321_452_000}
WORKFLOW = {
    "id": "w1",
    "name": "profile",
    "public": True,
    "owner": "",
    "runner": {"type": "lambda", "arn": "arn:aws:lambda:eu-west-1:1:function:jy-workflow-profile"},
    "createdAt": 1_795_321_452_000,
}


class Lambda:
    """Keeps the requests; answers with `answer`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Any = {"ok": True, "result": []}
        self.error: str | None = None

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        self.requests.append(json.loads(Payload) | {"function": FunctionName})
        answer = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return answer | ({"FunctionError": self.error} if self.error else {})


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    function = Lambda()
    found = target.Target(Manage(function, "manage"), "jy-workflow-", {})
    monkeypatch.setattr(cli, "choose", lambda stack, region, profile: found)
    return function


def test_a_new_clients_secret_is_shown(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": CLIENT | {"clientSecret": "s3cret"}}
    assert cli.main(["clients", "create", "--name", "Ada", "--role", "Curator", "--tenant", "acme"]) == 0
    assert manage.requests == [
        {"action": "clients.create", "tenant": "acme", "name": "Ada", "role": "Curator", "function": "manage"}
    ]
    shown = capsys.readouterr().out
    assert "clientSecret  s3cret" in shown
    assert "cannot be shown again" in shown


def test_clients_are_a_table_of_what_is_known(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": [CLIENT]}
    assert cli.main(["clients", "list"]) == 0
    assert manage.requests[0]["tenant"] == "default"
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["clientId", "name", "role", "userId", "createdAt"]
    assert row.split() == ["c1", "Ada", "Curator", "u1", "2026-11-22", "04:24:12Z"]


def test_no_clients_is_said(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clients", "list", "--tenant", "acme"]) == 0
    assert capsys.readouterr().out == "No clients in tenant acme.\n"


def test_json_is_what_manage_answered(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": [CLIENT]}
    assert cli.main(["clients", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [CLIENT]


def test_a_client_is_revoked_by_its_id(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": {"clientId": "c1", "revokedAt": 1_795_321_452_000, "tokensRevoked": 2}}
    assert cli.main(["clients", "revoke", "c1"]) == 0
    assert manage.requests[0]["clientId"] == "c1"
    assert "tokensRevoked  2" in capsys.readouterr().out


@pytest.mark.parametrize("function", ["profile", "jy-workflow-profile"])
def test_a_workflows_function_may_be_named_without_its_prefix(manage: Lambda, function: str) -> None:
    manage.answer = {"ok": True, "result": WORKFLOW}
    arguments = ["--name", "profile", "--function", function, "--settings", '{"delimiter": ";"}']
    assert cli.main(["workflows", "register", *arguments]) == 0
    (request,) = manage.requests
    assert request["runner"] == {"type": "lambda", "functionName": "jy-workflow-profile"}
    assert request["settings"] == {"delimiter": ";"}
    assert not {"public", "id", "owner"} & set(request)


@pytest.mark.parametrize("machine", ["many", "jy-workflow-many"])
def test_a_workflow_may_be_a_state_machine(manage: Lambda, machine: str) -> None:
    manage.answer = {"ok": True, "result": WORKFLOW}
    assert cli.main(["workflows", "register", "--name", "Many", "--state-machine", machine]) == 0
    (request,) = manage.requests
    assert request["runner"] == {"type": "stateMachine", "stateMachineName": "jy-workflow-many"}


def test_a_private_callback_workflow_with_an_owner(manage: Lambda) -> None:
    manage.answer = {"ok": True, "result": WORKFLOW}
    arguments = ["--name", "p", "--function", "p", "--type", "callback", "--private", "--owner", "u1", "--id", "w1"]
    assert cli.main(["workflows", "register", *arguments]) == 0
    (request,) = manage.requests
    assert (request["public"], request["owner"], request["id"]) == (False, "u1", "w1")
    assert request["runner"]["type"] == "callback"


def test_workflows_are_a_table(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": [WORKFLOW]}
    assert cli.main(["workflows", "list"]) == 0
    assert "lambda jy-workflow-profile" in capsys.readouterr().out


def test_a_new_api_key_is_shown(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": {"keyId": "k1", "name": "Backend", "apiKey": "s3cret"}}
    assert cli.main(["keys", "create", "--name", "Backend", "--tenant", "acme"]) == 0
    assert manage.requests == [{"action": "keys.create", "tenant": "acme", "name": "Backend", "function": "manage"}]
    shown = capsys.readouterr().out
    assert "apiKey  s3cret" in shown
    assert "cannot be shown again" in shown


def test_api_keys_are_a_table_and_one_is_revoked_by_its_id(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": [{"keyId": "k1", "name": "Backend", "createdAt": 1_795_321_452_000}]}
    assert cli.main(["keys", "list"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert (header.split(), row.split()[:2]) == (["keyId", "name", "createdAt"], ["k1", "Backend"])
    manage.answer = {"ok": True, "result": {"keyId": "k1", "revokedAt": 1_795_321_452_000}}
    assert cli.main(["keys", "revoke", "k1"]) == 0
    assert manage.requests[1]["keyId"] == "k1"
    assert "revokedAt" in capsys.readouterr().out


def test_a_project_is_made_with_what_is_said_of_it(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": {"projectKey": "p1", "projectId": 1}}
    assert cli.main(["projects", "create", "--name", "Web", "--workflow", "w1", "--bucket", "sessions"]) == 0
    asked = {"action": "projects.create", "tenant": "default", "name": "Web", "workflowId": "w1", "bucket": "sessions"}
    assert manage.requests == [asked | {"function": "manage"}]
    assert "projectKey  p1" in capsys.readouterr().out


def test_projects_are_a_table(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["projects", "list"]) == 0
    assert capsys.readouterr().out == "No projects in tenant default.\n"
    manage.answer = {"ok": True, "result": [{"projectKey": "p1", "projectId": 1, "name": "Web", "workflowId": "w1"}]}
    assert cli.main(["projects", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["p1", "1", "Web", "w1"]


def test_what_manage_refuses_is_told_with_the_field(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": False, "error": {"field": "name", "message": "is too long"}}
    assert cli.main(["clients", "list"]) == 1
    assert capsys.readouterr().err == "jobyard: name: is too long\n"


def test_a_manage_function_that_fails_is_told(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.error, manage.answer = "Unhandled", {"errorMessage": "boom"}
    assert cli.main(["clients", "list"]) == 1
    assert capsys.readouterr().err == "jobyard: manage failed: boom\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["clients"],
        ["clients", "create", "--name", "x", "--role", "King"],
        ["workflows", "register", "--name", "x", "--function", "y", "--settings", "[1]"],
        ["workflows", "register", "--name", "x", "--function", "y", "--settings", "{"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: jobyard" in capsys.readouterr().err


def test_without_a_local_run_the_way_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(target.TargetError, match="make run"):
        target.local(tmp_path / "jobyard.json")


def test_the_local_run_is_found_by_its_file(tmp_path: Path) -> None:
    aws = {
        "endpoint_url": "http://127.0.0.1:9",
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    outputs = {"ManageFunctionName": "m", "WorkflowFunctionPrefix": "jobyard-workflow-"}
    state = tmp_path / "jobyard.json"
    state.write_text(json.dumps({"aws": aws, "stack": {"outputs": outputs}}), encoding="utf-8")
    found = target.local(state)
    assert (found.manage.function_name, found.workflow_prefix) == ("m", "jobyard-workflow-")


def test_a_region_without_a_stack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBYARD_STACK", raising=False)
    with pytest.raises(target.TargetError, match="--stack"):
        target.choose(None, "eu-west-1", None)


@pytest.mark.parametrize("outputs", [[], [{"OutputKey": "Url", "OutputValue": "x"}]])
def test_a_stack_of_something_else_is_told(monkeypatch: pytest.MonkeyPatch, outputs: list[dict[str, str]]) -> None:
    class Session:
        def __init__(self, **_: Any) -> None: ...

        region_name = "eu-west-1"

        def client(self, service: str) -> Any:
            return self

        def describe_stacks(self, **_: Any) -> dict[str, Any]:
            return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    monkeypatch.setattr(boto3, "Session", Session)
    with pytest.raises(target.TargetError, match="not a stack of Jobyard"):
        target.choose("other", None, None)


def test_a_new_secret_is_shown_once(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": {"secretId": "AKID1", "secretKey": "k3y", "token": "t0ken"}}
    assert cli.main(["secrets", "create", "--name", "CI", "--bucket", "b-1250000000", "--lifetime", "60"]) == 0
    (request,) = manage.requests
    assert (request["action"], request["bucket"], request["lifetimeSeconds"]) == ("secrets.create", "b-1250000000", 60)
    shown = capsys.readouterr().out
    assert "k3y" in shown
    assert "cannot be shown again" in shown


def test_secrets_are_a_table_and_one_is_revoked_by_its_id(manage: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    manage.answer = {"ok": True, "result": [{"secretId": "AKID1", "name": "CI", "createdAt": 1_795_321_452_000}]}
    assert cli.main(["secrets", "list"]) == 0
    assert "AKID1" in capsys.readouterr().out
    manage.answer = {"ok": True, "result": {"secretId": "AKID1", "revokedAt": 1_795_321_452_000}}
    assert cli.main(["secrets", "revoke", "AKID1"]) == 0
    assert manage.requests[-1]["secretId"] == "AKID1"
