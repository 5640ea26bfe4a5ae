"""The front passes requests on as they are, to an engine of which only what it received matters here."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.errors import LocalError
from local.front import BODY_LIMIT, Front, Turns

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
def engine() -> Iterator[str]:
    engine = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    engine.daemon_threads = True
    thread = Thread(target=engine.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{engine.server_address[1]}"
    engine.shutdown()
    engine.server_close()
    thread.join()


@pytest.fixture(scope="module")
def front(engine: str) -> Iterator[Front]:
    with Front() as front:
        front.to(engine, "abc")
        yield front


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
    assert [value for name, value in told if name == "connection"] == ["close"]
    assert "accept-encoding" in dict(told)


def test_it_says_by_which_protocol_it_was_asked_whatever_the_caller_says(connection: HTTPConnection) -> None:
    told = asked(connection, "GET", "/", headers={"X-Forwarded-Proto": "https"})["headers"]
    assert [value for name, value in told if name == "x-forwarded-proto"] == ["http"]


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


def test_without_an_engine_it_says_when_to_come_again() -> None:
    with Front() as front:
        for engine in ("", "http://127.0.0.1:9"):
            if engine:
                front.to(engine, "abc")
            connection = HTTPConnection(urlsplit(front.url).netloc, timeout=10)
            connection.request("POST", "/", body=b"x")
            answered = connection.getresponse()
            assert (answered.status, answered.headers["Retry-After"]) == (503, "1")
            connection.close()


class Rude:
    """An engine that reads each request and closes its connection, with no answer."""

    def __init__(self, answer: bytes = b"") -> None:
        self.requests = 0
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            taken, _ = self._socket.accept()
            with taken:
                if not taken.recv(65536):
                    return
                self.requests += 1
                taken.sendall(self._answer)

    def close(self) -> None:
        socket.create_connection(self._socket.getsockname()[:2]).close()
        self._thread.join()
        self._socket.close()


@pytest.fixture(params=[b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
def rude(request: pytest.FixtureRequest) -> Iterator[Rude]:
    engine = Rude(request.param)
    yield engine
    engine.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_may_have_been_taken_is_not_sent_again(rude: Rude, method: str) -> None:
    with Front() as front:
        front.to(rude.url, "abc")
        connection = HTTPConnection(urlsplit(front.url).netloc, timeout=10)
        connection.request(method, "/")
        answered = connection.getresponse()
        assert (answered.status, answered.headers["Retry-After"]) == (502, None)
        connection.close()
    assert rude.requests == 1


def test_a_connection_that_the_engine_closes_after_each_answer_is_no_error() -> None:
    engine = Rude(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with Front() as front:
        front.to(engine.url, "abc")
        connection = HTTPConnection(urlsplit(front.url).netloc, timeout=10)
        for _ in range(20):
            connection.request("POST", "/", body=b"")
            answered = connection.getresponse()
            assert (answered.status, answered.read()) == (200, b"ok")
        connection.close()
    engine.close()
    assert engine.requests == 20


def test_no_more_are_let_in_than_there_is_room_for_and_they_come_in_turn() -> None:
    turns = Turns(at_once=1, waiting=2, patience=10)
    order: list[int] = []

    def come(number: int) -> None:
        with turns.taken() as came:
            order.append(number if came else -number)

    with turns.taken() as came:
        assert came
        threads = []
        for number in (1, 2):
            threads.append(Thread(target=come, args=(number,)))
            threads[-1].start()
            while turns.queued < number:
                time.sleep(0.001)
        come(3)
        assert order == [-3]
    for thread in threads:
        thread.join()
    assert order == [-3, 1, 2]


def test_a_turn_that_does_not_come_in_time_is_given_up() -> None:
    turns = Turns(at_once=1, waiting=1, patience=0.05)
    with turns.taken() as first, turns.taken() as second:
        assert (first, second) == (True, False)
    with turns.taken() as again:
        assert again


def test_many_callers_at_once_are_answered_or_told_to_come_again(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[int] = []

    def call() -> None:
        connection = HTTPConnection(urlsplit(front.url).netloc, timeout=30)
        connection.request("GET", "/")
        statuses.append(connection.getresponse().status)
        connection.close()

    monkeypatch.setattr(front._server, "turns", Turns(at_once=2, waiting=50, patience=20))
    threads = [Thread(target=call) for _ in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 150
    assert set(statuses) <= {201, 503}
    assert statuses.count(201) >= 52


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nIdempotency-K",
        b"DELETE / HTTP/1.1\r\n",
    ],
)
def test_a_request_whose_caller_goes_away_in_the_middle_is_not_passed_on(front: Front, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(front.url).port or 0), timeout=10) as sock:
        sock.sendall(request_)
        sock.shutdown(socket.SHUT_WR)
        answered = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answered.split()[1:2] in ([b"400"], []), answered


def test_a_caller_beyond_the_last_connection_is_told_to_come_again(engine: str) -> None:
    with Front(connections=1) as front:
        front.to(engine, "abc")
        held = HTTPConnection(urlsplit(front.url).netloc, timeout=10)
        assert asked(held, "GET", "/")["method"] == "GET"
        answered = raw(front, b"")
        assert answered.split()[1] == b"503"
        assert b"\r\nRetry-After: 1\r\n" in answered
        held.close()
        deadline = time.monotonic() + 10
        while not answers(front):
            assert time.monotonic() < deadline, "its place is not free again"


def answers(front: Front) -> bool:
    # A connection that is refused with what was sent on it unread is reset.
    with suppress(ConnectionResetError):
        return b" 201 " in raw(front, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return False


def test_a_port_in_use_is_told_with_a_way_out() -> None:
    with Front() as front, pytest.raises(LocalError, match=r"make run PORT="):
        Front(urlsplit(front.url).port or 0)
