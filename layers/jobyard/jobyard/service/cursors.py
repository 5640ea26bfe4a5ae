"""Where a walk over a list goes on: signed, and of use to the same caller for the same list, filter and order only."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
from typing import NamedTuple

from jobyard.authorizer.access import Caller
from jobyard.errors import Invalid
from jobyard.service.filters import Filter, Window

LONGEST = 2048
_SIGNATURE_BYTES = 16


class Cursor(NamedTuple):
    """Behind the job at ``place`` in the group of ``key``; ``offset`` jobs came before the page, as it was walked."""

    key: int | str
    place: str
    offset: int

    @property
    def at(self) -> int:
        return int(self.place[:13])


def sealed(cursor: Cursor, scope: bytes) -> str:
    content = json.dumps(cursor, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_signature(content, scope) + content).decode().rstrip("=")


def opened(given: str, scope: bytes, name: str) -> Cursor:
    """Raises ``Invalid`` (of the parameter ``name``) for what ``sealed`` did not make for the same ``scope``."""
    try:
        if len(given) > LONGEST or not given.isascii():
            raise ValueError
        sent = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        signature, content = sent[:_SIGNATURE_BYTES], sent[_SIGNATURE_BYTES:]
        # A text in base64 has more than one form; only the one that was given is taken.
        canonical = base64.urlsafe_b64encode(sent).decode().rstrip("=")
        if canonical != given or not hmac.compare_digest(signature, _signature(content, scope)):
            raise ValueError
    except (ValueError, binascii.Error) as error:
        raise Invalid(name, f"{name}: use what an answer to the same request gave, unchanged.") from error
    return Cursor(*json.loads(content))


def scope(caller: Caller, listed_in: str, filter: Filter, window: Window) -> bytes:
    """For what a cursor is good: the length of a page may change on the way."""
    return repr(
        (caller.tenant, caller.user.id, listed_in, filter.asked(), window.sort.value, window.descending)
    ).encode()


def _signature(content: bytes, scope: bytes) -> bytes:
    key = os.environ["CURSOR_KEY"].encode()
    whole = hmac.digest(key, len(content).to_bytes(4, "big") + content + scope, "sha256")
    return whole[:_SIGNATURE_BYTES]
