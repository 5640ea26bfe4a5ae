from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from jobyard.runner._errors import Again, Cancelled, Failed
from jobyard.runner._job import Job
from jobyard.runner._messages import MAX_TEXT, fit

type Handler = Callable[..., dict[str, Any] | None]

_MAX_FRAMES = 50

_logger = logging.getLogger("jobyard.runner")


def job(function: Callable[[Job], object]) -> Handler:
    """Makes of ``function`` a Lambda handler, or a worker's, that does a job's whole work.

    The job is completed when ``function`` returns (what it returns is ignored), failed when it raises, and
    left alone when it raises Cancelled. A job that is not running any more when it is delivered is not worked
    on at all. After ``job.again(state)`` the handler answers ``{"again": state}``, and the state machine calls
    it with that state.

    With a task token in the event the end is told by token and nothing is raised; without one the exception
    goes on to the state machine.
    """
    return _handler(function, ends_the_job=True)


def callback(function: Callable[[Job], object]) -> Handler:
    """Makes of ``function`` a Lambda handler that only starts a job's work, somewhere else.

    Returning leaves the job running: whoever holds ``job.ticket`` ends it. Raising fails it.
    """
    return _handler(function, ends_the_job=False)


def step(function: Callable[[Job], dict[str, Any]]) -> Handler:
    """Makes of ``function`` a Lambda handler for one step of a state machine that does a job's work.

    What it returns is the step's answer. For a job that is not running any more it is not called, and the step fails.
    """

    @functools.wraps(function)
    def handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
        current = Job(event, context)
        try:
            if not current.cancelled:
                return function(current)
        except Again as asked:
            return {"again": asked.state}
        except Cancelled:
            pass
        except Exception as problem:  # noqa: BLE001 - whatever the author's code raises fails the step
            _fail(current, problem)
        raise Failed("The job is not running any more.")

    return handler


def _handler(function: Callable[[Job], object], *, ends_the_job: bool) -> Handler:
    @functools.wraps(function)
    def handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any] | None:
        current = Job(event, context)
        if current.cancelled:
            _logger.warning("job %s is not running: nothing is done", current.id)
            return None
        try:
            try:
                function(current)
            except Exception as problem:  # noqa: BLE001 - whatever the author's code raises fails the job
                _fail(current, problem)
            else:
                if ends_the_job and current.task and not current.task.answered:
                    current.task.succeed()
        except Cancelled as cancelled:
            _logger.warning("job %s: stopped: %s", current.id, cancelled)
        except Again as asked:
            return {"again": asked.state}
        return None

    return handler


def _fail(current: Job, problem: Exception) -> None:
    """Tells the user by a message, the state machine by token or by raising, the operator by a traceback."""
    from botocore.exceptions import BotoCoreError, ClientError

    expected = isinstance(problem, Failed)
    kind = type(problem).__name__
    text = fit(str(problem) or "no reason was given")
    try:
        current.error(text if expected else f"{kind}: {text}")
    except (BotoCoreError, ClientError) as unwritten:
        _logger.warning("job %s: the error message was not written: %r", current.id, unwritten)
    if current.task is None and not expected and _is_short(problem):
        raise problem
    _logger.error("job %s failed: %s", current.id, text, exc_info=None if expected else problem)
    if current.task is None:
        raise Failed(text if expected else f"{kind}: {text}") from None
    if not current.task.answered:
        current.task.fail(text, kind)


def _is_short(problem: Exception) -> bool:
    """Whether Lambda's report of ``problem`` stays within the 32 KB that Step Functions keeps of it, uncut."""
    frames = islice(traceback.walk_tb(problem.__traceback__), _MAX_FRAMES + 1)
    return len(str(problem)) <= MAX_TEXT and sum(1 for _ in frames) <= _MAX_FRAMES
