"""The reason that a job is given for an execution that ended without it."""

from __future__ import annotations

import json

import pytest

from jobyard.lifecycle.settle import REASON_LONGEST, reason

RAISED = json.dumps({"errorMessage": "no column x", "errorType": "Failed", "stackTrace": ["secret.py"]})


@pytest.mark.parametrize(
    ("status", "error", "cause", "expected"),
    [
        ("FAILED", "Failed", RAISED, "no column x"),
        ("FAILED", "States.DataLimitExceeded", "too much", "too much"),
        ("FAILED", "States.Runtime", "", "States.Runtime"),
        ("FAILED", "", "", "The execution failed without a reason."),
        ("FAILED", "E", '{"errorMessage": "cut of', '{"errorMessage": "cut of'),
        ("FAILED", "E", '["a"]', '["a"]'),
        ("FAILED", "E", '{"errorMessage": null}', '{"errorMessage": null}'),
        ("TIMED_OUT", "", "", "The execution ran out of time."),
        ("ABORTED", "", "", "The execution was stopped by hand."),
        ("ABORTED", "", "wrong file", "The execution was stopped by hand: wrong file"),
        ("SUCCEEDED", "", "", "The execution ended without ending the job."),
    ],
)
def test_a_reason_is_what_a_user_can_read(status: str, error: str, cause: str, expected: str) -> None:
    assert reason(status, error, cause) == expected


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_reason_is_never_too_long(status: str) -> None:
    assert len(reason(status, "", "x" * 50_000)) == REASON_LONGEST
