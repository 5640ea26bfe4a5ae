"""What a collection opens: jobs of its schedules and its workflows, to whom it is shared with, while it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from jobyard.authorizer import Role, bearer
from jobyard.aws import client
from jobyard.model import Output, Status, Workflow
from jobyard.model.ids import now_ms
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Clock, Yard
from tests.factories import NOW

COLLECTIONS, GROUPS = "/webapi/v3/collections", "/webapi/v3/usergroups"
JOB, SCHEDULE, OTHER_SCHEDULE = "6" * 24, "5" * 24, "4" * 24
OUTPUT = Output("7" * 24, "a.csv", "a.csv", "csv", "outputs/a.csv", 1)


class Shares:
    """A collection of the curator's."""

    def __init__(self, curator: Client) -> None:
        self._curator = curator
        self.id = self.do("POST", COLLECTIONS, {"name": "A"}).json

    def do(self, method: str, path: str, body: Any = None, query: str = "") -> Answer:
        answer = call(method, path, self._curator.token, query, body)
        assert answer.status in (200, 201), answer.text
        return answer

    def put(self, what: str, **body: Any) -> None:
        self.do("POST", f"{COLLECTIONS}/{self.id}/{what}", body)

    def take(self, what: str, id: str) -> None:
        self.do("DELETE", f"{COLLECTIONS}/{self.id}/{what}/{id}")

    def group(self, *members: Client) -> str:
        group: str = self.do("POST", GROUPS, {"name": "G", "role": "Viewer"}).json
        if members:
            self.do("POST", f"{GROUPS}/{group}/users", [each.user.id for each in members])
        return group


@pytest.fixture
def shares(curator: Client) -> Shares:
    return Shares(curator)


@pytest.fixture
def scheduled(yard: Yard, curator: Client, shares: Shares) -> str:
    """A job of a schedule that is in the collection; both are the curator's."""
    yard.schedule(SCHEDULE, curator.user.id)
    shares.put("schedules", scheduleId=SCHEDULE)
    return yard.job(
        id=JOB, status=Status.RUNNING, started_at=NOW, owner=curator.user, schedule_id=SCHEDULE, outputs=[OUTPUT]
    ).id


def sees(who: Client) -> bool:
    status = call("GET", f"/webapi/v3/jobs/{JOB}", who.token).status
    assert status in (200, 404)
    outputs = call("GET", f"/webapi/v3/jobs/{JOB}/output/{OUTPUT.id}", who.token).status
    assert outputs == {200: 302, 404: 404}[status]
    return status == 200


def runs(who: Client, workflow: Workflow) -> bool:
    status = call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", who.token).status
    assert status in (200, 403)
    return status == 200


def test_the_detail_names_the_schedule(curator: Client, scheduled: str) -> None:
    assert call("GET", f"/webapi/v3/jobs/{scheduled}", curator.token).json["scheduleId"] == SCHEDULE


def test_a_schedules_job_is_seen_by_whom_it_is_shared_with(
    shares: Shares, scheduled: str, member: Client, other_member: Client
) -> None:
    assert not sees(member)
    shares.put("users", userId=member.user.id)
    assert sees(member)
    assert not sees(other_member)


@pytest.mark.parametrize("withdrawn", ["user", "schedule", "collection"])
def test_a_share_that_is_withdrawn_is_at_once_none(
    shares: Shares, scheduled: str, member: Client, withdrawn: str
) -> None:
    shares.put("users", userId=member.user.id)
    assert sees(member)
    if withdrawn == "collection":
        shares.do("DELETE", f"{COLLECTIONS}/{shares.id}", query="forceDelete=true")
    else:
        shares.take(f"{withdrawn}s", {"user": member.user.id, "schedule": SCHEDULE}[withdrawn])
    assert not sees(member)


@pytest.mark.parametrize("withdrawn", ["member", "group", "group itself"])
def test_a_share_by_a_group_holds_for_its_members(
    shares: Shares, scheduled: str, member: Client, other_member: Client, withdrawn: str
) -> None:
    group = shares.group(member)
    assert not sees(member)
    shares.put("userGroups", userGroupId=group)
    assert sees(member)
    assert not sees(other_member)
    if withdrawn == "member":
        shares.do("DELETE", f"{GROUPS}/{group}/users/{member.user.id}")
    elif withdrawn == "group":
        shares.take("userGroups", group)
    else:
        shares.do("DELETE", f"{GROUPS}/{group}", query="forceDelete=true")
    assert not sees(member)


