"""`python -m local`: what `make run` is."""

import signal
import sys

# Ctrl-C in the second that the imports below take is no error either. `local.run` then handles it with what it started.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: sys.exit(0))

from local.run import main  # noqa: E402

sys.exit(main())
