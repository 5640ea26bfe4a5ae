"""The Lambda handler of an endpoint: picks the dialect, answers, and turns every error into the dialect's own.

A dialect is a package of ``jobyard.dialects`` with a module for each endpoint that it has, whose ``answer`` takes a
request and gives a response, and a module ``errors`` whose ``answer`` takes an error and the path that was asked for.
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

from jobyard.aws import client
from jobyard.errors import JobyardError
from jobyard.http import Request, Response

DIALECTS = {"webapi": "alteryx", "public": "openreplay", "inventorytriggerjob": "tencent"}
"""The first segment of a path, and the dialect that is spoken below it."""

logger = Logger()
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class _Spoken:
    """One endpoint in one dialect."""

    def __init__(self, dialect: str, endpoint: str) -> None:
        self.answer: Callable[[Request], Response] = _module(dialect, endpoint).answer
        self.refuse: Callable[[JobyardError | None, str], Response] = _module(dialect, "errors").answer


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
        response = _answered(spoken[segment], event)
        logger.info(
            "answered",
            endpoint=name,
            dialect=DIALECTS[segment],
            method=event["requestContext"]["http"]["method"],
            status=response.status,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            api_request_id=event["requestContext"].get("requestId"),
            answer_id=response.id or None,
            request_id=getattr(context, "aws_request_id", None),
        )
        return response.to_event()

    return handler


def _dialect_of(path: str) -> str:
    """The first segment that is one: before it there may be a stage, or the base path of a domain of one's own."""
    return next(segment for segment in path.split("/") if segment in DIALECTS)


def _answered(spoken: _Spoken, event: dict[str, Any]) -> Response:
    try:
        return spoken.answer(Request.from_event(event))
    except JobyardError as error:
        return spoken.refuse(error, event["rawPath"])
    except Exception:
        logger.exception("no answer could be given")
        return spoken.refuse(None, event["rawPath"])


def _module(dialect: str, name: str) -> ModuleType:
    return import_module(f"jobyard.dialects.{dialect}.{name}")
