"""Access tokens for clients (RFC 6749, section 4.4)."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from jobyard.authorizer.secrets import hash_of, matches, new_secret, new_token
from jobyard.errors import Unauthenticated
from jobyard.store import credentials

_NO_ONES_HASH = hash_of("")


class Token(NamedTuple):
    """``lifetime`` in seconds."""

    value: str
    lifetime: int


def issue(client_id: str, client_secret: str) -> Token:
    """A new token for the client. Raises ``Unauthenticated`` if id and secret are not those of a valid client."""
    found = credentials.get_client(client_id) if client_id else None
    # Compared for an unknown client too, so that the time does not tell which ids exist.
    right = matches(client_secret, found.secret_hash if found else _NO_ONES_HASH)
    if found is None or not right or found.revoked_at is not None:
        raise Unauthenticated("Unknown client, or a wrong secret.")
    lifetime = int(os.environ["TOKEN_LIFETIME_SECONDS"])
    token = new_token(found.tenant, found.user_id) if found.of_user else new_secret()
    if not credentials.issue(hash_of(token), found, int(time.time()) + lifetime):
        raise Unauthenticated("The client is revoked, or its user is not let in.")
    return Token(token, lifetime)
