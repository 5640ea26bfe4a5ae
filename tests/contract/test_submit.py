"""POST /webapi/v3/workflows/{workflowId}/jobs: what is taken, and what becomes of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from jobyard.authorizer import Role
from jobyard.model import Workflow
from jobyard.store.items import plain
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.in_turn import in_turn

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def submit(client: Client, workflow: Workflow, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    return call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", client.token, body=body, headers=headers)


def questions(yard: Yard) -> list[tuple[str, str]]:
    """Of the one job that there is."""
    (job,) = yard.items("JOB#")
    return [(each["name"], each["value"]) for each in plain(job["questions"])]


def test_the_job_is_answered_as_its_detail_shows_it(yard: Yard, curator: Client, workflow: Workflow) -> None:
    answer = submit(curator, workflow, {"workerTag": "gpu", "priority": "High", "credentialId": "x", "questions": []})
    assert answer.status == 200
    assert answer.headers == {"Content-Type": "application/json; charset=utf-8"}
    sent = answer.json
    assert (sent["status"], sent["disposition"], sent["priority"], sent["workerTag"]) == (
        "Queued",
        "None",
        "High",
        "gpu",
    )
    assert (sent["appId"], sent["submittedBy"]) == (workflow.id, curator.user.name)
    assert sent["messages"] == [{"status": 1, "text": "Queued with priority High.", "toolId": -1}]
    assert call("GET", f"/webapi/v3/jobs/{sent['id']}", curator.token).json == sent | {"queuePosition": 1}


def test_the_id_begins_with_the_second_of_its_creation(curator: Client, workflow: Workflow) -> None:
    sent = submit(curator, workflow).json
    (listed,) = call("GET", "/webapi/v3/jobs", curator.token).json["data"]
    assert len(sent["id"]) == 24
    assert f"{int(sent['id'][:8], 16)}" == f"{_seconds(listed['queueTime'])}"


def _seconds(instant: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(instant).timestamp())


@pytest.mark.parametrize("headers", [{}, FORM, JSON, {"content-type": "text/plain"}], ids=str)
@pytest.mark.parametrize("body", [None, "", "  \r\n", b"", "{}", b"{}"])
def test_nothing_needs_to_be_said(
    yard: Yard, curator: Client, workflow: Workflow, body: str | bytes | None, headers: dict[str, str]
) -> None:
    sent = submit(curator, workflow, body, headers).json
    assert (sent["priority"], sent["workerTag"], sent["runWithE2"]) == ("Default", "", False)
    assert questions(yard) == []


@pytest.mark.parametrize(
    ("given", "priority"),
    [
        ("Default", "Default"),
        ("Low", "Low"),
        ("Medium", "Medium"),
        ("High", "High"),
        ("Critical", "Critical"),
        ("critical", "Critical"),
        ("HIGH", "High"),
        ("0", "Low"),
        ("1", "Medium"),
        ("2", "High"),
        ("3", "Critical"),
        (3, "Critical"),
        (0, "Low"),
        ("", "Default"),
        (None, "Default"),
    ],
)
def test_priority_by_name_or_number(curator: Client, workflow: Workflow, given: Any, priority: str) -> None:
    assert submit(curator, workflow, {"priority": given}).json["priority"] == priority
    if given:
        assert submit(curator, workflow, urlencode({"priority": given}), FORM).json["priority"] == priority


INPUT = [("input", "s3://b/k?a=1&b=2")]
TWO = [("first", "1"), ("second", "zwei; deux, 二")]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([], []),
        (None, []),
        ("", []),
        ({}, []),
        ([{"name": "input", "value": "s3://b/k?a=1&b=2"}], INPUT),
        ({"name": "input", "value": "s3://b/k?a=1&b=2"}, INPUT),
        ({"input": "s3://b/k?a=1&b=2"}, INPUT),
        ({"first": "1", "second": "zwei; deux, 二"}, TWO),
        ([{"name": "first", "value": 1}, {"name": "second", "value": "zwei; deux, 二"}], TWO),
        ([{"name": "a", "value": "1", "description": "ignored"}], [("a", "1")]),
        ([{"name": "a"}], [("a", "")]),
        ({"name": "a"}, [("a", "")]),
        ({"name": "x", "other": "y"}, [("name", "x"), ("other", "y")]),
        ([{"name": "a", "value": None}], [("a", "")]),
        ([{"name": "a", "value": True}, {"name": "b", "value": 2.5}], [("a", "true"), ("b", "2.5")]),
        ([{"name": "a", "value": 12345678901234567890123}], [("a", "12345678901234567890123")]),
        ([{"name": "a", "value": "1"}, {"name": "a", "value": "2"}], [("a", "1"), ("a", "2")]),
        ([{"name": "n\x00l", "value": "\x00\n\u2028"}], [("n\x00l", "\x00\n\u2028")]),
    ],
)
def test_questions_as_a_list_or_an_object(
    yard: Yard, curator: Client, workflow: Workflow, given: Any, taken: list[tuple[str, str]]
) -> None:
    assert submit(curator, workflow, {"questions": given}).status == 200
    assert questions(yard) == taken


@pytest.mark.parametrize(
    ("form", "taken"),
    [
        ({"questions": json.dumps([{"name": "input", "value": "s3://b/k?a=1&b=2"}])}, INPUT),
        ({"questions": json.dumps({"input": "s3://b/k?a=1&b=2"})}, INPUT),
        ({"questions": ""}, []),
        ({"questions[input]": "s3://b/k?a=1&b=2"}, INPUT),
        ({"questions[first]": "1", "questions[second]": "zwei; deux, 二"}, TWO),
        ({"questions[0].name": "input", "questions[0].value": "s3://b/k?a=1&b=2"}, INPUT),
        ({"questions[0][name]": "input", "questions[0][value]": "s3://b/k?a=1&b=2"}, INPUT),
        (
            {
                "questions[10].value": "zwei; deux, 二",
                "questions[9].name": "first",
                "questions[9].value": "1",
                "questions[10].name": "second",
            },
            TWO,
        ),
        ({"unknown": "x", "credentialId": "y"}, []),
    ],
)
def test_questions_in_a_form(
    yard: Yard, curator: Client, workflow: Workflow, form: dict[str, str], taken: list[tuple[str, str]]
) -> None:
    headers = {"content-type": "Application/X-WWW-Form-Urlencoded; charset=utf-8"}
    assert submit(curator, workflow, urlencode(form), headers).status == 200
    assert questions(yard) == taken


@pytest.mark.parametrize("headers", [FORM, JSON, {"content-type": "text/json"}, {}], ids=str)
@pytest.mark.parametrize(
    "body", ['{"questions":{"input":"s3://b/k?a=1&b=2"}}', b' {"questions":{"input":"s3://b/k?a=1&b=2"}}']
)
def test_json_is_json_whatever_it_is_called(
    yard: Yard, curator: Client, workflow: Workflow, body: str | bytes, headers: dict[str, str]
) -> None:
    assert submit(curator, workflow, body, headers).status == 200
    assert questions(yard) == INPUT


def test_what_the_contract_does_not_know_is_ignored(yard: Yard, curator: Client, workflow: Workflow) -> None:
    more = {"runWithE2": True, "id": "f" * 24, "status": "Completed", "owner": "me", "tenant": "globex", "x": [{}]}
    sent = submit(curator, workflow, more).json
    assert (sent["status"], sent["runWithE2"], yard.jobs()) == ("Queued", False, [sent["id"]])
    assert call("GET", f"/webapi/v3/jobs/{sent['id']}", curator.token).status == 200


def test_the_most_that_is_taken(yard: Yard, curator: Client, workflow: Workflow) -> None:
    many = [{"name": f"{n:03d}", "value": "x" * 324} for n in range(200)]
    assert submit(curator, workflow, {"questions": many, "workerTag": "t" * 128}).status == 200
    assert len(questions(yard)) == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER, Role.ARTISAN, Role.CURATOR])
def test_a_public_workflow_runs_for_every_role_with_access(yard: Yard, workflow: Workflow, role: Role) -> None:
    client = yard.client(role)
    sent = submit(client, workflow).json
    assert call("GET", f"/webapi/v3/jobs/{sent['id']}", client.token).json == sent | {"queuePosition": 1}


def test_a_private_workflow_runs_for_its_owner_and_administrators(
    yard: Yard, curator: Client, member: Client, other_member: Client
) -> None:
    private = yard.workflow(public=False, owner=member.user.id)
    assert submit(member, private).status == 200
    assert submit(curator, private).status == 200
    with yard.unchanged():
        refused = submit(other_member, private)
    assert refused.status == 403
    assert refused.message == f"You do not have access to execute workflow {private.id}."


def test_who_has_no_access_runs_nothing(yard: Yard, workflow: Workflow) -> None:
    nobody = yard.client(Role.NO_ACCESS)
    with yard.unchanged():
        refused = submit(nobody, workflow)
    assert (refused.status, refused.message) == (403, "Your role may not execute workflows.")


@in_turn("id", ["f" * 24, "x", "%00", "%FF", "x" * 5000, "..", "٦" * 24])
@in_turn("method", ["GET", "POST"])
def test_an_unknown_workflow_is_not_found(yard: Yard, curator: Client, method: str, id: str) -> None:
    with yard.unchanged():
        answer = call(method, f"/webapi/v3/workflows/{id}/jobs", curator.token)
    assert answer.status == 404
    assert answer.message.startswith("Workflow ")
    assert answer.message.endswith(" not found.")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_tenants_workflow_is_as_unknown_as_none(yard: Yard, stranger: Client, method: str) -> None:
    path = f"/webapi/v3/workflows/{'f' * 24}/jobs"
    unknown = call(method, path, stranger.token)
    yard.workflow(id="f" * 24)
    with yard.unchanged():
        assert call(method, path, stranger.token) == unknown


def test_an_id_in_upper_case_is_the_same_id(curator: Client, workflow: Workflow) -> None:
    sent = call("POST", f"/webapi/v3/workflows/{workflow.id.upper()}/jobs", curator.token).json
    assert sent["appId"] == workflow.id
