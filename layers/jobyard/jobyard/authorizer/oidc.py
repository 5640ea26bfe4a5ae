"""JWTs of an external OpenID Connect issuer, verified by PyJWT against the issuer's published keys.

The claims: ``jobyard_tenant`` and ``jobyard_role`` say where and as what; ``sub`` is the user, ``name`` how it is
shown. The issuer decides who gets them; nothing here falls back to a tenant or a role that the token does not name.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import jwt

from jobyard.authorizer.access import USER_ID_LONGEST, Caller, Role, effective
from jobyard.errors import Unauthenticated
from jobyard.model import Person

# Signatures by a private key only. ``none`` and the HMAC family, for which the published key would be the secret, are
# refused whatever the token's header says.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
KEYS_CACHED_SECONDS = 300
LEEWAY_SECONDS = 30
# What the library raises, and what comes through it where the issuer answers something else than it should.
_BROKEN = (
    jwt.PyJWTError,
    OSError,
    HTTPException,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)
_TIMEOUT_SECONDS = 3
_NAME_LONGEST = 256
# As the operator may name one: it is part of keys, object names and log lines.
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


def authenticate(token: str) -> Caller:
    try:
        key = _keys(os.environ["OIDC_ISSUER"]).get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=os.environ["OIDC_ISSUER"],
            audience=os.environ["OIDC_AUDIENCE"],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return _caller(claims)
    except _BROKEN as error:
        raise Unauthenticated("The JWT was refused.") from error


def _caller(claims: dict[str, Any]) -> Caller:
    tenant, role, user = claims.get("jobyard_tenant"), claims.get("jobyard_role"), claims["sub"]
    if not isinstance(tenant, str) or not _TENANT.match(tenant) or not isinstance(role, str) or role not in set(Role):
        raise Unauthenticated("The JWT names no tenant or role.")
    if not 0 < len(user) <= USER_ID_LONGEST or not user.isprintable():
        raise Unauthenticated("The JWT's subject cannot be a user's id.")
    name = claims.get("name")
    # A name is only shown, so one that cannot be is made fit.
    shown = name.encode("utf-8", "replace").decode()[:_NAME_LONGEST] if isinstance(name, str) else user
    return Caller(tenant, Person(user, shown), effective(role), str(claims.get("azp", user)))


@cache
def _keys(issuer: str) -> jwt.PyJWKClient:
    """The issuer's keys, where its discovery document says they are."""
    try:
        with urllib.request.urlopen(  # noqa: S310
            _safe(f"{issuer.rstrip('/')}/.well-known/openid-configuration"), timeout=_TIMEOUT_SECONDS
        ) as answer:
            keys_url = _safe(json.load(answer)["jwks_uri"])
        return jwt.PyJWKClient(keys_url, lifespan=KEYS_CACHED_SECONDS, timeout=_TIMEOUT_SECONDS)
    except _BROKEN as error:
        raise Unauthenticated("The issuer's configuration cannot be read.") from error


def _safe(url: str) -> str:
    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in ("localhost", "127.0.0.1"):
        raise Unauthenticated("The issuer must be reached by https.")
    return url
