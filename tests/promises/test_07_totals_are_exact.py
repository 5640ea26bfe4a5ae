"""Promise 7: totals are exact once the indexes have caught up, and count nothing that the caller may not see.

``totalItems`` of the alteryx list, and how far its pages and those of a workflow's jobs reach, are compared with a
plain count over random histories: jobs of two tenants, several users and workflows are submitted, run, cancelled,
deleted, and fail, under every filter and several of them together. openreplay and tencent tell no totals.

Also tried in ``tests/contract/test_list.py`` (each filter and border by hand) and in every life of
``test_02_model.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.authorizer import Role
from jobyard.model import Job, Person, Priority, Status, Workflow
from jobyard.model.ids import object_id
from jobyard.store import jobs as store
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.factories import NOW
from tests.promises.effort import effort

DAY_MS = 24 * 3600 * 1000
TENANTS = ("acme", "globex")


class Town:
    """Two tenants alike, each with a curator, two members, and two workflows."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.people = [Person(object_id(NOW), name) for name in ("Ada", "Bob", "Cy")]
        roles = [Role.CURATOR, Role.MEMBER, Role.MEMBER]
        self.clients: dict[str, list[Client]] = {
            tenant: [yard.client(role, tenant, user) for role, user in zip(roles, self.people, strict=True)]
            for tenant in TENANTS
        }
        self.workflows: dict[str, list[Workflow]] = {
            tenant: [yard.workflow(tenant=tenant, name=name) for name in ("Profile", "Load, then save")]
            for tenant in TENANTS
        }


@pytest.fixture
def town(yard: Yard) -> Town:
    return Town(yard)


class Made(NamedTuple):
    """A job of the history: what it is, and in ``end`` what becomes of it, after so many days."""

    tenant: str
    workflow: int
    owner: int
    priority: Priority
    status: Status
    end: str
    days: int


HISTORIES = st.lists(
    st.builds(
        Made,
        tenant=st.sampled_from(TENANTS),
        workflow=st.integers(0, 1),
        owner=st.integers(0, 2),
        priority=st.sampled_from(Priority),
        status=st.sampled_from([Status.SCHEDULED, Status.QUEUED, Status.INITIALIZING, Status.RUNNING]),
        end=st.sampled_from(["", "cancel", "complete", "fail"]),
        days=st.integers(0, 3),
    ),
    min_size=4,
    max_size=12,
)


def happen(town: Town, history: list[Made]) -> dict[str, list[Job]]:
    """The jobs that there are then, by tenant, as the history has them and not as the table does."""
    there: dict[str, list[Job]] = {tenant: [] for tenant in TENANTS}
    for item in town.yard.items("JOB#"):
        town.yard._dynamodb.delete_item(TableName=town.yard.table, Key={"pk": item["pk"], "sk": item["sk"]})
    for number, made in enumerate(history):
        workflow = town.workflows[made.tenant][made.workflow]
        job = town.yard.job(
            id=object_id(NOW),
            tenant=made.tenant,
            workflow_id=workflow.id,
            workflow_name=workflow.name,
            owner=town.people[made.owner],
            priority=made.priority,
            status=made.status,
            created_at=NOW + number,
        )
        ended = _end(town, job, made)
        if ended is not None:
            there[made.tenant].append(ended)
    return there


def _end(town: Town, job: Job, made: Made) -> Job | None:
    at = NOW + made.days * DAY_MS
    if made.end == "cancel":
        curator = town.clients[made.tenant][0]
        assert call("DELETE", f"/webapi/v3/jobs/{job.id}", curator.token).status == 200
        waits = made.status in (Status.SCHEDULED, Status.QUEUED)
        return None if waits else _as(job, Status.CANCELLED, at)
    if made.end == "complete":
        moved = store.move(job, "complete", {"finishedAt": at, "updatedAt": at}).done
        assert moved == (made.status is Status.RUNNING)
        return _as(job, Status.COMPLETED, at) if moved else job
    if made.end == "fail":
        assert store.fail(job, "no such column", at).done
        return _as(job, Status.FAILED, at)
    return job


def _as(job: Job, status: Status, finished_at: int) -> Job:
    return replace(job, status=status, finished_at=finished_at)


Takes = Callable[[Job], bool]

BY_STATUS: dict[str, Takes] = {
    "Queued": lambda job: job.status in ("scheduled", "queued"),
    "Initializing": lambda job: job.status == "initializing",
    "Running": lambda job: job.status == "running",
    "Completed": lambda job: job.status in ("completed", "failed"),
    "Cancelled": lambda job: job.status == "cancelled",
}
BY_PRIORITY: dict[str, Takes] = {
    "Low": lambda job: job.priority in ("Low", "Default"),
    **{name: lambda job, name=name: job.priority == name for name in ("Medium", "High", "Critical")},  # type: ignore[misc]
}


def day_of(job: Job) -> int:
    """The day on which it ended by itself, counted from that of ``NOW``; -1 for one that has not."""
    ended = job.status in ("completed", "failed") and job.finished_at is not None
    return ((job.finished_at or 0) - NOW) // DAY_MS if ended else -1


def date(day: int) -> str:
    return f"2025-12-{day + 1:02d}"


