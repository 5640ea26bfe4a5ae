"""A client of the tencent dialect in a few lines: q-sign as the vendor's page has it, apart from the layer's."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree as ET

from tests.contract import api

BUCKET = "bucket-1250000000"
HOST = f"{BUCKET}.ci.ap-beijing.example.com"
ROOT = "/inventorytriggerjob"


class Key(NamedTuple):
    id: str
    secret: str
    token: str = ""


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.text)

    def get(self, path: str) -> str:
        found = self.xml.find(path)
        assert found is not None, self.text
        return found.text or ""

    def all(self, path: str) -> list[str]:
        return [each.text or "" for each in self.xml.findall(path)]

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of what must be a whole error."""
        assert self.headers["Content-Type"] == "application/xml"
        assert self.xml.tag == "Error"
        for name in ("Code", "Message", "Resource", "RequestId", "TraceId"):
            assert self.get(name), f"{name} is empty in {self.text}"
        assert self.headers["x-ci-request-id"] == self.headers["x-cos-request-id"] == self.get("RequestId")
        assert self.headers["x-ci-trace-id"] == self.get("TraceId")
        return self.status, self.get("Code")


def signature(secret: str, times: str, http_string: str) -> str:
    def hmac_sha1(key: str, text: str) -> str:
        return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()

    digest = hashlib.sha1(http_string.encode(errors="replace")).hexdigest()
    return hmac_sha1(hmac_sha1(secret, times), f"sha1\n{times}\n{digest}\n")


def authorization(
    key: Key,
    method: str,
    path: str,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    times: str = "",
) -> str:
    """Signs just what it is given; ``path`` decoded."""
    times = times or f"{int(time.time()) - 60};{int(time.time()) + 900}"

    def pairs(values: Mapping[str, str] | None) -> list[tuple[str, str]]:
        return sorted((quote(n, safe="").lower(), quote(v, safe="")) for n, v in (values or {}).items())

    parts = ["&".join(f"{name}={value}" for name, value in pairs(values)) for values in (parameters, headers)]
    value = signature(key.secret, times, "\n".join([method.lower(), path, *parts, ""]))
    lists = [";".join(name for name, _ in pairs(values)) for values in (headers, parameters)]
    return (
        f"q-sign-algorithm=sha1&q-ak={key.id}&q-sign-time={times}&q-key-time={times}"
        f"&q-header-list={lists[0]}&q-url-param-list={lists[1]}&q-signature={value}"
    )


def send(
    method: str,
    path: str = ROOT,
    *,
    query: Sequence[tuple[str, str]] | str = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    **event: Any,
) -> Reply:
    """As it is, through the handler of its route."""
    sent = {"host": HOST} | dict(headers or {})
    return Reply(*api.call(method, path, query=query, body=body, headers=sent, **event))


def ask(
    key: Key,
    method: str,
    path: str = ROOT,
    *,
    query: Sequence[tuple[str, str]] | str = (),
    body: str | None = None,
    host: str = HOST,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Signed as the Python client does: host, headers given, and all parameters."""
    sent = {"host": host} | dict(headers or {})
    if body is not None:
        sent |= {"content-type": "application/xml", "content-length": str(len(body.encode()))}
    parameters = {} if isinstance(query, str) else dict(query)
    sent["authorization"] = authorization(key, method, unquote(path), parameters, sent)
    if key.token:
        sent["x-ci-security-token"] = key.token
    return send(method, path, query=query if isinstance(query, str) else urlencode(query), body=body, headers=sent)
