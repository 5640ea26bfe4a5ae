"""Every call of the product to AWS passes here, whatever the service and whoever makes it.

A *gate* stands before a call and decides what becomes of it: it may carry it out, have it answered with an error, lose
the answer, wait for its turn, or end the process. It sees what botocore sends, each attempt of a retried call by
itself, so nothing of what is tried has to be told to the product.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple, Protocol, Self, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.httpsession import URLLib3Session

from jobyard import aws
from leaner import OPERATIONS

Answer = tuple[int, dict[str, Any]]
"""An HTTP status, and what stands in the JSON of the body."""


class Call(NamedTuple):
    """One attempt of one call. ``service`` is as events name it (``sfn`` is Step Functions), ``asked`` its JSON,
    ``sent`` the request itself.
    """

    service: str
    operation: str
    asked: dict[str, Any]
    path: str
    sent: AWSPreparedRequest

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


class CarryOut(Protocol):
    def __call__(self) -> AWSResponse: ...


Gate = Callable[[Call, CarryOut], AWSResponse]
Service = Callable[[Call], Answer | AWSResponse]
"""Answers a call, in place of the service."""


class Died(BaseException):
    """The process is no more. No ``except Exception`` of the product may survive it."""


def through(_: Call, carry_out: CarryOut) -> AWSResponse:
    return carry_out()


class Wire:
    """A context. ``stand_ins`` answer for services that are not reached over the network."""

    def __init__(self, stand_ins: Mapping[str, Service] | None = None) -> None:
        # What is put into the bucket nobody reads here.
        self._stand_ins: dict[str, Service] = {"s3": lambda _: nothing()} | dict(stand_ins or {})
        self._gate: Gate = through
        self._mine = threading.local()
        # As botocore's own clients have it; without it each call waits 40 ms for an acknowledgement.
        at_once: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        self._http = URLLib3Session(timeout=20, socket_options=at_once)

    def stand_in(self, service: str, answers: Service) -> None:
        self._stand_ins[service] = answers

    def __enter__(self) -> Self:
        aws.client.cache_clear()
        for session in map(aws._session, OPERATIONS):
            session.register("before-send", cast("Any", self._on_send))
        return self

    def __exit__(self, *_: object) -> None:
        for session in map(aws._session, OPERATIONS):
            session.unregister("before-send", cast("Any", self._on_send))
        aws.client.cache_clear()
        self._http.close()

    @contextmanager
    def gate(self, gate: Gate) -> Iterator[None]:
        """For the calls of all threads that have no gate of their own."""
        before, self._gate = self._gate, gate
        try:
            yield
        finally:
            self._gate = before

    @contextmanager
    def gate_of_this_thread(self, gate: Gate) -> Iterator[None]:
        self._mine.gate = gate
        try:
            yield
        finally:
            del self._mine.gate

    def _on_send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        call = Call(service, operation, _asked(request), urlsplit(str(request.url)).path, request)

        def carry_out() -> AWSResponse:
            if service in self._stand_ins:
                given = self._stand_ins[service](call)
                return given if isinstance(given, AWSResponse) else answer(request, *given)
            sent: AWSResponse = self._http.send(request)
            # Read before the next one may be sent by the same connection.
            assert sent.content is not None
            return sent

        gate: Gate = getattr(self._mine, "gate", self._gate)
        return gate(call, carry_out)


def answer(request: AWSPreparedRequest | None, status: int, content: dict[str, Any]) -> AWSResponse:
    """What a service that speaks JSON would have sent."""
    body = json.dumps(content).encode()
    headers: Any = HeadersDict({"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "0" * 32})
    url = str(request.url) if request is not None else ""
    return AWSResponse(url, status, headers, _Raw(body))


def nothing() -> AWSResponse:
    """A success without a body, as S3 answers a PutObject."""
    return AWSResponse("", 200, cast("Any", HeadersDict({"ETag": '"0"'})), cast("Any", _Raw(b"")))


def failure(error: BaseException) -> AWSResponse:
    """Lambda's answer of a function that failed."""
    told = answer(None, 200, {"errorMessage": str(error), "errorType": type(error).__name__})
    told.headers["X-Amz-Function-Error"] = "Unhandled"
    return told


def refusal(code: str, status: int = 400, **more: Any) -> AWSResponse:
    """An error of AWS; 5xx are retried by botocore, and so are throttling ones."""
    return answer(None, status, {"__type": f"com.amazonaws#{code}", "message": f"it said {code}"} | more)


class _Raw(BytesIO):
    """A body as botocore reads one."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _asked(request: AWSPreparedRequest) -> dict[str, Any]:
    body: Any = request.body
    if not isinstance(body, bytes | str):
        return {}
    try:
        asked = json.loads(body)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
