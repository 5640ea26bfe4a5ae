"""DELETE /public/{projectKey}/users/{userId}: a job for the next midnight, one at a time for a user."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest

from jobyard.dialects.openreplay.submit import next_midnight
from jobyard.lifecycle import executions
from jobyard.model import LIVE, TERMINAL, Job, Question, Status
from jobyard.model.listing import Facet, facets_to_count
from jobyard.store import jobs
from tests.contract.api import Answer
from tests.contract.openreplay.organisation import DAY, JSON, Organisation, error_of
from tests.contract.yard import Clock

ALREADY = '{"error":"a deletion job for this user is already scheduled or running"}'


def test_the_answer_is_the_job(acme: Organisation) -> None:
    began = time.time_ns() // 1_000_000
    answer = acme.erase("shekar@example.com")
    created, start = answer.json["data"]["createdAt"], answer.json["data"]["startAt"]
    assert began <= created <= time.time_ns() // 1_000_000
    expected = (
        '{"data":{"jobId":1,"description":"Delete user sessions of userId = shekar@example.com","status":"scheduled",'
        f'"projectId":{acme.project.id},"action":"delete_user_data","referenceId":"shekar@example.com",'
        f'"createdAt":{created},"updatedAt":null,"startAt":{start},"errors":null}}}}'
    )
    assert answer == Answer(200, JSON, expected)
    assert acme.get(1) == answer
    assert acme.list() == [answer.json["data"]]


def test_it_starts_at_the_next_midnight(acme: Organisation) -> None:
    job = acme.erased("shekar")
    assert job["startAt"] % DAY == 0
    assert 0 < job["startAt"] - job["createdAt"] <= DAY


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2021-06-17T06:55:55.277", "2021-06-18"),
        ("2021-06-17T00:00:00.000", "2021-06-18"),
        ("2021-06-17T00:00:00.001", "2021-06-18"),
        ("2021-06-17T23:59:59.999", "2021-06-18"),
        ("2021-12-31T12:00:00.000", "2022-01-01"),
        ("2024-02-28T12:00:00.000", "2024-02-29"),
    ],
)
def test_midnight_is_that_of_utc_and_always_to_come(now: str, start: str) -> None:
    at = int(datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp() * 1000)
    assert next_midnight(at) == datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp() * 1000


def test_the_execution_waits_for_it_and_gives_the_workflow_what_it_needs(acme: Organisation) -> None:
    project = acme.another_project("iOS", prefix="users/acme/ios/")
    shown = acme.erased("a/../b & c".replace("/", "|"), project=project)
    job = jobs.get("acme", str(shown["jobId"]))
    assert job
    assert (job.status, job.start_at) == (Status.SCHEDULED, shown["startAt"])
    assert job.questions == (Question("UserId", "a|..|b & c"),)
    assert (job.workflow_id, job.owner) == (acme.workflow.id, (acme.key_id, "Backend"))
    given = executions._input(job)
    assert given["startAt"] == datetime.fromtimestamp(shown["startAt"] / 1000, UTC).strftime("%Y-%m-%dT00:00:00.000Z")
    # Where the project says nothing, the workflow's own settings stand.
    assert given["job"]["settings"] == {"bucket": "sessions", "projectId": project.id, "prefix": "users/acme/ios/"}
    assert given["job"]["questions"] == {"UserId": "a|..|b & c"}


def test_the_projects_bucket_goes_before_the_workflows(acme: Organisation) -> None:
    project = acme.another_project("iOS", bucket="ios-sessions")
    job = jobs.get("acme", str(acme.erased("shekar", project=project)["jobId"]))
    assert job
    assert job.settings == {"bucket": "ios-sessions", "projectId": project.id}


def test_ids_grow_over_all_projects_and_organisations(acme: Organisation, globex: Organisation) -> None:
    other = acme.another_project("iOS")
    made = [
        acme.erased("a"),
        globex.erased("a"),
        acme.erased("a", project=other),
        acme.erased("b"),
        globex.erased("b"),
    ]
    ids = [job["jobId"] for job in made]
    assert ids == sorted(set(ids))


def test_ids_are_never_used_again(acme: Organisation) -> None:
    first = acme.erased("shekar")["jobId"]
    acme.cancel(first)
    assert acme.erased("shekar")["jobId"] > first


def test_ids_of_many_at_once_are_all_different(acme: Organisation) -> None:
    callers = 8
    acme.list()
    start = Barrier(callers)

    def one(number: int) -> dict[str, Any]:
        start.wait()
        return acme.erased(f"user {number}")

    with ThreadPoolExecutor(callers) as pool:
        made = list(pool.map(one, range(callers)))
    assert len({job["jobId"] for job in made}) == callers
    assert {job["jobId"] for job in acme.list()} == {job["jobId"] for job in made}


def test_an_erasure_is_found_in_its_projects_list_and_by_nothing_else(acme: Organisation) -> None:
    job = jobs.get("acme", str(acme.erased("shekar")["jobId"]))
    assert job
    assert facets_to_count(job) == [Facet()]


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_second_job_for_a_user_is_refused_while_the_first_has_not_ended(acme: Organisation, status: Status) -> None:
    first = jobs.get("acme", str(acme.erased("shekar")["jobId"]))
    assert first
    brought_to(first, status)
    assert acme.erase("shekar") == Answer(409, JSON, ALREADY)
    assert [job["jobId"] for job in acme.list()] == [int(first.id)]


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_once_the_first_has_ended_a_second_is_made(acme: Organisation, status: Status) -> None:
    first = jobs.get("acme", str(acme.erased("shekar")["jobId"]))
    assert first
    brought_to(first, status)
    assert acme.erased("shekar")["jobId"] > int(first.id)
    assert acme.erase("shekar") == Answer(409, JSON, ALREADY)


def brought_to(job: Job, status: Status) -> None:
    ways = {
        Status.SCHEDULED: [],
        Status.QUEUED: ["enqueue"],
        Status.INITIALIZING: ["enqueue", "initialize"],
        Status.RUNNING: ["enqueue", "initialize", "start"],
        Status.COMPLETED: ["enqueue", "initialize", "start", "complete"],
        Status.FAILED: ["enqueue", "fail"],
        Status.CANCELLED: ["cancel"],
    }
    for transition in ways[status]:
        assert jobs.move(job, transition, {}).done


def test_other_users_projects_and_organisations_are_not_in_the_way(acme: Organisation, globex: Organisation) -> None:
    acme.erased("shekar")
    acme.erased("Shekar")
    acme.erased("shekar ")
    acme.erased("shekar", project=acme.another_project("iOS"))
    globex.erased("shekar")


@pytest.mark.parametrize("round", range(3))
def test_of_many_at_once_for_a_user_exactly_one_makes_a_job(acme: Organisation, round: int) -> None:
    callers = 12
    if round:
        # An ended job's name is taken over, again by one of them only.
        acme.cancel(acme.erased("shekar")["jobId"])
    acme.list()
    start = Barrier(callers)

    def one(_: int) -> Answer:
        start.wait()
        return acme.erase("shekar")

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(one, range(callers)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * (callers - 1)
    assert {answer.text for answer in answers if answer.status == 409} == {ALREADY}
    assert [job["status"] for job in acme.list()].count("scheduled") == 1


@pytest.mark.parametrize("user", ["x" * 256, "é" * 128, "💩" * 64, "٣" * 128])
def test_256_bytes_are_the_most(acme: Organisation, user: str) -> None:
    assert acme.erased(user)["referenceId"] == user


@pytest.mark.parametrize("user", ["x" * 257, "é" * 128 + "x", "é" * 129, "💩" * 64 + "x", "x" * 5000])
def test_more_are_refused_whatever_their_characters(acme: Organisation, user: str) -> None:
    with acme.yard.unchanged():
        refused = acme.erase(user)
    assert refused == Answer(400, JSON, '{"error":"userID exceeds maximum length of 256 characters"}')


def test_an_empty_user_is_refused(acme: Organisation) -> None:
    with acme.yard.unchanged():
        refused = acme.erase("-", pathParameters={"projectKey": acme.project.key, "userId": ""})
    assert refused == Answer(400, JSON, '{"error":"userID cannot be empty"}')


def test_a_slash_in_a_user_is_a_path_that_is_not_known(acme: Organisation) -> None:
    with acme.yard.unchanged():
        refused = acme.erase("a/b")
    assert refused == (404, {"Content-Type": "text/plain; charset=utf-8"}, "404 page not found\n")


@pytest.mark.parametrize(
    "user",
    [
        " ",
        "a b",
        "a+b",
        "..",
        ".",
        "%",
        "%2F",
        "%25",
        "%2525",
        "100%41",
        "#",
        "?",
        "a\x00b",
        "\n",
        "'\"<>&",
        "用户",
        "0",
    ],
)
def test_any_other_user_is_taken_as_it_is(acme: Organisation, user: str) -> None:
    job = acme.erased(user)
    assert job["referenceId"] == user
    assert job["description"] == f"Delete user sessions of userId = {user}"
    assert acme.erase(user).status == 409


def test_a_repetition_with_an_idempotency_key_is_answered_as_the_first_time(acme: Organisation) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = acme.erase("shekar", headers=key), acme.erase("shekar", headers=key)
    assert first.headers == JSON
    assert again == first._replace(headers=JSON | {"Idempotency-Replayed": "true"})
    assert len(acme.list()) == 1


def test_a_repetition_after_midnight_is_still_one(acme: Organisation, clock: Clock) -> None:
    key = {"Idempotency-Key": "one"}
    first = acme.erase("shekar", headers=key)
    clock.advance(23 * 3600)
    assert acme.erase("shekar", headers=key).text == first.text
    clock.advance(3700)
    assert acme.erase("shekar", headers=key) == Answer(409, JSON, ALREADY)


def test_an_idempotency_key_of_another_request_is_refused(acme: Organisation) -> None:
    key = {"Idempotency-Key": "one"}
    acme.erased("shekar", headers=key)
    assert "Idempotency-Key" in error_of(acme.erase("mehdi", headers=key), 409)
    other = acme.another_project("iOS")
    assert "Idempotency-Key" in error_of(acme.erase("shekar", headers=key, project=other), 409)
    assert len(acme.list()) == 1


def test_of_many_at_once_with_one_idempotency_key_all_are_answered_with_one_job(acme: Organisation) -> None:
    callers = 10
    acme.list()
    start = Barrier(callers)

    def one(_: int) -> Answer:
        start.wait()
        return acme.erase("shekar", headers={"Idempotency-Key": "one"})

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(one, range(callers)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


def test_an_idempotency_key_that_is_too_long_is_refused(acme: Organisation) -> None:
    refused = acme.erase("shekar", headers={"Idempotency-Key": "x" * 256})
    assert "255" in error_of(refused, 400)
