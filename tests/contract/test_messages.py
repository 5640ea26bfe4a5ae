"""Messages, in the detail of a job and at GET /webapi/v3/jobs/{jobId}/messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from jobyard.model import Job, Person, Status
from tests.contract.api import HOST, Answer, call
from tests.contract.yard import Client, Yard
from tests.factories import NOW
from tests.in_turn import in_turn

ID = "66ebd18d3d6200007e000d8c"
PATH = f"/webapi/v3/jobs/{ID}/messages"


def running(yard: Yard) -> Job:
    return yard.job(id=ID, status=Status.RUNNING, queued_at=NOW, started_at=NOW + 10)


def completed(yard: Yard, at: int) -> Job:
    return yard.job(id=ID, status=Status.COMPLETED, queued_at=NOW, started_at=NOW + 10, finished_at=at)


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in messages]


def detail(client: Client) -> list[str]:
    return texts(call("GET", f"/webapi/v3/jobs/{ID}", client.token).json["messages"])


def next_query(answer: Answer) -> str | None:
    link = answer.headers.get("Link")
    if link is None:
        return None
    match = re.fullmatch(rf'<https://{HOST}{PATH}\?(after=[^<>"&]+)>; rel="next"', link)
    assert match, link
    return match[1]


def walk(client: Client) -> Iterator[list[dict[str, Any]]]:
    query: str | None = ""
    while query is not None:
        answer = call("GET", PATH, client.token, query)
        assert answer.status == 200
        assert len(answer.text.encode()) <= 5_200_000
        yield answer.json
        query = next_query(answer)


def test_messages_are_a_list_oldest_first_of_level_text_and_tool(yard: Yard, curator: Client) -> None:
    job = running(yard)
    yard.messages(job, ["12 rows read"], at=NOW + 20, tool_id=7)
    yard.messages(job, ["3 of them empty"], at=NOW + 21, level=2)
    yard.messages(job, ["one is broken"], at=NOW + 22, level=3)
    answer = call("GET", PATH, curator.token)
    assert answer.status == 200
    assert answer.headers == {"Content-Type": "application/json; charset=utf-8"}
    assert answer.json == [
        {"status": 1, "text": "Queued with priority Default.", "toolId": -1},
        {"status": 1, "text": "Started Profile.", "toolId": -1},
        {"status": 1, "text": "12 rows read", "toolId": 7},
        {"status": 2, "text": "3 of them empty", "toolId": -1},
        {"status": 3, "text": "one is broken", "toolId": -1},
    ]
    assert call("GET", f"/webapi/v3/jobs/{ID}", curator.token).json["messages"] == answer.json


@pytest.mark.parametrize(
    ("values", "level", "text"),
    [
        ({"status": Status.COMPLETED}, 1, "Completed successfully."),
        ({"status": Status.FAILED, "error": "no such file"}, 3, "Failed: no such file"),
        ({"status": Status.FAILED}, 3, "Failed: no reason was given"),
        ({"status": Status.CANCELLED, "cancelled_by": Person("u", "Bob")}, 2, "Cancelled by Bob."),
    ],
)
def test_the_end_is_the_last_message(yard: Yard, curator: Client, values: Any, level: int, text: str) -> None:
    job = yard.job(id=ID, started_at=NOW, finished_at=NOW + 5, **values)
    yard.messages(job, [f"{n}" for n in range(6)])
    answer = call("GET", PATH, curator.token)
    assert answer.json[-1] == {"status": level, "text": text, "toolId": -1}
    assert texts(answer.json[2:-1]) == ["0", "1", "2", "3", "4", "5"]


def test_a_scheduled_job_tells_when_it_will_start(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.SCHEDULED, start_at=NOW + 1000)
    assert texts(call("GET", PATH, curator.token).json) == ["Scheduled to start at 2025-12-01T00:00:01Z."]


def test_the_detail_has_the_newest_thousand(yard: Yard, curator: Client) -> None:
    job = completed(yard, NOW + 5000)
    told = 0
    for count in (997, 998, 999, 1200):
        yard.messages(job, [f"{n}" for n in range(told, count)], at=NOW + 20 + told)
        told = count
        every = [
            "Queued with priority Default.",
            "Started Profile.",
            *(f"{n}" for n in range(count)),
            "Completed successfully.",
        ]
        assert detail(curator) == every[-1000:]
        assert texts(call("GET", PATH, curator.token).json) == every, "the messages endpoint has them all"


def test_a_walk_through_many_megabytes_gives_each_message_once_in_order(yard: Yard, curator: Client) -> None:
    # Each page of the walk is longer than a page of the table, and the job's own messages fall between two.
    mine = [f"{n:04d}" + "x" * 3990 for n in range(2600)]
    job = yard.job(id=ID, status=Status.COMPLETED, started_at=NOW + 500, finished_at=NOW + 2500)
    yard.messages(job, mine, at=NOW + 1)
    pages = [texts(page) for page in walk(curator)]
    assert len(pages) == 3
    assert all(sum(map(len, page)) > 4_000_000 for page in pages[:-1])
    every = ["Queued with priority Default.", *mine]
    every.insert(500, "Started Profile.")
    every.insert(2502, "Completed successfully.")
    assert [text for page in pages for text in page] == every


@pytest.mark.parametrize(("letter", "count"), [('"', 400), ("\x01", 250), ("🛠", 400)], ids=["quote", "control", "4"])
def test_messages_that_grow_when_written_still_fit_through_lambda(
    yard: Yard, curator: Client, letter: str, count: int
) -> None:
    yard.messages(running(yard), [letter * 4000] * count, at=NOW + 20)
    newest = detail(curator)
    assert len(newest) < count
    assert set(newest) == {letter * 4000}
    pages = [texts(page) for page in walk(curator)]
    assert len(pages) > 1
    assert sum(map(len, pages)) == count + 2


LONG = ["\x01" * 4000] * 250
"""More than goes into one answer: a control character takes seven bytes there."""


def test_a_walk_meets_what_is_added_behind_it(yard: Yard, curator: Client) -> None:
    job = running(yard)
    yard.messages(job, LONG, at=NOW + 20)
    pages = walk(curator)
    first = next(pages)
    yard.messages(job, ["late"], at=NOW + 5000)
    rest = [message for page in pages for message in page]
    assert len(first) + len(rest) == 2 + len(LONG) + 1
    assert rest[-1]["text"] == "late"


def test_the_link_leads_to_the_host_that_was_asked(yard: Yard, curator: Client) -> None:
    yard.messages(running(yard), LONG)
    answer = call("GET", PATH, curator.token, headers={"host": "localhost:8787", "x-forwarded-proto": "http"})
    assert answer.headers["Link"].startswith(f"<http://localhost:8787{PATH}?after=")


@in_turn(
    "after", ["x", "~", "~~", "zzzz", "0", f"{NOW}", f"{NOW}-000000", "%00", "%FF", "٣" * 13, "a" * 9000, "-", "{}"]
)
def test_a_place_that_no_link_named_is_refused(yard: Yard, curator: Client, after: str) -> None:
    running(yard)
    answer = call("GET", PATH, curator.token, f"after={after}")
    assert (answer.status, answer.message[:7]) == (400, "after: ")


@pytest.mark.parametrize(
    ("after", "left"),
    [("", 2), (f"{NOW}-000000-", 1), (f"{NOW}-999999-~", 1), ("9999999999999-999999-~", 0), (f"{0:013d}-000000-", 2)],
)
def test_a_walk_may_begin_anywhere(yard: Yard, curator: Client, after: str, left: int) -> None:
    running(yard)
    answer = call("GET", PATH, curator.token, f"after={after}")
    assert (answer.status, len(answer.json)) == (200, left)


@pytest.mark.parametrize("id", ["f" * 24, "x", "%00", "x" * 5000])
def test_messages_of_no_job_are_not_found(yard: Yard, curator: Client, stranger: Client, id: str) -> None:
    answer = call("GET", f"/webapi/v3/jobs/{id}/messages", curator.token)
    assert answer.status == 404
    assert answer.message.endswith("not found.")


def test_messages_of_another_tenants_job_are_not_found(yard: Yard, stranger: Client) -> None:
    yard.messages(running(yard), ["secret"])
    answer = call("GET", PATH, stranger.token)
    assert (answer.status, answer.message) == (404, f"Job {ID} not found.")
