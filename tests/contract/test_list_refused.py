"""Parameters of GET /webapi/v3/jobs that cannot be meant: a 400 that names them, and what is allowed."""

from __future__ import annotations

import pytest

from tests.contract.api import call
from tests.contract.yard import Client, Yard

SORTS = "CreateDate, AppName, CompletionDateTime, Priority, Status"
PRIORITIES = "Default, Low, Medium, High, Critical, 0, 1, 2, 3, 4, 5, 6"
STATUSES = "Queued, Initializing, Running, Complete, Completed, Cancelled"
LIMITS, OFFSETS = "1 to 1000", "0 to 1000000000"
ABSURD = [
    "-1",
    "%2B1",
    "1.0",
    "1e3",
    "0x10",
    "1_000",
    "ten",
    "null",
    "true",
    "٣",
    "１",
    "9" * 11,
    "9" * 5000,
    "%00",
    "%FF",
]


@pytest.mark.parametrize(
    ("parameter", "values", "allowed"),
    [
        ("sortField", ["Created", "create date", "CreateDate,AppName", "%00", "x" * 5000], SORTS),
        ("direction", ["up", "ascending", "1", "asc,desc", "%FF"], "asc, desc"),
        ("priorities", ["Urgent", "7", "-1", "Low,Urgent", "٣", "1.0"], PRIORITIES),
        ("statuses", ["Error", "Failed", "Queued,Failed", "待機中", "Queued Running"], STATUSES),
        ("allUsers", ["1", "yes", "tru", "true,true", "%00"], "true, false"),
        ("limit", ["0", "1001", *ABSURD], LIMITS),
        ("offset", ["1000000001", *ABSURD], OFFSETS),
        (
            "completedBefore",
            ["2025-13-01", "2025-02-29", "2025-1-1", "01-12-2025", "2025-12-01T00:00:00Z", "0000-01-01", "٢٠٢٥-١٢-٠١"],
            "yyyy-MM-dd",
        ),
        ("completedAfter", ["today", "20251201", "2025/12/01", "2025-12-01,2025-12-02", "9999-12-31"], "yyyy-MM-dd"),
    ],
)
def test_the_parameter_and_what_it_may_be_are_named(
    yard: Yard, curator: Client, parameter: str, values: list[str], allowed: str
) -> None:
    for value in values:
        with yard.unchanged():
            answer = call("GET", "/webapi/v3/jobs", curator.token, f"{parameter}={value}")
        assert answer.status == 400, value
        assert answer.message.startswith(f"{parameter}: ")
        assert answer.message.endswith(f" {allowed}.")
        assert len(answer.message) < 500


@pytest.mark.parametrize(
    "query",
    [
        "users=" + "x" * 9000,
        "users=" + "%F0%9F%92%A9" * 256,
        "users=" + "%F0%9F%92%A9" * 257,
        "users=" + ",".join(map(str, range(2000))),
        "users=%00&users=%FF&users=%ED%A0%80",
        "users=a#b/../c",
        "workflowNames=" + "x" * 9000,
        "workflowNames=" + ",".join(map(str, range(2000))),
        "workflowNames=%00%FF",
        "&" * 9000,
        "=" * 9000,
        "a=1&" * 2000,
        "%",
        "%zz=%zz",
        "users=\ud800&workflowNames=\udc00",
        ";;;&;=;",
    ],
    ids=lambda query: ascii(query)[:40],
)
def test_names_that_nobody_has_find_nothing_and_break_nothing(yard: Yard, curator: Client, query: str) -> None:
    yard.job()
    answer = call("GET", "/webapi/v3/jobs", curator.token, f"allUsers=true&{query}")
    assert answer.status == 200
    assert answer.json["pagination"]["totalItems"] == ("users" not in query and "workflowNames" not in query)
