"""Promise 6: what no answer gave is no cursor. Through each dialect: 400, in the dialect's own form, never 5xx.

Each byte of a true one is changed; it is cut, made longer, and given where it was not made for: to another tenant,
another caller, another list, another filter, another order.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from copy import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

import pytest

from jobyard.authorizer import Role, bearer
from jobyard.model import Person
from jobyard.store import users
from tests.contract.api import Answer, call
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import a_key, a_tencent_job
from tests.contract.tencent.signing import Key, ask
from tests.contract.yard import Yard
from tests.factories import NOW

WORKFLOW = "f" * 24
NEVER = [
    "0",
    "!!!!",
    "é",
    "A" * 5000,
    "\x00",
    "٣",
    "e30",
    base64.urlsafe_b64encode(b'["x",1]').decode(),
    base64.urlsafe_b64encode(b"\x00" * 16 + b'[0,"1764547200000#0",1]').decode().rstrip("="),
    base64.urlsafe_b64encode(b"\xff" * 64).decode(),
]


class Walk(NamedTuple):
    """``answer`` is of a page with a cursor; ``refused`` checks that of one that is none."""

    cursor: str
    answer: Callable[[str], Any]
    refused: Callable[[Any], None]


def cursor_of(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    assert answer.following is not None
    assert answer.headers["Link"].endswith('>; rel="next"')
    return dict(parse_qsl(answer.following))["cursor"]


def refused_by_alteryx(answer: Answer) -> None:
    assert answer.status == 400
    assert answer.message.startswith("cursor: ")


def refused_by_openreplay(answer: Answer) -> None:
    assert answer.status == 400
    assert list(answer.json) == ["error"]


def refused_by_tencent(reply: Any) -> None:
    assert reply.error == (400, "InvalidArgument")
    assert reply.get("Message").startswith("nextToken: ")


def alteryx(token: str, path: str = "/webapi/v3/jobs", query: str = "allUsers=true&limit=2") -> Callable[[str], Answer]:
    return lambda cursor: call("GET", path, token, query + (f"&cursor={quote(cursor)}" if cursor else ""))


def openreplay(organisation: Organisation, **more: Any) -> Callable[[str], Answer]:
    return lambda cursor: organisation.call("GET", "/jobs", [("limit", "2"), ("cursor", cursor)], **more)


def tencent(key: Key, *query: tuple[str, str]) -> Callable[[str], Any]:
    return lambda token: ask(key, "GET", query=[("size", "2"), ("nextToken", token), *query])


@pytest.fixture
def jobs(tenancy: Yard) -> Yard:
    """Five in each of the lists."""
    tenancy.workflow(id=WORKFLOW)
    for number in range(5):
        at = NOW + number
        tenancy.job(created_at=at, workflow_id=WORKFLOW, owner=Person("a" * 24, "Ada"))
        a_tencent_job(tenancy, created_at=at)
    return tenancy


@pytest.fixture
def organisation(jobs: Yard) -> Organisation:
    made = Organisation(jobs)
    for number in range(5):
        made.job(number + 1, created_at=NOW + number)
    return made


def of_alteryx(jobs: Yard) -> Walk:
    answer = alteryx(jobs.client().token)
    return Walk(cursor_of(answer("")), answer, refused_by_alteryx)


def of_workflow(jobs: Yard) -> Walk:
    answer = alteryx(jobs.client().token, f"/webapi/v3/workflows/{WORKFLOW}/jobs", "limit=2")
    return Walk(cursor_of(answer("")), answer, refused_by_alteryx)


def of_openreplay(jobs: Yard) -> Walk:
    made = Organisation(jobs)
    for number in range(5):
        made.job(number + 1, created_at=NOW + number)
    answer = openreplay(made)
    return Walk(cursor_of(answer("")), answer, refused_by_openreplay)


def of_tencent(jobs: Yard) -> Walk:
    answer = tencent(a_key())
    return Walk(answer("").get("NextToken"), answer, refused_by_tencent)


WALKS = [of_alteryx, of_workflow, of_openreplay, of_tencent]


def forged(true: str) -> Iterator[str]:
    for place in range(len(true)):
        other = "A" if true[place] != "A" else "B"
        yield true[:place] + other + true[place + 1 :]
    yield from (true[:length] for length in range(1, len(true), 7))
    yield from (true + "A", true + "=", true + true, f"{true}\n{true}", true[::-1])
    yield from NEVER


@pytest.mark.parametrize("walk", WALKS, ids=lambda each: each.__name__)
def test_what_was_changed_or_made_up_is_refused(jobs: Yard, walk: Callable[[Yard], Walk]) -> None:
    made = walk(jobs)
    first = made.answer("")
    for given in forged(made.cursor):
        made.refused(made.answer(given))
    second = made.answer(made.cursor)
    assert (first.status, second.status) == (200, 200)
    assert first.text != second.text


def test_of_alteryx_one_is_of_use_for_the_same_caller_list_filter_and_order_only(jobs: Yard) -> None:
    mine, colleague, stranger = jobs.client(), jobs.client(), jobs.client(tenant="globex")
    for number in range(5):
        jobs.job(tenant="globex", created_at=NOW + number)
    jobs.workflow(id="e" * 24)
    path = f"/webapi/v3/workflows/{WORKFLOW}/jobs"
    cursor, of_workflow = cursor_of(alteryx(mine.token)("")), cursor_of(alteryx(mine.token, path, "limit=2")(""))
    for answer in (alteryx(colleague.token), alteryx(stranger.token), alteryx(mine.token, path, "limit=2")):
        refused_by_alteryx(answer(cursor))
    for more in (
        "statuses=Queued",
        "priorities=Low",
        "users=a",
        "workflowNames=Profile",
        "completedAfter=2025-01-01",
        "completedBefore=2027-01-01",
        "sortField=AppName",
        "sortField=Status",
        "direction=desc",
    ):
        refused_by_alteryx(alteryx(mine.token, query=f"allUsers=true&limit=2&{more}")(cursor))
    refused_by_alteryx(alteryx(mine.token, query="limit=2")(cursor))
    for given in (alteryx(mine.token), alteryx(mine.token, f"/webapi/v3/workflows/{'e' * 24}/jobs", "limit=2")):
        refused_by_alteryx(given(of_workflow))
    refused_by_alteryx(alteryx(mine.token, path, "limit=2&status=Queued")(of_workflow))
    # The length of a page, and how the same is written, are no matter.
    same = alteryx(mine.token, query="limit=1&sortField=createdate&direction=ASC&statuses=&allUsers=True")(cursor)
    assert [each["jobId"] for each in same.json["data"]] == [alteryx(mine.token)(cursor).json["data"][0]["jobId"]]


def test_a_member_whose_role_changed_sees_no_more_than_its_own(jobs: Yard) -> None:
    """The same user: what an administrator's cursor leads to, it leads to for an administrator only."""
    client = jobs.client()
    path = f"/webapi/v3/workflows/{WORKFLOW}/jobs"
    cursor = cursor_of(alteryx(client.token, path, "limit=2")(""))
    user = users.get("acme", client.user.id)
    assert user
    assert users.replace(replace(user, role=Role.MEMBER), ())
    bearer.forget()
    refused_by_alteryx(alteryx(client.token, path, "limit=2")(cursor))


