"""What shows through of the language that the original is written in: how it reads numbers, and how it writes JSON."""

from __future__ import annotations

import json
import re
from typing import Any

INT64_MOST = 2**63 - 1

# ASCII digits only, no space and no underscore: int() takes more.
_NUMBER = re.compile(r"([+-]?)([0-9]+)\Z")
_SHORT = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    '"': r"\"",
    "\\": r"\\",
}
_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


class NotANumber(ValueError):
    """``str()`` is the text of Go's error."""


def atoi(text: str) -> int:
    """``strconv.Atoi`` of a machine of 64 bits. Raises ``NotANumber``."""
    parts = _NUMBER.match(text)
    if parts is None:
        raise NotANumber(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    sign, digits = parts[1], parts[2].lstrip("0") or "0"
    # Counted before they are read: Python refuses thousands of digits by an error of its own.
    if len(digits) > len(str(INT64_MOST)) or not -INT64_MOST - 1 <= int(sign + digits) <= INT64_MOST:
        raise NotANumber(f"strconv.Atoi: parsing {quote(text)}: value out of range")
    return int(sign + digits)


def quote(text: str) -> str:
    """``strconv.Quote``: in double quotes, what cannot be seen escaped."""
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_json(content: Any) -> str:
    """``json.Marshal``: what HTML gives a meaning to, and the line ends of JavaScript, are escaped in texts."""
    # These characters stand within texts only, so it is right to look for them in the whole.
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)
