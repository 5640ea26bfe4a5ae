"""JWTs of an issuer whose keys are served on the loopback interface."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import jwks_client
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from jobyard.authorizer import Caller, Role, authenticate, oidc
from jobyard.errors import Unauthenticated
from jobyard.model import Person

AUDIENCE = "https://jobyard.example"


@cache
def rsa_key(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwks() -> dict[str, Any]:
    keys = {
        "rsa": RSAAlgorithm.to_jwk(rsa_key("issuer").public_key(), as_dict=True),
        "ec": ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True),
        "ed": OKPAlgorithm.to_jwk(ed_key().public_key(), as_dict=True),
    }
    return {"keys": [{"kid": kid, "use": "sig"} | key for kid, key in keys.items()]}


class Issuer:
    """What it answers at each path, and which it was asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.pages: dict[str, bytes] = {}
        self.publish("/.well-known/openid-configuration", {"issuer": url, "jwks_uri": f"{url}/keys"})
        self.publish("/keys", jwks())

    def publish(self, path: str, content: Any) -> None:
        self.pages[path] = content if isinstance(content, bytes) else json.dumps(content).encode()


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            page = told.pages.get(self.path)
            if page == b"":
                return  # the connection ends without an answer
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("OIDC_ISSUER", told.url)
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    oidc._keys.cache_clear()
    yield told
    oidc._keys.cache_clear()
    server.shutdown()
    server.server_close()
    thread.join()


def claims(issuer: Issuer, **changed: Any) -> dict[str, Any]:
    """Good ones; a claim that is given as None is left out."""
    now = int(time.time())
    good = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "name": "Ada Lovelace",
        "iat": now,
        "exp": now + 300,
        "jobyard_tenant": "acme",
        "jobyard_role": "Member",
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(claims: dict[str, Any], key: Any = None, algorithm: str = "RS256", **headers: Any) -> str:
    return jwt.encode(claims, key or rsa_key("issuer"), algorithm, {"kid": "rsa"} | headers)


def by_hand(header: dict[str, Any], payload: Any, sign: Any = lambda text: b"") -> str:
    """A token that no library would make."""

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).decode().rstrip("=")

    text = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(payload).encode())}"
    return f"{text}.{encoded(sign(text.encode()))}"


def assert_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {token}")


def test_the_claims_say_who_where_and_as_what(issuer: Issuer) -> None:
    assert authenticate(f"bearer {signed(claims(issuer, azp='cli'))}") == Caller(
        "acme", Person("auth0|5f7c8ec7c33c6c004bbafe82", "Ada Lovelace"), Role.MEMBER, "cli"
    )


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256"])
def test_rsa_signatures_by_the_algorithm_that_the_key_is_published_for(issuer: Issuer, algorithm: str) -> None:
    (key,) = (key for key in jwks()["keys"] if key["kid"] == "rsa")
    issuer.publish("/keys", {"keys": [key | {"alg": algorithm}]})
    assert authenticate(f"Bearer {signed(claims(issuer), algorithm=algorithm)}").tenant == "acme"
    assert_refused(signed(claims(issuer), algorithm="PS512"))


def test_elliptic_signatures(issuer: Issuer) -> None:
    assert authenticate(f"Bearer {signed(claims(issuer), ec_key(), 'ES256', kid='ec')}").tenant == "acme"
    assert authenticate(f"Bearer {signed(claims(issuer), ed_key(), 'EdDSA', kid='ed')}").tenant == "acme"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EVALUATED])
def test_every_role_by_its_exact_name(issuer: Issuer, role: Role) -> None:
    assert authenticate(f"Bearer {signed(claims(issuer, jobyard_role=role.value))}").role is role


