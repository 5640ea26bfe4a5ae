"""Requests and responses as a dialect sees them, and their form on the wire (API Gateway payload 2.0)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from jobyard.errors import Invalid, TooLarge
from jobyard.model.source import Source

BODY_MOST = 1_000_000
"""Bytes of a body that are read: what is done with it grows with it."""

FORM_FIELDS_MOST = 1000

# Names and numbers, and the brackets of an address: what a link can be made of without being broken out of.
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?\Z|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?\Z")


class Request(NamedTuple):
    """``headers`` by lower-case name; ``query`` in the order of the raw query string, empty values included.

    ``received_at`` is when the gateway received it, in milliseconds.
    """

    method: str
    path: str
    path_parameters: dict[str, str]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    base_url: str
    raw_query: str = ""
    received_at: int = 0
    source_ip: str = ""

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Request:
        context = event["requestContext"]
        headers = {name.lower(): _text(value) for name, value in event.get("headers", {}).items()}
        body = event.get("body") or ""
        raw_query = _text(event.get("rawQueryString", ""))
        return cls(
            method=context["http"]["method"],
            path=_text(event["rawPath"]),
            path_parameters={name: _segment(value) for name, value in (event.get("pathParameters") or {}).items()},
            query=parse_qsl(raw_query, keep_blank_values=True, max_num_fields=None),
            headers=headers,
            body=_decoded(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass"),
            base_url=_base_url(headers, context["domainName"]),
            raw_query=raw_query,
            received_at=context.get("timeEpoch", 0),
            source_ip=context["http"].get("sourceIp", ""),
        )

    @property
    def source(self) -> Source:
        return Source(self.source_ip, self.headers.get("user-agent", ""))

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of a body that is a form, empty values included. Raises ``TooLarge``."""
        demand_short(self.body)
        if self.body.count(b"&") >= FORM_FIELDS_MOST:
            raise TooLarge(None, f"The form has too many fields; at most {FORM_FIELDS_MOST} are allowed.")
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def values(self, name: str) -> list[str]:
        """All values of a query parameter, repeated or separated by commas; an empty one is an absent one."""
        return [part.strip() for key, value in self.query if key == name for part in value.split(",") if part.strip()]

    def value(self, name: str) -> str | None:
        """The one value of a query parameter; the first where it is repeated."""
        return next((value.strip() for key, value in self.query if key == name and value.strip()), None)


def link_to_following(request: Request, without: Collection[str], **parameters: object) -> dict[str, str]:
    """The header that leads to the next page: the same request, ``parameters`` in place of those and ``without``."""
    query = [(name, value) for name, value in request.query if name not in parameters and name not in without]
    query += [(name, str(value)) for name, value in parameters.items()]
    return {"Link": f'<{request.base_url}{quote(request.path)}?{urlencode(query)}>; rel="next"'}


class Response(NamedTuple):
    """``id`` is by which the answer names itself, where the dialect's answers do: it stands in the log."""

    status: int
    body: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012
    id: str = ""

    def to_event(self) -> dict[str, Any]:
        return {
            "statusCode": self.status,
            "headers": self.headers,
            "body": self.body,
            "isBase64Encoded": False,
        }


RETRY_AFTER = {"Retry-After": "1"}
"""In seconds, with every 503: what was in the way is gone at once, or lasts minutes."""

AT_MOST_BYTES = 5_000_000
"""Of what may grow without bound in one answer, as ``wire_bytes`` counts: Lambda lets 6 MB through in all."""


def demand_short(body: bytes) -> None:
    """Raises ``TooLarge``."""
    if len(body) > BODY_MOST:
        raise TooLarge(None, f"The body has {len(body)} bytes; at most {BODY_MOST} are allowed.")


def json_response(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(status, _json(content), {"Content-Type": "application/json; charset=utf-8"} | (headers or {}))


def wire_bytes(content: Any) -> int:
    """What ``content`` takes of Lambda's limit, where the body's JSON is escaped once more as a text in JSON."""
    return len(_json(_json(content)).encode())


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _base_url(headers: dict[str, str], domain: str) -> str:
    """Where the caller reached this service; the gateway's own domain where what it says cannot stand in a link."""
    host, scheme = headers.get("host", ""), headers.get("x-forwarded-proto", "")
    return f"{scheme if scheme in ('http', 'https') else 'https'}://{host if _HOST.match(host) else domain}"


def _text(value: str) -> str:
    """``value`` as UTF-8 can write it: an event's JSON can hold halves of surrogate pairs, an answer cannot."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _segment(value: str) -> str:
    """A segment of the path: the gateway decodes every escape in it but that of the percent sign."""
    return _text(value).replace("%25", "%")


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:  # binascii's own error is one, but not all are it
        raise Invalid(None, "The body is not base64.") from error
