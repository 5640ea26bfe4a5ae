"""The front passes requests on as they are, to an engine of which only what it received matters here."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.errors import LocalError
from local.front import BODY_LIMIT, Front

PREFIX = "/_aws/execute-api/abc/$default"


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        told = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "size": len(body),
            "body": body[:100].decode(),
        }
        content = json.dumps(told).encode()
        self.send_response(201)
        self.send_header("X-Twice", "a")
        self.send_header("X-Twice", "b")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = echo

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    engine = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    engine.daemon_threads = True
    thread = Thread(target=engine.serve_forever, args=(0.05,))
    thread.start()
    with Front() as front:
        front.to(f"http://127.0.0.1:{engine.server_address[1]}", "abc")
        yield front
    engine.shutdown()
    engine.server_close()
    thread.join()


@pytest.fixture
def connection(front: Front) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(urlsplit(front.url).netloc, timeout=10)
    yield connection
    connection.close()


def asked(connection: HTTPConnection, method: str, path: str, **arguments: Any) -> dict[str, Any]:
    connection.request(method, path, **arguments)
    told: dict[str, Any] = json.loads(connection.getresponse().read())
    return told


@pytest.mark.parametrize(
    "path",
    [
        "/webapi/v3/jobs",
        "/a/",
        "//a//b",
        "/a%2Fb/%E2%82%AC",
        "/?cancel",
        "/a?b=c+d&b=%20&e",
        "/a;b=c?x=//y",
        "/$default/@:~",
    ],
)
def test_path_and_query_arrive_as_they_were_sent(connection: HTTPConnection, path: str) -> None:
    # `Echo.path` loses doubled slashes only at its start, which here is the prefix.
    assert asked(connection, "GET", path)["path"] == PREFIX + path


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_passes(connection: HTTPConnection, method: str) -> None:
    assert asked(connection, method, "/")["method"] == method


def test_head_has_no_body_and_leaves_the_connection_usable(connection: HTTPConnection) -> None:
    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    assert asked(connection, "GET", "/")["method"] == "GET"


def test_headers_pass_but_for_those_of_the_connection(connection: HTTPConnection) -> None:
    headers = {"Host": "bucket-1.example", "Authorization": "q-sign", "Connection": "keep-alive", "X-Name": "é"}
    told = asked(connection, "GET", "/", headers=headers)["headers"]
    assert [value for name, value in told if name == "host"] == ["bucket-1.example"]
    assert ["authorization", "q-sign"] in told
    assert ["x-name", "é"] in told
    assert "connection" not in dict(told)
    assert "accept-encoding" in dict(told)


def test_repeated_headers_and_the_status_of_an_answer_pass(connection: HTTPConnection) -> None:
    connection.request("GET", "/")
    answered = connection.getresponse()
    answered.read()
    assert answered.status == 201
    assert answered.headers.get_all("X-Twice") == ["a", "b"]


def test_chunked_bodies_pass(connection: HTTPConnection) -> None:
    told = asked(connection, "POST", "/", body=iter([b"ab", b"c" * 70000]), encode_chunked=True)
    assert told["size"] == 70002


def test_a_body_of_the_gateways_limit_passes(connection: HTTPConnection) -> None:
    assert asked(connection, "POST", "/", body=b"x" * BODY_LIMIT)["size"] == BODY_LIMIT


def raw(front: Front, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", urlsplit(front.url).port or 0), timeout=10) as sock:
        sock.sendall(request)
        answered = b""
        while part := sock.recv(65536):
            answered += part
        return answered


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"Content-Length: {BODY_LIMIT + 1}", b"413"),
        ("Transfer-Encoding: chunked\r\n\r\nB00000", b"413"),
        ("Transfer-Encoding: chunked\r\n\r\nzz", b"400"),
        ("Content-Length: -1", b"400"),
        ("Content-Length: ١", b"400"),
    ],
)
def test_what_the_gateway_refuses_is_refused(front: Front, head: str, status: bytes) -> None:
    answered = raw(front, f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
    assert answered.split()[1] == status
    assert b'{"message": "' in answered


def test_a_path_that_is_no_ascii_is_a_bad_request(front: Front) -> None:
    assert raw(front, b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n").split()[1] == b"400"


def test_the_absolute_form_is_the_path(front: Front) -> None:
    answered = raw(front, b"GET http://host.example/a?b HTTP/1.1\r\nHost: host.example\r\nConnection: close\r\n\r\n")
    assert json.loads(answered.split(b"\r\n\r\n", 1)[1])["path"] == f"{PREFIX}/a?b"


def test_without_an_engine_it_says_so() -> None:
    with Front() as front:
        connection = HTTPConnection(urlsplit(front.url).netloc, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().status == 503
        connection.close()
        front.to("http://127.0.0.1:9", "abc")
        connection.request("GET", "/")
        assert connection.getresponse().status == 502
        connection.close()


def test_a_port_in_use_is_told_with_a_way_out() -> None:
    with Front() as front, pytest.raises(LocalError, match=r"make run PORT="):
        Front(urlsplit(front.url).port or 0)
