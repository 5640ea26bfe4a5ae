from __future__ import annotations


class Cancelled(BaseException):
    """The job is not running any more: it was cancelled, timed out, or has ended otherwise.

    Raised by ``progress``, ``attach`` and ``heartbeat``. It is no ``Exception``, so that an author's
    ``except Exception`` does not keep a cancelled job going; let it pass, and clean up in ``finally``.
    """


class Failed(Exception):
    """Raise it to fail the job for a reason that its user can understand; the text is shown as it is."""
