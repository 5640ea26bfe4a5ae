"""The q-sign signature (HMAC-SHA1) of Tencent Cloud: read, checked against a request, and explained where it differs.

A request is signed over its method, decoded path, and just those headers and parameters that the signature lists. What
clients make of the parts is not always the same, so each part has forms, any of which is taken::

    path        as it is, or without what stands before the API's own path (a stage, a base path)
    parameters  ``+`` for a space, ``+`` for itself, without outer spaces (Java), as encoded on the wire (PHP)
    host        with the port (Node, Go), without it and in small letters (Python)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from jobyard.errors import Unauthenticated

SKEW_SECONDS = 900
"""How far before a signature's start it is taken already: clients' clocks run ahead."""

NAMES_MOST = 100
"""Headers or parameters that one signature may list."""

MISTAKES_MOST = 500
"""That are tried to explain one signature: what it takes is bounded, whatever is listed."""

_FIELDS = ("q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "q-signature")
_TIME = re.compile(r"([0-9]{1,12});([0-9]{1,12})\Z")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{40}\Z")


class MissingSignature(Unauthenticated):
    """The request bears no signature at all."""


class MalformedSignature(Unauthenticated):
    """It bears something that is no signature."""


class SignatureMismatch(Unauthenticated):
    """``format_string`` and ``string_to_sign`` are what the server signed; neither has anything of the secret."""

    def __init__(self, message: str, format_string: str = "", string_to_sign: str = "") -> None:
        super().__init__(message)
        self.format_string = format_string
        self.string_to_sign = string_to_sign


class SignatureExpired(Unauthenticated):
    """``server_time`` in seconds since the epoch."""

    def __init__(self, message: str, server_time: int) -> None:
        super().__init__(message)
        self.server_time = server_time


class Sent(NamedTuple):
    """A request as it arrived: ``paths`` decoded, all that stand for the same place; ``headers`` by small names."""

    method: str
    paths: Sequence[str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes


class Signature(NamedTuple):
    """Times are ``start;end`` in seconds, as they were given. Names are encoded, in small letters."""

    secret_id: str
    sign_time: str
    key_time: str
    headers: tuple[str, ...]
    parameters: tuple[str, ...]
    value: str


def read(sent: Sent) -> Signature:
    """The signature of the ``Authorization`` header, or of the query.

    Raises ``MissingSignature`` and ``MalformedSignature``.
    """
    header = sent.headers.get("authorization", "").strip()
    pairs = [each.partition("=") for each in (header or sent.raw_query).split("&")]
    given = {name.strip(): value if header else unquote(value) for name, _, value in pairs}
    if not header and "q-signature" not in given and "q-sign-algorithm" not in given:
        raise MissingSignature(
            "The request is not signed: it has no Authorization header and no q-signature parameter."
        )
    if missing := [name for name in _FIELDS if name not in given]:
        raise MalformedSignature(f"The signature lacks {', '.join(missing)}. Its form: {'=…&'.join(_FIELDS)}=….")
    if given["q-sign-algorithm"] != "sha1":
        raise MalformedSignature("q-sign-algorithm must be sha1.")
    for name in ("q-sign-time", "q-key-time"):
        times = _TIME.match(given[name])
        if not times or int(times[1]) > int(times[2]):
            raise MalformedSignature(f"{name} must be <start>;<end>, in seconds since the epoch.")
    if not _SIGNATURE.match(given["q-signature"]):
        raise MalformedSignature("q-signature must be 40 hexadecimal digits.")
    return Signature(
        given["q-ak"],
        given["q-sign-time"],
        given["q-key-time"],
        _names(given, "q-header-list"),
        _names(given, "q-url-param-list"),
        given["q-signature"].lower(),
    )


def check_time(signature: Signature, now_s: int) -> None:
    """Raises ``SignatureExpired`` outside of the times that the signature gives itself."""
    for name, times in (("q-sign-time", signature.sign_time), ("q-key-time", signature.key_time)):
        start, end = map(int, times.split(";"))
        if now_s > end:
            raise SignatureExpired(f"Request has expired: {name} ended at {end}, and it is {now_s}.", now_s)
        if now_s < start - SKEW_SECONDS:
            why = f"{name} starts at {start}, and it is {now_s}: is the client's clock ahead?"
            raise SignatureExpired(f"The signature is not valid yet: {why}", now_s)


def check(sent: Sent, signature: Signature, secret_key: str) -> None:
    """Raises ``SignatureMismatch``, which says what was signed differently, unless the secret's holder signed this."""
    parameters = _parameter_forms(signature.parameters, sent.raw_query)
    headers = _header_forms(signature.headers, sent)
    for path, *rest in product(sent.paths, parameters, headers):
        if _matches(signature, secret_key, format_string(sent.method, path, *rest)):
            return
    ours = format_string(sent.method, sent.paths[-1], parameters[0], headers[0])
    mistakes = (each for forms in product(parameters, headers) for each in _mistakes(sent, signature, *forms))
    tried = islice(mistakes, MISTAKES_MOST)
    found = next((why for why, text in tried if _matches(signature, secret_key, text)), None)
    found = found or "no usual mistake explains it; is the SecretKey that of this q-ak?"
    signed = f"the server signed {ours!r} (FormatString)"
    raise SignatureMismatch(
        f"The signature does not match: {found} Of this request {signed}.",
        ours,
        string_to_sign(signature.sign_time, ours),
    )


