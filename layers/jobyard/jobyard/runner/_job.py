from __future__ import annotations

import json
import logging
import math
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from jobyard.model.job import Person
from jobyard.model.messages import ERROR, INFORMATION, WARNING
from jobyard.runner._errors import Again, Cancelled
from jobyard.runner._messages import Clock, fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobyard.runner._outputs import Data
    from jobyard.runner._task import Task
    from jobyard.store.running import Glance

LOOK_SECONDS = 2.0
PROGRESS_SECONDS = 2.0
PROGRESS_STEP = 0.01
HEARTBEAT_SECONDS = 5.0
STATE_BYTES = 32_768

_logger = logging.getLogger("jobyard.runner")
_clock = Clock()


class Workflow(NamedTuple):
    id: str
    name: str


class Job:
    """The job that a workflow's function works for.

    ``questions`` are what the submitter answered (name to text), ``settings`` what was registered with the
    workflow. A call that AWS refuses for good raises botocore's ClientError, except where it says otherwise.
    """

    id: str
    tenant: str
    workflow: Workflow
    questions: dict[str, str]
    settings: dict[str, Any]
    submitted_by: Person

    def __init__(self, event: Mapping[str, Any], context: Any = None) -> None:
        """``event`` is what the state machine gives to the function, ``context`` Lambda's own.

        Raises ValueError for an event that is no job.
        """
        import secrets

        try:
            self.id = _text(event["id"])
            self.tenant = _text(event["tenant"])
            self.workflow = Workflow(event["workflow"]["id"], event["workflow"]["name"])
            self.questions = dict(event.get("questions") or {})
            self.settings = dict(event.get("settings") or {})
            by = event.get("submittedBy") or {}
            self.submitted_by = Person(by.get("id", ""), by.get("name", ""))
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise ValueError(
                "The event is not a job of Jobyard: {id, tenant, workflow: {id, name}, questions, settings, "
                f"submittedBy: {{id, name}}}} ({problem!r})"
            ) from None
        self.ticket: dict[str, Any] = dict(event)
        """The event as it came, fit for JSON: what a worker gives to its ``@runner.job`` function."""
        self.state: dict[str, Any] | None = event.get("state")
        """What the call before gave to ``again``; None in the first call."""
        self.task = _task(event.get("taskToken"))
        """How a callback job is ended by hand; None for a job that ends when its function returns."""
        for name, output in (("TABLE_NAME", "TableName"), ("BUCKET_NAME", "DataBucketName")):
            if not os.environ.get(name):
                raise RuntimeError(f"The environment variable {name} is not set: give it {output} of Jobyard's stack.")
        self._context = context
        self._writer = secrets.token_hex(4)
        self._over = False
        self._seen: Glance | None = None
        self._looked_at = self._progress_at = self._heartbeat_at = -math.inf
        self._last_progress = -1.0

    def log(self, text: object, *, tool_id: int = -1) -> None:
        """A message on the job, written before this returns. Over 4,000 characters it is cut, with a mark."""
        self._say(INFORMATION, text, tool_id)

    def warn(self, text: object, *, tool_id: int = -1) -> None:
        self._say(WARNING, text, tool_id)

    def error(self, text: object, *, tool_id: int = -1) -> None:
        """An error message. The job goes on: raise ``runner.Failed`` to end it."""
        self._say(ERROR, text, tool_id)

    def progress(self, done: float) -> None:
        """Tells how much is done, 0 to 1; what lies outside is moved inside. Call it as often as you like.

        At most one write in 2 seconds, and none for less than a hundredth. Also a heartbeat.
        A failing write is a line in the function's log, never the end of the job. Raises Cancelled.
        """
        self._stop_if_over()
        done = min(max(float(done), 0.0), 1.0) if not math.isnan(done) else self._last_progress
        now = time.monotonic()
        due = now - self._progress_at >= PROGRESS_SECONDS
        if due and abs(done - self._last_progress) >= PROGRESS_STEP:
            self._write_progress(done, now)
        self.heartbeat()

    def _write_progress(self, done: float, now: float) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        from jobyard.errors import Busy
        from jobyard.store.running import NotRunning, set_progress

        self._progress_at = now
        try:
            set_progress(self.tenant, self.id, done)
            self._last_progress = done
            self._looked_at = now
        except NotRunning as ended:
            self._end(ended.status)
        except (BotoCoreError, ClientError, Busy) as problem:
            _logger.warning("job %s: progress was not written: %r", self.id, problem)

    def attach(self, name: str, data: Data) -> None:
        """Adds a file to the job's outputs, or replaces the one of that name; a job has at most 100.

        ``data``: bytes, str (the content, stored as UTF-8), a ``pathlib.Path``, or an open file, which is
        read to its end in parts. The file is in S3 before it is listed. Raises Cancelled, and ValueError for
        a bad name or too many files.
        """
        from jobyard.aws import client
        from jobyard.runner._outputs import describe, upload
        from jobyard.store.running import MAX_OUTPUTS, NotRunning, TooManyOutputs, add_output

        self._stop_if_over()
        output = describe(self.tenant, self.id, name)
        seen = self._seen or self._look()
        self._stop_if_over()
        try:
            if len(seen.output_ids) >= MAX_OUTPUTS and output.id not in seen.output_ids:
                raise TooManyOutputs
            size = upload(client("s3"), os.environ["BUCKET_NAME"], output.key, data)
            ids = add_output(self.tenant, self.id, output._replace(size=size), seen.output_ids)
            self._seen = seen._replace(output_ids=ids)
        except TooManyOutputs:
            raise ValueError(f"{name!r} was not attached: a job has at most {MAX_OUTPUTS} outputs") from None
        except NotRunning as ended:
            self._end(ended.status)

    def again(self, state: dict[str, Any]) -> NoReturn:
        """Ends this call, and has the function called once more with ``state`` as ``job.state``: for work that is
        longer than Lambda's 15 minutes. The job goes on running; it may be called so for 7 days.

        ``state`` is at most 32,768 bytes as JSON, else ValueError. RuntimeError for a job with a task token: its
        worker has all the time that it wants.
        """
        if self.task is not None:
            raise RuntimeError("a job with a task token cannot be called again: go on working, with heartbeats")
        size = len(json.dumps(state, separators=(",", ":")).encode())
        if size > STATE_BYTES:
            raise ValueError(f"again() takes a dict of at most {STATE_BYTES:,} bytes as JSON, not {size:,}")
        raise Again(state)

    @property
    def cancelled(self) -> bool:
        """Whether to stop: true once the job was cancelled or has ended otherwise, and true from then on.

        Looks at the table at most once in 2 seconds. When it cannot be read, the answer is the last one.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        now = time.monotonic()
        if not self._over and now - self._looked_at >= LOOK_SECONDS:
            try:
                self._look()
            except (BotoCoreError, ClientError) as problem:
                self._looked_at = now
                _logger.warning("job %s: could not look for a cancel: %r", self.id, problem)
        return self._over

    @property
    def seconds_left(self) -> float:
        """Until Lambda ends the function; infinite elsewhere."""
        remaining = getattr(self._context, "get_remaining_time_in_millis", None)
        return remaining() / 1000 if remaining else math.inf

    def heartbeat(self) -> None:
        """A sign of life, needed by callback jobs and harmless for others; at most one is sent in 5 seconds.

        One that cannot be sent is a line in the log: the next may get through. Raises Cancelled.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        self._stop_if_over()
        now = time.monotonic()
        if self.task and now - self._heartbeat_at >= HEARTBEAT_SECONDS:
            self._heartbeat_at = now
            try:
                self.task.heartbeat()
            except Cancelled:
                self._over = True
                raise
            except (BotoCoreError, ClientError) as problem:
                _logger.warning("job %s: heartbeat was not sent: %r", self.id, problem)
        if self.cancelled:
            raise Cancelled(f"job {self.id} is not running any more")

    def _say(self, level: int, text: object, tool_id: int) -> None:
        from jobyard.store.running import put_message

        at, sequence = _clock.next()
        seen = self._seen or self._look()
        if seen.status is None:
            # There is nobody to read it, and it would stay: without the job nothing tells when it expires.
            _logger.warning("job %s is gone: a message was not written: %s", self.id, fit(text))
            return
        key = (at, sequence, self._writer)
        put_message(self.tenant, self.id, key, level, fit(text), tool_id, seen.expires_at)

    def _look(self) -> Glance:
        from jobyard.store.running import glance

        self._seen = seen = glance(self.tenant, self.id)
        self._looked_at = time.monotonic()
        self._over = self._over or not seen.running
        return seen

    def _stop_if_over(self) -> None:
        if self._over:
            raise Cancelled(f"job {self.id} is not running any more")

    def _end(self, status: str | None) -> NoReturn:
        self._over = True
        raise Cancelled(f"job {self.id} is {status or 'gone'}") from None


def _task(token: str | None) -> Task | None:
    if not token:
        return None
    from jobyard.runner._task import Task

    return Task(token)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no text")
    return value
