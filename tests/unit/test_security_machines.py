"""What the roles of the state machines allow is what their definitions ask, no less and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.template import ROOT
from tests.iam import Asked, Grant, Names, grants
from tests.transformed import of_type, target

TABLE, BUCKET = "arn:aws:dynamodb:us-east-1:000000000000:table/jobs", "arn:aws:s3:::data"
MORE_INPUT = "arn:aws:s3:::more-input"
NAMES = Names(JobsTable__Arn=TABLE, DataBucket__Arn=BUCKET, InputBucket="more-input", **{"AWS::StackName": "jobyard"})
DEFINITIONS = {"JobStateMachine": "job", "InventoryStateMachine": "inventory"}

_STATES, _EVENTS = "arn:aws:states:us-east-1:000000000000", "arn:aws:events:us-east-1:000000000000"
_ANY_WORKFLOW = "arn:aws:lambda:us-east-1:000000000000:function:jobyard-workflow-any"
_ANY_QUEUE = "arn:aws:sqs:us-east-1:000000000000:jobyard-workflow-any"
_NESTED = {
    "states:StartExecution": f"{_STATES}:stateMachine:jobyard-workflow-any",
    "states:DescribeExecution": f"{_STATES}:execution:jobyard-workflow-any:1",
    "states:StopExecution": f"{_STATES}:execution:jobyard-workflow-any:1",
    # How Step Functions learns of the nested one's end: a rule that it keeps in each account.
    **dict.fromkeys(
        ("events:PutTargets", "events:PutRule", "events:DescribeRule"),
        f"{_EVENTS}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
    ),
}
_CHILDREN = {
    "states:StartExecution": f"{_STATES}:stateMachine:jobyard-workflow-inventory",
    "states:DescribeExecution": f"{_STATES}:execution:jobyard-workflow-inventory/EachOfPrefix:1",
    "states:StopExecution": f"{_STATES}:execution:jobyard-workflow-inventory/EachOfPrefix:1",
}
_INTEGRATIONS: dict[str, list[Asked]] = {
    "aws-sdk:dynamodb:updateItem.waitForTaskToken": [Asked("dynamodb:UpdateItem", TABLE, "JOB#acme#1")],
    "dynamodb:updateItem": [Asked("dynamodb:UpdateItem", TABLE, "JOB#acme#1")],
    "lambda:invoke": [Asked("lambda:InvokeFunction", _ANY_WORKFLOW)],
    "lambda:invoke.waitForTaskToken": [Asked("lambda:InvokeFunction", _ANY_WORKFLOW)],
    "states:startExecution.sync:2": [Asked(action, arn) for action, arn in _NESTED.items()],
    "sqs:sendMessage.waitForTaskToken": [Asked("sqs:SendMessage", _ANY_QUEUE)],
    "s3:listObjectsV2": [
        Asked("s3:ListBucket", BUCKET, "objects/acme/photos/"),
        Asked("s3:ListBucket", MORE_INPUT, "any"),
    ],
    "s3:getObject": [Asked("s3:GetObject", f"{BUCKET}/work/acme/1/objects.jsonl")],
    # A ResultWriter's, in parts and read again for its manifest.
    "s3:putObject": [
        Asked(f"s3:{action}", f"{BUCKET}/work/acme/1/results/1/SUCCEEDED_0.json")
        for action in ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload")
    ],
}
"""The permissions that each service integration needs, as the developer guide of Step Functions lists them."""

USED_BY_STEP_FUNCTIONS_ITSELF = {
    "Trace": "traces, as Tracing asks for",
    "Sample": "traces, as Tracing asks for",
    "DeliverLogs": "the machine's log, as Logging asks for",
}


def states(definition: Any) -> Iterator[dict[str, Any]]:
    """Every state, those within maps and parallel branches too."""
    for state in definition["States"].values():
        yield state
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from states(inner)


def asked_by(machine: str) -> set[Asked]:
    definition = json.loads((ROOT / "statemachine" / f"{DEFINITIONS[machine]}.asl.json").read_text(encoding="utf-8"))
    asked: set[Asked] = set()
    for state in states(definition):
        for part in (state, state.get("ItemReader", {}), state.get("ResultWriter", {})):
            if "Resource" in part:
                asked |= set(_INTEGRATIONS[part["Resource"].removeprefix("arn:aws:states:::")])
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            asked |= {Asked(action, arn) for action, arn in _CHILDREN.items()}
    return asked


def granted_to(machine: str) -> list[Grant]:
    role = target(of_type("AWS::StepFunctions::StateMachine")[machine]["RoleArn"])
    assert role
    return grants(role, NAMES)


def test_every_machine_is_known_here() -> None:
    assert set(of_type("AWS::StepFunctions::StateMachine")) == set(DEFINITIONS)


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_a_role_allows_what_its_machine_asks_and_nothing_else(machine: str) -> None:
    asked, allowed = asked_by(machine), granted_to(machine)
    assert sorted(each for each in asked if not any(grant.covers(each) for grant in allowed)) == []
    unused = {grant for grant in allowed if not any(grant.covers(each) for each in asked)}
    assert sorted(grant for grant in unused if grant.sid not in USED_BY_STEP_FUNCTIONS_ITSELF) == []


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_nothing_is_allowed_twice(machine: str) -> None:
    allowed = [grant[2:] for grant in granted_to(machine)]
    assert sorted(allowed) == sorted(set(allowed))


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_only_functions_and_machines_that_are_named_as_workflows_are_run(machine: str) -> None:
    named = f"{_STATES}:stateMachine:"
    for arn in (_ANY_WORKFLOW.replace("jobyard-workflow-", "jobyard-"), f"{named}jobyard-Job", f"{named}other"):
        for action in ("lambda:InvokeFunction", "states:StartExecution"):
            assert not any(grant.covers(Asked(action, arn)) for grant in granted_to(machine))


@pytest.mark.parametrize("machine", DEFINITIONS)
def test_its_log_tells_of_failures_and_nothing_of_what_a_job_is_given(machine: str) -> None:
    logging = of_type("AWS::StepFunctions::StateMachine")[machine]["LoggingConfiguration"]
    assert logging["Level"] == "ERROR"
    assert logging["IncludeExecutionData"] is False
