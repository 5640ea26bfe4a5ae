"""What callers reach: HTTP on one port of this machine, passed on to the engine's gateway unchanged.

The engine serves an API under a path of its own. A caller's Host header, its whole raw path and query, and its body
arrive at the function as they would behind API Gateway, which the dialects that sign requests depend on.

As many requests as this machine can work on are at the engine at once; more wait for their turn, and more than can wait
are told to come again (503 with Retry-After), as API Gateway tells them where Lambda has no room. Without that a burst
makes the engine start a process for each, and nothing is answered for a minute. A request is sent once, on a connection
of its own: one that was kept may be closed by the engine just when it is used again, and then nobody knows whether the
request was taken.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from local.errors import LocalError

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of a request's body that API Gateway takes."""

AT_ONCE = 4 * (os.cpu_count() or 2)
"""Requests at the engine, each of which may need a process of its own."""

WAITING = 256
"""Requests that wait for their turn, and ``PATIENCE`` for how many seconds each."""

PATIENCE = 10.0

CONNECTIONS = 1024
"""Connections of callers at once: each has a thread."""

ANSWERED_IN = 120.0
"""Seconds."""

# Of one connection, not of the message (RFC 9110, section 7.6.1).
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


class Front:
    """A context in which `http://127.0.0.1:<port>` is the gateway of API `api`. Port 0 takes a free one."""

    def __init__(self, port: int = 0, connections: int = CONNECTIONS) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), connections)
        except OSError as error:
            raise LocalError(
                f"Port {port} of 127.0.0.1 cannot be used ({error.strerror}). Is another `make run` going on?\n"
                "Choose another: make run PORT=8788"
            ) from None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def to(self, engine: str, api: str) -> None:
        """Pass requests on from now. Until then they are answered with 503."""
        self._server.engine = urlsplit(engine).netloc
        self._server.prefix = f"/_aws/execute-api/{api}/$default"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Turns:
    """Lets ``at_once`` in; of the others ``waiting`` wait, first come first served, each for ``patience`` seconds."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, patience: float = PATIENCE) -> None:
        self._free = at_once
        self._waiting = waiting
        self._patience = patience
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Whether the turn came."""
        came = self._take()
        try:
            yield came
        finally:
            if came:
                self._give()

    @property
    def queued(self) -> int:
        return len(self._queue)

    def _take(self) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if len(self._queue) >= self._waiting:
                return False
            turn = threading.Event()
            self._queue.append(turn)
        turn.wait(self._patience)
        with self._lock:
            # It may have come between the end of the wait and now.
            if not turn.is_set():
                self._queue.remove(turn)
            return turn.is_set()

    def _give(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    allow_reuse_address = True
    engine = ""
    prefix = ""

    def __init__(self, address: tuple[str, int], connections: int) -> None:
        super().__init__(address, _Handler)
        self.turns = Turns()
        self.connections = threading.BoundedSemaphore(connections)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            with suppress(OSError):
                request.sendall(_FULL)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news."""


_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Lines:
    """A caller's connection, and the line of it that was read last."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._file.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Seconds that an idle connection is kept.
    timeout = 75
    server: _Server

    def __getattr__(self, name: str) -> Any:
        # The base class looks for do_<METHOD>; the gateway decides which methods there are.
        if name.startswith("do_"):
            return self.forward
        raise AttributeError(name)

    def setup(self) -> None:
        super().setup()
        self.lines = _Lines(self.rfile)
        self.rfile = cast("BufferedIOBase", self.lines)

    def forward(self) -> None:
        try:
            if self.lines.last.strip() or not self.lines.last:
                # The head has no end: the base class takes what came before a caller went away for all of it.
                raise _Refused(400, "Bad Request")
            body = self.body()
            with self.server.turns.taken() as came:
                if not (came and self.server.engine):
                    raise _Refused(503, "Service Unavailable")
                status, headers, content = self.exchange(body)
        except _Refused as refused:
            # What is unread of the body must not be taken for the next request.
            self.close_connection = True
            status, content = refused.status, json.dumps({"message": str(refused)}).encode()
            headers = [("Content-Type", "application/json"), ("Connection", "close")]
            headers += [("Retry-After", "1")] if status == 503 else []
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if not (status in (204, 304) or self.has("Content-Length", headers)):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def target(self) -> str:
        """Path and query as they were sent. (`self.path` has lost doubled slashes at its start.)"""
        sent = self.requestline.split()[1]
        if sent.startswith("/"):
            return sent
        # The absolute form, which a caller uses towards a proxy.
        parts = urlsplit(sent)
        path = sent.removeprefix(f"{parts.scheme}://{parts.netloc}")
        return path if path.startswith("/") else f"/{path}"

    def exchange(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = [
            (name, value)
            for name, value in self.headers.items()
            if name.lower() not in _HOP_BY_HOP and name.lower() not in ("content-length", "expect", "x-forwarded-proto")
        ]
        # As the gateway does: links in answers begin with it.
        headers.append(("X-Forwarded-Proto", "http"))
        if body or self.command in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(body))))
        connection = HTTPConnection(self.server.engine, timeout=ANSWERED_IN)
        try:
            connection.connect()
        except OSError as error:
            # Nothing was sent: the same request may be sent again.
            raise _Refused(503, f"The local engine cannot be reached: {error!r}") from None
        try:
            return self.ask(connection, headers, body)
        except (ValueError, UnicodeError):
            raise _Refused(400, "Bad Request") from None
        except TimeoutError:
            raise _Refused(504, "The local engine did not answer in time") from None
        except (OSError, HTTPException) as error:
            raise _Refused(502, f"The local engine did not answer: {error!r}") from None
        finally:
            connection.close()

    def ask(
        self, connection: HTTPConnection, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection.putrequest(
            self.command, self.server.prefix + self.target(), skip_host=True, skip_accept_encoding=True
        )
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Connection", "close")
        connection.endheaders(body)
        response = connection.getresponse()
        if response.length is None and not response.chunked:
            # The engine says how long each of its answers is: this one broke off in its head.
            raise IncompleteRead(b"")
        content = response.read()
        answered = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
        return response.status, answered, content

    def body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.chunks()
        told = self.headers.get("Content-Length", "0")
        if not (told.isascii() and told.isdecimal()):
            raise _Refused(400, "Bad Request")
        if int(told) > BODY_LIMIT:
            raise _Refused(413, "Request Entity Too Large")
        return self.read(int(told))

    def read(self, size: int) -> bytes:
        content = self.rfile.read(size)
        if len(content) < size:
            # The caller went away in the middle: what came is not what it meant to ask.
            raise _Refused(400, "Bad Request")
        return content

    def chunks(self) -> bytes:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(1024).split(b";")[0], 16)
            except ValueError:
                raise _Refused(400, "Bad Request") from None
            if size < 0 or len(body) + size > BODY_LIMIT:
                raise _Refused(413, "Request Entity Too Large")
            if size == 0:
                break
            body += self.read(size)
            self.rfile.readline(1024)
        while self.rfile.readline(65537).strip():
            pass
        return bytes(body)

    @staticmethod
    def has(name: str, headers: list[tuple[str, str]]) -> bool:
        return any(each.lower() == name.lower() for each, _ in headers)

    def log_message(self, format: str, *args: Any) -> None:
        """The functions' logs tell what happened."""