def format_string(method: str, path: str, parameters: str, headers: str) -> str:
    """What clients call HttpString or FormatString."""
    return f"{method.lower()}\n{path}\n{parameters}\n{headers}\n"


def string_to_sign(sign_time: str, http_string: str) -> str:
    return f"sha1\n{sign_time}\n{hashlib.sha1(http_string.encode()).hexdigest()}\n"  # noqa: S324


def sign(secret_key: str, key_time: str, text: str) -> str:
    """The signature of ``text``: 40 hexadecimal digits."""
    return _hmac(_hmac(secret_key, key_time), text)


def encoded(text: str | bytes) -> str:
    """Percent-encoded as RFC 3986 has it: all but letters, digits and ``-_.~``."""
    return quote(text, safe="")


def _matches(signature: Signature, secret_key: str, http_string: str) -> bool:
    ours = sign(secret_key, signature.key_time, string_to_sign(signature.sign_time, http_string))
    return hmac.compare_digest(ours, signature.value)


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()


def _names(given: Mapping[str, str], field: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in given[field].split(";") if name.strip())
    if len(names) > NAMES_MOST:
        raise MalformedSignature(f"{field} may have {NAMES_MOST} names at the most.")
    return names


def _joined(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _pick(names: Sequence[str], sent: Mapping[str, Sequence[str]], field: str) -> list[tuple[str, str]]:
    """The listed pairs: a name that is listed n times stands for n values."""
    picked = []
    for name, times in Counter(names).items():
        values = sent.get(name, ())
        if len(values) < times:
            what = "header" if field == "q-header-list" else "parameter"
            raise SignatureMismatch(f"{field} names {name!r}, and the request as it arrived has no such {what}.")
        picked += [(name, value) for value in values[:times]]
    return picked


def _parameter_forms(names: Sequence[str], raw_query: str) -> list[str]:
    forms: list[str] = []
    missing: SignatureMismatch | None = None
    for plus, trimmed, as_sent in ((" ", False, False), ("+", False, False), (" ", True, False), ("+", False, True)):
        sent: dict[str, list[str]] = {}
        for pair in raw_query.split("&"):
            name, _, value = pair.partition("=")
            plain = unquote_to_bytes(value.replace("+", plus))
            signed = value if as_sent else encoded(plain.strip() if trimmed else plain)
            sent.setdefault(encoded(unquote_to_bytes(name.replace("+", plus))).lower(), []).append(signed)
        try:
            forms.append(_joined(_pick(names, sent, "q-url-param-list")))
        except SignatureMismatch as mismatch:
            # A name with a plus in it is there in one form and not in the other.
            missing = missing or mismatch
    if missing and not forms:
        raise missing
    return list(dict.fromkeys(forms))


def _header_forms(names: Sequence[str], sent: Sent) -> list[str]:
    picked = _pick(names, _header_values(names, sent), "q-header-list")
    host = sent.headers.get("host", "")
    hosts = dict.fromkeys((host, host.lower(), host.lower().rpartition(":")[0] or host)) if "host" in names else [""]
    forms = [_joined([(name, encoded(each) if name == "host" else value) for name, value in picked]) for each in hosts]
    # A gateway may hand on the bytes of UTF-8 as so many letters of ISO 8859-1.
    values = "".join(sent.headers.get(unquote(name), "") for name in names)
    if not values.isascii() and all(letter <= "\xff" for letter in values):
        again = {name: value.encode("latin-1").decode("utf-8", "replace") for name, value in _latin(sent.headers)}
        forms += _header_forms(names, sent._replace(headers={**sent.headers, **again}))
    return forms


def _latin(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in headers.items() if all(letter <= "\xff" for letter in value))


def _header_values(names: Sequence[str], sent: Sent) -> dict[str, list[str]]:
    # Gateways drop the length of an empty body, which clients sign.
    headers = {"content-length": str(len(sent.body)), **sent.headers}
    values = {}
    for name, times in Counter(names).items():
        value = headers.get(unquote(name).lower())
        if value is None:
            continue
        # The gateway joins repeated headers by commas; clients that sign each of them list the name as often.
        parts = sorted(part.strip() for part in value.split(",")) if times > 1 else [value.strip()]
        values[name] = [encoded(part) for part in parts]
    return values


def _mistakes(sent: Sent, signature: Signature, parameters: str, headers: str) -> Iterator[tuple[str, str]]:
    """What clients do wrong, each with what they then sign."""
    path = sent.paths[-1]

    def text(method: str = sent.method, path: str = path, params: str = parameters, heads: str = headers) -> str:
        return format_string(method, path, params, heads)

    for what, listed, whole in (
        ("header", signature.headers, headers),
        ("parameter", signature.parameters, parameters),
    ):
        pairs = [pair.partition("=")[::2] for pair in whole.split("&") if pair]
        for name in listed:
            for how, changed in (
                ("is listed, but was not signed", [pair for pair in pairs if pair[0] != name]),
                ("was signed with an empty value", [(key, "" if key == name else value) for key, value in pairs]),
                ("was signed without encoding", [(k, unquote(v) if k == name else v) for k, v in pairs]),
                ("was signed encoded twice", [(k, encoded(v) if k == name else v) for k, v in pairs]),
            ):
                joined = _joined(changed)
                yield f"{what} {name!r} {how}.", text(heads=joined) if what == "header" else text(params=joined)
    for other in ("x-forwarded-host", "x-original-host"):
        if other in sent.headers:
            pairs = [pair.partition("=")[::2] for pair in headers.split("&") if pair]
            changed = [(key, encoded(sent.headers[other]) if key == "host" else value) for key, value in pairs]
            yield (
                f"header 'host' was signed as {sent.headers[other]!r}, and arrived otherwise.",
                text(heads=_joined(changed)),
            )
    names = [pair.partition("=")[0].replace("+", " ") for pair in sent.raw_query.split("&") if pair]
    every = [encoded(unquote_to_bytes(name)).lower() for name in names]
    yield (
        "parameters were signed that q-url-param-list does not name.",
        text(params=_parameter_forms(every, sent.raw_query)[0]),
    )
    yield "parameters and headers are listed, but were not signed.", text(params="", heads="")
    for other in (quote(path), encoded(path), path.lstrip("/"), f"{path}/", f"{path}?{sent.raw_query}", "/"):
        yield f"the path was signed as {other!r}.", text(path=other)
    for other in ("get", "put", "post", "delete", "head"):
        yield f"the method was signed as {other!r}.", text(method=other)
    yield "the method was signed in capital letters.", text().replace(sent.method.lower(), sent.method.upper(), 1)
