from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobyard.runner._handlers import Handler

WAIT_SECONDS = 20

_logger = logging.getLogger("jobyard.runner")


def work(queue_url: str, handler: Handler, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Takes jobs from an SQS queue, one at a time, and gives each to ``handler`` (a ``@runner.job`` function), until
    ``stop`` says so: it is asked before each message, of which one may take ``WAIT_SECONDS`` to come.

    A message is deleted when it is taken. A worker that dies after that is not replaced by another one with the same
    message: Jobyard hears no more heartbeats, and begins the job again with a new one, or fails it, as its workflow
    says. What the handler raises, because the job's end could not be told, is logged, and ends the same way.
    """
    from jobyard.aws import client

    queue = client("sqs")
    while not stop():
        answer: dict[str, Any] = queue.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT_SECONDS
        )
        for message in answer.get("Messages", []):
            queue.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            try:
                handler(json.loads(message["Body"]))
            except Exception:
                _logger.exception("the end of a job could not be told, or its message is none")
