"""What an attacker or a broken client sends: values, and whole requests that began as valid ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.promises.harness.tenants import Sent

AWKWARD = [
    *("", " ", ".", "..", "../..", "//", "null", "NaN", "-0", "-1", "1e400", " 5", "5 ", "1_000", "0x10", "٥", "１２"),
    *("9" * 19, "9" * 400, "1" * 5000, "true", "TRUE", ",", ",,,", "{jobId}", "$default", "a=b=c", ";", "&", "=", "+"),
    *("%", "%%", "%zz", "%00", "%0D%0A", "%0d%0aSet-Cookie:%20a=b", "%25", "%2500", "%2F", "%2e%2e%2f", "%FF"),
    *("%C0%80", "%ED%A0%80", "%F0%9F%92%A9", "%D9%A1", "%u0041", "\x00", "\r\n", "a\r\nX-Evil: 1", "\x1b[31m", "\x85"),
    *("\u2028", "\ufeff", "\uffff", "\ud800", "\udfff\ud800", "é", "演示", "e\u0301", "\U0001f4a9", "x" * 4000),
    *("'\"<>&;--", "]]>", "${jndi:ldap://a}", "{{7*7}}", "{% a %}", "States.Format('{}')", "../../etc/passwd"),
]
"""As they are in an event, or as they are on the wire: both reach a handler."""

HEADERS = (
    *("authorization", "host", "content-type", "content-length", "content-md5", "idempotency-key", "accept"),
    *("x-forwarded-proto", "x-forwarded-host", "x-original-host", "x-cos-sdk-retry", "x-ci-security-token"),
    *("x-cos-security-token", "transfer-encoding", "cookie", "x"),
)
PARAMETERS = {
    "alteryx": (
        *("sortField", "direction", "offset", "limit", "priorities", "statuses", "users", "allUsers", "workflowNames"),
        *("completedBefore", "completedAfter", "includeMessages", "after", "status", "resultCode", "format"),
    ),
    "openreplay": ("limit", "page"),
    "tencent": (
        *("nextToken", "size", "type", "orderByTime", "states", "startCreationTime", "endCreationTime", "workflowId"),
        *("jobId", "name", "cancel", "q-signature", "q-sign-algorithm", "q-ak", "q-header-list", "q-url-param-list"),
    ),
}
"""By dialect."""

_NAMES = [name for names in PARAMETERS.values() for name in names]
KNOWN = (
    *("true", "asc", "CreateDate", "0", "1", "50", "2025-12-01", "2022-06-27T15:23:10+0800", "Queued", "Low", "Raw"),
    *(
        "Success",
        "Workflow",
        "All",
        "application/json",
        "application/x-www-form-urlencoded",
        "Bearer a.b.c",
        "Basic YQ",
    ),
)

# Text as an event can hold it: any code point, halves of surrogate pairs too.
anything = st.text(st.characters(), max_size=30)
values = st.one_of(st.sampled_from(AWKWARD), st.sampled_from(KNOWN), anything, st.binary(max_size=20).map(quote))
queries = st.lists(st.tuples(st.one_of(st.sampled_from(_NAMES), values), values), max_size=6).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), anything, st.integers(0, 20).map(lambda n: 10**n)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(anything, inner, max_size=4)),
    max_leaves=12,
)
contracts = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.one_of(trees, st.sampled_from(["Low", "3", 2])),
        "workerTag": st.one_of(trees, anything),
        "credentialId": trees,
        "questions": st.one_of(
            trees,
            st.lists(st.fixed_dictionaries({"name": trees, "value": trees}), max_size=3),
            st.dictionaries(anything, trees),
        ),
    },
)
PIECES = [
    *(
        "[" * 20_000,
        '{"a":' * 20_000,
        '{"priority":"Low","priority":"High"}',
        '{"questions":{"":""}}',
        "NaN",
        "Infinity",
    ),
    *('{"questions":[{"name":"a","value":1e999}]}', f'{{"priority":{"9" * 5000}}}', '{"workerTag":"\\ud800"}', "\x00"),
    *(
        "questions[0].name=a&questions[9999].value=b",
        "questions[]=a",
        "questions[a]=b&questions=[",
        "&" * 5000,
        "=&" * 500,
    ),
    *(
        "<a/>",
        "<Request/>",
        "<Request>",
        "<!DOCTYPE a>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "<?x?>",
        "&#0;",
        "&lt;",
        "&a;",
        "/>",
    ),
    *("</Input>", "<Type>Job</Type>", "<Tag>x</Tag><JobParam/>", "xmlns='a'", "xmlns:a='b'", "<a:b/>", "&#xd800;"),
]
bodies: st.SearchStrategy[str | bytes | None] = st.one_of(
    st.none(),
    st.one_of(trees, contracts).map(json.dumps),
    contracts.map(lambda contract: json.dumps(contract, ensure_ascii=False)),
    queries,
    queries.map(lambda query: "grant_type=client_credentials&" + query),
    st.sampled_from([*AWKWARD, *PIECES]),
    st.binary(max_size=200),
)

type Mutation = Callable[[Sent], Sent]


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """One change of a request, at a place that it has."""
    where = draw(st.sampled_from(["segment", "query", "parameter", "header", "body", "splice", "cut"]))
    value, place = draw(values), draw(st.integers(0, 1000))
    if where == "segment":
        return lambda sent: sent._replace(path=_segment_changed(sent.path, place, value))
    if where == "query":
        query = draw(queries)
        return lambda sent: sent._replace(query=query)
    if where == "parameter":
        name = draw(st.sampled_from(_NAMES))
        return lambda sent: sent._replace(query=f"{sent.query}&{name}={value}".lstrip("&"))
    if where == "header":
        name = draw(st.sampled_from(HEADERS))
        return lambda sent: sent._replace(headers={**sent.headers, name: value})
    if where == "body":
        body = draw(bodies)
        return lambda sent: sent._replace(body=body)
    piece = draw(st.sampled_from([*PIECES, *AWKWARD])) if where == "splice" else ""
    length = draw(st.integers(0, 40))
    return lambda sent: _spliced(sent, place, length, piece)


def _segment_changed(path: str, place: int, value: str) -> str:
    """The first segment stays: it is what brings a request to this service at all."""
    segments = path.split("/")
    segments[2 + place % max(1, len(segments) - 2) if len(segments) > 2 else 1] = value
    return "/".join(segments)


def _spliced(sent: Sent, place: int, length: int, piece: str) -> Sent:
    """In the body where there is one, else in the query."""
    whole = sent.body if isinstance(sent.body, str) and sent.body else sent.query
    at = place % (len(whole) + 1)
    changed = whole[:at] + piece + whole[at + length :]
    return sent._replace(body=changed) if whole is sent.body else sent._replace(query=changed)


def in_every_place(sent: Sent, dialect: str, value: str) -> list[tuple[str, Sent, dict[str, Any]]]:
    """``sent`` with ``value`` in each place in turn: what place that is, and members of the event to go with it."""
    segments = range(2, len(sent.path.split("/")))
    return [
        *((f"segment {n}", sent._replace(path=_segment_changed(sent.path, n - 2, value)), {}) for n in segments),
        *((name, sent._replace(query=f"{name}={value}&{sent.query}"), {}) for name in PARAMETERS[dialect]),
        ("query", sent._replace(query=value), {}),
        ("name of a parameter", sent._replace(query=f"{value}=1"), {}),
        *((name, sent._replace(headers={**sent.headers, name: value}), {}) for name in HEADERS),
        ("bearer", sent._replace(headers={**sent.headers, "authorization": f"Bearer {value}"}), {}),
        ("basic", sent._replace(headers={**sent.headers, "authorization": f"Basic {value}"}), {}),
        ("body", sent._replace(body=value), {}),
        # A gateway says so of bodies only.
        *([("base64", sent._replace(body=value), {"isBase64Encoded": True})] if sent.body else []),
    ]
