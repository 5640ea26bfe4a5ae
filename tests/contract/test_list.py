"""GET /webapi/v3/jobs"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobyard.model import Job, Person, Priority, Status
from tests.contract.api import Answer, Query, call
from tests.contract.yard import Client, Yard
from tests.factories import ADA, NOW
from tests.in_turn import in_turn

VENDORS: dict[str, Any] = {
    "data": [
        {
            "jobId": "68dd3292c97fddfcc003adcb",
            "status": "Completed",
            "workflowName": "Workflow1.yxmd",
            "workflowId": "68dd32922a719467662d27c7",
            "submittedBy": "Jane Doe",
            "startTime": "2025-10-01T13:54:26Z",
            "queueTime": "2025-10-01T13:54:26Z",
            "executionTime": "00:00:02",
            "priority": "6",
        },
        {
            "jobId": "68dd3336c97fddfcc003add2",
            "status": "Completed",
            "workflowName": "Workflow1",
            "workflowId": "68dd32922a719467662d27c7",
            "submittedBy": "Jane Doe",
            "startTime": "2025-10-01T13:57:10Z",
            "queueTime": "2025-10-01T13:57:10Z",
            "executionTime": "00:00:02",
            "priority": "Low",
        },
    ],
    "pagination": {
        "currentPage": 1,
        "pageSize": 50,
        "totalItems": 3,
        "totalPages": 1,
        "hasNextPage": False,
        "hasPreviousPage": False,
    },
}
"""The example of the vendor's page."""
FIRST, SECOND = 1_759_326_866_000, 1_759_327_030_000
DAY = 24 * 3600 * 1000
HOUR = 3600 * 1000


def listed(client: Client, query: Query = "") -> Answer:
    answer = call("GET", "/webapi/v3/jobs", client.token, query)
    assert answer.status == 200, answer.text
    return answer


def ids(client: Client, query: Query) -> str:
    """The first letters of the listed ids, in their order."""
    return "".join(each["jobId"][0] for each in listed(client, query).json["data"])


@pytest.fixture
def seven(yard: Yard, curator: Client, member: Client, stranger: Client) -> list[Job]:
    """One job of each status, created in the order of the alphabet from a to f, in which there is a 0 too."""

    def job(letter: str, status: Status, **values: Any) -> Job:
        order = "abcdef0".index(letter)
        usual: dict[str, Any] = {"owner": curator.user, "created_at": NOW + order, "started_at": NOW + 100}
        return yard.job(id=letter * 24, status=status, **usual | values)

    noon = NOW + 12 * HOUR
    jobs = [
        job("a", Status.COMPLETED, workflow_name="Beta", finished_at=noon, priority=Priority.CRITICAL),
        job("b", Status.FAILED, workflow_name="alpha, beta", finished_at=noon + DAY, priority=Priority.LOW),
        job("c", Status.CANCELLED, workflow_name="Beta", finished_at=noon + DAY, owner=member.user),
        job("d", Status.RUNNING, workflow_name="Alpha", owner=member.user, priority=Priority.HIGH),
        job("e", Status.INITIALIZING, workflow_name="Alpha", priority=Priority.MEDIUM),
        job("f", Status.QUEUED, workflow_name="Alpha.yxmd"),
        job("0", Status.SCHEDULED, workflow_name="Alpha", owner=ADA),
    ]
    yard.job(id="9" * 24, tenant="globex", owner=curator.user, workflow_name="Beta", created_at=NOW)
    return jobs


def test_the_vendors_example(yard: Yard, curator: Client) -> None:
    def completed(example: dict[str, Any], at: int, priority: Priority) -> None:
        yard.job(
            id=example["jobId"],
            status=Status.COMPLETED,
            workflow_name=example["workflowName"],
            workflow_id=example["workflowId"],
            owner=Person(curator.user.id, example["submittedBy"]),
            priority=priority,
            created_at=at,
            queued_at=at,
            started_at=at + 123,
            finished_at=at + 2999,
        )

    first, second = VENDORS["data"]
    completed(first, FIRST, Priority.DEFAULT)
    completed(second, SECOND, Priority.LOW)
    headers = {"accept": "application/json", "authorization": f"Bearer {curator.token}"}
    answer = call("GET", "/webapi/v3/jobs", headers=headers)
    assert (answer.status, answer.headers) == (200, {"Content-Type": "application/json; charset=utf-8"})
    assert answer.json == {
        # 6 is the vendor's number for a run that checks an upload; there are none such here.
        "data": [first | {"priority": "Low"}, second],
        # The example says 3 over two jobs.
        "pagination": VENDORS["pagination"] | {"totalItems": 2},
    }


def test_no_jobs_are_an_empty_page(curator: Client) -> None:
    assert listed(curator).json == {
        "data": [],
        "pagination": {
            "currentPage": 1,
            "pageSize": 50,
            "totalItems": 0,
            "totalPages": 0,
            "hasNextPage": False,
            "hasPreviousPage": False,
        },
    }


