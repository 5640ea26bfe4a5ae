"""Promise 9, as a property: what a tenant is told is the same to the letter, whatever others do meanwhile.

Two tenants act in a random order, in all three dialects, and the clock moves for the first one only. Then the first
does the same again in a world of its own. Ids are random, and numbers count through all tenants: each is known by its
place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from types_boto3_dynamodb import DynamoDBClient

from jobyard.authorizer import bearer, signed
from jobyard.store import jobs
from tests.contract.tencent.signing import ROOT
from tests.contract.yard import Yard
from tests.promises.effort import effort
from tests.promises.harness.tenants import (
    Sent,
    StillClock,
    Tenant,
    inventory_of,
    still,
    without_what_is_new,
)

ACTIONS = (
    *("submit", "submit with a key", "erase", "create", "list", "list of a workflow", "list of erasures"),
    *("list of creations", "next page", "get", "messages", "cancel", "fail", "get erasure", "cancel erasure"),
    *("get creation", "cancel creation", "forget a creation"),
)
ID = re.compile(
    r'\b(?:[bw][0-9a-f]{32}|[0-9a-f]{24})\b|(?<="jobId":)[0-9]+|(?<="projectId":)[0-9]+'
    r"|(?<=NextToken>)[^<]+|(?<=cursor=)[0-9A-Za-z_-]+|(?<=/public/)[0-9A-Za-z]+"
)


class Step(NamedTuple):
    mine: bool
    action: str
    n: int


steps = st.lists(st.builds(Step, st.booleans(), st.sampled_from(ACTIONS), st.integers(0, 3)), max_size=14)


class Actor:
    """A tenant that acts, and remembers the ids that it was told, in their order."""

    def __init__(self, yard: Yard, name: str, number: int) -> None:
        self.tenant = Tenant(yard, name, number)
        has = self.tenant.things
        self.ids = {"alteryx": [*has.jobs], "openreplay": [*has.numbers], "tencent": [*has.tencent_jobs]}
        self.next_token = has.next_token
        self._known: dict[str, str] = {}

    def act(self, action: str, n: int) -> str:
        """What was told, with ids by the order in which they came up."""
        if action in ("fail", "forget a creation"):
            return self._within(action, n)
        answer = without_what_is_new(self._request(action, n).answer())
        self._remember(action, answer.text)
        told = f"{answer.status} {sorted(answer.headers.items())} {answer.text}"
        return ID.sub(lambda found: self._known.setdefault(found[0], f"<{len(self._known)}>"), told)

    def _within(self, action: str, n: int) -> str:
        """What is done to a job without its owner's asking."""
        id = self._id("alteryx" if action == "fail" else "tencent", n)
        found = jobs.get(self.tenant.name, id)
        if found and not found.terminal:
            jobs.fail(found, "its workflow failed", 1)
        return ""

    def _request(self, action: str, n: int) -> Sent:
        me, has = self.tenant, self.tenant.things
        ours = f"/webapi/v3/workflows/{has.workflow_id}/jobs"
        job, number, creation = (self._id(dialect, n) for dialect in ("alteryx", "openreplay", "tencent"))
        # A user and a name that all tenants have.
        made: dict[str, Callable[[], Sent]] = {
            "submit": lambda: me.bearer("POST", ours, body='{"workerTag":"t"}'),
            "submit with a key": lambda: me.bearer("POST", ours, body="{}", key=f"key {n}"),
            "erase": lambda: me.open("DELETE", f"/users/user{n}"),
            "create": lambda: me.signed("POST", ROOT, body=inventory_of(has.inventory_id, f"name{n}")),
            "list": lambda: me.bearer("GET", "/webapi/v3/jobs", f"allUsers=true&offset={n}&limit=5&direction=desc"),
            "list of a workflow": lambda: me.bearer("GET", ours, f"limit={n + 1}"),
            "list of erasures": lambda: me.open("GET", "/jobs", f"limit=5&page={n}"),
            "list of creations": lambda: me.signed("GET", ROOT, {"size": str(n + 2)}),
            "next page": lambda: me.signed("GET", ROOT, {"size": "2", "nextToken": self.next_token}),
            "get": lambda: me.bearer("GET", f"/webapi/v3/jobs/{job}"),
            "messages": lambda: me.bearer("GET", f"/webapi/v3/jobs/{job}/messages"),
            "cancel": lambda: me.bearer("DELETE", f"/webapi/v3/jobs/{job}"),
            "get erasure": lambda: me.open("GET", f"/jobs/{number}"),
            "cancel erasure": lambda: me.open("DELETE", f"/jobs/{number}"),
            "get creation": lambda: me.signed("GET", f"{ROOT}/{creation}"),
            "cancel creation": lambda: me.signed("PUT", f"{ROOT}/{creation}", {"cancel": ""}),
        }
        return made[action]()

    def _id(self, dialect: str, n: int) -> str:
        """The newest but ``n``."""
        return self.ids[dialect][-1 - n]

    def _remember(self, action: str, text: str) -> None:
        if action.startswith("submit"):
            self.ids["alteryx"] += re.findall(r'"id":"([0-9a-f]{24})"', text)[:1]
        elif action == "erase":
            self.ids["openreplay"] += re.findall(r'"jobId":([0-9]+)', text)
        elif action == "create":
            self.ids["tencent"] += re.findall(r"<JobId>(.+)</JobId>", text)
        elif action == "list of creations" and (token := re.search("<NextToken>(.+)</NextToken>", text)):
            self.next_token = token[1]


def told(yard: Yard, clock: StillClock, done: list[Step], *, alone: bool) -> list[str]:
    """What acme is told at each of its steps, in a world that was empty."""
    began = clock.now_ns
    acme, globex = Actor(yard, "acme", 7), None if alone else Actor(yard, "globex", 8)
    answers = []
    for mine, action, n in done:
        if mine:
            clock.advance(1)
            answers.append(acme.act(action, n))
        elif globex:
            globex.act(action, n)
    clock.now_ns = began
    return answers


def emptied(dynamodb: DynamoDBClient, table: str, yard: Yard) -> None:
    """As if nothing had ever been."""
    for each in yard.items():
        dynamodb.delete_item(TableName=table, Key={"pk": each["pk"], "sk": each["sk"]})
    bearer.forget()
    signed.forget()


@pytest.mark.nightly
def test_what_a_tenant_is_told_does_not_depend_on_another(tenancy: Yard, dynamodb_client: DynamoDBClient) -> None:
    listing = ("list", "list of a workflow", "list of erasures", "list of creations", "next page")

    @effort(5)
    @given(steps)
    def worlds(done: list[Step]) -> None:
        with still() as clock:
            # At the end each list is looked at.
            done = [*done, *(Step(True, action, n) for action in listing for n in (0, 1))]
            emptied(dynamodb_client, tenancy.table, tenancy)
            together = told(tenancy, clock, done, alone=False)
            emptied(dynamodb_client, tenancy.table, tenancy)
            assert told(tenancy, clock, done, alone=True) == together

    worlds()
