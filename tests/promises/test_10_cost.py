"""Promise 10, what an attacker's request costs: no input takes more than in proportion to its size.

Each reader of input is given one that is made to be slow, and then one that is 16 times as large. What is counted is
the processor time of this thread, the least of some runs: 16 times as much is in proportion, 256 times would be its
square. What is bounded by a number instead is counted by that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from jobyard.authorizer import bearer, qsign
from jobyard.authorizer.qsign import Sent
from jobyard.dialects.alteryx import parameters as alteryx
from jobyard.dialects.alteryx import submit
from jobyard.dialects.openreplay import golang
from jobyard.dialects.tencent import caller, times
from jobyard.dialects.tencent.body import parse
from jobyard.dialects.tencent.xml import element
from jobyard.errors import JobyardError
from jobyard.http import Request
from jobyard.lifecycle import settle
from jobyard.service import cursors
from jobyard.unmatched import _segments
from tests.contract.tencent.signing import Key, authorization

LARGER = 16
IN_PROPORTION = 5 * LARGER
"""Of the square it is a third; a processor that others use, and caches that are full, take some of it."""


def request(query: str = "", body: bytes = b"", headers: dict[str, str] | None = None, **path: str) -> Request:
    context = {"http": {"method": "POST"}, "domainName": "d"}
    event = {"requestContext": context, "rawPath": "/", "rawQueryString": query, "pathParameters": path}
    return Request.from_event(event | {"headers": headers or {}})._replace(body=body)


def form(n: int) -> Request:
    fields = "&".join(f"questions[{k}].name=a" for k in range(n // 20))
    return request(body=fields.encode(), headers={"content-type": "application/x-www-form-urlencoded"})


def signed(query: str = "", listed: str = "", headers: dict[str, str] | None = None) -> Sent:
    value = authorization(Key("a", "b"), "GET", "/").replace("q-header-list=", f"q-header-list={listed}")
    return Sent("GET", ["/"], query, {"authorization": value, **(headers or {})}, b"")


def checked(sent: Sent) -> None:
    qsign.check(sent, qsign.read(sent), "another secret")


# Each is given a size in characters, and makes of it what is read; then it is read.
READERS: dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]] = {
    "query, many fields": (lambda n: "a=b&" * (n // 4), lambda query: request(query)),
    "query, nothing but separators": (lambda n: "&" * n, lambda query: request(query)),
    "query, escapes": (lambda n: "a=" + "%41" * (n // 3), lambda query: request(query)),
    "query, broken escapes": (lambda n: "a=" + "%" * n, lambda query: request(query)),
    "statuses": (lambda n: request("statuses=" + "Queued," * (n // 7)), alteryx.statuses),
    "priorities": (lambda n: request("priorities=" + "&priorities=Low" * (n // 15)), alteryx.ranks),
    "a date": (lambda n: request("d=" + "9" * n), lambda asked: alteryx.day_before_or_after(asked, "d", after=True)),
    "a number": (lambda n: request("limit=" + "1" * n), alteryx.window),
    "an id": (lambda n: request(jobId="a" * n), lambda asked: alteryx.identifier(asked, "jobId", "Job")),
    "a number of Go's": (lambda n: "0" * n, golang.atoi),
    "a text of Go's": (lambda n: "\x00\\\u2028" * (n // 3), golang.quote),
    "JSON of Go's": (lambda n: "<\u2028>" * (n // 3), golang.to_json),
    "a time": (lambda n: " " * n + "2022-01-01T00:00:00" + "0" * n, times.read),
    "a time with a fraction": (lambda n: "2022-01-01T00:00:00." + "0" * n, times.read),
    "a token of the next page": (
        lambda n: "A" * n,
        lambda given: cursors.opened(given, b"", "nextToken"),
    ),
    "a host": (lambda n: "a-1." * (n // 4) + "!", caller._BUCKET.match),
    "a host of dashes": (lambda n: "-" * n, caller._BUCKET.match),
    "a path": (lambda n: "/inventorytriggerjob" * (n // 20), caller._ROOT.search),
    "a path of slashes": (lambda n: "/" * n, _segments),
    "a bearer token": (lambda n: f"Bearer {' ' * n}a.{'b' * n}.c", bearer.authenticate),
    "XML, elements": (lambda n: b"<Request>" + b"<a/>" * (n // 4), parse),
    "XML, deep": (lambda n: b"<Request>" + b"<a>" * (n // 3), parse),
    "XML, one text": (lambda n: b"<Request>" + b"x" * n + b"</Request>", parse),
    "XML, references": (lambda n: b"<Request>" + b"&lt;" * (n // 4) + b"</Request>", parse),
    "XML, one comment": (lambda n: b"<Request><!--" + b"-x" * (n // 2), parse),
    "XML, an attribute": (lambda n: b"<Request a='" + b"x" * n, parse),
    "XML, attributes": (lambda n: b"<Request " + b" ".join(b"a%d=''" % k for k in range(n // 10)) + b"/>", parse),
    "XML, the parts of the root": (
        lambda n: b"<Request>" + b"".join(b"<a%d>>>></a%d>" % (k, k) for k in range(n // 20)) + b"</Request>",
        parse,
    ),
    "XML that is answered": (lambda n: "<&\x00" * (n // 3), lambda text: element("a", text)),
    "JSON, deep": (lambda n: request(body=b"[" * n), submit._contract),
    "JSON, digits": (lambda n: request(body=b'{"priority":' + b"9" * n + b"}"), submit._contract),
    "JSON, names": (
        lambda n: request(body=b"{" + b",".join(b'"a%d":1' % k for k in range(n // 9)) + b"}"),
        submit._contract,
    ),
    "JSON, one name": (lambda n: request(body=b"{" + b'"a":1,' * (n // 6) + b'"b":1}'), submit._contract),
    "a form": (form, submit._contract),
    "a signature, fields": (
        lambda n: Sent("GET", ["/"], "", {"authorization": "q-ak=a&" * (n // 7)}, b""),
        qsign.read,
    ),
    "a signature, names": (lambda n: signed(listed=";" * n), qsign.read),
    "a signature over a long query": (lambda n: signed("a=b+%41&" * (n // 8)), checked),
    "a signature over a long header": (lambda n: signed(listed="x", headers={"x": "é,+%" * (n // 4)}), checked),
    "a cause": (lambda n: '{"errorMessage":' + '"a' * (n // 2), lambda cause: settle.reason("FAILED", "", cause)),
}


def cost(read: Callable[[Any], Any], given: Any) -> int:
    """Nanoseconds of the processor's, the least of some runs."""
    least = 1 << 62
    for _ in range(4):
        began = time.thread_time_ns()
        with suppress(JobyardError, ValueError):
            read(given)
        least = min(least, time.thread_time_ns() - began)
    return least


