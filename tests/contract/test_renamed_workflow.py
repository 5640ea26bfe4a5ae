"""A workflow that was registered again under other names: its jobs keep those that they were submitted with."""

from __future__ import annotations

from tests.contract.api import call
from tests.contract.yard import Client, Yard

ID = "68dd32922a719467662d27c7"
PATH = f"/webapi/v3/workflows/{ID}/jobs"


def test_jobs_of_every_name_that_a_workflow_had_are_found(yard: Yard, curator: Client) -> None:
    names = ("First", "Second", "First again")
    made = []
    for name in names:
        yard.workflow(id=ID, name=name)
        made.append(call("POST", PATH, curator.token).json["id"])
    in_order = [each["id"] for each in call("GET", PATH, curator.token).json]
    assert sorted(in_order) == sorted(made)
    second = call("GET", PATH, curator.token, "limit=1&offset=1").json
    assert [each["id"] for each in second] == in_order[1:2]
    for name, id in zip(names, made, strict=True):
        listed = call("GET", "/webapi/v3/jobs", curator.token, [("workflowNames", name)]).json
        assert [(each["jobId"], listed["pagination"]["totalItems"]) for each in listed["data"]] == [(id, 1)]


def test_a_walk_goes_on_where_its_workflow_is_given_another_name_meanwhile(yard: Yard, curator: Client) -> None:
    yard.workflow(id=ID, name="First")
    made = [call("POST", PATH, curator.token).json["id"] for _ in range(3)]
    first = call("GET", PATH, curator.token, "limit=2")
    yard.workflow(id=ID, name="Second")
    second = call("GET", PATH, curator.token, first.following or "")
    assert [each["id"] for each in [*first.json, *second.json]] == made
