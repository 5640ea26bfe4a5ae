"""House rules that no linter knows: what bounds each function, what every queue, log, table and bucket must have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.template import ROOT, load
from tests.transformed import functions, of_type, target
from tests.unit.test_security_machines import states

FUNCTIONS = sorted(functions())
_GATEWAY = "the gateway's limit of requests"
BOUNDED_BY = {
    **dict.fromkeys(
        (
            "TokenFunction",
            "ListFunction",
            "GetFunction",
            "MessagesFunction",
            "CancelFunction",
            "ChangeJobFunction",
            "QueuesFunction",
            "SubmitFunction",
            "WorkflowJobsFunction",
            "OutputFunction",
            "UsersFunction",
            "UsergroupsFunction",
            "CollectionsFunction",
            "AuditFunction",
            "UnmatchedFunction",
            "SchedulesFunction",
        ),
        _GATEWAY,
    ),
    "DriveFunction": "the stream's shards, four batches of each at once",
    "CountFunction": "the stream's shards, one batch of each at once",
    "SettleFunction": "executions that end by themselves; Lambda tries later what it turns away",
    "FireFunction": "schedules that are due; Lambda tries later what it turns away",
    "ReconcileFunction": "one run a minute, of five minutes at the most",
    "ManageFunction": "the operators that IAM lets in",
    **dict.fromkeys(
        ("ProfileFunction", "EraseFunction", "InventoryFunction", "InventoryStepsFunction"),
        "jobs; what Lambda turns away, the state machine tries again, and an alarm tells",
    ),
}
"""No function reserves concurrency: that is taken from all others of the account, and a new account has ten in all."""


def test_it_is_decided_for_every_function_what_bounds_it() -> None:
    assert set(BOUNDED_BY) == set(FUNCTIONS)
    assert all("ReservedConcurrentExecutions" not in properties for properties in functions().values())


def test_whoever_calls_from_outside_is_bounded_by_the_gateway() -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["DefaultRouteSettings"]
    assert 0 < settings["ThrottlingRateLimit"] <= 1000
    assert 0 < settings["ThrottlingBurstLimit"] <= 2000
    called = {
        target(each["FunctionName"])
        for each in of_type("AWS::Lambda::Permission").values()
        if each["Principal"] == "apigateway.amazonaws.com"
    }
    assert called == {name for name, bound in BOUNDED_BY.items() if bound == _GATEWAY}


def test_the_stream_is_read_by_so_many_at_once() -> None:
    at_once = {
        target(mapping["FunctionName"]): mapping.get("ParallelizationFactor", 1)
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
    }
    assert at_once == {"DriveFunction": 4, "CountFunction": 1}


def test_runs_of_reconcile_cannot_pile_up() -> None:
    rule = of_type("AWS::Events::Rule")["ReconcileFunctionEveryMinute"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert functions()["ReconcileFunction"]["Timeout"] <= 300


@pytest.mark.parametrize("definition", ["job", "inventory"])
def test_a_machine_tries_again_what_lambda_turns_away(definition: str) -> None:
    machine = json.loads((ROOT / "statemachine" / f"{definition}.asl.json").read_text(encoding="utf-8"))
    invoking = [each for each in states(machine) if "lambda:invoke" in each.get("Resource", "")]
    assert invoking
    for state in invoking:
        (attempts,) = [
            each["MaxAttempts"] for each in state["Retry"] if "Lambda.TooManyRequestsException" in each["ErrorEquals"]
        ]
        assert attempts >= 20, state


@pytest.mark.parametrize("name", sorted(of_type("AWS::SQS::Queue")))
def test_a_queue_is_encrypted_and_keeps_its_messages_as_long_as_it_may(name: str) -> None:
    queue = of_type("AWS::SQS::Queue")[name]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_no_log_group_is_made_by_the_way() -> None:
    # A group that a service makes by itself is kept for ever.
    groups = set(of_type("AWS::Logs::LogGroup"))
    named: set[str | None] = {target(each["LoggingConfig"]["LogGroup"]) for each in functions().values()}
    for machine in of_type("AWS::StepFunctions::StateMachine").values():
        (destination,) = machine["LoggingConfiguration"]["Destinations"]
        named.add(target(destination["CloudWatchLogsLogGroup"]["LogGroupArn"]))
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    named.add(target(stage["AccessLogSettings"]["DestinationArn"]))
    assert named == groups


def test_the_access_log_tells_of_a_request_what_no_secret_can_be_in() -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    told = set(stage["AccessLogSettings"]["Format"].split("$context.")[1:])
    # A signature may be in the query, and credentials in headers: neither is told. A path has ids only.
    assert {each.split('"')[0] for each in told} == {
        "requestId",
        "requestTimeEpoch",
        "identity.sourceIp",
        "routeKey",
        "path",
        "status",
        "responseLength",
        "responseLatency",
        "integrationErrorMessage",
    }


def stateful() -> dict[str, dict[str, Any]]:
    kinds = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"}
    return {name: each for name, each in load()["Resources"].items() if each["Type"] in kinds}


def test_nothing_that_is_kept_goes_with_an_update() -> None:
    assert set(stateful()) == {"JobsTable", "DataBucket", "SecretsKey"}
    for name, resource in stateful().items():
        assert resource["UpdateReplacePolicy"] == "Retain", name
        assert resource["DeletionPolicy"] in {"Retain", "Delete"}, name
    # The two that go with the stack are held by something else: deletion protection, and 30 days to change one's mind.
    assert stateful()["JobsTable"]["Properties"]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert stateful()["SecretsKey"]["Properties"]["PendingWindowInDays"] == 30


def test_what_nobody_finished_uploading_goes() -> None:
    rules = of_type("AWS::S3::Bucket")["DataBucket"]["LifecycleConfiguration"]["Rules"]
    assert [each["AbortIncompleteMultipartUpload"] for each in rules if "AbortIncompleteMultipartUpload" in each] == [
        {"DaysAfterInitiation": 1}
    ]
    assert "VersioningConfiguration" not in of_type("AWS::S3::Bucket")["DataBucket"]
