"""Promise 10, the q-sign verifier: it takes exactly what the holder of a secret signed, and answers anything at all.

Beside it stands a plain implementation of the same rules; of any change to a signed request both must say the same. The
vendor's own client signs, too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_to_bytes, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobyard.authorizer import qsign
from jobyard.authorizer.qsign import Sent, SignatureMismatch
from jobyard.errors import Unauthenticated
from tests.contract.tencent.signing import Key, authorization
from tests.promises.effort import effort
from tests.promises.harness.hostile import AWKWARD, anything, values

KEY = Key("AKID" + "0" * 32, "s" * 16 + "S3cr3tS3cr3tS3cr")
HOST = "Bucket-1250000000.ci.example.com:8080"
FIELDS = ("q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature")

names = st.sampled_from(["size", "nextToken", "x y", "é", "a+b", "%", "states"])
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8).map(str.strip)


class Request(NamedTuple):
    """Signed as clients do: ``parameters`` and ``headers`` are all listed."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]

    def sent(self, escape: Any = quote) -> Sent:
        query = "&".join(f"{escape(name)}={escape(value)}" for name, value in self.parameters.items())
        headers = {"host": HOST, **self.headers}
        value = authorization(KEY, self.method, self.path, self.parameters, headers)
        return Sent(self.method, [self.path], query, {**headers, "authorization": value}, b"")


requests_ = st.builds(
    Request,
    st.sampled_from(["GET", "POST", "PUT"]),
    texts.map("/inventorytriggerjob/{}".format),
    st.dictionaries(names, texts.map(str.strip), max_size=3),
    st.dictionaries(st.sampled_from(["x-cos-a", "content-type", "x-cos-b"]), header_values, max_size=3),
)


def taken(sent: Sent, secret: str = KEY.secret) -> bool:
    try:
        qsign.check(sent, qsign.read(sent), secret)
    except Unauthenticated:
        return False
    return True


# ---- The same rules, plainly ----


def plainly_taken(sent: Sent) -> bool:
    """Whether the signature is that of one of the forms in which clients write this request."""
    pairs = (pair.partition("=") for pair in sent.headers["authorization"].strip().split("&"))
    given = {name.strip(): value for name, _, value in pairs}
    if set(FIELDS) - set(given) or given["q-sign-algorithm"] != "sha1":
        return False
    for times in (given["q-sign-time"], given["q-key-time"]):
        start, _, end = times.partition(";")
        if not all(each.isascii() and each.isdigit() and len(each) < 13 for each in (start, end)) or int(start) > int(
            end
        ):
            return False
    listed = [
        [n.strip().lower() for n in given[f].split(";") if n.strip()] for f in ("q-url-param-list", "q-header-list")
    ]
    for path, parameters, headers in product(
        sent.paths, parameter_forms(sent, listed[0]), header_forms(sent, listed[1])
    ):
        text = f"{sent.method.lower()}\n{path}\n{parameters}\n{headers}\n"
        if signature(given["q-key-time"], given["q-sign-time"], text) == given["q-signature"].lower():
            return True
    return False


def signature(key_time: str, sign_time: str, text: str) -> str:
    def mac(key: str, what: str) -> str:
        return hmac.new(key.encode(), what.encode(), hashlib.sha1).hexdigest()

    return mac(mac(KEY.secret, key_time), f"sha1\n{sign_time}\n{hashlib.sha1(text.encode()).hexdigest()}\n")


def parameter_forms(sent: Sent, listed: list[str]) -> Iterator[str]:
    for form in ("space", "plus", "trimmed", "as sent"):
        pairs = []
        for pair in sent.raw_query.split("&"):
            name, value = (
                part.replace("+", " ") if form in ("space", "trimmed") else part for part in pair.partition("=")[::2]
            )
            plain = unquote_to_bytes(value)
            shown = value if form == "as sent" else quote(plain.strip() if form == "trimmed" else plain, safe="")
            pairs.append((quote(unquote_to_bytes(name), safe="").lower(), shown))
        yield from joined(pairs, listed)


def header_forms(sent: Sent, listed: list[str]) -> Iterator[str]:
    host = sent.headers["host"]
    for shown in (host, host.lower(), host.lower().rpartition(":")[0]):
        pairs = [
            (quote(n, safe="").lower(), quote(v.strip(), safe="")) for n, v in {**sent.headers, "host": shown}.items()
        ]
        yield from joined(pairs, listed)


def joined(pairs: list[tuple[str, str]], listed: list[str]) -> Iterator[str]:
    """Nothing where something that is listed is not there."""
    found = []
    for name, times in Counter(listed).items():
        of = [value for each, value in pairs if each == name][:times]
        if len(of) < times:
            return
        found += [(name, value) for value in of]
    yield "&".join(f"{name}={value}" for name, value in sorted(found))


# ---- What is compared ----


@effort(150)
@given(requests_, st.sampled_from([quote, quote_plus, lambda text: quote(text, safe="")]))
def test_what_was_signed_is_taken_and_with_another_secret_is_not(request: Request, escape: Any) -> None:
    sent = request.sent(escape)
    assert taken(sent)
    assert plainly_taken(sent)
    assert not taken(sent, KEY.secret[::-1])