def test_a_role_that_is_evaluated_is_the_default_one(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_ROLE", "Member")
    assert authenticate(f"Bearer {signed(claims(issuer, jobyard_role='Evaluated'))}").role is Role.MEMBER


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": 1_700_000_000},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"iss": None},
        {"iss": "https://elsewhere.example"},
        {"iss": ["a"]},
        {"aud": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": AUDIENCE + "/"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["a"]},
        {"sub": "x" * 257},
        {"sub": "a\nb"},
        {"sub": "a\x00"},
        {"sub": "\ud800"},
        {"jobyard_tenant": None},
        {"jobyard_tenant": ""},
        {"jobyard_tenant": 1},
        {"jobyard_tenant": ["acme"]},
        {"jobyard_tenant": "ACME"},
        {"jobyard_tenant": "acme#x"},
        {"jobyard_tenant": "acme/x"},
        {"jobyard_tenant": "acme\n"},
        {"jobyard_tenant": ".."},
        {"jobyard_tenant": "a" * 64},
        {"jobyard_tenant": "\ud800"},
        {"jobyard_role": None},
        {"jobyard_role": ""},
        {"jobyard_role": "curator"},
        {"jobyard_role": "Administrator"},
        {"jobyard_role": "Evaluated"},
        {"jobyard_role": ["Curator"]},
        {"jobyard_role": {"Curator": True}},
    ],
    ids=ascii,
)
def test_claims_that_are_missing_wrong_or_over(issuer: Issuer, changed: dict[str, Any]) -> None:
    # PyJWT would not sign some of these.
    token = by_hand(
        {"alg": "RS256", "kid": "rsa"},
        claims(issuer, **changed),
        lambda text: RSAAlgorithm(RSAAlgorithm.SHA256).sign(text, rsa_key("issuer")),
    )
    assert_refused(token)


def test_hand_made_tokens_differ_from_good_ones_by_what_is_wrong_only(issuer: Issuer) -> None:
    sign = RSAAlgorithm(RSAAlgorithm.SHA256).sign
    token = by_hand({"alg": "RS256", "kid": "rsa"}, claims(issuer), lambda text: sign(text, rsa_key("issuer")))
    assert authenticate(f"Bearer {token}").tenant == "acme"


def test_a_clock_may_be_half_a_minute_off(issuer: Issuer) -> None:
    now = int(time.time())
    assert authenticate(f"Bearer {signed(claims(issuer, exp=now - 20))}").tenant == "acme"
    assert authenticate(f"Bearer {signed(claims(issuer, nbf=now + 20))}").tenant == "acme"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}])
@pytest.mark.parametrize("headers", [{}, {"kid": "rsa"}], ids=str)
def test_without_a_signature(issuer: Issuer, algorithm: Any, headers: dict[str, str]) -> None:
    assert_refused(by_hand({"alg": algorithm} | headers, claims(issuer)))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_signed_with_the_public_key_as_if_it_were_a_secret(issuer: Issuer, algorithm: str) -> None:
    public = rsa_key("issuer").public_key()
    published = json.dumps(jwks()["keys"][0]).encode()
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        published,
    ]
    for secret in forms:
        sign = hmac.new(secret, digestmod=algorithm.replace("HS", "SHA"))
        assert sign.digest_size * 8 == int(algorithm[2:])
        assert_refused(
            by_hand(
                {"alg": algorithm, "kid": "rsa"},
                claims(issuer),
                lambda text, s=secret: hmac.digest(s, text, algorithm.replace("HS", "SHA")),
            )
        )


def test_signed_by_another_key_of_the_same_name(issuer: Issuer) -> None:
    assert_refused(signed(claims(issuer), rsa_key("forger")))


def test_signed_by_a_key_that_the_token_brings_along(issuer: Issuer) -> None:
    own = RSAAlgorithm.to_jwk(rsa_key("forger").public_key(), as_dict=True)
    issuer.publish("/forged", {"keys": [{"kid": "forged"} | own]})
    for kid in ("rsa", "forged"):
        assert_refused(signed(claims(issuer), rsa_key("forger"), jwk=own, jku=f"{issuer.url}/forged", kid=kid))
    assert "/forged" not in issuer.asked


@pytest.mark.parametrize("kid", ["unknown", "", "../rsa", "x" * 4000, None, 1, [], {}], ids=lambda kid: f"{kid}"[:10])
def test_a_key_that_is_not_published(issuer: Issuer, kid: Any) -> None:
    assert_refused(by_hand({"alg": "RS256", "kid": kid}, claims(issuer), lambda text: b"x" * 256))


