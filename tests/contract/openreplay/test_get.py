"""GET /public/{projectKey}/jobs/{jobId}: the job, and what is no job's id."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobyard.model import Status
from tests.contract.api import call
from tests.contract.openreplay.organisation import DAY, JSON, Organisation, error_of
from tests.factories import NOW
from tests.in_turn import in_turn

NOT_INTEGERS = [
    ("abc", r'"abc"'),
    ("5.0", r'"5.0"'),
    ("1_000", r'"1_000"'),
    ("%205", r'" 5"'),
    ("5%20", r'"5 "'),
    ("0x5", r'"0x5"'),
    ("--5", r'"--5"'),
    ("+", r'"+"'),
    ("-", r'"-"'),
    ("5%0A", r'"5\n"'),
    ("%09", r'"\t"'),
    ("%00", r'"\x00"'),
    ("%7F", r'"\x7f"'),
    ("%22", r'"\""'),
    ("%5C", r'"\\"'),
    ("%D9%A3%D9%A4", '"٣٤"'),
    ("%EF%BC%95", '"５"'),
    ("%C2%A0", r'"\u00a0"'),
    ("%F3%A0%80%81", r'"\U000e0001"'),
    ("%F0%9F%92%A9", '"💩"'),
    ("%3Cb%3E%26", '"<b>&"'),
    ("3451%3F", r'"3451?"'),
    ("x" * 3000, f'"{"x" * 3000}"'),
]


@in_turn("method", ["GET", "DELETE"])
@in_turn(("id", "quoted"), NOT_INTEGERS)
def test_what_is_no_integer_is_refused_in_gos_words(acme: Organisation, method: str, id: str, quoted: str) -> None:
    with acme.yard.unchanged():
        refused = error_of(acme.call(method, f"/jobs/{id}"), 400)
    assert refused == f"invalid path param jobID: strconv.Atoi: parsing {quoted}: invalid syntax"


def test_the_refusal_byte_for_byte(acme: Organisation) -> None:
    text = r"""{"error":"invalid path param jobID: strconv.Atoi: parsing \"abc\": invalid syntax"}"""
    assert acme.get("abc") == (400, JSON, text)
    text = r"""{"error":"invalid path param jobID: strconv.Atoi: parsing \"\u003cb\u003e\u0026\": invalid syntax"}"""
    assert acme.get("%3Cb%3E%26") == (400, JSON, text)


@in_turn("method", ["GET", "DELETE"])
@in_turn("id", ["9223372036854775808", "-9223372036854775809", "+9223372036854775808", "1" * 20, "9" * 5000])
def test_an_integer_of_more_than_64_bits_is_out_of_range(acme: Organisation, method: str, id: str) -> None:
    refused = error_of(acme.call(method, f"/jobs/{id}"), 400)
    assert refused == f'invalid path param jobID: strconv.Atoi: parsing "{id}": value out of range'


@in_turn("method", ["GET", "DELETE"])
@in_turn(
    "id",
    ["0", "-0", "+0", "-1", "-3451", "3450", "2147483647", "2147483648", "9223372036854775807", "-9223372036854775808"],
)
def test_an_integer_that_is_no_jobs_id_is_not_found(acme: Organisation, method: str, id: str) -> None:
    acme.job(3451)
    with acme.yard.unchanged():
        assert acme.call(method, f"/jobs/{id}") == (404, JSON, '{"error":"job not found"}')


@pytest.mark.parametrize("id", ["3451", "+3451", "03451", "+03451", "%2B3451", "0" * 5000 + "3451"])
def test_an_integer_may_have_a_sign_and_zeros(acme: Organisation, id: str) -> None:
    acme.job(3451)
    assert acme.get(id).json["data"]["jobId"] == 3451
    assert acme.cancel(id).json["data"]["jobId"] == 3451


def test_another_projects_job_is_not_found(acme: Organisation) -> None:
    acme.job(3451)
    other = acme.another_project("iOS")
    with acme.yard.unchanged():
        assert error_of(acme.get(3451, project=other), 404) == "job not found"
        assert error_of(acme.cancel(3451, project=other), 404) == "job not found"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_slash_in_a_segment_is_a_path_that_is_not_known(acme: Organisation, method: str) -> None:
    acme.job(3451)
    plain = {"Content-Type": "text/plain; charset=utf-8"}
    assert acme.call(method, "/jobs/3451%2F") == (404, plain, "404 page not found\n")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, {"status": "scheduled", "updatedAt": None, "errors": None}),
        ({"status": Status.QUEUED, "updated_at": NOW + 1}, {"status": "scheduled", "updatedAt": NOW + 1}),
        ({"status": Status.INITIALIZING, "updated_at": NOW + 2}, {"status": "running", "updatedAt": NOW + 2}),
        ({"status": Status.RUNNING, "updated_at": NOW + 3}, {"status": "running", "updatedAt": NOW + 3}),
        ({"status": Status.COMPLETED, "updated_at": NOW + 4}, {"status": "completed", "errors": None}),
        ({"status": Status.FAILED, "updated_at": NOW + 5, "error": "No."}, {"status": "failed", "errors": "No."}),
        ({"status": Status.CANCELLED, "updated_at": NOW + 6}, {"status": "cancelled", "updatedAt": NOW + 6}),
    ],
)
def test_the_life_of_a_job(acme: Organisation, values: dict[str, Any], shown: dict[str, Any]) -> None:
    acme.job(7, **values)
    answered = acme.get(7).json["data"]
    assert {name: answered[name] for name in shown} == shown
    assert (answered["createdAt"], answered["startAt"]) == (NOW, NOW + DAY)


def test_texts_are_escaped_as_go_escapes_them(acme: Organisation) -> None:
    user = '<a href="x">&\'\u2028\u2029\x00\x1f\x7f\b\f\n\r\t\\é💩</a>'
    acme.job(7, user)
    answer = acme.get(7)
    link = r"\u003ca href=\"x\"\u003e\u0026'\u2028\u2029"
    escaped = link + r"\u0000\u001f" + "\x7f" + r"\b\f\n\r\t\\" + "é💩" + r"\u003c/a\u003e"
    assert f'"referenceId":"{escaped}"' in answer.text
    assert f'"description":"Delete user sessions of userId = {escaped}"' in answer.text
    assert json.loads(answer.text)["data"]["referenceId"] == user


def test_the_answer_ends_with_the_object(acme: Organisation) -> None:
    acme.job(7)
    answer = acme.get(7)
    assert answer.headers == JSON
    assert answer.text.endswith("}}")


def test_keys_are_not_taken_from_the_query(acme: Organisation) -> None:
    path = f"/public/{acme.project.key}/jobs"
    assert call("GET", path, query={"key": acme.api_key, "Authorization": f"Bearer {acme.api_key}"}).status == 401
