"""XML as the vendor writes it, and answers made of it."""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Sequence
from xml.sax.saxutils import escape

from jobyard.http import Response

# What XML 1.0 cannot hold, however it is written.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, text: str) -> str:
    """An empty text makes an empty-element tag, as in the vendor's samples."""
    shown = escape(_NO_CHARACTER.sub("�", text))
    return f"<{name}>{shown}</{name}>" if shown else f"<{name}/>"


def answered(parts: Sequence[str], headers: dict[str, str] | None = None) -> Response:
    """200, with the elements ``parts`` behind the id of the request."""
    id = request_id()
    body = "\n".join(["<Response>", element("RequestId", id), *parts, "</Response>", ""])
    return Response(200, body, {"Content-Type": "application/xml"} | named(id) | (headers or {}), id)


def emptied() -> Response:
    """200, with no body and so no type of one."""
    id = request_id()
    return Response(200, "", {"Content-Length": "0"} | named(id), id)


def refused(status: int, parts: Sequence[tuple[str, str]], resource: str) -> Response:
    """``parts`` stand before what every error has; clients need each of those to be there and not empty."""
    id, trace = request_id(), base64.b64encode(secrets.token_bytes(48)).decode()
    every = [*parts, ("Resource", resource), ("RequestId", id), ("TraceId", trace)]
    lines = ["<?xml version='1.0' encoding='utf-8' ?>", "<Error>"]
    lines += [f"\t{element(name, text)}" for name, text in every]
    headers = {"Content-Type": "application/xml"} | named(id) | {"x-ci-trace-id": trace, "x-cos-trace-id": trace}
    return Response(status, "\n".join([*lines, "</Error>", ""]), headers, id)


def request_id() -> str:
    """As the vendor's: the second in hexadecimal, and three more numbers, in base64."""
    parts = f"{int(time.time()):x}_{secrets.token_hex(4)}_{secrets.token_hex(2)}_{secrets.token_hex(2)}"
    return base64.b64encode(parts.encode()).decode()


def named(id: str) -> dict[str, str]:
    # Go, PHP and Node clients look for the second one.
    return {"x-ci-request-id": id, "x-cos-request-id": id}
