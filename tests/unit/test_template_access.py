"""Who may do what in the account, read from the roles of the template. No local engine enforces any of it."""

from __future__ import annotations

import json

import pytest

from jobyard.store.counts import LISTS
from jobyard.store.timers import TIMERS
from tests.transformed import every_statement, functions, listed, of_function, of_type, target

_NO_SMALLER = "these actions know no resource"
ANY_RESOURCE = {
    ("TracePolicy", "Trace"): _NO_SMALLER,
    ("ReconcileRole", "AskScheduler"): _NO_SMALLER,
    ("JobStateMachineRole", "Sample"): _NO_SMALLER,
    ("JobStateMachineRole", "DeliverLogs"): _NO_SMALLER,
    ("InventoryStateMachineRole", "Sample"): _NO_SMALLER,
    ("InventoryStateMachineRole", "DeliverLogs"): _NO_SMALLER,
}
"""Statements on any resource, each with its reason."""

READING = {
    "AuditFunction",
    "TokenFunction",
    "ListFunction",
    "GetFunction",
    "MessagesFunction",
    "WorkflowJobsFunction",
    "OutputFunction",
}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}


def may(name: str, action: str) -> set[str]:
    """The prefixes of partition keys on which a function may do a DynamoDB action with items of the table."""
    return {
        key
        for statement in of_function(name)
        if f"dynamodb:{action}" in listed(statement["Action"]) and target(statement["Resource"]) == "JobsTable"
        for key in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }


def who_may(action: str, key: str) -> set[str]:
    return {name for name in functions() if key in may(name, action)}


def test_no_action_is_a_pattern() -> None:
    for owner, statement in every_statement():
        for action in listed(statement["Action"]):
            assert "*" not in action, owner


def test_nobody_may_scan_the_table_or_run_statements() -> None:
    """But an index of a few keys may be read whole."""
    sparse = {"Fn::Sub": "${JobsTable.Arn}/index/jobs-holding-slots"}
    for owner, statement in every_statement():
        for action in listed(statement["Action"]):
            assert not action.startswith("dynamodb:PartiQL"), owner
            assert action != "dynamodb:Scan" or statement["Resource"] == sparse, owner


def test_any_resource_is_allowed_only_where_aws_has_no_smaller() -> None:
    found = {
        (owner, statement["Sid"])
        for owner, statement in every_statement()
        if any(json.dumps(each) == '"*"' for each in listed(statement["Resource"]))
    }
    assert found == set(ANY_RESOURCE)


def test_every_statement_only_allows_and_says_what_for() -> None:
    for owner, statement in every_statement():
        assert statement["Effect"] == "Allow", owner
        assert statement["Sid"], owner


def test_no_managed_policy_of_aws_is_used() -> None:
    for role in of_type("AWS::IAM::Role").values():
        assert all(target(each) in of_type("AWS::IAM::ManagedPolicy") for each in role["ManagedPolicyArns"])


@pytest.mark.parametrize("name", sorted(functions()))
def test_each_function_has_a_role_of_its_own(name: str) -> None:
    role = functions()[name]["Role"]
    assert [each for each, properties in functions().items() if properties["Role"] == role] == [name]


@pytest.mark.parametrize("name", sorted(functions()))
def test_each_function_writes_its_own_log_only(name: str) -> None:
    (log,) = [each for each in of_function(name) if "logs:PutLogEvents" in listed(each["Action"])]
    assert target(log["Resource"]) == target(functions()[name]["LoggingConfig"]["LogGroup"])


def test_items_of_the_table_are_reached_by_their_kind_only() -> None:
    for owner, statement in every_statement():
        if any(each.startswith("dynamodb:") for each in listed(statement["Action"])) and (
            target(statement["Resource"]) == "JobsTable" and "StreamArn" not in json.dumps(statement["Resource"])
        ):
            keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert all(key in (LISTS, TIMERS) or (key.endswith("#*") and key.count("*") == 1) for key in keys), owner


