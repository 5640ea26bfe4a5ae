"""Where a request came from, as the record of what it changed tells it."""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """Where a request came from: the address that the gateway saw, and what the client calls itself."""

    ip: str = ""
    user_agent: str = ""


NOWHERE = Source()
"""Of what no client asked over HTTP."""
