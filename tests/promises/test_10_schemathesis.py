"""Promise 10: no input makes a 5xx. Here: whatever schemathesis makes of the OpenAPI document, right and wrong.

Each operation is asked, in every dialect, with what the document allows and with what it forbids; about things that
are there and things that are not; by a caller who may do everything and by nobody. Each answer must be one that the
document has, by its status, type of content, headers and body; what is allowed must be accepted, and what is forbidden
refused, as far as the vendors' APIs do so. Where they are more liberal, or a schema cannot say what they want, stands
below, as narrow as it is.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract import api
from tests.contract.conformance import operation as documented
from tests.contract.conformance import the_document
from tests.contract.tencent.conftest import WORKFLOW_ID
from tests.contract.world import World, dialect_of
from tests.contract.yard import Yard
from tests.promises.effort import effort, nightly_but

ALWAYS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

TIME = "is not a time|Start is after End"
CURSOR = "^cursor: use what|^offset: leave it out with a cursor"
ABOUT_PEOPLE: Final = [
    f"{method.upper()} {path}"
    for path, item in the_document()["paths"].items()
    for method in item
    if method in ("post", "put") and re.match("/webapi/v3/(users|usergroups|collections)", path)
]
"""Operations with a body about users, groups and collections."""

BEYOND_SCHEMAS: Final = {
    # What a job's own output can be had as.
    "GET /webapi/v1/jobs/{jobId}/output/{outputId}": "^format: ",
    "GET /webapi/v3/jobs/{jobId}/output/{outputId}": "^format: ",
    # Workflows, days and zones that there are not; starts that are past; ends before them; windows that are too long.
    "GET /webapi/v3/schedules": "^runs(After|Before): ",
    "POST /webapi/v3/schedules": "^(workflowId|iteration.*|timeZone|questions): ",
    "PUT /webapi/v3/schedules/{scheduleId}": "^(workflowId|ownerId|iteration.*|timeZone|questions): ",
    "PATCH /webapi/v3/schedules/{scheduleId}": "^(ownerId|iteration.*|timeZone|questions): ",
    # The field of a form that is JSON.
    "POST /webapi/v3/workflows/{workflowId}/jobs": "^questions: must be JSON",
    # Its state.
    "PATCH /webapi/v3/jobs/{jobId}": "^This job is not in",
    "DELETE /webapi/v3/jobs/{jobId}": "^This job is not in",
    "DELETE /public/{projectKey}/jobs/{jobId}": "^the requested job has already been",
    "PUT /inventorytriggerjob/{jobId}": "its State is",
    # Bytes, where a schema counts characters.
    "DELETE /public/{projectKey}/users/{userId}": "^userID exceeds",
    # Cursors that no answer had, and those that know where they begin.
    "GET /webapi/v3/jobs": CURSOR,
    "GET /webapi/v3/workflows/{workflowId}/jobs": CURSOR,
    "GET /public/{projectKey}/jobs": CURSOR,
    # The 30th of February; tokens that no answer had.
    "GET /inventorytriggerjob": f"{TIME}|^nextToken: ",
    # What an element asks of another; a workflow that is not there; letters of every script; names that XML makes one.
    "POST /inventorytriggerjob": f"{TIME}|needs it|no workflow|is for the tag|^Content-MD5 |^Name: |is given twice",
    # What is in them.
    "DELETE /webapi/v3/usergroups/{userGroupId}": "^forceDelete: the user group is not empty",
    "DELETE /webapi/v3/collections/{collectionId}": "^forceDelete: the collection is not empty",
    # Names of spaces only, things that are not there, times that a second or a year is too many for.
    **dict.fromkeys(ABOUT_PEOPLE, "at least 1 character|there is no |^expirationDate|^userIds|^firstName|^lastName"),
    **dict.fromkeys(
        ("GET /webapi/v3/audit", "GET /webapi/v3/users"), f"{CURSOR}|^(from|to|createdAfter|createdBefore): "
    ),
}
"""Why an operation may refuse with 400 what its schemas allow: a pattern of the message."""

ANY_BODY: Final = {
    # Numbers and booleans are taken for texts, and a list's one element for the list, as the vendor's server does.
    "POST /webapi/v3/workflows/{workflowId}/jobs",
    "POST /webapi/v3/schedules",
    "PUT /webapi/v3/schedules/{scheduleId}",
    "PATCH /webapi/v3/schedules/{scheduleId}",
    # XML has texts only, and values are taken in any letter case.
    "POST /inventorytriggerjob",
    # As texts are taken for booleans, and roles in any letter case.
    *ABOUT_PEOPLE,
}
"""Operations that take more bodies than their schemas allow."""

SCHEMA = schemathesis.openapi.from_dict(the_document())
# Who is asking is this test's own to say.
SCHEMA.config.generation.update(with_security_parameters=False)
KEYS = [f"{method.upper()} {path}" for path, item in the_document()["paths"].items() for method in item]


def asked(world: World, case: Case[Any], *, authorized: bool) -> Response | None:
    """The answer, as an HTTP client would have it; None where the gateway has no such route."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="https://jobyard.example.com")).prepare()
    target = urlsplit(str(prepared.url))
    headers = {name: _text(value) for name, value in prepared.headers.items()}
    if authorized and not target.path.endswith("/token"):
        headers |= world.credentials(case.method, target.path)
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    try:
        answer = api.call(case.method, target.path, None, target.query, body, headers)
    except api.NoRoute:
        return None
    sent = {name: [value] for name, value in answer.headers.items()}
    return Response(answer.status, sent, answer.text.encode(), prepared, elapsed=0, verify=False, encoding="utf-8")