def test_indexes_are_queried_by_name() -> None:
    indexes = {each["IndexName"] for table in of_type("AWS::DynamoDB::Table").values()
               for each in table["GlobalSecondaryIndexes"]}  # fmt: skip
    for owner, statement in every_statement():
        for resource in listed(statement["Resource"]):
            if "/index/" in json.dumps(resource):
                assert set(listed(statement["Action"])) <= {"dynamodb:Query", "dynamodb:Scan"}, owner
                assert resource["Fn::Sub"].split("/index/")[1] in indexes, owner


@pytest.mark.parametrize("name", sorted(READING))
def test_reading_writes_nothing_but_the_token_that_it_issues(name: str) -> None:
    writing = {action: may(name, action) for action in WRITES if may(name, action)}
    assert writing == ({"PutItem": {"TOKENS#*", "CREDENTIAL#*"}} if name == "TokenFunction" else {})


def test_credentials_are_issued_by_token_and_manage_and_removed_by_manage_only() -> None:
    assert who_may("PutItem", "CREDENTIAL#*") == {"TokenFunction", "ManageFunction"}
    assert who_may("UpdateItem", "CREDENTIAL#*") == set()
    assert who_may("DeleteItem", "CREDENTIAL#*") == {"ManageFunction"}
    assert who_may("Query", "CREDENTIAL#*") == set()


def test_workflows_and_clients_are_changed_by_manage_only() -> None:
    for key in ("WORKFLOW#*", "CLIENTS#*", "KEYS#*", "PROJECT#*", "PROJECTS#*", "SECRETS#*"):
        assert who_may("PutItem", key) | who_may("UpdateItem", key) | who_may("DeleteItem", key) == {"ManageFunction"}
    assert who_may("PutItem", "CLIENT#*") | who_may("UpdateItem", "CLIENT#*") == {"ManageFunction"}
    assert who_may("DeleteItem", "CLIENT#*") == set()


CHANGING = {"UsersFunction", "UsergroupsFunction", "CollectionsFunction"}


def test_what_persons_changed_is_written_once_and_read_by_audit_only() -> None:
    by_persons = {"CancelFunction", "ChangeJobFunction", "QueuesFunction", "SchedulesFunction", "ManageFunction"}
    assert who_may("PutItem", "AUDIT#*") == CHANGING | by_persons
    for action in ("UpdateItem", "DeleteItem", "BatchWriteItem", "GetItem", "BatchGetItem"):
        assert who_may(action, "AUDIT#*") == set()
    assert who_may("Query", "AUDIT#*") == {"AuditFunction"}


def test_users_groups_and_collections_are_changed_by_their_own_functions() -> None:
    assert who_may("PutItem", "USER#*") == who_may("DeleteItem", "USER#*") == {"UsersFunction"}
    assert who_may("PutItem", "GROUP#*") == who_may("DeleteItem", "GROUP#*") == {"UsergroupsFunction"}
    assert who_may("PutItem", "COLLECTION#*") == {"CollectionsFunction"}
    # Of a user or group that is deleted, or of a user who joins or gets something, others count a revision or take rows
    # away.
    giving = {"UsergroupsFunction", "CollectionsFunction", "SchedulesFunction", "ManageFunction"}
    assert who_may("UpdateItem", "USER#*") == giving
    assert who_may("UpdateItem", "GROUP#*") == {"UsergroupsFunction", "CollectionsFunction"}
    assert who_may("DeleteItem", "COLLECTION#*") == who_may("DeleteItem", "IN#*") == CHANGING
    assert who_may("PutItem", "IN#*") == {"UsergroupsFunction", "CollectionsFunction"}


def test_what_is_shared_is_looked_up_where_jobs_and_workflows_are_asked_for() -> None:
    asking = {
        "GetFunction",
        "OutputFunction",
        "CancelFunction",
        "ChangeJobFunction",
        "SubmitFunction",
        "WorkflowJobsFunction",
        "SchedulesFunction",
    }
    # Whoever makes the job of a run asks whether its owner may still run the workflow.
    asking |= {"FireFunction", "DriveFunction", "ReconcileFunction"}
    assert who_may("BatchGetItem", "IN#*") == asking
    assert who_may("Query", "IN#*") == asking | {"UsersFunction", "UsergroupsFunction"}
    assert who_may("GetItem", "SCHEDULE#*") == asking - {"SubmitFunction", "WorkflowJobsFunction"}


