"""The check of what breaks clients: it finds each kind of break, and lets pass what breaks nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from openapi import command
from openapi.breaking import breaks
from openapi.document import PROMISED, document, read
from openapi.parts import Spec
from tests.contract.conformance import the_document

LIST, SUBMIT = "/webapi/v3/jobs", "/webapi/v3/workflows/{workflowId}/jobs"
JOB, CREATE = "/webapi/v3/jobs/{jobId}", "/inventorytriggerjob"

Edit = Callable[[Spec], Any]


def schema(document: Spec, name: str) -> Spec:
    found: Spec = document["components"]["schemas"][name]
    return found


def parameter(document: Spec, name: str, path: str = LIST, method: str = "get") -> Spec:
    found: Spec = next(each for each in document["paths"][path][method]["parameters"] if each["name"] == name)
    return found


def without(document: Spec, name: str, path: str = LIST, method: str = "get") -> None:
    document["paths"][path][method]["parameters"].remove(parameter(document, name, path, method))


def body(document: Spec, media: str = "application/json", path: str = SUBMIT) -> Spec:
    found: Spec = document["paths"][path]["post"]["requestBody"]["content"][media]["schema"]
    return found


def answer(document: Spec, status: str = "200", path: str = SUBMIT, method: str = "post") -> Spec:
    found: Spec = document["paths"][path][method]["responses"][status]
    return found


def new_parameter(document: Spec, *, required: bool) -> None:
    new = {"name": "tenant", "in": "query", "required": required, "schema": {"type": "string"}}
    document["paths"][LIST]["get"]["parameters"].append(new)


BREAKING: dict[str, tuple[Edit, str]] = {
    "a path is gone": (lambda d: d["paths"].pop(LIST), f"GET {LIST}: is gone"),
    "an operation is gone": (lambda d: d["paths"][JOB].pop("delete"), f"DELETE {JOB}: is gone"),
    "an operation has another id": (lambda d: d["paths"][LIST]["get"].update(operationId="x"), "operationId is x"),
    "a parameter is gone": (lambda d: without(d, "limit"), "query parameter limit: is gone"),
    "a header is gone": (lambda d: without(d, "Idempotency-Key", SUBMIT, "post"), "idempotency-key: is gone"),
    "a parameter is required": (lambda d: parameter(d, "users").update(required=True), "users: is required"),
    "a new parameter is required": (lambda d: new_parameter(d, required=True), "tenant: is new, and required"),
    "a parameter is written otherwise": (lambda d: parameter(d, "users").update(explode=False), "in another way"),
    "a parameter takes less": (lambda d: parameter(d, "limit")["schema"].update(maximum=500), "maximum is 1000"),
    "a parameter takes fewer values": (
        lambda d: parameter(d, "statuses")["schema"]["items"]["enum"].remove("Running"),
        "may be 'Running'",
    ),
    "a parameter is of another type": (lambda d: parameter(d, "offset")["schema"].update(type="boolean"), "integer"),
    "a parameter has a pattern": (lambda d: parameter(d, "users")["schema"]["items"].update(pattern="^a"), "pattern"),
    "a default is another": (lambda d: parameter(d, "limit")["schema"].update(default=10), "the default is 10"),
    "a default of a body is another": (
        lambda d: body(d)["properties"]["questions"].update(default=[{"name": "a"}]),
        "questions: the default is [{'name': 'a'}]",
    ),
    "a body may have no unknown members": (
        lambda d: schema(d, "TencentKept").update(additionalProperties=False),
        "may have other members than are known",
    ),
    "a map has other values": (
        lambda d: body(d)["properties"]["questions"]["anyOf"][1]["additionalProperties"].update(maxLength=9),
        "questions.*: maxLength is nothing, and not 9",
    ),
    "a body is required": (
        lambda d: d["paths"][SUBMIT]["post"]["requestBody"].update(required=True),
        "a body is required",
    ),
    "a body is gone": (lambda d: d["paths"][SUBMIT]["post"].pop("requestBody"), "the body is gone"),
    "a type of body is gone": (
        lambda d: d["paths"][SUBMIT]["post"]["requestBody"]["content"].pop("application/x-www-form-urlencoded"),
        "x-www-form-urlencoded body: is gone",
    ),
    "a member of a body is gone": (lambda d: body(d)["properties"].pop("workerTag"), ".workerTag: is not known"),
    "a member of a body is required": (lambda d: body(d).update(required=["priority"]), ".priority: is required"),
    "a body takes fewer values": (lambda d: body(d)["properties"]["priority"]["enum"].remove("0"), "may be '0'"),
    "a body takes fewer forms": (lambda d: body(d)["properties"]["questions"]["anyOf"].pop(), "may be object"),
    "an inner member is required": (lambda d: schema(d, "QuestionContract")["required"].append("value"), ".value"),
    "an element is written otherwise": (lambda d: schema(d, "TencentRequest")["xml"].update(name="Job"), "xml"),
    "an alternative of a body is gone": (lambda d: schema(d, "TencentInput")["oneOf"].pop(), "oneOf changed"),
    "a success is another": (
        lambda d: d["paths"][SUBMIT]["post"]["responses"].update({"201": answer(d)}),
        "may answer 201",
    ),
    "a success is gone": (lambda d: d["paths"][SUBMIT]["post"]["responses"].pop("200"), "answer 200: is gone"),
    "a type of answer is gone": (lambda d: answer(d)["content"].clear(), "has no application/json"),
    "a new type of answer": (lambda d: answer(d)["content"].update({"text/html": {}}), "may be text/html"),
    "a header of an answer is gone": (lambda d: answer(d)["headers"].clear(), "Idempotency-Replayed: is gone"),
    "a header need not be there": (
        lambda d: answer(d, "401")["headers"]["WWW-Authenticate"].update(required=False),
        "WWW-Authenticate: need not be there",
    ),
    "a member of an answer is gone": (lambda d: schema(d, "AlteryxJob")["properties"].pop("appId"), ".appId: is gone"),
    "a member of an answer may be absent": (
        lambda d: schema(d, "AlteryxJob")["required"].remove("status"),
        ".status: is required, and need not be there",
    ),
    "an answer has another value": (
        lambda d: schema(d, "AlteryxJob")["properties"]["status"]["enum"].append("Paused"),
        "may be 'Paused'",
    ),
    "an answer may have any value": (
        lambda d: schema(d, "AlteryxJob")["properties"]["status"].pop("enum"),
        "may be any value",
    ),
    "an answer may be null": (
        lambda d: schema(d, "AlteryxMessage")["properties"]["text"].update(type=["string", "null"]),
        ".text: may be null",
    ),
    "an answer is of another type": (
        lambda d: schema(d, "OpenReplayJob")["properties"]["jobId"].update(type="string"),
        "may be string",
    ),
    "an answer goes beyond a bound": (
        lambda d: schema(d, "OpenReplayJob")["properties"]["jobId"].update(maximum=2**63),
        "maximum is 9223372036854775808",
    ),
    "an answer has another pattern": (
        lambda d: schema(d, "AlteryxJob")["properties"]["id"].update(pattern="^.*$"),
        "pattern",
    ),
    "a list has other items": (
        lambda d: schema(d, "AlteryxMessage")["properties"]["status"]["enum"].append(4),
        "messages[].status: may be 4",
    ),
    "another credential is asked for": (
        lambda d: d["paths"][LIST]["get"].update(security=[{"apiKey": []}]),
        "cannot be called by accessToken",
    ),
    "nobody may go without a credential": (
        lambda d: d["paths"]["/webapi/oauth2/token"]["post"].update(security=[{"client": []}]),
        "cannot be called by anyone",
    ),
    "a scheme is another": (
        lambda d: d["components"]["securitySchemes"]["apiKey"].update(scheme="basic"),
        "security scheme apiKey",
    ),
}

HARMLESS: dict[str, Edit] = {
    "nothing": lambda d: None,
    "words": lambda d: d["paths"][LIST]["get"].update(summary="x", description="y", tags=["z"]),
    "words in a schema": lambda d: schema(d, "AlteryxJob").update(title="x", description="y"),
    "an example": lambda d: answer(d)["content"]["application/json"].pop("example"),
    "another version": lambda d: d["info"].update(version="2.0.0"),
    "a new path": lambda d: d["paths"].update({"/webapi/v3/credentials": d["paths"][LIST]}),
    "a new operation": lambda d: d["paths"][LIST].update(post=d["paths"][LIST]["get"]),
    "a new parameter": lambda d: new_parameter(d, required=False),
    "a parameter takes more": lambda d: parameter(d, "limit")["schema"].update(maximum=2000),
    "a parameter takes another value": lambda d: parameter(d, "statuses")["schema"]["items"]["enum"].append("Paused"),
    "a parameter takes any value": lambda d: parameter(d, "statuses")["schema"]["items"].pop("enum"),
    "an integer may be any number": lambda d: parameter(d, "offset")["schema"].update(type="number"),
    "a body has another member": lambda d: body(d)["properties"].update(name={"type": "string"}),
    "a body takes another form": lambda d: body(d)["properties"]["questions"]["anyOf"].append({"type": "null"}),
    "a new type of body": lambda d: d["paths"][SUBMIT]["post"]["requestBody"]["content"].update({"text/csv": {}}),
    "a member is no more required": lambda d: schema(d, "QuestionContract").update(required=[]),
    "an answer has another member": lambda d: schema(d, "AlteryxJob")["properties"].update(name={"type": "string"}),
    "an answer always has a member": lambda d: schema(d, "AlteryxJob")["required"].append("messages"),
    "an answer has fewer values": lambda d: schema(d, "AlteryxJob")["properties"]["status"]["enum"].pop(),
    "an answer is never null": lambda d: schema(d, "AlteryxJob")["properties"]["progress"]["anyOf"].pop(),
    "an answer keeps within a bound": lambda d: schema(d, "AlteryxToken")["properties"]["expires_in"].update(minimum=2),
    "another refusal": lambda d: d["paths"][SUBMIT]["post"]["responses"].update({"429": answer(d, "400")}),
    "a refusal less": lambda d: d["paths"][SUBMIT]["post"]["responses"].pop("403"),
    "a header more in an answer": lambda d: answer(d)["headers"].update({"X-More": {"schema": {"type": "string"}}}),
    "another credential too": lambda d: d["paths"][LIST]["get"]["security"].append({"apiKey": []}),
    "a schema that is written out": lambda d: answer(d)["content"]["application/json"].update(
        schema=schema(d, "AlteryxJob")
    ),
}


def edited(edit: Edit) -> Spec:
    changed = deepcopy(the_document())
    edit(changed)
    return changed


@pytest.mark.parametrize(("edit", "told"), BREAKING.values(), ids=list(BREAKING))
def test_what_breaks_a_client_is_found_and_named(edit: Edit, told: str) -> None:
    found = breaks(the_document(), edited(edit))
    assert any(told in each for each in found), found


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=list(HARMLESS))
def test_what_breaks_nobody_passes(edit: Edit) -> None:
    assert breaks(the_document(), edited(edit)) == []


@pytest.mark.parametrize("edit", [edit for edit, _ in BREAKING.values()], ids=list(BREAKING))
def test_a_break_is_one_change_and_not_a_storm(edit: Edit) -> None:
    """A schema that many answers share is named where each has it, and nothing else is."""
    found = breaks(the_document(), edited(edit))
    assert len(found) == len(set(found))
    assert len({each.rpartition(": ")[2] for each in found}) <= 2, found


def test_the_promise_is_kept() -> None:
    assert breaks(read(PROMISED), the_document()) == []


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A document of our own, and a promise that it breaks and adds to."""
    place, promised = tmp_path / "openapi.json", tmp_path / "openapi.promised.json"
    monkeypatch.setattr(command, "PLACE", place)
    monkeypatch.setattr(command, "PROMISED", promised)
    promised.write_text(json.dumps(document("1.2.0")))
    return place, promised


