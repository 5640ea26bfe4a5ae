"""The Lambda handler of an endpoint: picks the dialect, answers, and turns every error into the dialect's own.

A dialect is a package of ``jobyard.dialects`` with a module for each endpoint that it has, whose ``answer`` takes a
request and gives a response, and a module ``errors`` whose ``answer`` takes an error and the path that was asked for;
an endpoint whose errors have a form of their own has the same as ``refuse``.
The first segment of the path tells which dialect a request speaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from aws_lambda_powertools import Logger

from jobyard.aws import client, is_passing, within
from jobyard.errors import JobyardError, Unavailable
from jobyard.http import Request, Response

DIALECTS = {"webapi": "alteryx", "public": "openreplay", "inventorytriggerjob": "tencent"}
"""The first segment of a path, and the dialect that is spoken below it."""

_RESERVE_SECONDS = 0.5
logger = Logger()
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
Refusal = Callable[[JobyardError | None, str], Response]


class _Spoken:
    """One endpoint in one dialect."""

    def __init__(self, dialect: str, endpoint: str) -> None:
        module = _module(dialect, endpoint)
        self.answer: Callable[[Request], Response] = module.answer
        self.refuse: Refusal = getattr(module, "refuse", _module(dialect, "errors").answer)


def endpoint(name: str) -> Handler:
    """The handler of the endpoint ``name`` in every dialect that has it.

    What a request needs is loaded here, once, in the phase in which Lambda gives a whole processor.
    """
    spoken = {
        segment: _Spoken(dialect, name)
        for segment, dialect in DIALECTS.items()
        if find_spec(f"jobyard.dialects.{dialect}.{name}")
    }
    client("dynamodb")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        began = time.perf_counter()
        segment = _dialect_of(event["rawPath"])
        # Once it is over, Lambda ends the function, which could then not even say that it failed.
        left = context.get_remaining_time_in_millis() / 1000
        response = _answered(spoken[segment], event, left)
        logger.info(
            "answered",
            endpoint=name,
            dialect=DIALECTS[segment],
            method=event["requestContext"]["http"]["method"],
            status=response.status,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            api_request_id=event["requestContext"].get("requestId"),
            answer_id=response.id or None,
            request_id=context.aws_request_id,
        )
        return response.to_event()

    return handler


def _dialect_of(path: str) -> str:
    """The first segment that is one: before it there may be a stage, or the base path of a domain of one's own."""
    return next(segment for segment in path.split("/") if segment in DIALECTS)


def _answered(spoken: _Spoken, event: dict[str, Any], seconds: float) -> Response:
    try:
        with within(seconds - _RESERVE_SECONDS):
            return spoken.answer(Request.from_event(event))
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller is answered
        return refused(error, event["rawPath"], spoken.refuse)


def refused(error: Exception, path: str, refuse: Refusal) -> Response:
    """The answer for a request that ended with ``error``."""
    known = error if isinstance(error, JobyardError) else Unavailable() if is_passing(error) else None
    if known is None:
        logger.error("no answer could be given", exc_info=error)
    elif isinstance(known, Unavailable):
        logger.warning("AWS is not available", exc_info=error)
    return refuse(known, path)


def errors_of(path: str) -> Refusal:
    """How the dialect of ``path`` says an error."""
    refuse: Refusal = _module(DIALECTS[_dialect_of(path)], "errors").answer
    return refuse


def _module(dialect: str, name: str) -> ModuleType:
    return import_module(f"jobyard.dialects.{dialect}.{name}")
