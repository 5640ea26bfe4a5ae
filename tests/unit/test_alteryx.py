"""The pure parts of the alteryx dialect: parameters, views, and what fits into an answer."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from inspect import signature
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.dialects.alteryx import errors, parameters, views
from jobyard.dialects.alteryx.get import _newest_that_fit
from jobyard.errors import Busy, Invalid, JobyardError, TooLarge, Unavailable
from jobyard.http import AT_MOST_BYTES, Request, wire_bytes
from jobyard.model import Message, Status
from tests.factories import NOW, a_job

VENDORS_FORMATS = ["Raw", "Yxdb", "Shp", "Kml", "Tab", "Mif", "Dbf", "Csv", "Pdf", "Docx", "Xlsx", "Html", "Tde", "Zip"]


def a_request(query: str = "", **event: Any) -> Request:
    usual: dict[str, Any] = {
        "rawPath": "/webapi/v3/jobs",
        "rawQueryString": query,
        "headers": {"Host": "h"},
        "requestContext": {"http": {"method": "GET"}, "domainName": "d"},
    }
    return Request.from_event(usual | event)


@pytest.mark.parametrize(
    ("query", "values", "value"),
    [
        ("", [], None),
        ("a", [], None),
        ("a=", [], None),
        ("a=+%20", [], None),
        ("a=1", ["1"], "1"),
        ("a=1&a=2", ["1", "2"], "1"),
        ("a=&a=2", ["2"], "2"),
        ("a=1,2", ["1", "2"], "1,2"),
        ("a=1%2C2,,+3+&b=4&a=5", ["1", "2", "3", "5"], "1,2,, 3"),
        ("A=1&%61=2", ["2"], "2"),
        ("a=%D9%A1%00", ["١\x00"], "١\x00"),
        ("a=%FF", ["\ufffd"], "\ufffd"),
        ("a=\ud800", ["?"], "?"),
    ],
)
def test_values_of_a_query(query: str, values: list[str], value: str | None) -> None:
    request = a_request(query)
    assert request.values("a") == values
    assert request.value("a") == value


@given(st.text(st.characters()), st.text(st.characters()))
def test_a_request_can_always_be_written_as_utf8(text: str, other: str) -> None:
    request = a_request(text, rawPath=other, pathParameters={"jobId": text}, headers={"X": other})
    json.dumps([request.query, request.path, request.path_parameters, request.headers], ensure_ascii=False).encode()


def test_the_base_url_is_the_callers() -> None:
    assert a_request(headers={"HOST": "h:8787", "X-Forwarded-Proto": "http"}).base_url == "http://h:8787"
    assert a_request(headers={}).base_url == "https://d"


@given(st.text(st.characters()))
def test_a_limit_is_decimal_digits_within_its_bounds_or_refused(text: str) -> None:
    request = a_request()._replace(query=[("limit", text)])
    digits = re.fullmatch(r"0*([1-9][0-9]{0,2}|1000)", text.strip(), re.ASCII)
    if not text.strip():
        assert parameters.window(request).limit == 50
    elif digits and len(text.strip()) <= 10:
        assert parameters.window(request).limit == int(digits[1])
    else:
        with pytest.raises(Invalid):
            parameters.window(request)


@given(st.dates())
def test_a_day_is_bounded_by_its_own_midnights(day: Any) -> None:
    request = a_request(f"d={day.isoformat()}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert parameters.day_before_or_after(request, "d", after=False) == midnight.timestamp() * 1000
    if day.isoformat() != "9999-12-31":
        assert parameters.day_before_or_after(request, "d", after=True) == (midnight.timestamp() + 86400) * 1000


@given(st.integers(0, 253_402_300_799_999))
def test_an_instant_reads_back_as_the_same_millisecond(at: int) -> None:
    shown = views.instant(at, "milliseconds")
    assert shown
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown)
    assert round(datetime.fromisoformat(shown).timestamp() * 1000) == at
    assert views.instant(at, "seconds") == shown[:19] + "Z"


@given(st.integers(0, 400 * 86_400_000))
def test_a_timespan_reads_back_as_the_same_seconds(took: int) -> None:
    shown = views._execution_time(a_job(status=Status.COMPLETED, started_at=NOW, finished_at=NOW + took))
    assert shown
    match = re.fullmatch(r"(?:([1-9]\d*)\.)?([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", shown)
    assert match
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    assert ((days * 24 + hours) * 60 + minutes) * 60 + seconds == took // 1000


def test_the_formats_are_the_vendors() -> None:
    assert sorted([*views.FORMATS.values(), views.RAW]) == sorted(VENDORS_FORMATS)


@given(st.text())
def test_the_bytes_of_an_answer_are_counted_as_lambda_writes_them(text: str) -> None:
    body = json.dumps({"text": text}, ensure_ascii=False, separators=(",", ":"))
    assert wire_bytes({"text": text}) == len(json.dumps(body, ensure_ascii=False).encode())
    assert wire_bytes(text) <= 7 * len(text) + 6


@pytest.mark.parametrize("letter", ["x", '"', "\x01", "語", "🛠"])
def test_the_newest_messages_that_fit_are_kept(letter: str) -> None:
    messages = [Message(f"{n:04d}", n, 1, letter * 4000) for n in range(1000)]
    kept = _newest_that_fit(messages)
    assert kept == messages[-len(kept) :]
    size = sum(wire_bytes(views.message(each)) + 1 for each in kept)
    assert size <= AT_MOST_BYTES
    assert len(kept) == 1000 or size + wire_bytes(views.message(messages[0])) >= AT_MOST_BYTES


def subclasses(kind: type[JobyardError]) -> list[type[JobyardError]]:
    return [kind, *(each for direct in kind.__subclasses__() for each in subclasses(direct))]


@pytest.mark.parametrize("kind", subclasses(JobyardError), ids=lambda kind: kind.__name__)
def test_every_error_has_an_answer_in_the_vendors_shape(kind: type[JobyardError]) -> None:
    # Those that say more take more: Invalid a field and a message, for one.
    init = next(vars(each)["__init__"] for each in kind.__mro__ if "__init__" in vars(each))
    made = kind(*["text"] * (len(signature(init).parameters) - 1 if init is not Exception.__init__ else 1))
    answer = errors.answer(made, "/webapi/v3/jobs")
    assert list(json.loads(answer.body)) == ["message"]
    assert 400 <= answer.status < 500 or kind in (Busy, Unavailable)
    assert ("WWW-Authenticate" in answer.headers) == (answer.status == 401)


def test_too_large_is_a_bad_request() -> None:
    assert errors.answer(TooLarge("questions", "too much"), "/webapi/v3/jobs").status == 400
