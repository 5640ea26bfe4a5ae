"""The OpenAPI document: whole, well-formed, and what the code makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from jobyard.dialects.tencent.body import Document
from jobyard.dialects.tencent.contract import contract
from jobyard.errors import Invalid
from openapi import alteryx, command, samples
from openapi.document import PLACE, PROMISED, Undescribed, document, read
from openapi.parts import Spec
from openapi.tencent_models import NAME
from tests.contract import api
from tests.contract.conformance import Undocumented, conforms, operation, parsed, resolved, the_document

KEYS = [f"{method.upper()} {path}" for path, item in sorted(the_document()["paths"].items()) for method in sorted(item)]


def test_it_is_a_document_of_openapi_3_1() -> None:
    assert the_document()["openapi"] == "3.1.0"
    validate(the_document())


def test_it_has_every_route_of_the_template_and_no_other() -> None:
    assert sorted(KEYS) == sorted(f"{route.method} {route.path.replace('+}', '}')}" for route in api.routes())


def test_a_route_that_nobody_described_fails_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(alteryx.OPERATIONS, "GET /webapi/v3/jobs")
    with pytest.raises(Undescribed, match=r"GET /webapi/v3/jobs\Z"):
        document("1.0.0")


def test_what_is_committed_is_what_the_code_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("key", KEYS)
def test_an_operation_can_be_read_by_a_person(key: str) -> None:
    described = operation(key)
    assert re.fullmatch(r"[A-Z][^.]+", described["summary"])
    assert re.fullmatch(r"[A-Z].+\.", described["description"])
    assert len(described["tags"]) == 1
    assert described["security"]
    for each in [*described.get("parameters", []), *described["responses"].values()]:
        # A header that says nothing but its name is one that the dialect's own errors have.
        assert re.fullmatch(r"(?s)\S.*\.", each["description"]), each


def test_an_operation_has_an_id_of_its_own() -> None:
    ids = [operation(key)["operationId"] for key in KEYS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("key", KEYS)
def test_the_parameters_of_a_path_are_those_in_it(key: str) -> None:
    named = {each["name"]: each["required"] for each in operation(key).get("parameters", []) if each["in"] == "path"}
    assert named == dict.fromkeys(re.findall(r"{(\w+)}", key), True)


@pytest.mark.parametrize("key", KEYS)
def test_an_example_is_what_its_schema_says(key: str) -> None:
    found = list(_examples(operation(key)))
    assert found
    for schema, example in found:
        whole = {"components": the_document()["components"], **schema}
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(example)


def _examples(described: Spec) -> Iterator[tuple[Spec, Any]]:
    for parameter in described.get("parameters", []):
        if "example" in parameter:
            written = parameter["example"]
            yield parameter["schema"], int(written) if parameter["schema"]["type"] == "integer" else written
    bodies = [described.get("requestBody", {}), *described["responses"].values()]
    for media, content in [pair for body in bodies for pair in body.get("content", {}).items()]:
        given = [content[name] for name in ("example",) if name in content]
        for example in [*given, *(each["value"] for each in content.get("examples", {}).values())]:
            is_text = media != "application/json" and isinstance(example, str)
            yield content["schema"], parsed(media, example, content["schema"]) if is_text else example


def test_every_member_of_what_jobyard_makes_is_named() -> None:
    """So that the contract tests find the member that an answer has and the document has not."""
    open_ones = [
        name
        for name, schema in the_document()["components"]["schemas"].items()
        if name in _answered() and schema.get("additionalProperties") is not False
    ]
    # What the client itself wrote.
    assert open_ones == ["TencentKept"]


def _answered() -> set[str]:
    """The schemas of answers, and what they refer to."""
    answers = [each for key in KEYS for each in operation(key)["responses"].values()]
    found: set[str] = set()
    left = _references(answers)
    while left:
        name = left.pop()
        found.add(name)
        left |= _references(the_document()["components"]["schemas"][name]) - found
    return found


def _references(part: Any) -> set[str]:
    return set(re.findall(r"'#/components/schemas/(\w+)'", repr(part)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": 418}, "not documented"),
        ({"headers": {"Content-Type": "text/html"}}, "text/html is not one of"),
        ({"headers": {"Content-Type": "application/json", "X-More": "1"}}, "headers that are not documented: x-more"),
        ({"text": '{"message": "Cancelled Successfully.", "more": 1}'}, "Additional properties"),
        ({"text": '{"message": "Cancelled."}'}, "is not one of"),
        ({"text": "{}"}, "is a required property"),
        ({"text": "no JSON"}, "the body is no application/json"),
        ({"status": 401, "text": '{"message": "x"}'}, "header www-authenticate is missing"),
    ],
)
def test_an_answer_that_is_not_documented_fails_whatever_test_asked(change: Spec, reason: str) -> None:
    right: Spec = {
        "status": 200,
        "headers": {"Content-Type": "application/json; charset=utf-8"},
        "text": '{"message": "Cancelled Successfully."}',
    }
    conforms("DELETE", "/webapi/v3/jobs/{jobId}", **right)
    with pytest.raises(AssertionError, match=reason):
        conforms("DELETE", "/webapi/v3/jobs/{jobId}", **(right | change))


def test_an_element_too_many_is_not_documented() -> None:
    content = operation("POST /inventorytriggerjob")["responses"]["200"]["content"]["application/xml"]
    headers = {"Content-Type": "application/xml", "x-ci-request-id": "1", "x-cos-request-id": "1"}
    for more in ("<State>Running</State>", "<More/>"):
        conforms("POST", "/inventorytriggerjob", 200, headers, content["example"])
        wrong = content["example"].replace("</JobsDetail>", f"{more}</JobsDetail>")
        with pytest.raises(Undocumented):
            conforms("POST", "/inventorytriggerjob", 200, headers, wrong)


def test_the_names_of_jobs_are_of_the_documented_characters() -> None:
    """The one pattern that is not the code's own."""
    sources = {"Input": samples.TENCENT_INPUT, "Operation": samples.TENCENT_OPERATION}
    taken = set()
    for code in range(1, 128):
        root = ET.fromstring(f"<Request><Name/>{samples.TENCENT_INPUT}{samples.TENCENT_OPERATION}</Request>")
        root[0].text = f"a{chr(code)}b"
        with suppress(Invalid):
            contract(Document(root, sources), "bucket-1250000000")
            taken.add(code)
    documented = {code for code in range(1, 128) if jsonschema_rs.is_valid({"pattern": NAME}, f"a{chr(code)}b")}
    assert taken == documented


def test_the_promise_is_a_document_too() -> None:
    promised = read(PROMISED)
    validate(promised)
    assert promised["info"]["version"] == read(PLACE)["info"]["version"]


def test_a_schema_that_is_referred_to_is_found() -> None:
    for name in _references(the_document()):
        assert resolved({"$ref": f"#/components/schemas/{name}"})["type"] == "object"