def test_a_job_that_has_not_begun_has_no_start_and_no_duration(yard: Yard, curator: Client) -> None:
    yard.job(owner=curator.user, created_at=NOW + 999, queued_at=NOW + 999)
    (sent,) = listed(curator).json["data"]
    assert (sent["startTime"], sent["executionTime"], sent["queueTime"]) == (None, None, "2025-12-01T00:00:00Z")


@pytest.mark.parametrize(
    ("priority", "shown"),
    [("Default", "Low"), ("Low", "Low"), ("Medium", "Medium"), ("High", "High"), ("Critical", "Critical")],
)
def test_the_lowest_priority_is_low_in_the_list(yard: Yard, curator: Client, priority: str, shown: str) -> None:
    yard.job(owner=curator.user, priority=Priority(priority))
    assert listed(curator).json["data"][0]["priority"] == shown


@pytest.mark.parametrize(
    ("took", "shown"),
    [
        (0, "00:00:00"),
        (1999, "00:00:01"),
        (59 * 60_000 + 59_000, "00:59:59"),
        (DAY - 1, "23:59:59"),
        (DAY, "1.00:00:00"),
        (12 * DAY + HOUR + 61_000, "12.01:01:01"),
        (-5000, "00:00:00"),
    ],
)
def test_the_duration_is_written_as_a_timespan(yard: Yard, curator: Client, took: int, shown: str) -> None:
    yard.job(owner=curator.user, status=Status.COMPLETED, started_at=NOW, finished_at=NOW + took)
    assert listed(curator).json["data"][0]["executionTime"] == shown


@in_turn(
    ("query", "expected"),
    [
        ("", "abef"),
        ("allUsers", "abef"),
        ("allUsers=", "abef"),
        ("allUsers=false", "abef"),
        ("allUsers=true", "abcdef0"),
        ("allUsers=True", "abcdef0"),
        ("users={member}", "abef"),
        ("users={member}&allUsers=false", "abef"),
        ("users={member}&allUsers=true", "cd"),
        ("users={member},{curator}&allUsers=true", "abcdef"),
        ("users={member}&users={curator}&allUsers=true", "abcdef"),
        ("users=&allUsers=true", "abcdef0"),
        ("users=nobody&allUsers=true", ""),
        ("users=%00&allUsers=true", ""),
    ],
)
def test_users_count_only_together_with_all_users(
    seven: list[Job], curator: Client, member: Client, query: str, expected: str
) -> None:
    assert ids(curator, query.format(member=member.user.id, curator=curator.user.id)) == expected


@in_turn(
    ("query", "expected"),
    [
        ("statuses=Queued", "f0"),
        ("statuses=Initializing", "e"),
        ("statuses=Running", "d"),
        ("statuses=Complete", "ab"),
        ("statuses=Completed", "ab"),
        ("statuses=Cancelled", "c"),
        ("statuses=complete", "ab"),
        ("statuses=QUEUED", "f0"),
        ("statuses=Queued,Running", "df0"),
        ("statuses=Queued&statuses=Running", "df0"),
        ("statuses=Queued%2C+Running,", "df0"),
        ("statuses=", "abcdef0"),
        ("statuses=,", "abcdef0"),
        ("priorities=Low", "bcf0"),
        ("priorities=Default", "bcf0"),
        ("priorities=0", "bcf0"),
        ("priorities=Medium", "e"),
        ("priorities=1", "e"),
        ("priorities=high", "d"),
        ("priorities=2,3", "ad"),
        ("priorities=Critical&priorities=2", "ad"),
        ("priorities=4,5,6", ""),
        ("priorities=6,Medium", "e"),
        ("workflowNames=Beta", "ac"),
        ("workflowNames=beta", ""),
        ("workflowNames=Alpha", "de0"),
        ("workflowNames=Alpha,Beta", "acde0"),
        ("workflowNames=Alpha&workflowNames=Alpha.yxmd", "def0"),
        ("workflowNames=alpha%2C+beta", "b"),
        ("workflowNames=Alph", ""),
        ("completedAfter=2025-11-29", "ab"),
        ("completedAfter=2025-11-30", "ab"),
        ("completedAfter=2025-12-01", "b"),
        ("completedAfter=2025-12-02", ""),
        ("completedBefore=2025-12-01", ""),
        ("completedBefore=2025-12-02", "a"),
        ("completedBefore=2025-12-03", "ab"),
        ("completedAfter=2025-12-01&completedBefore=2025-12-02", ""),
        ("completedAfter=2025-11-30&completedBefore=2025-12-03", "ab"),
        ("completedAfter=0001-01-01", "ab"),
        ("completedAfter=1969-12-31", "ab"),
        ("completedBefore=9999-12-31", "ab"),
        ("completedAfter=2024-02-29", "ab"),
        ("statuses=Complete&priorities=Low&workflowNames=alpha%2C+beta&completedAfter=2025-12-01", "b"),
        ("statuses=Running&priorities=Low", ""),
        ("skip=1&take=1&unknown=%FF", "abcdef0"),
    ],
)
def test_filters_alone_and_together(seven: list[Job], curator: Client, query: str, expected: str) -> None:
    answer = listed(curator, f"allUsers=true&{query}")
    assert "".join(each["jobId"][0] for each in answer.json["data"]) == expected
    assert answer.json["pagination"]["totalItems"] == len(expected)


