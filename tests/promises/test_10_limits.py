"""Promise 10 at its borders: what is at a limit is taken, and one more is refused by a 4xx that names the limit.

The gateway itself takes 10 MB of a body and 10,240 bytes of request line and headers, and Lambda 6 MB of an event and
of an answer; within them each limit here is Jobyard's own.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from jobyard import http, unmatched
from jobyard.authorizer import qsign
from jobyard.dialects.tencent import body as xml
from jobyard.dialects.tencent import contract
from jobyard.service import submit
from tests.contract.api import Answer, call
from tests.contract.tencent.signing import ROOT, authorization
from tests.contract.yard import Yard
from tests.promises.harness.tenants import FORM, Sent, Tenant, inventory_of

pytestmark = pytest.mark.usefixtures("tenancy")


class Limit(NamedTuple):
    """``ask`` makes a request of a size; the refusal of one more has ``named`` in it."""

    most: int
    ask: Callable[[Tenant, int], Sent]
    named: str
    status: int = 400


def submitted(me: Tenant, contract: Any, key: str | None = None) -> Sent:
    return me.bearer("POST", f"/webapi/v3/workflows/{me.things.workflow_id}/jobs", body=json.dumps(contract), key=key)


def form(me: Tenant, body: str) -> Sent:
    sent = me.bearer("POST", f"/webapi/v3/workflows/{me.things.workflow_id}/jobs", body=body)
    return sent._replace(headers={**sent.headers, **FORM})


def token(me: Tenant, more: str) -> Sent:
    return me.valid()["POST /webapi/oauth2/token"]._replace(
        body=str(me.valid()["POST /webapi/oauth2/token"].body) + more
    )


def listed(me: Tenant, **query: Any) -> Sent:
    return me.bearer("GET", "/webapi/v3/jobs", urlencode(query))


def created(me: Tenant, pad: int, within: str) -> Sent:
    """The document of ``pad`` bytes in all, filled up ``within`` an element that is kept, or outside of all."""
    document = inventory_of(me.things.inventory_id)
    fill = "x" * (pad - len(document))
    place = document.index("a &amp; b") if within else document.index("<Type>")
    filler = fill if within else f"<!--{fill[7:]}-->"
    return me.signed("POST", ROOT, body=document[:place] + filler + document[place:])


def kept(me: Tenant, size: int) -> Sent:
    document = inventory_of(me.things.inventory_id)
    written = document[document.index("<Input>") : document.index("</Request>")]
    return created(me, len(document) + size - len(written), "UserData")


def elements(me: Tenant, count: int) -> Sent:
    document = inventory_of(me.things.inventory_id)
    more = "<a/>" * (count - document.count("</"))
    return me.signed("POST", ROOT, body=document.replace("<Type>", f"<Other>{more[:-4]}</Other><Type>"))


def deep(me: Tenant, depth: int) -> Sent:
    inner = "<a>" * (depth - 1) + "</a>" * (depth - 1)
    return me.signed("POST", ROOT, body=inventory_of(me.things.inventory_id).replace("<Type>", f"{inner}<Type>"))


def named(me: Tenant, length: int) -> Sent:
    return me.signed("POST", ROOT, body=inventory_of(me.things.inventory_id, "n" * length))


def listing(me: Tenant, count: int) -> Sent:
    """A signature that lists so many headers, all of them there."""
    headers = {f"x-cos-{n}": "v" for n in range(count)}
    signed = authorization(me.key, "GET", ROOT, None, headers)
    return Sent("GET", ROOT, "", {"host": me.host, **headers, "authorization": signed})


LIMITS: dict[str, Limit] = {
    "alteryx, questions": Limit(
        submit.QUESTIONS_MOST, lambda me, n: submitted(me, {"questions": {f"q{k}": "" for k in range(n)}}), "200"
    ),
    "alteryx, bytes of questions": Limit(
        submit.QUESTIONS_BYTES,
        lambda me, n: submitted(me, {"questions": {"q": "é" * ((n - 1) // 2) + "x" * ((n - 1) % 2)}}),
        "65536",
    ),
    "alteryx, worker tag": Limit(submit.WORKER_TAG_LONGEST, lambda me, n: submitted(me, {"workerTag": "t" * n}), "128"),
    "alteryx, idempotency key": Limit(submit.KEY_LONGEST, lambda me, n: submitted(me, {}, "k" * n), "255"),
    "alteryx, body": Limit(http.BODY_MOST, lambda me, n: submitted(me, {"other": "x" * (n - 13)}), "1000000"),
    "alteryx, body of a form": Limit(http.BODY_MOST, lambda me, n: form(me, "other=" + "x" * (n - 6)), "1000000"),
    "alteryx, fields of a form": Limit(
        http.FORM_FIELDS_MOST, lambda me, n: form(me, "&".join(f"a{k}=" for k in range(n))), "1000"
    ),
    "alteryx, fields of a request for a token": Limit(
        http.FORM_FIELDS_MOST, lambda me, n: token(me, "&a=" * (n - 3)), "1000"
    ),
    "alteryx, limit": Limit(1000, lambda me, n: listed(me, limit=n), "1000"),
    "alteryx, offset": Limit(1_000_000_000, lambda me, n: listed(me, offset=n), "1000000000"),
    "openreplay, user": Limit(256, lambda me, n: me.open("DELETE", f"/users/{'u' * n}"), "256"),
    "openreplay, idempotency key": Limit(
        submit.KEY_LONGEST, lambda me, n: me.open("DELETE", f"/users/u{n}", key="k" * n), "255"
    ),
    "tencent, body": Limit(http.BODY_MOST, lambda me, n: created(me, n, ""), "1000000"),
    "tencent, elements": Limit(xml.ELEMENTS_MOST, elements, "10000"),
    "tencent, depth": Limit(xml.DEEPEST, deep, "32"),
    "tencent, Input and Operation": Limit(contract.KEPT_BYTES, kept, "32768"),
    "tencent, name": Limit(contract.NAME_LONGEST, named, "128"),
    "tencent, idempotency key": Limit(
        submit.KEY_LONGEST,
        lambda me, n: me.signed("POST", ROOT, body=inventory_of(me.things.inventory_id), key="k" * n),
        "255",
    ),
    "tencent, size": Limit(100, lambda me, n: me.signed("GET", ROOT, {"size": str(n)}), "100"),
    "tencent, names in a signature": Limit(qsign.NAMES_MOST, listing, "100", 401),
}


@pytest.fixture
def acme(tenancy: Yard) -> Tenant:
    return Tenant(tenancy, "acme", 7)


def test_each_limit(acme: Tenant, subtests: pytest.Subtests) -> None:
    for name, limit in LIMITS.items():
        with subtests.test(name):
            taken = limit.ask(acme, limit.most).answer()
            assert taken.status == 200, taken.text[:300]
            before = acme.yard.jobs()
            refused = limit.ask(acme, limit.most + 1).answer()
            assert refused.status == limit.status, refused.text[:300]
            assert limit.named in refused.text
            assert acme.yard.jobs() == before


LARGE = 5_900_000
"""Bytes, little less than Lambda takes of an event."""


@pytest.mark.parametrize(
    "body", ["[" * LARGE, "&" * LARGE, "a=&" * (LARGE // 3), "<a>" * (LARGE // 3), "é" * (LARGE // 2)]
)
def test_bodies_as_large_as_they_can_come(acme: Tenant, body: str) -> None:
    """Refused for their length before anything is made of them, by each route that reads one."""
    for route, whole in acme.valid().items():
        if whole.body:
            for headers in ({}, FORM):
                answer = whole._replace(body=body, headers={**whole.headers, **headers}).answer()
                assert answer.status in (400, 401), route
                assert "1000000 are allowed" in answer.text, route


@pytest.mark.nightly
def test_as_many_parameters_as_a_request_line_can_have(acme: Tenant) -> None:
    for route, whole in acme.valid().items():
        for query in ("a&" * 5000, "&" * 10_000, "limit=1&" * 1200, "statuses=" + "," * 10_000, "=" * 10_000):
            answer = whole._replace(query=f"{whole.query}&{query}").answer()
            assert answer.status in (200, 201, 302, 400, 401, 404, 409), route


# ---- What comes by the default route ----


class Lambda:
    """Takes what Lambda takes."""

    MOST = 6 * 1024 * 1024

    def __init__(self) -> None:
        self.seen = 0

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.seen = len(Payload)
        if len(Payload) > self.MOST:
            error: Any = {"Error": {"Code": "RequestTooLargeException"}}
            raise ClientError(error, "Invoke")
        event = json.loads(Payload)
        return {"Payload": io.BytesIO(json.dumps({"statusCode": 200, "body": str(len(event["body"]))}).encode())}


@pytest.fixture
def lambda_(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    stand_in = Lambda()
    monkeypatch.setattr(unmatched, "client", lambda _: stand_in)
    monkeypatch.setenv("ROUTES", '{"submit": ["POST /webapi/v3/workflows/{workflowId}/jobs"]}')
    unmatched.routes.cache_clear()
    return stand_in


def event_of(body: str) -> dict[str, Any]:
    path = "/webapi//v3/workflows/a/jobs"
    return {"rawPath": path, "requestContext": {"http": {"method": "POST", "path": path}}, "body": body}


@pytest.mark.parametrize("letter", ["x", "é", "演", "\U0001f4a9"])
def test_a_request_with_a_slash_too_many_is_handed_on_as_long_as_it_came(lambda_: Lambda, letter: str) -> None:
    body = letter * (6_200_000 // len(letter.encode()))
    assert unmatched.answer(event_of(body))["body"] == str(len(body))
    assert lambda_.seen < len(body.encode()) + 1000


def test_one_that_is_too_long_for_lambda_is_refused_as_by_the_gateway(lambda_: Lambda) -> None:
    assert unmatched.answer(event_of("x" * 6_400_000))["statusCode"] == 413


def test_a_slash_too_many_hands_nothing_into_a_header(acme: Tenant) -> None:
    """What stands before the dialect's own path comes back in links, where a line end would begin another header."""
    workflow = acme.things.workflow_id
    for _ in range(2):
        acme.bearer("POST", f"/webapi/v3/workflows/{workflow}/jobs", body="{}").answer()
    for before in ("/a\r\nSet-Cookie: b", "/é", '/a>; rel="x"', "/ "):
        path = f"{before}/webapi/v3/workflows/{workflow}/jobs"
        answer = linked(acme, path)
        assert answer.headers["Link"].isascii()
        assert answer.headers["Link"].isprintable()
        assert answer.headers["Link"].count(">") == 1


