"""XML as the vendor writes it, and answers made of it."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Sequence

from jobyard.http import Response

# What XML 1.0 cannot hold, however it is written, and what stands for something else. A table, as the pattern of the
# same takes 40 million instructions to compile, at each cold start.
_NO_CHARACTERS = [*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
_SHOWN = dict.fromkeys(_NO_CHARACTERS, "\N{REPLACEMENT CHARACTER}") | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
}


def element(name: str, text: str) -> str:
    """An empty text makes an empty-element tag, as in the vendor's samples."""
    shown = text.translate(_SHOWN)
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
