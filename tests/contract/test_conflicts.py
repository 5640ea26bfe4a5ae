"""A transaction of another request in the way: the caller is kept waiting for a moment, and not turned away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from jobyard.aws import client
from jobyard.model import Status, Workflow
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard

ID = "678f97baa15300008c0039fc"
EXCEPTIONS: dict[str, dict[str, Any]] = {
    "TransactWriteItems": {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}],
    },
}


class _Raw(BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def conflicts(operation: str, times: int) -> Iterator[list[str]]:
    """The first ``times`` calls of ``operation`` meet a transaction; the list tells which did."""
    met: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if len(met) == times:
            return None
        met.append(operation)
        exception: dict[str, Any] = dict(EXCEPTIONS[operation])
        if "CancellationReasons" in exception:
            # One for each write of the transaction, as DynamoDB says it.
            writes = json.loads(request.body)["TransactItems"]
            exception["CancellationReasons"] = exception["CancellationReasons"] * len(writes)
        body = json.dumps(exception).encode()
        return AWSResponse(request.url, 400, HTTPHeaders(), _Raw(body))

    events = client("dynamodb").meta.events
    events.register(f"before-send.dynamodb.{operation}", answer)
    try:
        yield met
    finally:
        events.unregister(f"before-send.dynamodb.{operation}", answer)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def token(asker: Client, _: Workflow) -> Answer:
    form = {"grant_type": "client_credentials", "client_id": asker.id, "client_secret": asker.secret}
    return call("POST", "/webapi/oauth2/token", body=urlencode(form))


def submit(asker: Client, workflow: Workflow) -> Answer:
    return call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", asker.token, headers={"Idempotency-Key": "k"})


def cancel(asker: Client, _: Workflow) -> Answer:
    return call("DELETE", f"/webapi/v3/jobs/{ID}", asker.token)


CASES = [
    pytest.param(token, "TransactWriteItems", Status.QUEUED, id="token"),
    pytest.param(submit, "TransactWriteItems", Status.QUEUED, id="submit"),
    pytest.param(cancel, "TransactWriteItems", Status.QUEUED, id="delete"),
    pytest.param(cancel, "TransactWriteItems", Status.RUNNING, id="cancel"),
]


@pytest.mark.parametrize(("ask", "operation", "status"), CASES)
def test_what_meets_a_few_transactions_succeeds(
    yard: Yard, curator: Client, workflow: Workflow, waits: list[float], ask: Any, operation: str, status: Status
) -> None:
    yard.job(id=ID, status=status)
    with conflicts(operation, 3) as met:
        assert ask(curator, workflow).status == 200
    assert len(met) == len(waits) == 3
    assert sum(waits) < 1


@pytest.mark.parametrize(("ask", "operation", "status"), CASES)
def test_what_meets_them_without_end_is_told_to_try_again(
    yard: Yard, curator: Client, workflow: Workflow, waits: list[float], ask: Any, operation: str, status: Status
) -> None:
    yard.job(id=ID, status=status)
    with yard.unchanged(), conflicts(operation, 1000):
        answer = ask(curator, workflow)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert "try again" in answer.text
    assert sum(waits) < 6, "well before the gateway gives up"
