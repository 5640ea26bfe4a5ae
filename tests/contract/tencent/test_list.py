"""GET /inventorytriggerjob"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import chain

import pytest

from jobyard.dialects.tencent import list as tencent_list
from jobyard.model import Status
from tests.contract.tencent.conftest import a_tencent_job
from tests.contract.tencent.signing import Key, Reply, ask
from tests.contract.yard import Yard
from tests.factories import NOW
from tests.in_turn import in_turn

PYTHON = [
    ("type", "Workflow"),
    ("orderByTime", "Desc"),
    ("states", "All"),
    ("size", "10"),
    ("nextToken", ""),
    ("workflowId", ""),
    ("jobId", ""),
]
"""What the Python client sends always."""


def listed(key: Key, *query: tuple[str, str]) -> Reply:
    page = ask(key, "GET", query=query)
    assert page.status == 200, page.text
    assert page.xml[0].tag == "RequestId"
    return page


def ids(key: Key, *query: tuple[str, str]) -> list[str]:
    return listed(key, *query).all("JobsDetail/JobId")


def walk(key: Key, *query: tuple[str, str]) -> list[list[str]]:
    pages, token = [], ""
    while True:
        page = listed(key, *query, ("nextToken", token))
        pages.append(page.all("JobsDetail/JobId"))
        tokens = page.all("NextToken")
        if not tokens:
            return pages
        (token,) = tokens


@pytest.fixture
def hundred(tenancy: Yard) -> list[str]:
    """Oldest first; five in each second."""
    return [a_tencent_job(tenancy, created_at=NOW + n * 200, id=f"b{n:032x}").id for n in range(100)]


@pytest.fixture
def of_each_status(tenancy: Yard) -> dict[str, str]:
    """The status of each job."""
    return {a_tencent_job(tenancy, status=status).id: str(status) for status in Status}


def test_nothing(key: Key) -> None:
    assert [each.tag for each in listed(key, *PYTHON).xml] == ["RequestId"]


def test_ten_of_the_newest(key: Key, hundred: Sequence[str]) -> None:
    assert ids(key) == ids(key, *PYTHON) == hundred[:-11:-1]


def test_the_oldest_first(key: Key, hundred: Sequence[str]) -> None:
    assert ids(key, ("orderByTime", "Asc"), ("size", "3")) == hundred[:3]


@in_turn("order", ["Desc", "Asc"])
@in_turn(("size", "pages"), [("7", 15), ("10", 10), ("50", 2), ("99", 2), ("100", 1)])
def test_a_walk_gives_each_job_once(key: Key, hundred: Sequence[str], order: str, size: str, pages: int) -> None:
    found = walk(key, ("orderByTime", order), ("size", size))
    assert list(chain.from_iterable(found)) == (list(hundred) if order == "Asc" else hundred[::-1])
    assert len(found) == pages, "no empty last page"


def test_a_walk_neither_skips_nor_repeats_when_jobs_come_meanwhile(
    key: Key, tenancy: Yard, hundred: Sequence[str]
) -> None:
    page = listed(key, ("size", "60"))
    a_tencent_job(tenancy, created_at=NOW + 1_000_000)
    rest = listed(key, ("size", "100"), ("nextToken", page.get("NextToken")))
    assert page.all("JobsDetail/JobId") + rest.all("JobsDetail/JobId") == hundred[::-1]


def test_jobs_of_one_millisecond(key: Key, tenancy: Yard) -> None:
    made = sorted(a_tencent_job(tenancy).id for _ in range(7))
    assert list(chain.from_iterable(walk(key, ("size", "2"), ("orderByTime", "Asc")))) == made


@in_turn(
    ("states", "found"),
    [
        ("All", "scheduled queued initializing running completed failed cancelled"),
        ("Submitted", "scheduled queued"),
        ("Running", "initializing running"),
        ("Success", "completed"),
        ("Failed", "failed"),
        ("Cancel", "cancelled"),
        ("Pause", ""),
        ("Success,Failed", "completed failed"),
        ("Running, all", "scheduled queued initializing running completed failed cancelled"),
        ("cancel", "cancelled"),
        (",", "scheduled queued initializing running completed failed cancelled"),
    ],
)
@in_turn("name", ["states", "States"])
def test_states(key: Key, of_each_status: dict[str, str], name: str, states: str, found: str) -> None:
    assert sorted(of_each_status[id] for id in ids(key, (name, states))) == sorted(found.split())


def test_types(key: Key, tenancy: Yard) -> None:
    workflow, job = a_tencent_job(tenancy).id, a_tencent_job(tenancy, type="Job").id
    assert ids(key, ("type", "Workflow")) == [workflow]
    assert ids(key, ("type", "Job")) == [job]
    assert len(ids(key)) == len(ids(key, ("type", ""))) == 2


def test_exact_filters_and_together(key: Key, tenancy: Yard) -> None:
    one = a_tencent_job(tenancy, name="one", workflow_id=f"w{'1' * 32}", created_at=NOW + 10_000)
    two = a_tencent_job(tenancy, name="two", workflow_id=f"w{'1' * 32}", status=Status.FAILED)
    a_tencent_job(tenancy, name="one two")
    assert ids(key, ("name", "one")) == [one.id]
    assert ids(key, ("workflowId", f"w{'1' * 32}")) == [one.id, two.id]
    assert ids(key, ("workflowId", f"w{'1' * 32}"), ("states", "Failed")) == [two.id]
    assert ids(key, ("workflowId", "x")) == ids(key, ("name", "x")) == ids(key, ("workflowId", "w" * 2000)) == []
    assert ids(key, ("jobId", two.id)) == [two.id]
    assert ids(key, ("jobId", two.id), ("name", "one")) == []
    assert ids(key, ("jobId", two.id), ("startCreationTime", "2025-12-01T08:00:05+0800")) == []
    assert ids(key, ("jobId", "x")) == ids(key, ("jobId", f"b{'0' * 32}")) == []


def test_times_of_creation_are_included(key: Key, hundred: Sequence[str]) -> None:
    between = [("startCreationTime", "2025-12-01T08:00:02+0800"), ("endCreationTime", "2025-12-01T00:00:03z")]
    assert ids(key, *between, ("orderByTime", "Asc")) == hundred[10:20]
    assert list(chain.from_iterable(walk(key, *between, ("size", "3")))) == hundred[19:9:-1]
    assert (
        ids(key, ("startCreationTime", "2025-12-01T08:00:03+0800"), ("endCreationTime", "2025-12-01T08:00:02+0800"))
        == []
    )
    assert ids(key, ("endCreationTime", "1969-01-01T00:00:00Z")) == []


@in_turn(
    ("name", "value"),
    [
        *[("size", value) for value in ("0", "101", "-1", "1.5", "١٢", "1_0", "ten", "9" * 40)],
        *[("type", value) for value in ("workflows", "All", "\x00")],
        ("orderByTime", "Down"),
        *[("states", value) for value in ("Done", "Success,Done", "é")],
        *[("startCreationTime", value) for value in ("yesterday", "2022-02-30T00:00:00Z", "٢٠٢٢-01-01T00:00:00Z")],
        *[("endCreationTime", value) for value in ("1", "2022-01-01T00:00:00+9999", "0000-01-01T00:00:00Z")],
    ],
)
def test_bad_values_are_refused_and_named(key: Key, name: str, value: str) -> None:
    refused = ask(key, "GET", query=[(name, value)])
    assert refused.error == (400, "InvalidArgument")
    assert refused.get("Message").startswith(f"{name}:")


def test_unknown_parameters_and_empty_values_are_as_if_absent(key: Key, hundred: Sequence[str]) -> None:
    empty = [(name, "") for name in ("type", "orderByTime", "states", "size", "startCreationTime", "name")]
    assert ids(key, *empty, ("response-cache-control", "no-cache"), ("x", "y")) == hundred[:-11:-1]


def test_a_token_is_for_the_same_list_filter_and_order(
    key: Key, stranger_key: Key, tenancy: Yard, hundred: Sequence[str]
) -> None:
    token = ("nextToken", listed(key).get("NextToken"))
    assert listed(key, token, ("size", "5")).all("JobsDetail/JobId") == hundred[-11:-16:-1]
    for other in ([("orderByTime", "Asc")], [("states", "Failed")], [("type", "Job")], [("name", "demo")]):
        assert ask(key, "GET", query=[token, *other]).error == (400, "InvalidArgument")
    assert ask(stranger_key, "GET", query=[token]).error == (400, "InvalidArgument")
    assert ask(key, "GET", query=[token], host="other-1250000000.ci.x").error == (400, "InvalidArgument")


@in_turn(
    "token",
    [
        "25",
        "x" * 10_000,
        "!!!!",
        "é",
        "\x00",
        base64.urlsafe_b64encode(b"0#b#x").decode(),
        base64.urlsafe_b64encode(f"1764547200000#b{'0' * 32}#{'0' * 16}".encode()).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe#").decode(),
    ],
)
def test_a_forged_token_is_refused(key: Key, hundred: Sequence[str], token: str) -> None:
    refused = ask(key, "GET", query=[("nextToken", token)])
    assert refused.error == (400, "InvalidArgument")
    assert "nextToken" in refused.get("Message")


def test_a_page_that_would_be_too_long_is_short(
    key: Key, tenancy: Yard, hundred: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tencent_list, "AT_MOST_BYTES", 2000)
    found = walk(key, ("size", "100"))
    assert list(chain.from_iterable(found)) == hundred[::-1]
    assert len(found) > 10


def test_a_rare_job_among_very_many_is_found_at_once(key: Key, tenancy: Yard, hundred: Sequence[str]) -> None:
    rare = a_tencent_job(tenancy, name="rare", created_at=NOW - 1).id
    assert walk(key, ("name", "rare")) == [[rare]]