def filters(town: Town) -> st.SearchStrategy[list[tuple[str, str, Takes]]]:
    """Some of the parameters of the list, each with what it takes."""

    def by(name: str, known: dict[str, Takes]) -> st.SearchStrategy[tuple[str, str, Takes]]:
        def both(chosen: set[str]) -> tuple[str, str, Takes]:
            return name, ",".join(sorted(chosen)), lambda job: any(known[each](job) for each in chosen)

        return st.sets(st.sampled_from(sorted(known)), min_size=1, max_size=2).map(both)

    owners: dict[str, Takes] = {
        person.id: lambda job, person=person: job.owner.id == person.id  # type: ignore[misc]
        for person in [*town.people, Person("nobody", "")]
    }
    names: dict[str, Takes] = {
        name: lambda job, name=name: job.workflow_name == name  # type: ignore[misc]
        for name in ("Profile", "Load, then save", "profile")
    }
    days = st.integers(0, 3)
    return st.tuples(
        st.none() | by("statuses", BY_STATUS),
        st.none() | by("priorities", BY_PRIORITY),
        st.none() | by("users", owners),
        st.none() | st.sampled_from(sorted(names)).map(lambda name: ("workflowNames", name, names[name])),
        st.none() | days.map(lambda day: ("completedAfter", date(day), lambda job: day_of(job) > day)),
        st.none() | days.map(lambda day: ("completedBefore", date(day), lambda job: 0 <= day_of(job) < day)),
    ).map(lambda chosen: [each for each in chosen if each is not None])


def listed(client: Client, parameters: list[tuple[str, str]]) -> Any:
    answer = call("GET", "/webapi/v3/jobs", client.token, parameters)
    assert answer.status == 200, answer.text
    return answer.json


@effort(15)
@given(history=HISTORIES, data=st.data())
def test_the_total_of_every_filter_is_the_plain_count(town: Town, history: list[Made], data: st.DataObject) -> None:
    there = happen(town, history)
    for tenant in TENANTS:
        curator = town.clients[tenant][0]
        chosen = data.draw(filters(town))
        parameters = [(name, value) for name, value, _ in chosen]
        taken = [job.id for job in there[tenant] if all(takes(job) for *_, takes in chosen)]
        limit = data.draw(st.integers(1, 5))
        offset = data.draw(st.integers(0, 6))
        answer = listed(curator, [("allUsers", "true"), ("limit", f"{limit}"), ("offset", f"{offset}"), *parameters])
        assert [each["jobId"] for each in answer["data"]] == taken[offset : offset + limit]
        told = answer["pagination"]
        assert (told["totalItems"], told["totalPages"]) == (len(taken), -(-len(taken) // limit)), chosen
        assert told["hasNextPage"] == (offset + limit < len(taken))
        # Without allUsers a caller counts its own, whatever users says.
        mine = [job for job in there[tenant] if job.owner == curator.user]
        own = [job for job in mine if all(takes(job) for name, _, takes in chosen if name != "users")]
        assert listed(curator, parameters)["pagination"]["totalItems"] == len(own)


def pages(client: Client, workflow: Workflow, query: str) -> Iterator[Answer]:
    """As its links lead."""
    path, following = f"/webapi/v3/workflows/{workflow.id}/jobs", query
    while True:
        answer = call("GET", path, client.token, following)
        assert answer.status == 200, answer.text
        yield answer
        if answer.following is None:
            return
        following = answer.following


@effort(10)
@given(history=HISTORIES, limit=st.integers(1, 3), status=st.sampled_from(["", "Queued", "Completed", "Error"]))
def test_the_pages_of_a_workflows_jobs_reach_as_far_as_the_caller_may_see(
    town: Town, history: list[Made], limit: int, status: str
) -> None:
    there = happen(town, history)
    takes: Takes = {**BY_STATUS, "": lambda _: True, "Error": lambda job: job.status == "failed"}[status]
    query = f"limit={limit}" + (f"&status={status}" if status else "")
    for tenant in TENANTS:
        for client in town.clients[tenant]:
            administrator = client.user == town.people[0]
            for workflow in town.workflows[tenant]:
                of_it = [job for job in there[tenant] if job.workflow_id == workflow.id and takes(job)]
                seen = [job.id for job in of_it if administrator or job.owner == client.user]
                found = [[each["id"] for each in answer.json] for answer in pages(client, workflow, query)]
                assert [id for page in found for id in page] == seen
                assert len(found) == max(1, -(-len(seen) // limit)), "a link to a page that is not there"


def test_who_may_not_list_is_told_no_number(town: Town) -> None:
    happen(town, [Made("acme", 0, owner, Priority.LOW, Status.QUEUED, "", 0) for owner in (0, 1, 2)])
    for member in town.clients["acme"][1:]:
        answer = call("GET", "/webapi/v3/jobs", member.token)
        assert (answer.status, list(answer.json)) == (401, ["message"])
    foreign = town.workflows["acme"][0]
    answer = call("GET", f"/webapi/v3/workflows/{foreign.id}/jobs", town.clients["globex"][0].token)
    assert (answer.status, answer.headers.get("Link")) == (404, None)