@pytest.mark.parametrize("by", ["user", "group"])
def test_a_share_ends_at_its_moment(
    yard: Yard, curator: Client, clock: Clock, shares: Shares, scheduled: str, by: str
) -> None:
    clock.stop_at(now_ms() // 1000 * 1000)
    member = yard.client(Role.MEMBER)
    ends = datetime.fromtimestamp(now_ms() / 1000 + 10, UTC)
    until = {"expirationDate": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
    if by == "user":
        shares.put("users", userId=member.user.id, **until)
    else:
        shares.put("userGroups", userGroupId=shares.group(member), **until)
    clock.advance(9.999)
    assert sees(member)
    clock.advance(0.001)
    assert not sees(member)


def test_the_owner_of_the_collection_has_what_is_in_it(
    shares: Shares, scheduled: str, member: Client, curator: Client
) -> None:
    shares.do("PUT", f"{COLLECTIONS}/{shares.id}", {"name": "A", "ownerId": member.user.id})
    assert sees(member)
    shares.do("PUT", f"{COLLECTIONS}/{shares.id}", {"name": "A", "ownerId": curator.user.id})
    assert not sees(member)


def test_the_owner_of_the_schedule_sees_its_jobs_whoever_ran_them(yard: Yard, curator: Client, member: Client) -> None:
    yard.schedule(SCHEDULE, member.user.id)
    yard.job(id=JOB, owner=curator.user, schedule_id=SCHEDULE, outputs=[OUTPUT])
    assert sees(member)


def test_a_schedule_that_was_deleted_reaches_nobody_but_who_ran_its_jobs(
    yard: Yard, shares: Shares, scheduled: str, curator: Client, member: Client
) -> None:
    shares.put("users", userId=member.user.id)
    yard.no_schedule(SCHEDULE)
    assert not sees(member)
    assert sees(curator)


def test_another_schedules_job_and_one_of_none_stay_hidden(
    yard: Yard, curator: Client, shares: Shares, scheduled: str, member: Client
) -> None:
    shares.put("users", userId=member.user.id)
    for number, schedule in enumerate((None, OTHER_SCHEDULE)):
        other = yard.job(id=f"{number}" * 24, owner=curator.user, schedule_id=schedule)
        assert call("GET", f"/webapi/v3/jobs/{other.id}", member.token).status == 404


def test_a_shared_job_is_cancelled_and_a_hidden_one_is_not(
    yard: Yard, shares: Shares, scheduled: str, member: Client, other_member: Client
) -> None:
    shares.put("users", userId=member.user.id)
    with yard.unchanged():
        answer = call("DELETE", f"/webapi/v3/jobs/{JOB}", other_member.token)
    assert (answer.status, answer.message) == (400, "You do not have permission to cancel this job.")
    assert call("DELETE", f"/webapi/v3/jobs/{JOB}", member.token).json == {"message": "Cancelled Successfully."}


@pytest.mark.parametrize(
    ("role", "may"), [(Role.NO_ACCESS, False), (Role.VIEWER, False), (Role.MEMBER, True), (Role.ARTISAN, True)]
)
def test_a_shared_workflow_is_run_from_member_up(
    yard: Yard, curator: Client, shares: Shares, role: Role, may: bool
) -> None:
    workflow, other = (yard.workflow(public=False, owner=curator.user.id) for _ in range(2))
    who = yard.client(role)
    assert not runs(who, workflow)
    shares.put("workflows", workflowId=workflow.id)
    shares.put("users", userId=who.user.id)
    assert runs(who, workflow) is may
    assert not runs(who, other)
    shares.take("workflows", workflow.id)
    assert not runs(who, workflow)


def test_a_workflow_that_is_shared_may_be_asked_for_its_jobs(
    yard: Yard, curator: Client, shares: Shares, member: Client
) -> None:
    workflow = yard.workflow(public=False, owner=curator.user.id)
    path = f"/webapi/v3/workflows/{workflow.id}/jobs"
    assert call("GET", path, member.token).status == 404
    shares.put("workflows", workflowId=workflow.id)
    shares.put("userGroups", userGroupId=shares.group(member))
    assert call("GET", path, member.token).json == []


# ---- What it costs


@contextmanager
def reads() -> Iterator[list[str]]:
    """The requests to the database, in the order of their names."""
    made: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        made.append(event_name.rpartition(".")[2])

    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield made
    finally:
        events.unregister("before-call.dynamodb", note)
        made.sort()


def looked_at(who: Client) -> list[str]:
    """What it costs a warm process to show the job."""
    call("GET", "/webapi/v3/jobs/none", who.token)
    with reads() as made:
        assert call("GET", f"/webapi/v3/jobs/{JOB}", who.token, "includeMessages=false").status == 200
    return made


def test_the_usual_caller_costs_one_read_however_many_collections_there_are(
    yard: Yard, curator: Client, shares: Shares, scheduled: str
) -> None:
    member = yard.client(Role.MEMBER)
    for number in range(5):
        each = Shares(curator)
        if number % 2:
            each.put("users", userId=member.user.id)
            each.put("schedules", scheduleId=SCHEDULE)
    assert looked_at(curator) == ["GetItem"]
    yard.job(id=JOB, owner=member.user, schedule_id=SCHEDULE, status=Status.RUNNING)
    assert looked_at(member) == ["GetItem"]


def test_a_share_costs_one_step_more_and_a_group_two(shares: Shares, scheduled: str, member: Client) -> None:
    shares.put("userGroups", userGroupId=shares.group(member))
    assert looked_at(member) == ["BatchGetItem", "GetItem", "GetItem", "Query", "Query"]
    shares.put("users", userId=member.user.id)
    assert looked_at(member) == ["GetItem", "GetItem", "Query", "Query"]


def test_a_caller_is_told_from_token_and_user_in_one_request(curator: Client) -> None:
    bearer.forget()
    with reads() as made:
        bearer.authenticate(f"Bearer {curator.token}")
        bearer.authenticate(f"Bearer {curator.token}")
    assert made == ["BatchGetItem"]
