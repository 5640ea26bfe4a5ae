"""HTTP in front of the handlers, as the gateway is: for clients that can only speak it. Also a forward proxy."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from tests.contract.tencent.signing import send


class Seen(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]


class Front:
    """A context. ``seen`` are the requests that came; of the next ``lost`` the answer is lost on the way."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.lost = 0
        front = self

        class Handler(_Handler):
            yard = front

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.netloc = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    # One request for each connection: there is no idle one to close when the test is over.
    protocol_version = "HTTP/1.0"
    yard: Front

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_GET

    def answer(self) -> None:
        target = urlsplit(self.requestline.split()[1])
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.yard.seen.append(Seen(self.command, self.requestline.split()[1], headers))
        body = self.rfile.read(int(headers.get("content-length", "0")))
        # A stage is in front of the path that is routed, and in the one that the function is told.
        stage, found, rest = target.path.partition("/inventorytriggerjob")
        reply = send(
            self.command,
            found + rest,
            query=target.query,
            body=body.decode() if body else None,
            headers=headers,
            **({"rawPath": target.path} if stage.strip("/") else {}),
        )
        if self.yard.lost:
            self.yard.lost -= 1
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.text.encode())), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: what failed is seen by the client."""
