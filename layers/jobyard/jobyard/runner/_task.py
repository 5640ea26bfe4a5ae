"""The task token of a callback runner: how a worker anywhere says that it lives, or how the job ended."""

from __future__ import annotations

import json
from typing import Any

from jobyard.runner._errors import Cancelled

# Step Functions' answers for a token whose execution was stopped, or whose task timed out or was answered.
_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist"})
_MAX_CAUSE = 8000


class Task:
    """Each call raises Cancelled when the task is over, and botocore's ClientError for anything else."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.answered = False

    def heartbeat(self) -> None:
        self._send("send_task_heartbeat")

    def succeed(self) -> None:
        self._send("send_task_success", output="{}")
        self.answered = True

    def fail(self, text: str, kind: str = "Failed") -> None:
        # The form in which Lambda reports an exception, so that the state machine reads one form only.
        cause = json.dumps({"errorMessage": text[:_MAX_CAUSE], "errorType": kind}, ensure_ascii=False)
        self._send("send_task_failure", error=kind[:256], cause=cause)
        self.answered = True

    def _send(self, operation: str, **arguments: Any) -> None:
        from jobyard.aws import ClientError, client, error_code

        try:
            getattr(client("stepfunctions"), operation)(taskToken=self._token, **arguments)
        except ClientError as error:
            if error_code(error) in _OVER:
                self.answered = True
                raise Cancelled("the task is over") from None
            raise
