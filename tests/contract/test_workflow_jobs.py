"""GET /webapi/v3/workflows/{workflowId}/jobs"""

from __future__ import annotations

import re
from typing import Any

import pytest

from jobyard.authorizer import Role
from jobyard.model import Priority, Status
from tests.contract.api import HOST, Answer, call
from tests.contract.yard import Client, Yard
from tests.factories import NOW
from tests.in_turn import in_turn

WORKFLOW = "68dd32922a719467662d27c7"
PATH = f"/webapi/v3/workflows/{WORKFLOW}/jobs"
LETTERS = "abcdef0"


@pytest.fixture(autouse=True)
def seven(yard: Yard, curator: Client, member: Client) -> None:
    """One job of each status, a and d the member's, and one of another workflow."""
    yard.workflow(id=WORKFLOW)
    for order, status in enumerate(
        [
            Status.COMPLETED,
            Status.FAILED,
            Status.CANCELLED,
            Status.RUNNING,
            Status.INITIALIZING,
            Status.QUEUED,
            Status.SCHEDULED,
        ]
    ):
        letter = LETTERS[order]
        owner = member.user if letter in "ad" else curator.user
        yard.job(id=letter * 24, workflow_id=WORKFLOW, status=status, owner=owner, created_at=NOW + order)
    yard.job(id="9" * 24, workflow_id="e" * 24, owner=curator.user)


def jobs(client: Client, query: str = "") -> Answer:
    answer = call("GET", PATH, client.token, query)
    assert answer.status == 200, answer.text
    return answer


def ids(answer: Answer) -> str:
    return "".join(each["id"][0] for each in answer.json)


def test_a_bare_list_of_the_vendors_view(yard: Yard, curator: Client) -> None:
    yard.job(
        id="f" * 24,
        workflow_id=WORKFLOW,
        created_at=NOW + 123,
        priority=Priority.LOW,
        worker_tag="gpu",
        run_with_e2=True,
        owner=curator.user,
    )
    answer = jobs(curator, "direction=desc&limit=1")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json == [
        {
            "id": "f" * 24,
            "createDate": "2025-12-01T00:00:00.123Z",
            "status": "Queued",
            "priority": "Low",
            "workerTag": "gpu",
            "runWithE2": True,
        }
    ]


def test_each_status_as_in_the_detail(curator: Client) -> None:
    statuses = ["Completed", "Completed", "Cancelled", "Running", "Initializing", "Queued", "Queued"]
    assert [each["status"] for each in jobs(curator).json] == statuses


@in_turn(
    ("query", "expected"),
    [
        ("", LETTERS),
        ("status=Complete", "ab"),
        ("status=Completed", "ab"),
        ("status=complete", "ab"),
        ("status=Error", "b"),
        ("status=Running", "d"),
        ("status=Queued", "f0"),
        ("status=", LETTERS),
        ("resultCode=Success", "a"),
        ("resultCode=success", "a"),
        ("resultCode=Error", "b"),
        ("resultCode=Warning", ""),
        ("status=Complete&resultCode=Error", "b"),
        ("status=Running&resultCode=Error", ""),
        ("direction=desc", LETTERS[::-1]),
        ("sortField=createdate&direction=DESC", LETTERS[::-1]),
        ("sortField=AppName", LETTERS),
        ("offset=2&limit=2", "cd"),
        ("offset=7", ""),
        ("users=nobody&allUsers=nonsense", LETTERS),
    ],
)
def test_parameters(curator: Client, query: str, expected: str) -> None:
    assert ids(jobs(curator, query)) == expected


@pytest.mark.parametrize("role", [Role.NO_ACCESS, Role.VIEWER, Role.MEMBER, Role.ARTISAN])
def test_others_than_administrators_see_their_own(yard: Yard, member: Client, role: Role) -> None:
    same_user = yard.client(role, user=member.user)
    assert ids(jobs(same_user)) == "ad"
    assert ids(jobs(same_user, "status=Running")) == "d"
    assert ids(jobs(yard.client(role))) == ""


def test_who_may_not_see_the_workflow_does_not_find_it(yard: Yard, curator: Client, member: Client) -> None:
    yard.workflow(id=WORKFLOW, public=False, owner=curator.user.id)
    answer = call("GET", PATH, member.token)
    assert (answer.status, answer.message) == (404, f"Workflow {WORKFLOW} not found.")


def test_the_next_page_is_linked_with_all_that_was_asked_for(curator: Client) -> None:
    first = jobs(curator, "limit=3&direction=desc&x=%C3%A9&status=")
    assert ids(first) == "0fe"
    link = re.fullmatch(rf'<https://{HOST}{PATH}\?(.+)>; rel="next"', first.headers["Link"])
    assert link
    assert link[1].startswith("limit=3&direction=desc&x=%C3%A9&status=&cursor=")
    second = jobs(curator, link[1])
    assert ids(second) == "dcb"
    link = re.fullmatch(rf'<https://{HOST}{PATH}\?(.+)>; rel="next"', second.headers["Link"])
    assert link
    last = jobs(curator, link[1])
    assert (ids(last), "Link" in last.headers) == ("a", False)


@in_turn(
    ("query", "start", "end"),
    [
        ("status=Failed", "status: ", "Complete, Completed, Running, Queued, Error."),
        ("status=Complete,Error", "status: ", "Complete, Completed, Running, Queued, Error."),
        ("resultCode=0", "resultCode: ", "Success, Warning, Error."),
        ("sortField=id", "sortField: ", "CreateDate, AppName, CompletionDateTime, Priority, Status."),
        ("direction=x", "direction: ", "asc, desc."),
        ("limit=0", "limit: ", "1 to 1000."),
        ("limit=٣", "limit: ", "1 to 1000."),
        ("offset=-1", "offset: ", "0 to 1000000000."),
    ],
)
def test_what_cannot_be_meant_is_refused(curator: Client, query: str, start: str, end: str) -> None:
    answer = call("GET", PATH, curator.token, query)
    assert answer.status == 400
    assert answer.message.startswith(start)
    assert answer.message.endswith(end)


def test_halves_of_surrogate_pairs_in_a_query_come_through_the_link(curator: Client) -> None:
    event: dict[str, Any] = {"rawQueryString": "limit=1&a=\ud800"}
    assert call("GET", PATH, curator.token, **event).status == 200
