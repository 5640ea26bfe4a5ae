"""Every example of the vendor's page, sent as it shows them, answered byte for byte.

The page lists job 3451 before job 3452; the original sends the newest first, and so do we. Its examples are spread
over lines for the reader; what is sent has no spaces.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobyard.authorizer import Role
from jobyard.authorizer.secrets import hash_of
from jobyard.model import Facets, Person, Status
from jobyard.store import keys, projects
from jobyard.store.keys import ApiKey
from jobyard.store.projects import Project
from tests.contract.api import Answer, call
from tests.contract.openreplay.organisation import JSON
from tests.contract.yard import Yard

PROJECT_KEY = "3sWXSsqHgSKnE87YkNJK"
API_KEY = "YOURORGANIZATIONAPIKEY"
CANCELLED_AT = 1623913015276

SHEKAR = """{
"jobId": 3451,
"description": "Delete user sessions of userId = shekar@example.com",
"status": "scheduled",
"projectId": 1,
"action": "delete_user_data",
"referenceId": "shekar@example.com",
"createdAt": 1623912955277,
"updatedAt": null,
"startAt": 1623954600000,
"errors": null
}"""
MEHDI = """{
"jobId": 3452,
"description": "Delete user sessions of userId = mehdi@example.com",
"status": "cancelled",
"projectId": 1,
"action": "delete_user_data",
"referenceId": "mehdi@example.com",
"createdAt": 1623912962910,
"updatedAt": 1623913015276,
"startAt": 1623954600000,
"errors": null
}"""


def bytes_of(example: str) -> str:
    """An example of the page without the line breaks and spaces that are there for the reader."""
    return json.dumps(json.loads(example), separators=(",", ":"))


@pytest.fixture(autouse=True)
def _example(yard: Yard) -> None:
    """The project, the key and the two jobs that the page speaks of; the second is not yet cancelled."""
    keys.put(ApiKey("a" * 24, "acme", "Backend", Role.CURATOR, hash_of(API_KEY), 1))
    projects.put(Project(PROJECT_KEY, 1, "acme", "Web", "f" * 24, "", "", 1))
    place(yard, 3451, "shekar@example.com", 1623912955277)
    place(yard, 3452, "mehdi@example.com", 1623912962910)


def place(yard: Yard, id: int, user: str, created_at: int, **values: Any) -> None:
    yard.job(
        id=str(id),
        listed_in="openreplay#acme#1",
        details={"projectId": 1, "userId": user},
        created_at=created_at,
        updated_at=values.pop("updated_at", created_at),
        start_at=1623954600000,
        facets=Facets(),
        **{"status": Status.SCHEDULED} | values,
    )


def sent(method: str, path: str, query: str = "") -> Answer:
    return call(method, path, query=query, headers={"Authorization": f"Bearer {API_KEY}", "Accept": "*/*"})


def cancelled(yard: Yard) -> None:
    more = {"status": Status.CANCELLED, "updated_at": CANCELLED_AT, "finished_at": CANCELLED_AT}
    place(yard, 3452, "mehdi@example.com", 1623912962910, cancelled_by=Person("a" * 24, "Backend"), **more)


def test_the_list(yard: Yard) -> None:
    cancelled(yard)
    expected = bytes_of(f'{{"data": [{MEHDI}, {SHEKAR}]}}')
    assert sent("GET", f"/public/{PROJECT_KEY}/jobs", "limit=50&page=1") == Answer(200, JSON, expected)


def test_one_job() -> None:
    answer = sent("GET", f"/public/{PROJECT_KEY}/jobs/3451")
    assert answer == Answer(200, JSON, bytes_of(f'{{"data": {SHEKAR}}}'))


def test_cancelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobyard.service.jobs.now_ms", lambda: CANCELLED_AT)
    expected = Answer(200, JSON, bytes_of(f'{{"data": {MEHDI}}}'))
    assert sent("DELETE", f"/public/{PROJECT_KEY}/jobs/3452") == expected
    assert sent("GET", f"/public/{PROJECT_KEY}/jobs/3452") == expected
