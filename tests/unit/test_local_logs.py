"""What a terminal shows of the functions' logs."""

from __future__ import annotations

import json

import pytest

from local.deployment import Deployment
from local.logs import function_names, readable

CLOCK = "01:02:03"


def test_a_structured_line_is_time_function_level_message_and_its_own_fields() -> None:
    line = json.dumps(
        {
            "level": "INFO",
            "location": "handle:12",
            "message": "started",
            "timestamp": "2026-11-22 04:19:26,042+0000",
            "service": "jobyard",
            "cold_start": True,
            "function_request_id": "1-2",
            "job_id": "abc",
            "attempt": 2,
        }
    )
    assert readable("drive", line, clock=CLOCK) == "04:19:26  drive         INFO    started job_id=abc attempt=2"


def test_an_exception_stands_below_its_line() -> None:
    line = json.dumps({"level": "ERROR", "message": "failed", "exception": "Traceback:\n  ValueError"})
    shown = readable("get", line, clock=CLOCK)
    assert shown == "01:02:03  get           ERROR   failed\n    Traceback:\n      ValueError"


def test_errors_are_coloured_on_a_terminal() -> None:
    shown = readable("get", json.dumps({"level": "ERROR", "message": "x"}), clock=CLOCK, colour=True)
    assert shown is not None
    assert shown.startswith("\x1b[31m")
    assert shown.endswith("\x1b[0m")


def test_any_other_line_is_shown_as_it_is() -> None:
    assert readable("profile", "[1, 2]", clock=CLOCK) == "01:02:03  profile       [1, 2]"
    assert readable("profile", "Traceback", clock=CLOCK) == "01:02:03  profile       Traceback"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "  ",
        "START RequestId: 1 Version: 2",
        "END RequestId: 1",
        "REPORT RequestId: 1",
        '{"_aws": {}, "Repaired": 1}',
    ],
)
def test_what_only_a_machine_reads_is_hidden(line: str) -> None:
    assert readable("get", line, clock=CLOCK) is None


def test_functions_are_called_by_what_they_do() -> None:
    resources = {"GetFunction": "x-1", "WorkflowJobsFunction": "x-2", "GetRole": "x-3"}
    assert function_names(Deployment("x", {}, resources)) == {"x-1": "get", "x-2": "workflow-jobs"}
