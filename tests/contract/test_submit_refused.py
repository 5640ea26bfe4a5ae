"""Bodies that make no job: a 400 that names the field, and nothing written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobyard.model import Workflow
from tests.contract.api import call
from tests.contract.yard import Client, Yard
from tests.in_turn import in_turn

FORM = {"content-type": "application/x-www-form-urlencoded"}
NEARLY_ALL = 900_000  # bytes: little less than is read of a body


def refusal(yard: Yard, client: Client, workflow: Workflow, body: Any, headers: dict[str, str] | None = None) -> str:
    with yard.unchanged():
        answer = call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", client.token, body=body, headers=headers)
    assert answer.status == 400
    assert len(answer.message) < 500
    assert answer.message.isprintable()
    return answer.message


@in_turn(
    "body",
    [
        "{",
        "}",
        '{"priority":"High"',
        '{"priority":"High"}}',
        '{"priority":"High",}',
        "{'priority':'High'}",
        "priority=High",
        "null",
        "true",
        "0",
        "[]",
        '[{"name":"a","value":"b"}]',
        '"High"',
        "\x00",
        "\ufeff",
        "\ud800",
        '{"workerTag":"\ud800"}',
        r'{"workerTag":"\ud800"}',
        r'{"workerTag":"\udc00\ud800"}',
        '{"workerTag":"a\nb"}',
        '{"workerTag":NaN}',
        b"\xff\xfe",
        b'{"workerTag":"\xff"}',
        b'{"workerTag":"\xed\xa0\x80"}',
        '{"workerTag":"a"}'.encode("utf-16"),
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"questions":' + "[" * 5000 + "]" * 5000 + "}",
        "x" * NEARLY_ALL,
        '{"a":"' + "x" * NEARLY_ALL,
    ],
)
def test_what_is_no_json_object(yard: Yard, curator: Client, workflow: Workflow, body: str | bytes) -> None:
    refusal(yard, curator, workflow, body)


@in_turn(
    ("body", "field"),
    [
        ({"priority": "Urgent"}, "priority"),
        ({"priority": "4"}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": 1.0}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": []}, "priority"),
        ({"priority": {}}, "priority"),
        ({"priority": "٣"}, "priority"),
        ({"priority": " High"}, "priority"),
        ({"priority": "x" * NEARLY_ALL}, "priority"),
        ({"workerTag": []}, "workerTag"),
        ({"workerTag": {"a": 1}}, "workerTag"),
        ({"workerTag": "t" * 129}, "workerTag"),
        ({"credentialId": ["a"]}, "credentialId"),
        ({"questions": "input"}, "questions"),
        ({"questions": 1}, "questions"),
        ({"questions": True}, "questions"),
        ({"questions": ["input"]}, "questions.0"),
        ({"questions": [None]}, "questions.0"),
        ({"questions": [[]]}, "questions.0"),
        ({"questions": [{}]}, "questions.0.name"),
        ({"questions": [{"value": "x"}]}, "questions.0.name"),
        ({"questions": [{"name": 1, "value": "x"}]}, "questions.0.name"),
        ({"questions": [{"name": None, "value": "x"}]}, "questions.0.name"),
        ({"questions": [{"name": "a", "value": []}]}, "questions.0.value"),
        ({"questions": [{"name": "a"}, {"name": "b", "value": {}}]}, "questions.1.value"),
        ({"questions": {"a": ["b"]}}, "questions.0.value"),
        ({"questions": [{"name": f"{n}"} for n in range(201)]}, "questions"),
        ({"questions": [{"name": "a", "value": "x" * NEARLY_ALL}]}, "questions"),
        ({"questions": [{"name": "x" * NEARLY_ALL}]}, "questions"),
        ({"questions": {"x" * 65_536: "y"}}, "questions"),
        ({"questions": [{"name": "a", "value": "語" * 22_000}]}, "questions"),
    ],
)
def test_a_field_of_another_type_or_size_is_named(
    yard: Yard, curator: Client, workflow: Workflow, body: Any, field: str
) -> None:
    assert refusal(yard, curator, workflow, body).startswith(f"{field}: ")


@in_turn("number", ["1e400", "-1e400", "NaN", "Infinity", "9" * 5000])
@in_turn(
    ("body", "field"),
    [
        ('{{"questions":[{{"name":"a","value":{}}}]}}', "questions.0.value"),
        ('{{"workerTag":{}}}', "workerTag"),
        ('{{"priority":{}}}', "priority"),
    ],
)
def test_a_number_that_cannot_be_kept(
    yard: Yard, curator: Client, workflow: Workflow, number: str, body: str, field: str
) -> None:
    message = refusal(yard, curator, workflow, body.format(number))
    assert message.startswith((f"{field}: ", "The body: "))


def test_a_wrong_priority_is_told_the_allowed_ones(yard: Yard, curator: Client, workflow: Workflow) -> None:
    expected = "priority: allowed values: Default, Low, Medium, High, Critical, 0, 1, 2, 3."
    assert refusal(yard, curator, workflow, {"priority": "Urgent"}) == expected
    assert refusal(yard, curator, workflow, "priority=Urgent", FORM) == expected


def test_the_limit_of_questions_is_told_in_bytes(yard: Yard, curator: Client, workflow: Workflow) -> None:
    body = {"questions": [{"name": "a", "value": "x" * NEARLY_ALL}]}
    expected = "questions: at most 65536 bytes together are allowed, not 900001."
    assert refusal(yard, curator, workflow, body) == expected


@in_turn(
    ("form", "field"),
    [
        ("questions=input", "questions"),
        ("questions=%7B", "questions"),
        ("questions=%5B1%5D", "questions.0"),
        ("questions=" + "[" * 100_000, "questions"),
        ("questions[0].value=x", "questions.0.name"),
        ("questions[0][value]=x", "questions.0.name"),
        ("priority=4", "priority"),
        ("priority=%D9%A3", "priority"),
        ("workerTag=" + "t" * 129, "workerTag"),
        ("questions[a]=" + "x" * NEARLY_ALL, "questions"),
        ("&".join(f"questions[{n}]=x" for n in range(201)), "questions"),
    ],
)
def test_a_field_of_a_form_is_named(yard: Yard, curator: Client, workflow: Workflow, form: str, field: str) -> None:
    assert refusal(yard, curator, workflow, form, FORM).startswith(f"{field}: ")


@pytest.mark.parametrize("body", ["!", "é", "YQ", "\ud800", "=" * 1000])
def test_a_body_that_is_said_to_be_base64_and_is_not(
    yard: Yard, curator: Client, workflow: Workflow, body: str
) -> None:
    path = f"/webapi/v3/workflows/{workflow.id}/jobs"
    with yard.unchanged():
        answer = call("POST", path, curator.token, body=body, isBase64Encoded=True)
    assert (answer.status, answer.message) == (400, "The body is not base64.")


def test_the_caller_is_looked_at_before_the_body(yard: Yard, workflow: Workflow) -> None:
    with yard.unchanged():
        assert call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", "forged", body="{").status == 401


def test_a_mistake_names_no_secret_of_ours(yard: Yard, curator: Client, workflow: Workflow) -> None:
    message = refusal(yard, curator, workflow, json.dumps({"questions": 1}))
    assert not any(word in message.lower() for word in ("pydantic", "traceback", "python", "errors."))