@st.composite
def changes(draw: st.DrawFn) -> Any:  # noqa: C901 - a list of changes
    """Of a signed request, something: function of ``Sent``."""
    where = draw(
        st.sampled_from(
            ["method", "path", "query", "splice", "header", "field", "authorization", "host", "digit", "time"]
        )
    )
    value, place, length = draw(st.one_of(values, texts)), draw(st.integers(0, 400)), draw(st.integers(0, 3))
    value = value.encode(errors="replace").decode()
    field, name = draw(st.sampled_from(FIELDS)), draw(st.sampled_from(["x-cos-a", "content-type", "host", "other"]))

    def spliced(text: str) -> str:
        at = place % (len(text) + 1)
        return text[:at] + value + text[at + length :]

    def changed(sent: Sent) -> Sent:
        signed = sent.headers["authorization"]
        if where == "method":
            return sent._replace(method=["GET", "get", "PUT", "POST"][place % 4])
        if where == "path":
            return sent._replace(paths=[spliced(sent.paths[0])])
        if where == "query":
            return sent._replace(raw_query=f"{sent.raw_query}&{value}")
        if where == "splice":
            return sent._replace(raw_query=spliced(sent.raw_query))
        if where == "header":
            return sent._replace(headers={**sent.headers, name: value})
        if where == "host":
            return sent._replace(headers={**sent.headers, "host": spliced(HOST)})
        if where == "digit":
            at = len(signed) - 1 - place % 40
            signed = f"{signed[:at]}{'0' if signed[at] != '0' else '1'}{signed[at + 1 :]}"
        elif where == "time":
            signed = re.sub(
                f"{['q-sign-time', 'q-key-time'][place % 2]}=[0-9]+",
                lambda found: f"{found[0][:-1]}{place % 10}",
                signed,
            )
        elif where == "field":
            before, _, after = signed.partition(f"{field}=")
            signed = f"{before}{field}={value}&{after.partition('&')[2]}".rstrip("&")
        else:
            signed = spliced(signed)
        return sent._replace(headers={**sent.headers, "authorization": signed})

    return changed


@effort(600)
@given(requests_, st.lists(changes(), min_size=1, max_size=2))
def test_a_changed_request_is_taken_only_if_it_is_still_what_was_signed(request: Request, changed: list[Any]) -> None:
    sent = request.sent()
    for change in changed:
        sent = change(sent)
    ascii_only = "".join(sent.headers.values()).isascii()
    # Gateways that take UTF-8 for ISO 8859-1 are a matter of their own, below.
    assert taken(sent) == plainly_taken(sent) or not ascii_only, sent


@effort(100)
@given(requests_, texts)
def test_letters_that_a_gateway_read_otherwise_are_still_those_that_were_signed(request: Request, text: str) -> None:
    sent = request._replace(headers={"x-cos-a": f"a{text}é"}).sent()
    misread = f"a{text}é".encode().decode("latin-1")
    assert taken(sent._replace(headers={**sent.headers, "x-cos-a": misread}))
    assert not taken(sent._replace(headers={**sent.headers, "x-cos-a": f"{misread}x"}))


@effort(100)
@given(requests_, requests_)
def test_what_is_said_of_a_mismatch_is_no_signature(request: Request, other: Request) -> None:
    """It says what the server signed; whoever reads it must not be able to send it as a signed request."""
    signed = request.sent()
    sent = other.sent()._replace(headers={**other.sent().headers, "authorization": signed.headers["authorization"]})
    try:
        qsign.check(sent, qsign.read(sent), KEY.secret)
    except SignatureMismatch as refused:
        told = f"{refused} {refused.format_string} {refused.string_to_sign}"
        times = qsign.read(sent)
        right = signature(times.key_time, times.sign_time, refused.format_string)
        assert right not in told
        assert KEY.secret not in told


@effort(300)
@given(
    st.one_of(
        anything,
        values,
        st.lists(st.tuples(st.sampled_from(FIELDS), values)).map(
            lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
        ),
    ),
    st.booleans(),
)
def test_anything_in_place_of_a_signature_is_refused(text: str, in_query: bool) -> None:
    text = text.encode(errors="replace").decode()
    sent = Sent("GET", ["/"], text if in_query else "", {} if in_query else {"authorization": text}, b"")
    # Whatever else is raised would be a 5xx.
    assert not taken(sent)
    with suppress(Unauthenticated):
        qsign.check_time(qsign.read(sent), 0)


@pytest.mark.parametrize("field", FIELDS)
def test_awkward_values_in_each_field(field: str) -> None:
    sent = Request("GET", "/a", {"size": "1"}, {}).sent()
    before, _, after = sent.headers["authorization"].partition(f"{field}=")
    for value in (each.encode(errors="replace").decode() for each in AWKWARD):
        changed = f"{before}{field}={value}&{after.partition('&')[2]}".rstrip("&")
        given = sent._replace(headers={**sent.headers, "authorization": changed})
        # A SecretId is looked up, not signed; which headers and parameters are, the signer chooses.
        assert taken(given) == plainly_taken(given), value


# ---- The vendor's client ----


@effort(100)
@given(
    st.sampled_from(["GET", "PUT", "POST"]),
    st.dictionaries(st.sampled_from(["size", "nextToken", "states", "orderByTime"]), texts, max_size=3),
    st.dictionaries(st.sampled_from(["x-cos-a", "Content-Type", "x-ci-b"]), header_values, max_size=3),
)
def test_what_the_vendors_client_signs_is_taken(
    method: str, parameters: dict[str, str], headers: dict[str, str]
) -> None:
    config = CosConfig(Region="ap-beijing", SecretId=KEY.id, SecretKey=KEY.secret, Scheme="http")
    auth = CosS3Auth(config, "/inventorytriggerjob", parameters)
    made = requests.Request(
        method,
        f"http://{HOST}/inventorytriggerjob",
        params=parameters,
        headers={"Host": HOST, **headers},
        auth=auth,
    ).prepare()
    url = urlsplit(str(made.url))
    sent_headers = {name.lower(): str(value) for name, value in made.headers.items()}
    sent = Sent(method, [unquote(url.path)], url.query, sent_headers, b"")
    assert dict(parse_qsl(url.query, keep_blank_values=True)) == parameters
    assert taken(sent)
    assert not taken(sent._replace(method="DELETE"))