def test_of_alteryx_an_offset_beside_a_cursor_is_refused(jobs: Yard) -> None:
    token = jobs.client().token
    cursor = cursor_of(alteryx(token)(""))
    for path, query in (("/webapi/v3/jobs", "allUsers=true"), (f"/webapi/v3/workflows/{WORKFLOW}/jobs", "")):
        answer = alteryx(token, path, f"{query}&limit=2&offset=2")(cursor)
        assert (answer.status, answer.message.partition(":")[0]) == (400, "offset")


def test_of_openreplay_one_is_of_use_in_its_project_only(organisation: Organisation) -> None:
    other = organisation.another_project("iOS")
    for number in range(5):
        organisation.job(number + 11, project=other, created_at=NOW + number)
    cursor = cursor_of(openreplay(organisation)(""))
    refused_by_openreplay(openreplay(organisation, project=other)(cursor))
    stranger = Organisation(organisation.yard, "globex")
    refused_by_openreplay(openreplay(stranger)(cursor))


def test_of_tencent_one_is_of_use_for_the_same_filter_and_order_only(jobs: Yard) -> None:
    key = a_key()
    token = tencent(key)("").get("NextToken")
    for more in (
        ("states", "Submitted"),
        ("type", "Workflow"),
        ("name", "demo"),
        ("workflowId", "w1"),
        ("orderByTime", "Asc"),
        ("startCreationTime", "2025-01-01T00:00:00+0800"),
        ("endCreationTime", "2027-01-01T00:00:00+0800"),
    ):
        refused_by_tencent(tencent(key, more)(token))
    refused_by_tencent(tencent(a_key("globex"))(token))
    assert tencent(key, ("states", "All"), ("orderByTime", "desc"))(token).status == 200