def test_secrets_are_sealed_by_manage_and_opened_by_endpoints_each_for_its_own_place_only() -> None:
    using: dict[str, set[str]] = {}
    for name in functions():
        for statement in of_function(name):
            for action in listed(statement["Action"]):
                if action.startswith("kms:"):
                    assert target(statement["Resource"]) == "SecretsKey", name
                    assert statement["Condition"] == {
                        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["SecretId", "tenant"]},
                        "Null": {"kms:EncryptionContextKeys": "false"},
                    }
                    using.setdefault(action, set()).add(name)
    speaking_tencent = {"ListFunction", "GetFunction", "CancelFunction", "SubmitFunction"}
    assert using == {"kms:Encrypt": {"ManageFunction"}, "kms:Decrypt": speaking_tencent}


def test_numbers_are_counted_where_jobs_and_projects_are_made() -> None:
    assert who_may("UpdateItem", "COUNTER#*") == {"SubmitFunction", "ManageFunction"}
    assert who_may("PutItem", "SOLE#*") == {"SubmitFunction"}


def test_schedules_are_written_by_their_endpoint_and_what_came_of_runs_by_who_sees_to_them() -> None:
    assert who_may("DeleteItem", "SCHEDULE#*") == {"SchedulesFunction"}
    assert who_may("PutItem", "SCHEDULE#*") == who_may("PutItem", "FIRING#*") == {
        "SchedulesFunction",
        "FireFunction",
        "DriveFunction",
        "ReconcileFunction",
    }  # fmt: skip


def test_scheduler_is_told_within_the_stacks_group_only_and_lent_one_role() -> None:
    telling = set()
    for name in functions():
        for statement in of_function(name):
            actions = set(listed(statement["Action"]))
            if {"scheduler:CreateSchedule", "scheduler:DeleteSchedule"} & actions:
                telling.add(name)
                assert statement["Resource"]["Fn::Sub"].endswith(":schedule/${ScheduleGroup}/*")
            if "iam:PassRole" in actions:
                telling.add(name)
                assert statement["Resource"] == {"Fn::GetAtt": ["SchedulerRole", "Arn"]}
                assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    assert telling == {"SchedulesFunction", "ReconcileFunction"}
    ours = [each for owner, each in every_statement() if owner == "SchedulerRole"]
    assert {(each["Action"], target(each["Resource"])) for each in ours} == {
        ("lambda:InvokeFunction", "FireFunction"),
        ("sqs:SendMessage", "FireDeadLetters"),
    }


def test_jobs_are_deleted_by_a_cancel_only() -> None:
    assert who_may("DeleteItem", "JOB#*") == {"CancelFunction"}
    # drive removes the messages of a job that is gone.
    assert who_may("BatchWriteItem", "JOB#*") == {"DriveFunction"}


def test_slots_move_where_jobs_are_claimed_and_queues_are_set_by_those_who_may() -> None:
    setting = {"QueuesFunction", "ManageFunction"}
    assert who_may("UpdateItem", "QUEUE#*") == {"DriveFunction", "ReconcileFunction"} | setting
    assert all(who_may(action, "QUEUE#*") == set() for action in WRITES - {"UpdateItem"})


