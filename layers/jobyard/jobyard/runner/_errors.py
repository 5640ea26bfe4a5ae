from __future__ import annotations

from typing import Any


class Cancelled(BaseException):
    """The job is not running any more: it was cancelled, timed out, or has ended otherwise.

    Raised by ``progress``, ``attach`` and ``heartbeat``. It is no ``Exception``, so that an author's
    ``except Exception`` does not keep a cancelled job going; let it pass, and clean up in ``finally``.
    """


class Again(BaseException):
    """Raised by ``job.again``: the function is called once more, with ``state``.

    No ``Exception``, for the same reason as Cancelled.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__("the function asked to be called again")
        self.state = state


class Failed(Exception):
    """Raise it to fail the job for a reason that its user can understand; the text is shown as it is."""
