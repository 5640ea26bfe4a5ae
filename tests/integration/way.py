"""An invocation of a function, by a sample event or another, and what AWS says meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from jobyard.aws import client
from local.template import ROOT


class Way(NamedTuple):
    """``event``, handled while ``under`` is entered; ``check`` is given the answer."""

    event: dict[str, Any]
    under: Callable[[], AbstractContextManager[object]] = nullcontext
    check: Callable[[Any], None] = lambda _: None


def with_status(status: int) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        assert answer["statusCode"] == status, answer

    return check


def context(name: str) -> SimpleNamespace:
    """Lambda's, as far as the functions look at it."""
    return SimpleNamespace(
        aws_request_id="r", function_name=name, get_remaining_time_in_millis=lambda: 600_000, memory_limit_in_mb=512
    )


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return event


def answered(operation: str, answer: Callable[[], dict[str, Any]]) -> AbstractContextManager[None]:
    """Calls of ``service.operation`` are answered here and not sent: the emulator has none of it."""

    def reply(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return AWSResponse("", 200, HTTPHeaders(), None), answer()

    return _before(operation, reply)


@contextmanager
def _before(operation: str, instead: Callable[..., object]) -> Iterator[None]:
    service, _, name = operation.partition(".")
    event = f"before-call.{'sfn' if service == 'stepfunctions' else service}.{name}"
    events = client(service).meta.events
    events.register(event, instead)
    try:
        yield
    finally:
        events.unregister(event, instead)


def refused(operation: str, code: str) -> AbstractContextManager[None]:
    """Calls of ``service.operation`` fail with ``code``."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, operation)

    return _before(operation, refuse)
