"""Queues over HTTP: set and shown by administrators; and what a job that waits says of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobyard.authorizer import Role
from jobyard.lifecycle.dispatch import dispatch
from jobyard.model import Priority, Status
from jobyard.store import queues
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.factories import NOW
from tests.in_turn import in_turn

ID = "678f97baa15300008c0039fc"
TO_GPU = "queue gpu instead of the queue of jobs without a tag."
UNKNOWN = "0" * 24


def ask(client: Client, method: str, path: str, body: Any = None) -> Answer:
    headers = {"authorization": f"Bearer {client.token}", "content-type": "application/json"}
    return call(method, f"/webapi/v3/{path}", headers=headers, body="" if body is None else json.dumps(body))


def change(client: Client, body: Any, id: str = ID) -> Answer:
    return ask(client, "PATCH", f"jobs/{id}", body)


def test_a_queue_is_set_and_shown(curator: Client) -> None:
    assert ask(curator, "GET", "queues").json == []
    unset = {"tag": "gpu", "slots": None, "paused": False, "running": None, "waiting": 0}
    assert ask(curator, "GET", "queues/gpu").json == unset
    made = ask(curator, "PUT", "queues/gpu", {"slots": 2, "paused": True})
    assert (made.status, made.json) == (200, unset | {"slots": 2, "paused": True})
    assert ask(curator, "PATCH", "queues/gpu", {"paused": False}).json == unset | {"slots": 2}
    dispatch("acme#gpu")
    assert ask(curator, "GET", "queues/gpu").json == unset | {"slots": 2, "running": 0}
    assert ask(curator, "PATCH", "queues/gpu", {"slots": None}).json == unset
    ask(curator, "PATCH", "queues/-", {"slots": 0})
    assert [each["tag"] for each in ask(curator, "GET", "queues").json] == ["", "gpu"]


@in_turn(
    ("method", "body", "field"),
    [
        ("PUT", {"slots": 2}, "paused"),
        ("PUT", {"paused": False}, "slots"),
        ("PUT", {"slots": -1, "paused": False}, "slots"),
        ("PUT", {"slots": "2", "paused": False}, "slots"),
        ("PATCH", {"slots": 100_001}, "slots"),
        ("PATCH", {"paused": "no"}, "paused"),
        ("PATCH", [], "The body"),
    ],
)
def test_what_a_queue_cannot_be_set_to_is_named(
    yard: Yard, curator: Client, method: str, body: Any, field: str
) -> None:
    with yard.unchanged():
        answer = ask(curator, method, "queues/gpu", body)
    assert answer.status == 400
    assert answer.message.startswith(f"{field}:")


def test_a_tag_that_is_too_long_has_no_queue(yard: Yard, curator: Client) -> None:
    with yard.unchanged():
        answer = ask(curator, "PUT", f"queues/{'a' * 129}", {"slots": 1, "paused": False})
    assert (answer.status, answer.message) == (400, "workerTag: at most 128 characters are allowed.")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_queues_are_for_administrators(yard: Yard, method: str) -> None:
    artisan = yard.client(role=Role.ARTISAN)
    assert ask(artisan, method, "queues/gpu", {"slots": 1, "paused": True}).status == 401
    assert ask(artisan, "GET", "queues").status == 401


def test_tenants_have_queues_of_their_own(yard: Yard, curator: Client) -> None:
    ask(curator, "PUT", "queues/gpu", {"slots": 2, "paused": True})
    other = yard.client(tenant="globex")
    assert ask(other, "GET", "queues").json == []
    assert ask(other, "GET", "queues/gpu").json["slots"] is None


def test_a_job_that_waits_says_where_it_stands_and_for_what(yard: Yard, curator: Client) -> None:
    ask(curator, "PUT", "queues/gpu", {"slots": 1, "paused": False})
    for number in range(3):
        yard.job(status=Status.QUEUED, worker_tag="gpu", created_at=NOW + number, priority=Priority.HIGH)
    yard.job(id=ID, status=Status.QUEUED, worker_tag="gpu", created_at=NOW)
    assert dispatch("acme#gpu") == 1
    shown = ask(curator, "GET", f"jobs/{ID}").json
    assert (shown["queuePosition"], shown["waitingFor"]) == (3, "a free slot of queue gpu (1 of 1 running)")
    ask(curator, "PATCH", "queues/gpu", {"paused": True})
    shown = ask(curator, "GET", f"jobs/{ID}").json
    assert (shown["queuePosition"], shown["waitingFor"]) == (3, "queue gpu to be resumed")
    assert ask(curator, "GET", "queues/gpu").json["waiting"] == 3


def test_a_job_with_a_start_time_waits_for_that(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.SCHEDULED, start_at=NOW + 3_600_000)
    shown = ask(curator, "GET", f"jobs/{ID}").json
    assert (shown["queuePosition"], shown["waitingFor"]) == (None, "its start at 2025-12-01T01:00:00Z")


def test_a_job_that_began_waits_for_nothing(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.RUNNING)
    shown = ask(curator, "GET", f"jobs/{ID}").json
    assert (shown["queuePosition"], shown["waitingFor"]) == (None, None)


def test_a_place_too_far_behind_is_not_counted(yard: Yard, curator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobyard.service.queues.COUNTED_MOST", 2)
    for number in range(2):
        yard.job(status=Status.QUEUED, created_at=NOW + number)
    yard.job(id=ID, status=Status.QUEUED, created_at=NOW + 2)
    assert ask(curator, "GET", f"jobs/{ID}").json["queuePosition"] is None
    assert ask(curator, "GET", "queues/-").json["waiting"] is None


def test_a_job_that_waits_is_moved_and_says_by_whom(yard: Yard, curator: Client) -> None:
    yard.job(status=Status.QUEUED, created_at=NOW)
    yard.job(id=ID, status=Status.QUEUED, created_at=NOW + 1)
    moved = change(curator, {"priority": "high"})
    assert (moved.status, moved.json["priority"], moved.json["queuePosition"]) == (200, "High", 1)
    moved = change(curator, {"workerTag": "gpu", "priority": 0})
    assert (moved.json["priority"], moved.json["workerTag"]) == ("Low", "gpu")
    texts = [each["text"] for each in ask(curator, "GET", f"jobs/{ID}").json["messages"]]
    assert texts == [
        "Queued with priority Default.",
        f"Moved by {curator.user.name}: priority High instead of Default.",
        f"Moved by {curator.user.name}: priority Low instead of High, " + TO_GPU,
    ]
    listed = ask(curator, "GET", "jobs", None)
    assert listed.status == 200


def test_a_change_to_what_is_already_so_writes_nothing(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.QUEUED, priority=Priority.HIGH)
    with yard.unchanged():
        assert change(curator, {"priority": "High", "workerTag": ""}).status == 200


def test_the_list_shows_a_moved_job_as_it_is_and_finds_it_by_its_new_priority(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.QUEUED)
    assert change(curator, {"priority": "Critical"}).status == 200
    for asked, total in (("priorities=Critical", 1), ("priorities=Low", 0)):
        page = call("GET", "/webapi/v3/jobs", curator.token, f"allUsers=true&{asked}").json
        assert page["pagination"]["totalItems"] == total


@pytest.mark.parametrize("status", [Status.INITIALIZING, Status.RUNNING, Status.COMPLETED])
def test_a_job_that_waits_no_longer_is_not_moved(yard: Yard, curator: Client, status: Status) -> None:
    yard.job(id=ID, status=status)
    with yard.unchanged():
        answer = change(curator, {"priority": "High"})
    assert (answer.status, answer.message) == (400, "This job is not in 'Queued' state.")


@pytest.mark.parametrize(
    "body", [{}, {"priority": None}, {"priority": "Urgent"}, {"workerTag": 7}, {"workerTag": "a" * 129}]
)
def test_what_a_job_cannot_be_changed_to_is_refused(yard: Yard, curator: Client, body: Any) -> None:
    yard.job(id=ID, status=Status.QUEUED)
    with yard.unchanged():
        assert change(curator, body).status == 400


@pytest.mark.parametrize(("body", "what"), [({"priority": "High"}, "priority"), ({"workerTag": "a"}, "worker tag")])
def test_users_without_the_right_move_nothing(yard: Yard, body: Any, what: str) -> None:
    artisan = yard.client(role=Role.ARTISAN)
    yard.job(id=ID, status=Status.QUEUED, owner=artisan.user)
    answer = change(artisan, body)
    assert (answer.status, answer.message) == (403, f"You do not have permission to change the {what} of a job.")


def test_jobs_of_others_and_unknown_ones_are_not_found(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.QUEUED)
    assert change(yard.client(tenant="globex"), {"priority": "High"}).status == 404
    assert change(yard.client(role=Role.ARTISAN), {"priority": "High"}).status == 404
    assert change(curator, {"priority": "High"}, UNKNOWN).status == 404


def test_of_two_who_set_a_queue_at_once_none_undoes_the_other(
    yard: Yard, curator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(curator, "PUT", "queues/gpu", {"slots": 5, "paused": False})
    stale = [queues.get("acme", "gpu")]
    assert queues.put(stale[0], 5, True, NOW)
    real = queues.get
    monkeypatch.setattr(queues, "get", lambda tenant, tag: stale.pop() if stale else real(tenant, tag))
    changed = ask(curator, "PATCH", "queues/gpu", {"slots": 3}).json
    assert changed | {"running": None} == {"tag": "gpu", "slots": 3, "paused": True, "running": None, "waiting": 0}
