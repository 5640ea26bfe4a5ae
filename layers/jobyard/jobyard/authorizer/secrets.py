"""Secrets that this service gives out: random, opaque, and kept as their hash only.

They have 256 random bits, so a plain SHA-256 is as good as a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from hmac import compare_digest

from jobyard.model.ids import alphanumeric

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}~(?P<tenant>[a-z0-9][a-z0-9-]{0,62})~(?P<user>[0-9a-f]{24})\Z")


def new_secret() -> str:
    # No dot can be in it: that tells it from a JWT.
    return secrets.token_urlsafe(32)


def new_token(tenant: str, user_id: str) -> str:
    """A secret that says whose it is, so that who is asked can read the token and its user together.

    The hash is over the whole: another user's name behind the secret makes another token, which is unknown.
    """
    return f"{new_secret()}~{tenant}~{user_id}"


def user_of(token: str) -> tuple[str, str] | None:
    """The tenant and the id that a token of ``new_token`` says, before it is known whether it is one."""
    named = _TOKEN.match(token)
    return (named["tenant"], named["user"]) if named else None


def new_key() -> str:
    """Digits and letters only, as the vendor's API keys are."""
    return alphanumeric(43)


def hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def matches(secret: str, secret_hash: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return compare_digest(hash_of(secret), secret_hash)
