"""Identifiers. Random parts come from the operating system: an id must not tell what the next one is."""

from __future__ import annotations

import secrets
import string
import time

ALPHANUMERIC = string.digits + string.ascii_letters
PROJECT_KEY_LENGTH = 20


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def object_id(at_ms: int) -> str:
    """24 hexadecimal digits whose first eight are the second of ``at_ms``, as the alteryx dialect's ids are."""
    return f"{at_ms // 1000:08x}{secrets.token_hex(8)}"


def is_object_id(text: str) -> bool:
    return len(text) == 24 and all(c in "0123456789abcdef" for c in text)


def alphanumeric(length: int) -> str:
    """Random digits and ASCII letters, of either case: 5.95 bits each."""
    return "".join(secrets.choice(ALPHANUMERIC) for _ in range(length))


def new_project_key() -> str:
    return alphanumeric(PROJECT_KEY_LENGTH)


def is_project_key(text: str) -> bool:
    return len(text) == PROJECT_KEY_LENGTH and text.isascii() and text.isalnum()
