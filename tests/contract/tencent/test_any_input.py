"""No input makes a 5xx, whatever is sent where."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.api import NoRoute
from tests.contract.tencent.conftest import WORKFLOW_ID
from tests.contract.tencent.signing import HOST, ROOT, Key, Reply, ask, authorization, send

AWKWARD = [
    "",
    " ",
    "%00",
    "%0D%0A",
    "%",
    "%zz",
    "%25",
    "%FF",
    "%ED%A0%80",
    "%F0%9F%92%A9",
    "%D9%A1",
    "..",
    "{jobId}",
    "a=b=c",
    ";",
    "1e400",
    "9" * 400,
    "x" * 4000,
    quote("'\"<>&;--]]>"),
    "\ud800",
    "￿",
]
ENDPOINTS = [("GET", ROOT), ("POST", ROOT), ("GET", f"{ROOT}/b1"), ("PUT", f"{ROOT}/b1")]

pytestmark = pytest.mark.usefixtures("inventory")


def assert_an_answer(reply: Reply) -> None:
    assert reply.status < 500, reply.text
    reply.text.encode()
    if reply.status >= 400:
        assert reply.error
    elif reply.text:
        assert reply.xml.tag == "Response"


@pytest.mark.parametrize("awkward", AWKWARD)
def test_in_the_path(key: Key, awkward: str) -> None:
    for method in ("GET", "PUT"):
        for path in (f"{ROOT}/{awkward}", f"{ROOT}//{awkward}/x"):
            try:
                assert_an_answer(ask(key, method, path))
            except NoRoute:
                assert method == "PUT"


@pytest.mark.parametrize("awkward", AWKWARD)
def test_in_the_query(key: Key, awkward: str) -> None:
    for method, path in ENDPOINTS:
        for query in (awkward, f"size={awkward}&nextToken={awkward}", f"{awkward}=1", f"q-signature={awkward}"):
            assert_an_answer(ask(key, method, path, query=query))


@pytest.mark.parametrize(
    "name",
    [
        "nextToken",
        "size",
        "type",
        "orderByTime",
        "states",
        "startCreationTime",
        "endCreationTime",
        "workflowId",
        "jobId",
    ],
)
@pytest.mark.parametrize("awkward", [each for each in AWKWARD if each != "\ud800"])
def test_in_a_signed_parameter(key: Key, name: str, awkward: str) -> None:
    assert_an_answer(ask(key, "GET", query=[(name, awkward)]))


@pytest.mark.parametrize("awkward", AWKWARD)
def test_in_the_headers(key: Key, awkward: str) -> None:
    for method, path in ENDPOINTS:
        signed = authorization(key, method, path)
        for name in ("host", "content-type", "content-md5", "content-length", "x-cos-sdk-retry", "idempotency-key"):
            assert_an_answer(send(method, path, body="<a/>", headers={"authorization": signed, name: awkward}))
        assert_an_answer(send(method, path, headers={"authorization": awkward}))
        for field in ("q-ak", "q-sign-time", "q-header-list", "q-url-param-list", "q-signature"):
            before, _, after = signed.partition(f"{field}=")
            changed = f"{before}{field}={awkward}&{after.partition('&')[2]}"
            assert_an_answer(send(method, path, headers={"authorization": changed}))


@pytest.mark.parametrize(
    "event", [{"body": "not base64", "isBase64Encoded": True}, {"body": None}, {"pathParameters": None}]
)
def test_in_the_event(key: Key, event: dict[str, Any]) -> None:
    for method, path in ENDPOINTS:
        assert_an_answer(send(method, path, headers={"authorization": authorization(key, method, path)}, **event))


DOCUMENT = (
    f"<Request><Name>a</Name><Type>Workflow</Type><Input><Prefix>p</Prefix></Input><Operation><WorkflowIds>{WORKFLOW_ID}"
    "</WorkflowIds><TimeInterval><Start>2022-02-01T12:00:00+0800</Start></TimeInterval></Operation></Request>"
).encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_the_body(key: Key, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(DOCUMENT)))
    end = data.draw(st.integers(start, len(DOCUMENT)))
    put = data.draw(
        st.one_of(
            st.binary(max_size=12),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(str.encode),
            st.sampled_from(PIECES),
        )
    )
    body = DOCUMENT[:start] + put + DOCUMENT[end:]
    headers = {"host": HOST, "authorization": authorization(key, "POST", ROOT)}
    assert_an_answer(send("POST", body=body, headers=headers))


PIECES = [
    *(b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?x?>", b"<a/>", b"</Input>", b"&#0;", b"&#xd800;", b"&lt;", b"/>"),
    *(b"<!DOCTYPE a>", b"<Type>Job</Type>", b"<Tag>x</Tag><JobParam/>", b"\x00", b"xmlns='a'", b"xmlns:a='b'"),
]
