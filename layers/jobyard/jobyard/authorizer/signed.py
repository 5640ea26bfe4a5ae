"""The caller that a q-sign signature proves: its secret found by SecretId, opened by KMS, and remembered a while."""

from __future__ import annotations

import re
import time
from typing import NamedTuple
from urllib.parse import unquote

from jobyard.authorizer import qsign
from jobyard.authorizer.access import Caller, Role
from jobyard.authorizer.bearer import CACHED_SECONDS
from jobyard.authorizer.qsign import Sent, SignatureExpired, SignatureMismatch
from jobyard.authorizer.sealing import unseal
from jobyard.authorizer.secrets import matches
from jobyard.errors import Unauthenticated
from jobyard.model import Person
from jobyard.store import secrets
from jobyard.store.secrets import Secret

TOKEN_HEADERS = ("x-ci-security-token", "x-cos-security-token")
"""A temporary secret's token: the name in the documentation and that of the Java and Go clients. Either is taken."""

_CACHE_SIZE = 1000
_SECRET_ID = re.compile(r"AKID[0-9A-Za-z]{32}\Z")


class UnknownSecret(Unauthenticated):
    """No secret of that id, or it was revoked."""


class Proven(NamedTuple):
    """``bucket`` is the secret's own, for requests whose Host names none; it may be empty."""

    caller: Caller
    bucket: str


class _Remembered(NamedTuple):
    secret: Secret
    key: str
    until: float


_cache: dict[str, _Remembered] = {}


def authenticate(sent: Sent) -> Proven:
    """Raises one of ``Unauthenticated``'s kinds: here or of ``qsign``; each says what is wrong."""
    signature = qsign.read(sent)
    qsign.check_time(signature, int(time.time()))
    secret, key = _secret(signature.secret_id)
    qsign.check(sent, signature, key)
    if secret.expires_at is not None and secret.expires_at <= time.time():
        raise SignatureExpired(f"The temporary key expired at {secret.expires_at}.", int(time.time()))
    if secret.token_hash is not None and not matches(_token(sent), secret.token_hash):
        raise SignatureMismatch(f"The key is temporary, and its token is not in a header {' or '.join(TOKEN_HEADERS)}.")
    return Proven(Caller(secret.tenant, Person(secret.id, secret.name), Role.CURATOR, secret.id), secret.bucket)


def forget() -> None:
    """Drop what is remembered."""
    _cache.clear()


def _secret(id: str) -> tuple[Secret, str]:
    now = time.time()
    remembered = _cache.get(id)
    if remembered is None or remembered.until <= now:
        found = secrets.find(id) if _SECRET_ID.match(id) else None
        if found is None:
            # Unknown ones are not remembered: a new secret is good at once.
            _cache.pop(id, None)
            raise UnknownSecret(f"There is no SecretId {id[:64]!r} (q-ak).")
        remembered = _Remembered(found, unseal(found.sealed, found.id, found.tenant), now + CACHED_SECONDS)
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[id] = remembered
    return remembered.secret, remembered.key


def _token(sent: Sent) -> str:
    """As a header, or in a presigned link as a parameter of the same name."""
    parameters = dict(pair.partition("=")[::2] for pair in sent.raw_query.split("&"))
    for name in TOKEN_HEADERS:
        if given := sent.headers.get(name) or unquote(parameters.get(name, "")):
            return given
    return ""
