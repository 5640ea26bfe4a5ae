"""What callers reach: HTTP on one port of this machine, passed on to the engine's gateway unchanged.

The engine serves an API under a path of its own. A caller's Host header, its whole raw path and query, and its body
arrive at the function as they would behind API Gateway, which the dialects that sign requests depend on.
"""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from local.errors import LocalError

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes of a request's body that API Gateway takes."""

UPSTREAM_IDLE = 30.0
"""Seconds. The engine closes a connection that was idle for 75, and a request on a closed one must not be repeated."""

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

    def __init__(self, port: int = 0) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True
    engine = ""
    prefix = ""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news."""


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Seconds that an idle connection is kept.
    timeout = 75
    server: _Server
    upstream: HTTPConnection | None = None
    used = 0.0

    def __getattr__(self, name: str) -> Any:
        # The base class looks for do_<METHOD>; the gateway decides which methods there are.
        if name.startswith("do_"):
            return self.forward
        raise AttributeError(name)

    def forward(self) -> None:
        try:
            body = self.body()
            if not self.server.engine:
                raise _Refused(503, "Service Unavailable")
            status, headers, content = self.exchange(body)
        except _Refused as refused:
            # What is unread of the body must not be taken for the next request.
            self.close_connection = True
            status, content = refused.status, json.dumps({"message": str(refused)}).encode()
            headers = [("Content-Type", "application/json"), ("Connection", "close")]
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
            if name.lower() not in _HOP_BY_HOP and name.lower() not in ("content-length", "expect")
        ]
        if body or self.command in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(body))))
        try:
            return self.ask(headers, body)
        except (ValueError, UnicodeError):
            raise _Refused(400, "Bad Request") from None
        except (OSError, HTTPException) as error:
            raise _Refused(502, f"The local engine did not answer: {error!r}") from None

    def ask(self, headers: list[tuple[str, str]], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.upstream and time.monotonic() - self.used > UPSTREAM_IDLE:
            self.upstream.close()
            self.upstream = None
        connection = self.upstream or HTTPConnection(self.server.engine, timeout=120)
        self.upstream = None
        try:
            connection.putrequest(
                self.command, self.server.prefix + self.target(), skip_host=True, skip_accept_encoding=True
            )
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        self.upstream, self.used = connection, time.monotonic()
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
        return self.rfile.read(int(told))

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
            body += self.rfile.read(size)
            self.rfile.readline(1024)
        while self.rfile.readline(65537).strip():
            pass
        return bytes(body)

    def finish(self) -> None:
        if self.upstream:
            self.upstream.close()
        super().finish()

    @staticmethod
    def has(name: str, headers: list[tuple[str, str]]) -> bool:
        return any(each.lower() == name.lower() for each, _ in headers)

    def log_message(self, format: str, *args: Any) -> None:
        """The functions' logs tell what happened."""
