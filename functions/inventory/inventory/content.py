"""What is told of one object."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from jobyard.runner import Object

_ATTEMPTS = 3


def describe(object: Object) -> dict[str, Any]:
    """A connection that breaks while the content is read is worth beginning anew."""
    for attempt in range(_ATTEMPTS - 1):
        try:
            return _read(object)
        except BotoCoreError:
            time.sleep(0.5 * 2**attempt)
    return _read(object)


def _read(object: Object) -> dict[str, Any]:
    """``lines`` is None of what has a zero byte, and so is no text."""
    answer, pieces = object.open()
    digest, size, lines, text, last = hashlib.sha256(), 0, 0, True, b""
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        text = text and b"\0" not in piece
        lines += piece.count(b"\n") if text else 0
        last = piece[-1:]
    lines += last not in (b"", b"\n")
    changed = answer["LastModified"].astimezone(UTC)
    return {
        "size": size,
        "type": answer.get("ContentType") or "",
        "sha256": digest.hexdigest(),
        "lines": lines if text else None,
        "lastModified": f"{changed:%Y-%m-%dT%H:%M:%SZ}",
    }
