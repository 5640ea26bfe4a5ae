"""GET /public/{projectKey}/jobs: pages with fall-backs in place of refusals, newest first."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.model import Status
from tests.contract.api import Answer
from tests.contract.openreplay.organisation import JSON, Organisation
from tests.factories import NOW
from tests.in_turn import in_turn

EMPTY = Answer(200, JSON, '{"data":[]}')


@pytest.fixture
def numbered(acme: Organisation) -> Organisation:
    """60 jobs, 1 to 60, a second after one another."""
    for id in range(1, 61):
        acme.job(id, created_at=NOW + id * 1000)
    return acme


def ids(jobs: list[dict[str, Any]]) -> list[int]:
    return [job["jobId"] for job in jobs]


def test_no_jobs_are_an_empty_list(acme: Organisation) -> None:
    assert acme.call("GET", "/jobs") == EMPTY


def test_the_newest_comes_first_and_50_are_a_page(numbered: Organisation) -> None:
    assert ids(numbered.list()) == list(range(60, 10, -1))
    assert ids(numbered.list("page=2")) == list(range(10, 0, -1))


def test_jobs_of_one_millisecond_stand_by_their_number(acme: Organisation) -> None:
    for id in (9, 10, 99, 100):
        acme.job(id, created_at=NOW)
    assert ids(acme.list()) == [100, 99, 10, 9]


@in_turn(
    ("query", "size"),
    [
        ("limit=1", 1),
        ("limit=7", 7),
        ("limit=60", 60),
        ("limit=200", 60),
        ("limit=%2B7", 7),
        ("limit=007", 7),
        ("limit=7&limit=9", 7),
        ("limit=" + "0" * 3000 + "7", 7),
        # Out of range: not cut to the nearest.
        ("limit=0", 50),
        ("limit=-0", 50),
        ("limit=-1", 50),
        ("limit=201", 50),
        ("limit=9223372036854775807", 50),
        ("limit=9223372036854775808", 50),
        ("limit=" + "9" * 5000, 50),
        # No integer: Atoi takes a sign and ASCII digits.
        ("limit=", 50),
        ("limit=abc", 50),
        ("limit=5.0", 50),
        ("limit=5e0", 50),
        ("limit=0x5", 50),
        ("limit=1_0", 50),
        ("limit=%205", 50),
        ("limit=5%20", 50),
        ("limit=+5", 50),
        ("limit=5%0A", 50),
        ("limit=5,7", 50),
        ("limit=--5", 50),
        ("limit=%2B", 50),
        ("limit=%D9%A5", 50),
        ("limit=%D9%A1%D9%A2", 50),
        ("limit=%EF%BC%95", 50),
        ("limit=%C2%B2", 50),
        ("limit=%00", 50),
        ("limit=%FF", 50),
        ("limit=%", 50),
        ("limit=&limit=7", 50),
        ("Limit=7", 50),
        ("LIMIT=7", 50),
        ("size=7", 50),
    ],
)
def test_limit(numbered: Organisation, query: str, size: int) -> None:
    assert ids(numbered.list(query)) == list(range(60, 60 - size, -1))


@in_turn(
    ("page", "first"),
    [
        ("1", 60),
        ("2", 50),
        ("6", 10),
        ("%2B2", 50),
        ("02", 50),
        ("2&page=3", 50),
        ("0", 60),
        ("-1", 60),
        ("-9223372036854775808", 60),
        ("9223372036854775808", 60),
        ("9" * 5000, 60),
        ("", 60),
        ("abc", 60),
        ("2.0", 60),
        ("%202", 60),
        ("1_0", 60),
        ("%D9%A2", 60),
    ],
)
def test_page(numbered: Organisation, page: str, first: int) -> None:
    assert ids(numbered.list(f"limit=10&page={page}"))[0] == first


@in_turn("query", ["page=3", "limit=60&page=2", "limit=1&page=61", "page=1000000"])
def test_beyond_the_last_page_is_an_empty_list(numbered: Organisation, query: str) -> None:
    assert numbered.call("GET", "/jobs", query) == EMPTY


@in_turn("page", [2**31, 2**32, 2**53, 2**62, 2**63 - 1])
@in_turn("limit", [1, 50, 200])
def test_however_far_beyond(numbered: Organisation, page: int, limit: int) -> None:
    assert numbered.call("GET", "/jobs", f"limit={limit}&page={page}") == EMPTY


def test_jobs_of_every_status_are_listed(acme: Organisation) -> None:
    for id, status in enumerate(Status, 1):
        acme.job(id, status=status, created_at=NOW + id)
    shown = [
        "cancelled", "failed", "completed", "running", "running", "scheduled", "scheduled",
    ]  # fmt: skip
    assert [job["status"] for job in acme.list()] == shown


def test_a_list_shows_a_job_as_it_is_shown_alone(acme: Organisation) -> None:
    acme.job(1, status=Status.FAILED, error="3 objects could not be deleted", updated_at=NOW + 7, finished_at=NOW + 7)
    acme.job(2, created_at=NOW + 1)
    assert acme.list() == [acme.get(2).json["data"], acme.get(1).json["data"]]


def test_a_list_is_of_one_project(acme: Organisation) -> None:
    other = acme.another_project("iOS")
    acme.job(1)
    acme.job(2, project=other)
    assert ids(acme.list()) == [1]
    assert ids(acme.list(project=other)) == [2]