def linked(acme: Tenant, path: str) -> Answer:
    plain = f"/webapi/v3/workflows/{acme.things.workflow_id}/jobs"
    return call("GET", plain, acme.curator.token, "limit=1", rawPath=path)


HOSTS = {
    "jobs.example.com": True,
    "127.0.0.1:8787": True,
    "[::1]:8787": True,
    "a_b.example.com": True,
    "a b": False,
    'a>; rel="next", <b': False,
    "a\r\nX: y": False,
    "é.example.com": False,
    "a:b": False,
    "a/b": False,
    "a@b": False,
    "": False,
    "x" * 254: False,
}


def test_a_host_comes_back_in_a_link_only_if_it_is_one(acme: Tenant) -> None:
    path = f"/webapi/v3/workflows/{acme.things.workflow_id}/jobs"
    for _ in range(2):
        acme.bearer("POST", path, body="{}").answer()
    for host, taken in HOSTS.items():
        for scheme in ("https", "http", "javascript", "a\r\nb", ""):
            headers = {"host": host, "x-forwarded-proto": scheme}
            link = call("GET", path, acme.curator.token, "limit=1", headers=headers).headers["Link"]
            shown = host if taken else "abc123.execute-api.us-east-1.amazonaws.com"
            assert link.startswith(f"<{'http' if scheme == 'http' else 'https'}://{shown}/webapi/"), (host, scheme)
