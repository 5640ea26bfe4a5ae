"""Starts and seeds what the sample events need, writes env.json, and waits for Ctrl-C. events/README.md tells more."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from local.errors import LocalError
from local.template import ROOT
from tests.sam.stand import standing, write_environment


def main() -> None:
    # Also where a shell started this in the background, and ignores Ctrl-C for it.
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="jobyard-events-") as folder:
        try:
            with standing(Path(folder)) as stand:
                stand.seed()
                write_environment(stand.environment, ROOT / "env.json")
                sys.stdout.write("env.json is written, and the endpoints in it answer until Ctrl-C.\n")
                sys.stdout.flush()
                with suppress(KeyboardInterrupt):
                    signal.pause()
        except LocalError as error:
            sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
