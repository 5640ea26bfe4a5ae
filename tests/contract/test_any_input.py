"""No input makes a 5xx, and none that is refused leaves a trace."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobyard.model import Status, Workflow
from tests.contract.api import Route, call, routes
from tests.contract.yard import Client, Yard

ID = "66ebd18d3d6200007e000d8c"
PARAMETERS = [
    "sortField",
    "direction",
    "offset",
    "limit",
    "priorities",
    "statuses",
    "users",
    "allUsers",
    "workflowNames",
    "completedBefore",
    "completedAfter",
    "includeMessages",
    "after",
    "status",
    "resultCode",
    "format",
]
VALUES = ["true", "asc", "CreateDate", "0", "1", "-1", "50", "2025-12-01", "Queued", "Low", "Success", "Raw", ","]

# Text as an event can hold it: any code point, halves of surrogate pairs too.
anything = st.text(st.characters(), max_size=30)
wire = st.one_of(anything, st.binary(max_size=20).map(quote), st.sampled_from(VALUES))
queries = st.lists(st.tuples(st.one_of(st.sampled_from(PARAMETERS), wire), wire), max_size=6).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), anything),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(anything, inner, max_size=4)),
    max_leaves=12,
)
contracts = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.one_of(trees, st.sampled_from(["Low", "3", 2])),
        "workerTag": st.one_of(trees, anything),
        "credentialId": trees,
        "questions": st.one_of(
            trees,
            st.lists(st.fixed_dictionaries({"name": trees, "value": trees}), max_size=3),
            st.dictionaries(anything, trees),
        ),
    },
)
bodies = st.one_of(
    st.none(),
    st.one_of(trees, contracts).map(json.dumps),
    contracts.map(lambda contract: json.dumps(contract, ensure_ascii=False)),
    queries,
    queries.map(lambda query: "grant_type=client_credentials&" + query),
    anything,
    st.binary(max_size=200),
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "idempotency-key", "x-forwarded-proto", "host", "accept", "x"]),
    st.one_of(anything, st.sampled_from(["application/json", "application/x-www-form-urlencoded"])),
)
credentials = st.one_of(
    st.none(), anything.map("Bearer {}".format), anything.map("Basic {}".format), st.just("mine"), st.just("mine")
)


ROUTES = [route for route in routes() if route.path.startswith("/webapi/")]


@pytest.mark.parametrize("route", ROUTES, ids=[f"{route.method} {route.path}" for route in ROUTES])
def test_every_answer_is_the_dialects(yard: Yard, curator: Client, workflow: Workflow, route: Route) -> None:
    yard.job(id=ID, status=Status.RUNNING, owner=curator.user)
    path = route.path.format(jobId=ID, workflowId=workflow.id, outputId="0") if "{" in route.path else route.path

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(queries, bodies, headers, credentials, st.one_of(st.none(), anything))
    def ask(query: str, body: Any, headers: dict[str, str], authorization: str | None, id: str | None) -> None:
        event: dict[str, Any] = {"rawQueryString": query}
        if id is not None and "{" in route.path:
            event["pathParameters"] = {"jobId": id, "workflowId": id, "outputId": id}
        given = f"Bearer {curator.token}" if authorization == "mine" else authorization
        sent = headers if given is None else headers | {"authorization": given}
        before = yard.items()
        answer = call(route.method, path, headers=sent, body=body, **event)
        assert answer.status in {200, 302, 400, 401, 403, 404, 409}, answer.text
        if answer.status == 302:
            return
        refused = answer.status != 200
        if refused:
            names = {"error", "error_description"} if route.path.endswith("token") else {"message"}
            assert set(answer.json) == names
        if refused or route.method == "GET":
            assert yard.items() == before

    ask()
