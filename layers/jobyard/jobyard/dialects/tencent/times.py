"""Times: shown as of Beijing, to the second; taken in any usual form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))
UNSET = "-"

# A plus that came unencoded in a query has become a space. ASCII only: \d would take other scripts' digits too.
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|([+ -])([0-9]{2}):?([0-9]{2}))?\Z"
)


def shown(at_ms: int | None) -> str:
    if at_ms is None:
        return UNSET
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M:%S%z")


def read(given: str) -> int | None:
    """Milliseconds since the epoch; None for what is no time. Without an offset it is of Beijing."""
    found = TIME.match(given.strip())
    if not found:
        return None
    day, clock, sign, hours, minutes = found.groups()
    try:
        if sign:
            ahead = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-ahead if sign == "-" else ahead)
        else:
            zone = UTC if given.strip()[-1] in "Zz" else BEIJING
        return int(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
