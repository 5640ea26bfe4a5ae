"""``Idempotency-Key`` on a submit: of any number of equal requests one makes a job, and all are answered with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobyard.model import Workflow
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Clock, Yard

BODY = {"questions": [{"name": "input", "value": "s3://b/k"}], "priority": "Low"}
REPLAYED = "Idempotency-Replayed"


def submit(client: Client, workflow: Workflow, key: str | None = "key", body: Any = None, **more: Any) -> Answer:
    headers = {} if key is None else {"Idempotency-Key": key}
    given = BODY if body is None else body
    return call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", client.token, body=given, headers=headers | more)


def test_a_repeated_request_is_answered_as_the_first_time(yard: Yard, curator: Client, workflow: Workflow) -> None:
    first = submit(curator, workflow)
    assert REPLAYED not in first.headers
    with yard.unchanged():
        second = submit(curator, workflow)
    assert (second.status, second.json) == (200, first.json)
    assert second.headers == first.headers | {REPLAYED: "true"}
    assert yard.jobs() == [first.json["id"]]


def test_the_first_answer_is_repeated_whatever_became_of_the_job(
    yard: Yard, curator: Client, workflow: Workflow
) -> None:
    first = submit(curator, workflow)
    assert call("DELETE", f"/webapi/v3/jobs/{first.json['id']}", curator.token).status == 200
    assert submit(curator, workflow).json == first.json
    assert yard.jobs() == []


@pytest.mark.parametrize(
    "body",
    [
        '{"priority":"low","questions":{"input":"s3://b/k"}}',
        ' { "questions" : [ {"value":"s3://b/k","name":"input"} ], "priority" : 0 } ',
        {"questions": {"name": "input", "value": "s3://b/k"}, "priority": "LOW", "workerTag": "", "unknown": 1},
    ],
)
def test_the_same_request_in_other_words_is_the_same(
    yard: Yard, curator: Client, workflow: Workflow, body: Any
) -> None:
    first = submit(curator, workflow)
    assert submit(curator, workflow, body=body).json == first.json


@pytest.mark.parametrize(
    "body",
    [
        "",
        BODY | {"priority": "High"},
        BODY | {"priority": "Default"},
        BODY | {"workerTag": "gpu"},
        BODY | {"questions": [{"name": "input", "value": "s3://b/K"}]},
        BODY | {"questions": []},
    ],
)
def test_another_request_with_the_key_is_a_conflict(yard: Yard, curator: Client, workflow: Workflow, body: Any) -> None:
    submit(curator, workflow)
    with yard.unchanged():
        refused = submit(curator, workflow, body=body)
    assert refused.status == 409
    assert "Idempotency-Key" in refused.message


def test_the_same_body_for_another_workflow_is_a_conflict(yard: Yard, curator: Client, workflow: Workflow) -> None:
    submit(curator, workflow)
    assert submit(curator, yard.workflow()).status == 409


def test_a_key_is_its_callers_own(
    yard: Yard, curator: Client, member: Client, stranger: Client, workflow: Workflow
) -> None:
    yard.workflow(id=workflow.id, tenant="globex")
    answers = [submit(client, workflow) for client in (curator, member, stranger)]
    assert len({answer.json["id"] for answer in answers}) == 3
    assert not any(REPLAYED in answer.headers for answer in answers)


def test_two_clients_of_one_user_share_its_keys(yard: Yard, curator: Client, workflow: Workflow) -> None:
    again = yard.client(user=curator.user)
    assert submit(again, workflow).json == submit(curator, workflow).json


def test_without_a_key_every_request_makes_a_job(yard: Yard, curator: Client, workflow: Workflow) -> None:
    assert submit(curator, workflow, None).json["id"] != submit(curator, workflow, None).json["id"]
    assert yard.items("IDEMPOTENCY#") == []


@pytest.mark.parametrize("key", ["k", "k" * 255, "ключ", " inner space ", "🛠", "\ud800", "a,b", "%00", "\x00"])
def test_any_text_of_up_to_255_characters_is_a_key(yard: Yard, curator: Client, workflow: Workflow, key: str) -> None:
    assert submit(curator, workflow, key).json == submit(curator, workflow, key).json
    assert len(yard.jobs()) == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "語" * 256, "k" * 9000])
def test_no_key_and_too_long_a_key_are_refused(yard: Yard, curator: Client, workflow: Workflow, key: str) -> None:
    with yard.unchanged():
        refused = submit(curator, workflow, key)
    assert (refused.status, refused.message) == (400, "Idempotency-Key must have 1 to 255 characters.")


def test_the_header_in_any_letter_case(curator: Client, workflow: Workflow) -> None:
    first = submit(curator, workflow, None, **{"IDEMPOTENCY-KEY": "x"})
    assert submit(curator, workflow, None, **{"idempotency-key": "x"}).json == first.json


def test_keys_differ_by_letter_case(curator: Client, workflow: Workflow) -> None:
    assert submit(curator, workflow, "k").json["id"] != submit(curator, workflow, "K").json["id"]


@pytest.mark.parametrize(("later", "replayed"), [(24 * 3600 - 5, True), (24 * 3600 + 1, False)])
def test_a_key_is_kept_for_a_day(
    yard: Yard, curator: Client, workflow: Workflow, clock: Clock, later: int, replayed: bool
) -> None:
    first = submit(curator, workflow)
    clock.advance(later)
    renewed = curator._replace(token=yard.client(user=curator.user).token)
    second = submit(renewed, workflow)
    assert (REPLAYED in second.headers, second.json["id"] == first.json["id"]) == (replayed, replayed)
    # From then on the key stands for what it made last.
    assert submit(renewed, workflow).json == second.json


def test_a_refused_request_uses_up_no_key(yard: Yard, curator: Client, workflow: Workflow) -> None:
    assert submit(curator, workflow, body={"priority": "Urgent"}).status == 400
    assert submit(curator, workflow).status == 200


@pytest.mark.parametrize("bodies", [1, 2])
def test_of_many_at_once_with_one_key_exactly_one_makes_a_job(
    yard: Yard, curator: Client, workflow: Workflow, bodies: int
) -> None:
    def ask(n: int) -> Answer:
        return submit(curator, workflow, body=BODY | {"workerTag": f"{n % bodies}"})

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(24)))
    taken = [answer for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} == ({200} if bodies == 1 else {200, 409})
    assert len(taken) == 24 // bodies
    assert sum(REPLAYED not in answer.headers for answer in taken) == 1
    assert yard.jobs() == list({answer.json["id"] for answer in taken})
