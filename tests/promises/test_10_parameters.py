"""Promise 10, cursors and parameters: a value is taken as what the documents say it is, or refused, and never guessed.

A cursor is signed: one that was changed is refused, whatever was changed of it.
"""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.dialects.alteryx import parameters as alteryx
from jobyard.dialects.openreplay import golang
from jobyard.dialects.openreplay import parameters as openreplay
from jobyard.dialects.tencent import parameters as tencent
from jobyard.dialects.tencent import times
from jobyard.errors import Invalid, NotFound
from jobyard.http import Request
from jobyard.model.ids import is_object_id
from tests.contract.tencent.signing import ROOT
from tests.contract.yard import Yard
from tests.promises.effort import effort
from tests.promises.harness.hostile import anything, queries, values
from tests.promises.harness.tenants import Tenant

digits = st.text(st.sampled_from("0123456789+-_. ٥１²½eE\n"), max_size=12)
numbers = st.one_of(digits, values, st.integers(-5, 2**65).map(str), anything)


def request(query: str = "", **path: str) -> Request:
    """As a handler sees it: through an event, as the gateway makes one."""
    context = {"http": {"method": "GET"}, "domainName": "d", "timeEpoch": 1}
    event = {"requestContext": context, "rawPath": "/", "rawQueryString": query, "pathParameters": path, "headers": {}}
    return Request.from_event(event)


def with_value(name: str, value: str) -> Request:
    """One whose query has just this, decoded."""
    return request()._replace(query=[(name, value)])


@effort(300)
@given(numbers)
def test_numbers_of_the_alteryx_dialect(text: str) -> None:
    for name, least, most in (("limit", 1, 1000), ("offset", 0, 1_000_000_000)):
        given = text.strip()
        right = re.fullmatch("[0-9]{1,10}", given) and least <= int(given) <= most
        try:
            found = getattr(alteryx.window(with_value(name, text)), name)
        except Invalid:
            assert not right
            assert given
        else:
            assert found == (int(given) if given else {"limit": 50, "offset": 0}[name])
            assert right or not given


@effort(300)
@given(numbers)
def test_numbers_of_the_openreplay_dialect(text: str) -> None:
    """As Go's Atoi: a sign and ASCII digits, within 64 bits; what is none means the default, or 400 in a path."""
    right = re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) and not text.endswith("\n")
    # Python itself refuses to read thousands of digits; so many are out of any range.
    value = int(text) if right and len(text) < 4000 and -(2**63) <= int(text) < 2**63 else None
    try:
        assert golang.atoi(text) == value
    except golang.NotANumber:
        assert value is None
    assert openreplay.limit(with_value("limit", text)) == (value if value and 1 <= value <= 200 else 50)
    assert openreplay.page(with_value("page", text)) == (value if value and value >= 1 else 1)
    try:
        assert openreplay.job_id(request()._replace(path_parameters={"jobId": text})) == str(value)
        assert value
        assert 0 < value < 2**31
    except NotFound:
        assert "/" in text or (value is not None and not 0 < value < 2**31)
    except Invalid:
        assert value is None


@effort(300)
@given(numbers)
def test_sizes_of_the_tencent_dialect(text: str) -> None:
    given = text.strip()
    try:
        found = tencent.query(with_value("size", text)).window.limit
    except Invalid:
        assert not (re.fullmatch("[0-9]{1,3}", given) and 1 <= int(given) <= 100)
    else:
        assert found == (int(given) if given else 10)


dates = st.one_of(st.dates().map(str), st.text(st.sampled_from("0123456789-/٢ T:"), max_size=12), values, anything)


@effort(300)
@given(dates)
def test_days_are_those_of_the_calendar(text: str) -> None:
    given = text.strip()
    day: date | None = None
    with suppress(ValueError):
        day = date.fromisoformat(given) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given) else None
    for after in (True, False):
        try:
            found = alteryx.day_before_or_after(with_value("d", text), "d", after=after)
        except Invalid:
            # The day after the last one is no day.
            assert given
            assert day is None or (after and day == date.max)
        else:
            edge = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=after) if day else None
            assert found == (int(edge.timestamp() * 1000) if edge else None)


