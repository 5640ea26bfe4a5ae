"""What a failed job says, read by the state machine out of each form in which AWS reports a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.engine import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Engine
from tests.state_machine import states

EXPRESSION = states()["Fail"]["Arguments"]["ExpressionAttributeValues"][":error"]["S"]
PASS = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"reason": EXPRESSION}, "End": True}
RAISED = json.dumps({"errorMessage": "no such column", "errorType": "Failed"})
OUT_OF_TIME = "The workflow did not end within its time."


def nested(**fields: Any) -> dict[str, str]:
    """As `.sync:2` reports an execution that failed: its description, in JSON."""
    told = {"ExecutionArn": "arn:aws:states:us-east-1:0:execution:many:1", "Input": "{}", "Name": "1", **fields}
    return {"Error": "States.TaskFailed", "Cause": json.dumps(told)}


@pytest.fixture(scope="module")
def step_functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with Engine(tmp_path_factory.mktemp("engine")) as engine:
        yield boto3.client(
            "stepfunctions",
            endpoint_url=engine.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            # In AWS a state is tested at a host of its own.
            config=Config(inject_host_prefix=False),
        )


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ({"Error": "Failed", "Cause": RAISED}, "no such column"),
        ({"Error": "Failed", "Cause": "a worker's own words"}, "a worker's own words"),
        ({"Error": "Lambda.Unknown", "Cause": "  "}, "Lambda.Unknown"),
        ({"Error": "Lambda.Unknown"}, "Lambda.Unknown"),
        ({}, "The workflow failed without a reason."),
        ({"Error": "States.Timeout", "Cause": ""}, OUT_OF_TIME),
        ({"Error": "States.HeartbeatTimeout", "Cause": ""}, "The worker gave no sign of life within its time."),
        (
            {"Error": "Failed", "Cause": json.dumps({"errorMessage": 'the "ExecutionArn" {x}'})},
            'the "ExecutionArn" {x}',
        ),
        (nested(Status="FAILED", Error="Failed", Cause=RAISED), "no such column"),
        (nested(Status="FAILED", Error="TooFew", Cause="There are too few."), "There are too few."),
        (nested(Status="FAILED", Error="TooFew"), "TooFew"),
        (nested(Status="TIMED_OUT"), OUT_OF_TIME),
        (nested(Status="ABORTED"), "The workflow failed without a reason."),
        ({"Error": "States.TaskFailed", "Cause": '{"ExecutionArn": "cut off'}, '{"ExecutionArn": "cut off'),
        ({"Error": "Failed", "Cause": "x" * 3000}, "x" * 2000),
    ],
)
def test_the_reason_is_read_from_any_report(step_functions: Any, failure: dict[str, str], reason: str) -> None:
    tested = step_functions.test_state(
        definition=json.dumps(PASS),
        roleArn="arn:aws:iam::000000000000:role/any",
        input=json.dumps({"failure": failure}),
    )
    assert json.loads(tested["output"]) == {"reason": reason}
