"""The idempotency key of a submit and its job, written together or not at all."""

from __future__ import annotations

import time
from random import random
from typing import NamedTuple

from jobyard.aws import ClientError, cancellation_reasons, client, error_code
from jobyard.errors import Busy, IdempotencyConflict
from jobyard.model import Job
from jobyard.store.items import attribute, item, table_name
from jobyard.store.records import job_item, job_of

KEPT_SECONDS = 24 * 3600
_TRIES = 8


class Submission(NamedTuple):
    """``key_hash`` is over the caller and the key; ``request_hash`` over what was asked for."""

    key_hash: str
    request_hash: str


def submit_once(job: Job, submission: Submission, now_s: int) -> tuple[Job, bool]:
    """Write ``job`` unless the key has made one: returns the key's job and whether it was made before.

    Raises ``IdempotencyConflict`` where the key stands for another request, ``Busy`` where too many use it at once.
    """
    pk = f"IDEMPOTENCY#{job.tenant}#{submission.key_hash}"
    stored = job_item(job)
    record = item(
        {"pk": pk, "sk": "IDEMPOTENCY", "request": submission.request_hash, "expiresAt": now_s + KEPT_SECONDS}
    )
    for attempt in range(_TRIES):
        try:
            client("dynamodb").transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": table_name(),
                            # The answer of the first time is kept with the key: the job itself may be deleted.
                            "Item": record | {"job": {"M": stored}},
                            # Of any number at once with one key, exactly one finds it free. An expired key is free:
                            # the table's own expiry may be days late.
                            "ConditionExpression": "attribute_not_exists(pk) OR expiresAt <= :now",
                            "ExpressionAttributeValues": {":now": attribute(now_s)},
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    },
                    {
                        "Put": {
                            "TableName": table_name(),
                            "Item": stored,
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                ]
            )
            return job, False
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            reason = cancellation_reasons(error)[0]
            if reason["Code"] == "ConditionalCheckFailed":
                first = reason["Item"]
                if first["request"]["S"] != submission.request_hash:
                    raise IdempotencyConflict(
                        "This Idempotency-Key was used before, with another request; use a new one."
                    ) from error
                return job_of(first["job"]["M"]), True
        # Another transaction with this key is under way: what it leaves behind decides the next try.
        time.sleep(0.02 * 2**attempt * random())  # noqa: S311
    raise Busy("Too many requests with this Idempotency-Key at once; try again.")
