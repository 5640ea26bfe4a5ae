"""The parameters of a request, read as the original reads them."""

from __future__ import annotations

from jobyard.dialects.openreplay.golang import NotANumber, atoi
from jobyard.errors import Invalid, NotFound
from jobyard.http import Request

LIMIT, LIMIT_MOST = 50, 200
PAGE = 1
ID_MOST = 2**31 - 1
"""The original's ids are numbers of 32 bits; a greater one is the id of nothing."""

USER_ID_MOST_BYTES = 256


def limit(request: Request) -> int:
    """1 to 200; whatever else is given means 50."""
    given = _number(request, "limit", LIMIT)
    return given if 1 <= given <= LIMIT_MOST else LIMIT


def page(request: Request) -> int:
    """From 1 on; whatever else is given means 1."""
    return max(_number(request, "page", PAGE), 1)


def job_id(request: Request) -> str:
    """The id as the table has it. Raises ``Invalid`` for what is no integer, ``NotFound`` for what is no job's."""
    given = _segment(request, "jobId")
    try:
        number = atoi(given)
    except NotANumber as error:
        raise Invalid("jobId", f"invalid path param jobID: {error}") from error
    if not 0 < number <= ID_MOST:
        raise NotFound("Job", str(number))
    return str(number)


def user_id(request: Request) -> str:
    given = _segment(request, "userId")
    if not given:
        raise Invalid("userId", "userID cannot be empty")
    if len(given.encode()) > USER_ID_MOST_BYTES:
        # Bytes are what the original counts, whatever it calls them.
        raise Invalid("userId", f"userID exceeds maximum length of {USER_ID_MOST_BYTES} characters")
    return given


def _segment(request: Request, name: str) -> str:
    """A segment of the path. One with a slash in it, written as %2F, is a path that the original does not know."""
    given = request.path_parameters.get(name, "")
    if "/" in given:
        raise NotFound("page", "")
    return given


def _number(request: Request, name: str, fallback: int) -> int:
    """The first value of the name, to the letter."""
    given = next((value for key, value in request.query if key == name), "")
    try:
        return atoi(given)
    except NotANumber:
        return fallback