def test_a_worker_reaches_jobs_their_outputs_and_the_queues_of_workflows() -> None:
    policy = of_type("AWS::IAM::ManagedPolicy")["WorkerPolicy"]
    statements = {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}
    assert set(statements) == {"TakeJobs", "TellOfJobs", "AttachOutputs", "EndJobs"}
    assert statements["TellOfJobs"]["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["JOB#*"]}}
    assert not {"Roles", "Users", "Groups"} & set(policy), "it is attached by who runs workers"


def test_what_the_lists_read_is_written_by_count_and_repaired_by_reconcile_and_count_writes_nothing_else() -> None:
    for key in ("LISTED#*", "COUNT#*", "HOURS#*", LISTS):
        assert set().union(*(who_may(action, key) for action in WRITES)) == {"CountFunction", "ReconcileFunction"}
    written = {action: may("CountFunction", action) for action in WRITES if may("CountFunction", action)}
    assert written == {"PutItem": {"LISTED#*"}, "UpdateItem": {"COUNT#*", "HOURS#*", LISTS}}
    # The lists read listings through the indexes, and counts in the table.
    reading = {"ListFunction", "WorkflowJobsFunction", "ReconcileFunction"}
    assert who_may("Query", "COUNT#*") == who_may("Query", "HOURS#*") == reading


def test_who_asks_for_the_jobs_of_a_workflow_reads_indexes_of_workflows_only() -> None:
    assert "all-by-creation" in indexes_of("ListFunction")
    assert indexes_of("WorkflowJobsFunction") == {
        each for each in indexes_of("ListFunction") if each.startswith(("what-", "both-"))
    }


def indexes_of(name: str) -> set[str]:
    return {
        resource["Fn::Sub"].partition("/index/")[2]
        for statement in of_function(name)
        for resource in listed(statement["Resource"])
        if "/index/" in json.dumps(resource)
    }


def test_a_workflow_sees_its_jobs_and_files_only() -> None:
    allowed = {action for statement in of_function("ProfileFunction") for action in listed(statement["Action"])}
    assert {each for each in allowed if each.startswith("dynamodb:")} == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    }
    assert may("ProfileFunction", "GetItem") | may("ProfileFunction", "PutItem") == {"JOB#*"}
    places = {
        action: statement["Resource"]["Fn::Sub"]
        for statement in of_function("ProfileFunction")
        for action in listed(statement["Action"])
        if action.startswith("s3:") and statement["Sid"] != "ReadInputBucket"
    }
    assert places["s3:GetObject"] == "${DataBucket.Arn}/inputs/*"
    assert places["s3:PutObject"] == "${DataBucket.Arn}/outputs/*"


def places(name: str, action: str) -> set[str]:
    """Where in the data bucket a function may do something with objects."""
    return {
        resource["Fn::Sub"].removeprefix("${DataBucket.Arn}")
        for statement in of_function(name)
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if "DataBucket" in json.dumps(resource)
    }


def test_erase_deletes_what_is_of_users_and_reads_nothing() -> None:
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert places("EraseFunction", action) == {"/users/*"}
        assert {name for name in functions() if places(name, action)} == {"EraseFunction"}
    assert not places("EraseFunction", "s3:GetObject") | places("EraseFunction", "s3:PutObject")


def test_inventory_reads_objects_and_writes_none() -> None:
    assert places("InventoryFunction", "s3:GetObject") == {"/objects/*"}
    assert not places("InventoryFunction", "s3:PutObject")
    assert {action for action in WRITES if may("InventoryFunction", action)} == set()
    assert places("InventoryStepsFunction", "s3:PutObject") == {"/objects/*", "/work/*", "/outputs/*"}


def test_listing_is_allowed_within_a_folder_only() -> None:
    for owner, statement in every_statement():
        if listed(statement["Action"])[0] in {"s3:ListBucket", "s3:ListBucketVersions"}:
            if target(statement["Resource"]) == "DataBucket":
                (folder,) = statement["Condition"]["StringLike"].values()
                assert folder in {"users/*", "objects/*", "work/*"}, owner
            else:
                assert statement["Resource"]["Fn::Sub"].endswith(("${InputBucket}", "${EraseBucket}")), owner


def test_only_files_that_jobs_made_are_given_out() -> None:
    for name in set(functions()) - {"ProfileFunction", "InventoryFunction", "InventoryStepsFunction"}:
        for statement in of_function(name):
            if "s3:GetObject" in listed(statement["Action"]):
                assert (name, statement["Resource"]) == ("OutputFunction", {"Fn::Sub": "${DataBucket.Arn}/outputs/*"})


def test_shipped_workflows_have_the_name_that_the_state_machine_may_run() -> None:
    named = {name: function["FunctionName"] for name, function in functions().items() if "FunctionName" in function}
    assert named == {
        f"{name}Function": {"Fn::Sub": f"${{AWS::StackName}}-workflow-{short}"}
        for name, short in {
            "Profile": "profile",
            "Erase": "erase",
            "Inventory": "inventory",
            "InventorySteps": "inventory-steps",
        }.items()
    }
    machine = of_type("AWS::StepFunctions::StateMachine")["InventoryStateMachine"]
    assert machine["StateMachineName"] == {"Fn::Sub": "${AWS::StackName}-workflow-inventory"}
