"""The command ``python -m openapi``.

Without an option it writes docs/openapi.json, and fails where that breaks a client of docs/openapi.promised.json.
``--check`` changes nothing, and fails also where docs/openapi.json is not what the code makes. ``--promise`` makes the
document the promised one, under the next version: at a release, and where a break is meant.
"""

from __future__ import annotations

import argparse
import sys

from openapi.breaking import breaks
from openapi.document import PLACE, PROMISED, document, read, text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m openapi", description=(__doc__ or "").partition("\n\n")[2])
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--check", action="store_true", help="change nothing, as in CI")
    either.add_argument("--promise", action="store_true", help="promise the document, whatever it breaks")
    asked = parser.parse_args(arguments)
    promised = read(PROMISED)
    version = promised["info"]["version"]
    made = document(version)
    broken = breaks(promised, made)
    for each in broken:
        print(f"breaking: {each}", file=sys.stderr)
    if asked.promise:
        if made != promised:
            made = document(next_version(version, breaking=bool(broken)))
        PROMISED.write_text(text(made))
        PLACE.write_text(text(made))
        return 0
    stale = asked.check and (not PLACE.exists() or PLACE.read_text() != text(made))
    if stale:
        print(f"{PLACE.name} is not what the code makes: run `python -m openapi`.", file=sys.stderr)
    if not asked.check:
        PLACE.write_text(text(made))
    if broken:
        print("Clients would break. If that is meant: `python -m openapi --promise`.", file=sys.stderr)
    return 1 if broken or stale else 0


def next_version(version: str, *, breaking: bool) -> str:
    """The first number changes with what breaks clients, the second with everything else."""
    first, second, _ = map(int, version.split("."))
    return f"{first + 1}.0.0" if breaking else f"{first}.{second + 1}.0"
