"""What functions in containers answered, and what they left behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.sam import seed

if TYPE_CHECKING:
    from tests.sam.stand import Stand


def body(answer: Any, status: int = 200) -> Any:
    assert answer["statusCode"] == status, answer
    return json.loads(answer["body"])


def job(stand: Stand, id: str) -> Any:
    """The job's item, as the functions that need more than the table see it."""
    key = {"pk": {"S": f"JOB#{seed.TENANT}#{id}"}, "sk": {"S": "JOB"}}
    return stand.engine.client("dynamodb").get_item(TableName=seed.TABLE, Key=key)["Item"]


def executions(stand: Stand) -> set[str]:
    listed = stand.engine.client("stepfunctions").list_executions(stateMachineArn=seed.STATE_MACHINE_ARN)
    return {each["name"] for each in listed["executions"]}