@pytest.mark.parametrize(("at", "taken"), [(-1, False), (0, True), (DAY - 1, True), (DAY, False)])
def test_a_day_is_left_out_from_its_first_to_its_last_millisecond(
    yard: Yard, curator: Client, at: int, taken: bool
) -> None:
    began = NOW - DAY  # no job ends before the day on which it was created
    yard.job(owner=curator.user, status=Status.COMPLETED, created_at=began, started_at=began, finished_at=NOW + at)
    around = "completedAfter=2025-11-30&completedBefore=2025-12-02"
    assert len(listed(curator, around).json["data"]) == taken


@in_turn(
    ("field", "ascending"),
    [
        ("CreateDate", "abcdef0"),
        ("AppName", "de0facb"),
        ("CompletionDateTime", "cdef0ab"),
        ("Priority", "bcf0eda"),
        ("Status", "cabef0d"),
    ],
)
@in_turn("write", [str, str.lower, str.upper])
def test_each_sort_both_ways(
    seven: list[Job], curator: Client, field: str, ascending: str, write: Callable[[str], str]
) -> None:
    field, asc, desc = write(field), write("asc"), write("desc")
    up = ids(curator, f"allUsers=true&sortField={field}&direction={asc}")
    assert up == ids(curator, f"allUsers=true&sortField={field}")
    assert ids(curator, f"allUsers=true&sortField={field}&direction={desc}") == up[::-1]
    assert up == ascending


def test_the_sort_by_status_keeps_equal_ones_together(seven: list[Job], curator: Client) -> None:
    sent = listed(curator, "allUsers=true&sortField=Status").json["data"]
    statuses = [each["status"] for each in sent]
    assert len([n for n in range(1, 7) if statuses[n] != statuses[n - 1]]) == len(set(statuses)) - 1


def test_a_direction_alone_turns_the_order_of_creation(seven: list[Job], curator: Client) -> None:
    assert ids(curator, "allUsers=true&direction=desc") == "0fedcba"


@in_turn(
    ("query", "expected", "page"),
    [
        ("limit=3", "abc", (1, 3, 7, 3, True, False)),
        ("limit=3&offset=3", "def", (2, 3, 7, 3, True, True)),
        ("limit=3&offset=6", "0", (3, 3, 7, 3, False, True)),
        ("limit=3&offset=1", "bcd", (1, 3, 7, 3, True, True)),
        ("limit=3&offset=4", "ef0", (2, 3, 7, 3, False, True)),
        ("limit=7", "abcdef0", (1, 7, 7, 1, False, False)),
        ("limit=1&offset=6", "0", (7, 1, 7, 7, False, True)),
        ("offset=7", "", (1, 50, 7, 1, False, True)),
        ("limit=1000&offset=1000000000", "", (1_000_001, 1000, 7, 1, False, True)),
        ("limit=&offset=", "abcdef0", (1, 50, 7, 1, False, False)),
        ("limit=007&offset=00", "abcdef0", (1, 7, 7, 1, False, False)),
    ],
)
def test_pages(
    seven: list[Job], curator: Client, query: str, expected: str, page: tuple[int, int, int, int, bool, bool]
) -> None:
    sent = listed(curator, f"allUsers=true&{query}").json
    assert "".join(each["jobId"][0] for each in sent["data"]) == expected
    assert tuple(sent["pagination"].values()) == page
    assert [type(value) for value in sent["pagination"].values()] == [int, int, int, int, bool, bool]


def test_a_walk_gives_each_job_once(yard: Yard, curator: Client) -> None:
    made = {yard.job(owner=curator.user, created_at=NOW + n // 3).id for n in range(23)}
    walked: list[str] = []
    more = True
    while more:
        sent = listed(curator, f"limit=5&offset={len(walked)}").json
        walked += [each["jobId"] for each in sent["data"]]
        more = sent["pagination"]["hasNextPage"]
    assert sorted(walked) == sorted(made)


def test_another_tenants_jobs_are_neither_listed_nor_counted(seven: list[Job], stranger: Client) -> None:
    sent = listed(stranger, "allUsers=true").json
    assert ([each["jobId"] for each in sent["data"]], sent["pagination"]["totalItems"]) == (["9" * 24], 1)