def promise(promised: Path, edit: Edit) -> None:
    changed = json.loads(promised.read_text())
    edit(changed)
    promised.write_text(json.dumps(changed))


def test_the_command_writes_what_the_code_makes(places: tuple[Path, Path]) -> None:
    place, _ = places
    assert command.main(["--check"]) == 1
    assert not place.exists()
    assert command.main([]) == 0
    assert read(place) == document("1.2.0")
    assert command.main(["--check"]) == 0


def test_the_command_fails_on_a_break_until_it_is_meant(
    places: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    place, promised = places
    promise(promised, lambda d: d["paths"].update({"/webapi/v3/gone": d["paths"][LIST]}))
    for arguments in ([], ["--check"]):
        assert command.main(arguments) == 1
        assert "breaking: GET /webapi/v3/gone: is gone" in capsys.readouterr().err
    assert command.main(["--promise"]) == 0
    assert read(place) == read(promised) == document("2.0.0")
    assert command.main(["--check"]) == 0


def test_a_promise_of_more_changes_the_second_number(places: tuple[Path, Path]) -> None:
    place, promised = places
    promise(promised, lambda d: d["paths"].pop(LIST))
    assert command.main(["--promise"]) == 0
    assert read(promised)["info"]["version"] == "1.3.0"
    assert command.main(["--promise"]) == 0
    assert read(promised)["info"]["version"] == "1.3.0"
    assert read(place) == read(promised)
