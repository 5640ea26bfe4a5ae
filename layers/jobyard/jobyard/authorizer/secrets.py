"""Secrets that this service gives out: random, opaque, and kept as their hash only.

They have 256 random bits, so a plain SHA-256 is as good as a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from hmac import compare_digest

from jobyard.model.ids import alphanumeric


def new_secret() -> str:
    # No dot can be in it: that tells it from a JWT.
    return secrets.token_urlsafe(32)


def new_key() -> str:
    """Digits and letters only, as the vendor's API keys are."""
    return alphanumeric(43)


def hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def matches(secret: str, secret_hash: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return compare_digest(hash_of(secret), secret_hash)
