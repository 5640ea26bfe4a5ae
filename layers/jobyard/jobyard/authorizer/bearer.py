"""``Authorization: Bearer …``: an access token or API key of ours, or a JWT of the configured OIDC issuer."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from jobyard.authorizer.access import Caller, Right, effective
from jobyard.authorizer.secrets import hash_of, user_of
from jobyard.errors import Unauthenticated
from jobyard.model import Person
from jobyard.store import credentials
from jobyard.store.credentials import Credential

CACHED_SECONDS = 30
"""How long a process remembers a credential and its user: the longest time for which a revoked one may still be taken,
and a role or right still be had that was taken away.
"""

_CACHE_SIZE = 1000
_LONGEST = 8192
_FLAGS = (Right.PRIORITISE, Right.TAG, Right.SCHEDULE)


class _Remembered(NamedTuple):
    caller: Caller
    expires_at: int | None
    until: float


_cache: dict[str, _Remembered] = {}


def authenticate(authorization: str | None) -> Caller:
    """The caller that an ``Authorization`` header proves. Raises ``Unauthenticated``, which never says why."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    # The vendor's clients echo ``token_type`` as they were given it, in whatever case.
    if scheme.lower() != "bearer":
        raise Unauthenticated("No bearer token was given.")
    return holder(token)


def holder(token: str) -> Caller:
    """The caller whose token or API key this is, to the letter. Raises ``Unauthenticated``."""
    if not token or len(token) > _LONGEST or not token.isascii():
        raise Unauthenticated("The token is none.")
    if token.count(".") == 2:
        return _of_issuer(token)
    return _of_table(token)


def forget() -> None:
    """Drop what is remembered."""
    _cache.clear()


def _of_table(token: str) -> Caller:
    key, now = hash_of(token), time.time()
    remembered = _cache.get(key)
    if remembered is None or remembered.until <= now:
        found = credentials.find(key, user_of(token))
        if found is None or not found.user_let_in:
            # Unknown ones are not remembered: a new token is good at once, and so is a user who is let in again.
            _cache.pop(key, None)
            raise Unauthenticated("The token is unknown, or its user is not let in.")
        remembered = _Remembered(_caller(found), found.expires_at, now + CACHED_SECONDS)
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[key] = remembered
    if remembered.expires_at is not None and remembered.expires_at <= now:
        raise Unauthenticated("The token is expired.")
    return remembered.caller


def _caller(found: Credential) -> Caller:
    rights = frozenset(right for right, given in zip(_FLAGS, found.flags, strict=True) if given)
    return Caller(found.tenant, Person(found.user_id, found.name), effective(found.role), found.client_id, rights)


def _of_issuer(token: str) -> Caller:
    if not os.environ.get("OIDC_ISSUER"):
        raise Unauthenticated("This service takes no JWT.")
    # Loaded only where an issuer is configured: the library and its cryptography are heavy.
    from jobyard.authorizer import oidc

    return oidc.authenticate(token)