@pytest.mark.parametrize("name", READERS)
def test_no_input_costs_more_than_in_proportion(name: str) -> None:
    make, read = READERS[name]
    size = 6_000
    small, large = make(size), make(LARGER * size)
    # What is too short to be measured is no matter, however it grows.
    assert cost(read, large) < IN_PROPORTION * max(cost(read, small), 20_000)


def test_what_is_tried_to_explain_a_signature_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many names as may be listed, of as many forms as there are."""
    tried = 0
    counted = qsign._hmac

    def hmac(key: str, text: str) -> str:
        nonlocal tried
        tried += 1
        return counted(key, text)

    monkeypatch.setattr(qsign, "_hmac", hmac)
    names = [f"n{k}" for k in range(qsign.NAMES_MOST)]
    sent = Sent(
        "PUT",
        ["/a?cancel", "/a", "/b/a", "/c/a"],
        "&".join(f"{name}=+a%2b+" for name in names),
        dict.fromkeys(names, "é ,Ã©") | {"host": "B-1.C:80"},
        b"",
    )
    listed = ";".join(names)
    value = authorization(Key("a", "b"), "PUT", "/")
    value = value.replace("q-header-list=", f"q-header-list={';'.join(names[1:])};host").replace(
        "q-url-param-list=", f"q-url-param-list={listed}"
    )
    with pytest.raises(qsign.SignatureMismatch):
        checked(sent._replace(headers={**sent.headers, "authorization": value}))
    # Four paths, four forms of parameters and six of headers; each try is two, of the key and with it.
    assert 0 < tried <= 2 * (4 * 4 * 6 + qsign.MISTAKES_MOST)