def checked(key: str, case: Case[Any], response: Response) -> None:
    checks = list(ALWAYS)
    reason = BEYOND_SCHEMAS.get(key)
    if not (reason and response.status_code == 400 and re.search(reason, _message(response))):
        checks.append(positive_data_acceptance)
    if not _taken_all_the_same(key, case, response):
        checks.append(negative_data_rejection)
    case.validate_response(response, checks=checks)


def _taken_all_the_same(key: str, case: Case[Any], response: Response) -> bool:
    """Whether what the document forbids is in parts only that the dialects are more liberal in."""
    wrong = {place for place, part in case.meta.components.items() if part.mode.is_negative} if case.meta else set()
    if ParameterLocation.BODY in wrong and key in ANY_BODY:
        return True
    if wrong != {ParameterLocation.QUERY}:
        return False
    # To openreplay's limit and page whatever is not allowed is the default.
    return dialect_of(case.path) == "openreplay" or _liberally(key, str(urlsplit(str(response.request.url)).query))


def _liberally(key: str, query: str) -> bool:
    """Whether each parameter is right if letter case and outer spaces say nothing, and an empty one is absent."""
    schemas = {each["name"].lower(): each["schema"] for each in documented(key)["parameters"] if each["in"] == "query"}
    for name, value in parse_qsl(query, keep_blank_values=True):
        schema = schemas.get(name.lower(), {})
        items = schema.get("items", schema)
        values = value.split(",") if "items" in schema else [value]
        if not all(_is(items, each.strip()) for each in values if each.strip()):
            return False
    return True


def _is(schema: dict[str, Any], value: str) -> bool:
    if "enum" in schema:
        return value.lower() in [str(each).lower() for each in schema["enum"]]
    if schema.get("type") == "boolean":
        return value.lower() in ("true", "false")
    if schema.get("type") == "integer":
        return value.isascii() and value.isdigit() and schema["minimum"] <= int(value) <= schema["maximum"]
    if schema.get("format") == "date":
        return bool(re.fullmatch(r"[0-9-]{10}", value)) and date.fromisoformat(value) < date.max
    return re.search(schema.get("pattern", ""), value) is not None and len(value) <= schema.get("maxLength", len(value))


def _message(response: Response) -> str:
    text = response.content.decode()
    found = re.search(r'<Message>(.*?)</Message>|"(?:message|error)": ?"(.*?)"\}', text, re.DOTALL)
    return (found[1] or found[2]) if found else text


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _made_acceptable(body: Any) -> None:
    """A create of a job in what a schema cannot say, so that the rest of it is looked at."""
    if isinstance(body, dict) and isinstance(body.get("Operation"), dict):
        body |= {"Name": "demo", "Type": "Workflow"}
        body["Operation"]["WorkflowIds"] = WORKFLOW_ID


def _cases(key: str, **fixed: Any) -> st.SearchStrategy[Case[Any]]:
    method, _, path = key.partition(" ")
    return st.one_of(*(SCHEMA[path][method].as_strategy(generation_mode=mode, **fixed) for mode in GenerationMode))


@pytest.mark.parametrize("key", nightly_but(KEYS, *KEYS[::4]))
def test_every_answer_is_documented(tenancy: Yard, key: str) -> None:
    world = World(tenancy)
    path = key.partition(" ")[2]
    somewhere = _cases(key)
    # A case is made with the parameters of some path, and asked with those of one that something is behind.
    there = _cases(key, path_parameters=dict.fromkeys(world.parameters(path), "1")) if "{" in path else somewhere

    @effort(10)
    @given(case=there)
    def about_what_is_there(case: Case[Any]) -> None:
        if "{" in path:
            case.path_parameters = world.parameters(path)
        if key == "POST /inventorytriggerjob":
            _made_acceptable(case.body)
        if (response := asked(world, case, authorized=True)) is not None:
            checked(key, case, response)

    @effort(10)
    @given(case=somewhere)
    def about_anything(case: Case[Any]) -> None:
        if (response := asked(world, case, authorized=True)) is not None:
            checked(key, case, response)

    about_what_is_there()
    about_anything()


@pytest.mark.parametrize("key", nightly_but([key for key in KEYS if not key.endswith("/token")], *KEYS[::4]))
def test_nobody_learns_anything(tenancy: Yard, key: str) -> None:
    """Without a credential every request is refused, before anything else that may be wrong with it."""
    world = World(tenancy)
    path = key.partition(" ")[2]

    @effort(6)
    @given(case=_cases(key), there=st.booleans())
    def ask(case: Case[Any], there: bool) -> None:
        if there and "{" in path:
            case.path_parameters = world.parameters(path)
        before = tenancy.items()
        if (response := asked(world, case, authorized=False)) is not None:
            assert response.status_code == 401
            case.validate_response(response, checks=ALWAYS)
        assert tenancy.items() == before

    ask()


def test_exceptions_are_of_operations_that_there_are() -> None:
    assert BEYOND_SCHEMAS.keys() | ANY_BODY <= set(KEYS)
