"""Who else is let in: who may assume the roles, and what the policies of functions, queues, bucket and key say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.template import load
from tests.transformed import Statement, functions, listed, of_type, target, transformed

ROLES = sorted(of_type("AWS::IAM::Role"))
_OF_A_RESOURCE = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}
ONLY_ENCRYPTED = {"Bool": {"aws:SecureTransport": "false"}}


def resource_statements() -> Iterator[tuple[str, Statement]]:
    for kind, document in _OF_A_RESOURCE.items():
        for name, properties in of_type(kind).items():
            yield from ((name, each) for each in properties[document]["Statement"])


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_assumed_by_one_service(name: str) -> None:
    (trust,) = of_type("AWS::IAM::Role")[name]["AssumeRolePolicyDocument"]["Statement"]
    service = "states" if name.endswith("StateMachineRole") else "scheduler" if name == "SchedulerRole" else "lambda"
    assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")


def test_scheduler_assumes_its_role_for_schedules_of_this_stacks_group_only() -> None:
    (trust,) = of_type("AWS::IAM::Role")["SchedulerRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::GetAtt": ["ScheduleGroup", "Arn"]}},
    }


@pytest.mark.parametrize("name", sorted({*ROLES} - {"SchedulerRole"}))
def test_step_functions_assumes_a_role_for_machines_of_this_account_only(name: str) -> None:
    (trust,) = of_type("AWS::IAM::Role")[name]["AssumeRolePolicyDocument"]["Statement"]
    machines = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:*"
    # Lambda gives no source when it assumes a role: the condition would shut it out. Only who may pass the role in this
    # account can make a function that has it.
    assert trust.get("Condition") == (
        {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnLike": {"aws:SourceArn": {"Fn::Sub": machines}},
        }
        if name.endswith("StateMachineRole")
        else None
    )


def test_sams_transform_adds_no_role_and_no_policy() -> None:
    declared = {name: each["Type"] for name, each in load()["Resources"].items()}
    added = {each["Type"] for name, each in transformed()["Resources"].items() if name not in declared}
    assert added == {
        "AWS::ApiGatewayV2::Stage",
        "AWS::Events::Rule",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
    }
    assert all("Policies" not in each.get("Properties", {}) for each in load()["Resources"].values()
               if each["Type"].startswith("AWS::Serverless::"))  # fmt: skip


def test_a_function_is_invoked_by_the_routes_and_rules_that_name_it_only() -> None:
    rules = of_type("AWS::Events::Rule")
    for name, permission in of_type("AWS::Lambda::Permission").items():
        assert permission["Action"] == "lambda:InvokeFunction", name
        function, source = target(permission["FunctionName"]), permission["SourceArn"]
        if permission["Principal"] == "events.amazonaws.com":
            assert target(rules[str(target(source))]["Targets"][0]["Arn"]) == function
        else:
            assert permission["Principal"] == "apigateway.amazonaws.com"
            text, parameters = source["Fn::Sub"]
            assert text.startswith("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/")
            assert parameters["__ApiId__"] == {"Ref": "HttpApi"}


def test_every_route_may_invoke_its_function_and_nobody_else_any() -> None:
    body = of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]
    called = {
        operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"].split("${")[-1].split(".Arn")[0]
        for methods in body["paths"].values()
        for operation in methods.values()
    }
    ruled = {target(rule["Targets"][0]["Arn"]) for rule in of_type("AWS::Events::Rule").values()}
    permitted = {target(each["FunctionName"]) for each in of_type("AWS::Lambda::Permission").values()}
    assert permitted == called | ruled
    # Who manages clients has no door but IAM's; neither have the workflows, which would take any caller's word.
    assert {"ManageFunction", "DriveFunction", "ProfileFunction", "EraseFunction"} <= set(functions()) - permitted


def test_nothing_has_a_url_of_its_own() -> None:
    assert not of_type("AWS::Lambda::Url")
    assert all("FunctionUrlConfig" not in each.get("Properties", {}) for each in load()["Resources"].values())


def test_everybody_is_named_in_denials_only() -> None:
    for name, statement in resource_statements():
        if statement["Effect"] == "Allow":
            assert "*" not in listed(statement["Principal"]), name
            assert "AWS" not in statement["Principal"] or name == "SecretsKey", name


@pytest.mark.parametrize("name", sorted({*of_type("AWS::SQS::Queue"), *of_type("AWS::S3::Bucket")}))
def test_what_is_not_encrypted_on_its_way_is_refused(name: str) -> None:
    denials = [
        (statement, resource)
        for _, statement in resource_statements()
        for resource in listed(statement["Resource"])
        if statement["Effect"] == "Deny" and name in json.dumps(resource)
    ]
    assert denials
    for statement, _ in denials:
        assert statement["Principal"] == "*"
        assert statement["Condition"] == ONLY_ENCRYPTED
        assert statement["Action"] in {"s3:*", "sqs:*"}
    if name in of_type("AWS::S3::Bucket"):
        assert [resource for _, resource in denials] == [
            {"Fn::GetAtt": [name, "Arn"]},
            {"Fn::Sub": f"${{{name}.Arn}}/*"},
        ]


def test_only_eventbridge_puts_into_queues_and_only_for_its_own_rule() -> None:
    rules = of_type("AWS::Events::Rule")
    for name, policy in of_type("AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}, name
                assert statement["Action"] == "sqs:SendMessage"
                source = target(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
                assert rules[str(source)]["Targets"][0]["DeadLetterConfig"] == {"Arn": statement["Resource"]}


def test_the_key_is_used_as_the_roles_of_this_account_say() -> None:
    ((_, key),) = of_type("AWS::KMS::Key").items()
    (statement,) = key["KeyPolicy"]["Statement"]
    account: dict[str, Any] = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Allow", account, "kms:*")
    # In a key's own policy this is the key.
    assert statement["Resource"] == "*"
