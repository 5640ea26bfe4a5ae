"""What type a cell's text is of.

Numbers are those of JSON and of most programs: a point, no thousands separators. A leading zero makes a text (a
postcode, an account), as does more than 38 digits. Dates and times are those of ISO 8601, the month never guessed.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import NamedTuple

INTEGER, DECIMAL, BOOLEAN, DATE, DATETIME = "integer", "decimal", "boolean", "date", "datetime"
STRING, EMPTY = "string", "empty"

_MAX_LENGTH = 100
_CELL = re.compile(
    r"(?P<integer>[+-]?(?:0|[1-9][0-9]{0,37}))"
    r"|(?P<decimal>[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
    r"|(?P<boolean>[Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO)"
    r"|(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"|(?P<datetime>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
_LONG_INTEGER = re.compile(r"[+-]?[0-9]{39,}")


class Cell(NamedTuple):
    """``value`` compares with others of its kind: a number, or a time (UTC where no offset is given)."""

    kind: str
    value: int | float | datetime | None


_TEXT = Cell(STRING, None)


def classify(text: str) -> Cell:
    """Of ``text`` without the blanks around it."""
    if len(text) > _MAX_LENGTH:
        return _TEXT
    match = _CELL.fullmatch(text)
    if match is None:
        return _TEXT
    kind = match.lastgroup
    if kind == INTEGER:
        return Cell(INTEGER, int(text))
    if kind == DECIMAL:
        number = float(text)
        return Cell(DECIMAL, number) if math.isfinite(number) and not _LONG_INTEGER.fullmatch(text) else _TEXT
    if kind == BOOLEAN:
        return Cell(BOOLEAN, None)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return _TEXT
    return Cell(kind or STRING, time if time.tzinfo else time.replace(tzinfo=UTC))


def combined(kinds: set[str]) -> str:
    """The narrowest type that holds cells of all ``kinds``."""
    if not kinds:
        return EMPTY
    if len(kinds) == 1:
        (kind,) = kinds
        return kind
    if kinds == {INTEGER, DECIMAL}:
        return DECIMAL
    if kinds == {DATE, DATETIME}:
        return DATETIME
    return STRING
