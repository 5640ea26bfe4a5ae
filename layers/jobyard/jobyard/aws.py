"""One client for each AWS service and process, made by botocore alone.

boto3 would add 56 million instructions to each cold start and nothing that is used here.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache
from typing import Any, cast

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.session import Session

from jobyard.errors import Unavailable

_AT_ONCE = 25
"""Requests that are made together: as many connections as a client keeps."""

_CONNECT_SECONDS, _READ_SECONDS = 1, 3
_ATTEMPT_SECONDS = _CONNECT_SECONDS + _READ_SECONDS
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=_CONNECT_SECONDS,
    read_timeout=_READ_SECONDS,
    tcp_keepalive=True,
    # One that is not used is not opened.
    max_pool_connections=_AT_ONCE,
    # Without it botocore composes a description of the whole system for each call: a tenth of a GetItem.
    user_agent="jobyard",
    # Whatever host the endpoint has, its subdomains need not resolve.
    s3={"addressing_style": "path"},
)
# In some regions botocore still signs links in the way that S3 takes for buckets from before 2020 only.
_CONFIG_OF = {
    # Objects are large, and who moves them has minutes.
    "s3": _CONFIG.merge(Config(signature_version="s3v4", connect_timeout=2, read_timeout=8)),
    # A worker waits for 20 seconds for a message.
    "sqs": _CONFIG.merge(Config(read_timeout=25)),
    # An invocation that takes long is waited for, and never made twice.
    "lambda": _CONFIG.merge(Config(read_timeout=25, retries={"total_max_attempts": 1})),
}

# Beside every 5xx. Those of DynamoDB, of KMS, of Lambda, and what any service may say.
_PASSING = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_PASSING_REASONS = frozenset({"None", "ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})

_ends: ContextVar[float] = ContextVar("ends", default=math.inf)


# One line of each cold start's log, which tells that Lambda's credentials are where they always are.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)


_OF_CREDENTIALS = ("signin", "sso", "sso-oidc", "sts")


@cache
def _session(service: str) -> Session:
    """A session for clients of ``service`` only.

    Of botocore's own event handlers, a third of which are for S3 and most others for services that are not used here,
    it has those of ``service``, those of every service, and those of the services that botocore itself asks for
    credentials. To register one takes it half a million instructions.
    """
    session = Session(include_builtin_handlers=False)
    events = session.get_component("event_emitter")
    register = {REGISTER_FIRST: events.register_first, REGISTER_LAST: events.register_last}
    for event, handler, *place in BUILTIN_HANDLERS:
        # "<event>.<service>.<operation>", as far as it is told.
        of, _, _ = event.partition(".")[2].partition(".")
        if of in ("", "*", service, *_OF_CREDENTIALS) and not event.startswith("docs."):
            (register[place[0]] if place else events.register)(event, handler)
    return session


@cache
def client(service: str) -> Any:
    """The process's client of ``service`` (``dynamodb``, ``s3``, ``stepfunctions``, …)."""
    made: Any = _session(service).create_client(service, config=_CONFIG_OF.get(service, _CONFIG))
    made.meta.events.register_first("before-send", _begin_in_time)
    made.meta.events.register_first("needs-retry", _retry_in_time)
    if service == "dynamodb":
        made.meta.events.register("before-parse.dynamodb", _parse_plainly)
    return made


def _parse_plainly(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take DynamoDB's answer as the JSON that it is.

    botocore rebuilds it shape by shape, to the same result but for binary attributes, of which the table has none:
    60 % of what listing 50 jobs costs. Errors are left to it.
    """
    if response_dict["status_code"] < 300:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever AWS does, its calls end within ``seconds``: one that may not raises ``Unavailable`` before it begins."""
    before = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(before)


def has_time_for(seconds: float) -> bool:
    """Whether a call that begins in so many seconds would still end in time."""
    return time.monotonic() + seconds + _ATTEMPT_SECONDS <= _ends.get()


def _begin_in_time(**_: Any) -> None:
    if not has_time_for(0):
        raise Unavailable


def _retry_in_time(response: Any, attempts: int, caught_exception: Exception | None, **_: Any) -> None:
    # As long as botocore waits at the most before the next attempt.
    if has_time_for(2 ** (attempts - 1)):
        return
    if caught_exception is not None:
        if is_passing(caught_exception):
            raise Unavailable from caught_exception
    elif response is not None and response[0].status_code >= 300:
        error = ClientError(response[1], "")
        if is_passing(error):
            raise Unavailable from error


def at_once[T](calls: Sequence[Callable[[], T]]) -> list[T]:
    """What ``calls`` return, made at the same time."""
    if len(calls) <= 1:
        return [call() for call in calls]
    from concurrent.futures import ThreadPoolExecutor  # who asks for one thing needs none

    with ThreadPoolExecutor(min(len(calls), _AT_ONCE)) as pool:
        # Each in a context of its own: it has the time by which the caller must be answered.
        return [due.result() for due in [pool.submit(copy_context().run, call) for call in calls]]


def is_passing(error: Exception) -> bool:
    """Whether AWS refused, or did not answer, for a reason that passes: too many requests, an outage, the network.

    What was asked may have been done all the same.
    """
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError | NotConnected)
    if error_code(error) == "TransactionCanceledException":
        return {reason["Code"] for reason in cancellation_reasons(error)} <= _PASSING_REASONS
    return error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or error_code(error) in _PASSING


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def found_instead(error: ClientError) -> Any:
    """The item that a write's condition was compared with; None if there was none, or the error is another."""
    return cast("dict[str, Any]", error.response).get("Item")


def cancellation_reasons(error: ClientError) -> list[dict[str, Any]]:
    """Why a transaction was cancelled, one reason for each of its writes: ``Code``, and ``Item`` where asked for."""
    return cast("list[dict[str, Any]]", error.response["CancellationReasons"])


__all__ = [
    "ClientError",
    "at_once",
    "cancellation_reasons",
    "client",
    "error_code",
    "found_instead",
    "has_time_for",
    "is_passing",
    "within",
]