@effort(300)
@given(
    st.one_of(
        st.datetimes(timezones=st.timezones() | st.none()).map(lambda at: at.isoformat(timespec="seconds")),
        st.text(st.sampled_from("0123456789-:TZtz+ .٢"), max_size=26),
        values,
        anything,
    )
)
def test_times_are_those_of_iso_8601(text: str) -> None:
    found = times.read(text)
    given = text.strip().replace("z", "Z").replace(" ", "T", 1).replace("t", "T").replace(" ", "+")
    known: datetime | None = None
    with suppress(ValueError):
        known = datetime.fromisoformat(given)
    if found is not None and known is not None:
        known = known.replace(microsecond=0, tzinfo=known.tzinfo or times.BEIJING)
        assert found == int(known.timestamp()) * 1000
    if found is not None:
        assert text.isascii()


@effort(200)
@given(queries, st.one_of(anything, values))
def test_any_query_is_read_or_refused(query: str, segment: str) -> None:
    asked = request(query, jobId=segment, workflowId=segment, userId=segment, projectKey=segment)
    reads: list[Any] = [
        lambda: alteryx.window(asked),
        lambda: alteryx.statuses(asked),
        lambda: alteryx.ranks(asked),
        lambda: alteryx.boolean(asked, "allUsers", False),
        lambda: alteryx.day_before_or_after(asked, "completedAfter", after=True),
        lambda: openreplay.user_id(asked),
        lambda: openreplay.job_id(asked),
        lambda: tencent.query(asked),
        lambda: tencent.job_id(asked),
    ]
    for read in reads:
        with suppress(Invalid, NotFound):
            read()
    try:
        id = alteryx.identifier(asked, "jobId", "Job")
    except NotFound:
        return
    assert is_object_id(id)


# ---- Cursors ----


@pytest.fixture
def acme(tenancy: Yard) -> Tenant:
    Tenant(tenancy, "globex", 8)
    return Tenant(tenancy, "acme", 7)


def changed(token: str) -> st.SearchStrategy[str]:
    def splice(start: int, length: int, piece: str) -> str:
        return token[:start] + piece + token[start + length :]

    decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))

    def within(start: int, piece: bytes) -> str:
        whole = decoded[:start] + piece + decoded[start + len(piece) :]
        return base64.urlsafe_b64encode(whole).decode().rstrip("=")

    at = st.integers(0, len(token))
    return st.one_of(
        st.builds(splice, at, st.integers(0, 5), st.one_of(values, st.just(""))),
        # The place in it is changed, and the rest left as it is.
        st.builds(
            within, st.integers(0, len(decoded)), st.one_of(st.binary(max_size=20), st.from_regex(rb"[0-9a-f#]{1,9}"))
        ),
        at.map(lambda end: token[:end]),
    )


def test_a_changed_next_token_is_refused(acme: Tenant) -> None:
    token = acme.things.next_token

    @effort(60)
    @given(changed(token))
    def walk(forged: str) -> None:
        forged = forged.encode(errors="replace").decode()
        answer = acme.signed("GET", ROOT, {"size": "2", "nextToken": forged}).answer()
        # What is empty is absent, and space around it is no part of it.
        if forged.strip() in ("", token):
            assert answer.status == 200
        else:
            assert answer.status == 400
            assert "nextToken" in answer.text
            assert "<JobId>" not in answer.text

    walk()


def test_a_key_of_a_message_that_was_changed_leads_to_messages_of_the_same_job(acme: Tenant) -> None:
    job, key = acme.things.jobs[3], acme.things.message_key
    path = f"/webapi/v3/jobs/{job}/messages"
    own = [each["text"] for each in acme.bearer("GET", path).answer().json]

    @effort(60)
    @given(st.integers(0, len(key)), st.integers(0, 4), st.one_of(values, st.text("0123456789abcdef-~٢ ", max_size=6)))
    def walk(start: int, length: int, piece: str) -> None:
        forged = key[:start] + piece + key[start + length :]
        answer = acme.bearer("GET", path)._replace(query=f"after={forged}").answer()
        if answer.status == 200:
            assert {each["text"] for each in answer.json} <= set(own)
        else:
            assert answer.status == 400
            assert answer.message.startswith("after: ")

    walk()


def test_a_list_is_walked_by_its_own_links_only(acme: Tenant) -> None:
    """A page beyond the end is empty, and has no link: there is nothing to walk on to."""
    path = f"/webapi/v3/workflows/{acme.things.workflow_id}/jobs"
    for offset in (1, 2, 1000, 999_999_999, 1_000_000_000):
        answer = acme.bearer("GET", path, f"offset={offset}&limit=1").answer()
        assert answer.status == 200
        assert answer.json == []
        assert "Link" not in answer.headers