def test_a_changed_token(issuer: Issuer) -> None:
    head, payload, signature = signed(claims(issuer)).split(".")
    curator = by_hand({}, claims(issuer, jobyard_role="Curator")).split(".")[1]
    for token in (
        f"{head}.{curator}.{signature}",
        f"{head}.{payload}.{signature[:-8]}",
        f"{head}.{payload}.",
        f".{payload}.{signature}",
        f"{head}..{signature}",
        f"{head}.{payload}.{sha256(payload.encode()).hexdigest()}",
    ):
        assert_refused(token)


@pytest.mark.parametrize("payload", [[], "text", 1, None, {}, [["a"]]])
def test_a_payload_that_has_no_claims(issuer: Issuer, payload: Any) -> None:
    sign = RSAAlgorithm(RSAAlgorithm.SHA256).sign
    assert_refused(by_hand({"alg": "RS256", "kid": "rsa"}, payload, lambda text: sign(text, rsa_key("issuer"))))


@pytest.mark.parametrize("token", ["..", "a.b.c", "e30.e30.e30", "W10.W10.W10", "bnVsbA.bnVsbA.bnVsbA", "%00.%00.%00"])
def test_what_is_no_jwt(issuer: Issuer, token: str) -> None:
    assert_refused(token)


def test_deep_nesting(issuer: Issuer) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2900).decode().rstrip("=")
    assert_refused(f"{deep}.{deep[:10]}.x")


def test_without_an_issuer_no_jwt_is_taken(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "")
    assert_refused(signed(claims(issuer)))
    assert issuer.asked == []


def test_a_name_is_made_fit_to_be_shown(issuer: Issuer) -> None:
    def name(given: Any) -> str:
        return authenticate(f"Bearer {signed(claims(issuer, name=given))}").user.name

    assert name("x" * 3000) == "x" * 256
    assert name("a\ud800b") == "a?b"
    assert name(None) == name(["x"]) == "auth0|5f7c8ec7c33c6c004bbafe82"


def test_keys_are_fetched_once(issuer: Issuer) -> None:
    for _ in range(3):
        authenticate(f"Bearer {signed(claims(issuer))}")
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def test_a_new_key_is_found_within_half_a_minute(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticate(f"Bearer {signed(claims(issuer))}")
    new = RSAAlgorithm.to_jwk(rsa_key("new").public_key(), as_dict=True)
    issuer.publish("/keys", {"keys": [{"kid": "new"} | new]})
    token = signed(claims(issuer), rsa_key("new"), kid="new")
    assert_refused(token)
    assert len(issuer.asked) == 2, "forged names of keys do not make us ask the issuer again and again"
    monkeypatch.setattr(jwks_client, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 30))
    assert authenticate(f"Bearer {token}").tenant == "acme"


BROKEN = [None, b"", b"not json", b"\xff", b"[]", b"null", b"1", b"{}", b'{"keys":[]}', b'{"keys":1}', b"[" * 100_000]


@pytest.mark.parametrize("page", ["/.well-known/openid-configuration", "/keys"])
@pytest.mark.parametrize("content", BROKEN, ids=lambda content: repr(content)[:12])
def test_an_issuer_that_is_out_of_order_lets_nobody_in(issuer: Issuer, page: str, content: bytes | None) -> None:
    good = issuer.pages.pop(page)
    if content is not None:
        issuer.pages[page] = content
    assert_refused(signed(claims(issuer)))
    issuer.pages[page] = good
    assert authenticate(f"Bearer {signed(claims(issuer))}").tenant == "acme", "and recovers"


@pytest.mark.parametrize(
    "uri", [1, None, "", "file:///etc/passwd", "nonsense", "http://127.0.0.1:1/keys", "http://issuer.example/keys", {}]
)
def test_keys_at_a_place_that_cannot_be_reached(issuer: Issuer, uri: Any) -> None:
    issuer.publish("/.well-known/openid-configuration", {"jwks_uri": uri})
    assert_refused(signed(claims(issuer)))


def test_an_issuer_elsewhere_must_be_reached_by_https(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "http://issuer.example")
    assert_refused(signed(claims(issuer, iss="http://issuer.example")))


def test_an_issuer_that_does_not_listen_lets_nobody_in(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "http://127.0.0.1:1")
    assert_refused(signed(claims(issuer, iss="http://127.0.0.1:1")))
