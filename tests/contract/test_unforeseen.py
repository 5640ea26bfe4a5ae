"""What nobody foresaw: told to the log, and not to the caller."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.store import jobs
from tests.contract.api import call
from tests.contract.yard import Client


def test_an_unforeseen_error_tells_the_caller_nothing(
    curator: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(jobs, "get", broken)
    answer = call("DELETE", f"/webapi/v3/jobs/{'f' * 24}", curator.token)
    assert (answer.status, answer.json) == (500, {"message": "An error has occurred."})
    assert "secret detail" in caplog.text


def test_the_log_has_one_line_for_a_request_and_no_secret(curator: Client, caplog: pytest.LogCaptureFixture) -> None:
    call("GET", "/webapi/v3/jobs", curator.token, "users=someone")
    (record,) = caplog.records
    told = {name: getattr(record, name) for name in ("endpoint", "dialect", "method", "status", "api_request_id")}
    assert told == {
        "endpoint": "list",
        "dialect": "alteryx",
        "method": "GET",
        "status": 200,
        "api_request_id": "JKJaXmPLvHcESHA=",
    }
    assert curator.token not in str(vars(record))
