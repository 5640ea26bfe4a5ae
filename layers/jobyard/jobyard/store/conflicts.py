"""Writes that meet a transaction on the same item: nothing is written then, and a moment later it may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import random

from jobyard.aws import ClientError, cancellation_reasons, error_code, has_time_for
from jobyard.errors import Busy

_TRIES = 8


def tries() -> Iterator[int]:
    """Numbers for the tries of what others are in the way of, with a wait before each but the first.

    They end after some two seconds, or when the caller would not get an answer any more.
    """
    yield 0
    for attempt in range(1, _TRIES):
        wait = 0.02 * 2**attempt * random()  # noqa: S311
        if not has_time_for(wait):
            return
        time.sleep(wait)
        yield attempt


def patiently[T](write: Callable[[], T]) -> T:
    """What ``write`` returns or raises, once no transaction is in its way; ``Busy`` after some two seconds of them."""
    for _ in tries():
        try:
            return write()
        except ClientError as error:
            if not _conflicts(error):
                raise
    raise Busy("Too many others are changing the same thing at once; try again.")


def _conflicts(error: ClientError) -> bool:
    if error_code(error) != "TransactionCanceledException":
        return error_code(error) == "TransactionConflictException"
    reasons = {reason["Code"] for reason in cancellation_reasons(error)}
    # A condition that does not hold is an answer, whatever else was in the way.
    return "TransactionConflict" in reasons and "ConditionalCheckFailed" not in reasons
