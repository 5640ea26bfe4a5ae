"""Every function of the template can be seen, is alarmed, and loses nothing that failed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from jobyard.model import LIVE, TERMINAL
from jobyard.service.scheduler import LATE_MS, RETRIES
from local.template import ROOT, load
from tests.transformed import count_is_told, drive_is_told, functions, of_type, target, transformed

FUNCTIONS = sorted(functions())
ROUTES = {
    ("POST", "/webapi/oauth2/token"): "TokenFunction",
    ("GET", "/webapi/v3/jobs"): "ListFunction",
    ("GET", "/webapi/v3/jobs/{jobId}"): "GetFunction",
    ("DELETE", "/webapi/v3/jobs/{jobId}"): "CancelFunction",
    ("PATCH", "/webapi/v3/jobs/{jobId}"): "ChangeJobFunction",
    ("GET", "/webapi/v3/queues"): "QueuesFunction",
    ("GET", "/webapi/v3/queues/{tag}"): "QueuesFunction",
    ("PUT", "/webapi/v3/queues/{tag}"): "QueuesFunction",
    ("PATCH", "/webapi/v3/queues/{tag}"): "QueuesFunction",
    ("GET", "/webapi/v3/jobs/{jobId}/messages"): "MessagesFunction",
    ("GET", "/webapi/v3/workflows/{workflowId}/jobs"): "WorkflowJobsFunction",
    ("POST", "/webapi/v3/workflows/{workflowId}/jobs"): "SubmitFunction",
    ("GET", "/webapi/v1/jobs/{jobId}/output/{outputId}"): "OutputFunction",
    ("GET", "/webapi/v3/jobs/{jobId}/output/{outputId}"): "OutputFunction",
    ("GET", "/webapi/v3/users"): "UsersFunction",
    ("POST", "/webapi/v3/users"): "UsersFunction",
    ("GET", "/webapi/v3/users/{userId}"): "UsersFunction",
    ("PUT", "/webapi/v3/users/{userId}"): "UsersFunction",
    ("DELETE", "/webapi/v3/users/{userId}"): "UsersFunction",
    ("GET", "/webapi/v3/usergroups"): "UsergroupsFunction",
    ("POST", "/webapi/v3/usergroups"): "UsergroupsFunction",
    ("GET", "/webapi/v3/usergroups/{userGroupId}"): "UsergroupsFunction",
    ("PUT", "/webapi/v3/usergroups/{userGroupId}"): "UsergroupsFunction",
    ("DELETE", "/webapi/v3/usergroups/{userGroupId}"): "UsergroupsFunction",
    ("POST", "/webapi/v3/usergroups/{userGroupId}/users"): "UsergroupsFunction",
    ("DELETE", "/webapi/v3/usergroups/{userGroupId}/users/{userId}"): "UsergroupsFunction",
    ("GET", "/webapi/v3/collections"): "CollectionsFunction",
    ("POST", "/webapi/v3/collections"): "CollectionsFunction",
    ("GET", "/webapi/v3/collections/{collectionId}"): "CollectionsFunction",
    ("PUT", "/webapi/v3/collections/{collectionId}"): "CollectionsFunction",
    ("DELETE", "/webapi/v3/collections/{collectionId}"): "CollectionsFunction",
    ("POST", "/webapi/v3/collections/{collectionId}/users"): "CollectionsFunction",
    ("DELETE", "/webapi/v3/collections/{collectionId}/users/{userId}"): "CollectionsFunction",
    ("PUT", "/webapi/v3/collections/{collectionId}/users/{userId}/permissions"): "CollectionsFunction",
    ("POST", "/webapi/v3/collections/{collectionId}/userGroups"): "CollectionsFunction",
    ("DELETE", "/webapi/v3/collections/{collectionId}/userGroups/{userGroupId}"): "CollectionsFunction",
    ("PUT", "/webapi/v3/collections/{collectionId}/userGroups/{userGroupId}/permissions"): "CollectionsFunction",
    ("POST", "/webapi/v3/collections/{collectionId}/workflows"): "CollectionsFunction",
    ("DELETE", "/webapi/v3/collections/{collectionId}/workflows/{workflowId}"): "CollectionsFunction",
    ("POST", "/webapi/v3/collections/{collectionId}/schedules"): "CollectionsFunction",
    ("DELETE", "/webapi/v3/collections/{collectionId}/schedules/{scheduleId}"): "CollectionsFunction",
    ("GET", "/webapi/v3/audit"): "AuditFunction",
    ("GET", "/webapi/v3/schedules"): "SchedulesFunction",
    ("POST", "/webapi/v3/schedules"): "SchedulesFunction",
    ("GET", "/webapi/v3/schedules/{scheduleId}"): "SchedulesFunction",
    ("PUT", "/webapi/v3/schedules/{scheduleId}"): "SchedulesFunction",
    ("PATCH", "/webapi/v3/schedules/{scheduleId}"): "SchedulesFunction",
    ("DELETE", "/webapi/v3/schedules/{scheduleId}"): "SchedulesFunction",
    ("POST", "/webapi/v3/schedules/{scheduleId}/run"): "SchedulesFunction",
    ("GET", "/public/{projectKey}/jobs"): "ListFunction",
    ("GET", "/public/{projectKey}/jobs/{jobId}"): "GetFunction",
    ("DELETE", "/public/{projectKey}/jobs/{jobId}"): "CancelFunction",
    ("DELETE", "/public/{projectKey}/users/{userId}"): "SubmitFunction",
    ("GET", "/inventorytriggerjob"): "ListFunction",
    ("POST", "/inventorytriggerjob"): "SubmitFunction",
    ("GET", "/inventorytriggerjob/{jobId+}"): "GetFunction",
    ("PUT", "/inventorytriggerjob/{jobId+}"): "CancelFunction",
    ("ANY", "$default"): "UnmatchedFunction",
}


def alarms_on(metric: str, dimension: str, logical_id: str) -> list[dict[str, Any]]:
    return [
        alarm
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == metric
        and [(d["Name"], target(d["Value"])) for d in alarm["Dimensions"]] == [(dimension, logical_id)]
    ]


def test_each_route_has_one_function() -> None:
    ((_, api),) = of_type("AWS::ApiGatewayV2::Api").items()
    found = {}
    for path, methods in api["Body"]["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            assert operation["x-amazon-apigateway-integration"]["payloadFormatVersion"] == "2.0"
            found[method.removeprefix("x-amazon-apigateway-").removesuffix("-method").upper(), path] = uri.split("${")[
                -1
            ].split(".Arn")[0]
    assert found == ROUTES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_log_group_is_its_own_and_forgets(name: str) -> None:
    logging = functions()[name]["LoggingConfig"]
    group = target(logging["LogGroup"])
    assert logging["LogFormat"] == "JSON"
    assert [each for each in FUNCTIONS if target(functions()[each]["LoggingConfig"]["LogGroup"]) == group] == [name]
    assert group
    assert of_type("AWS::Logs::LogGroup")[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_group_forgets() -> None:
    for properties in of_type("AWS::Logs::LogGroup").values():
        assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_errors_are_alarmed_and_of_a_workflow_that_it_cannot_run(name: str) -> None:
    # A workflow's own error is its job's, not the stack's.
    workflow = "-workflow-" in str(functions()[name].get("FunctionName"))
    assert len(alarms_on("Throttles" if workflow else "Errors", "FunctionName", name)) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_traced_and_runs_on_the_chosen_processor(name: str) -> None:
    properties = functions()[name]
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties["Runtime"] == "python3.13"
    assert properties["Timeout"] <= 900


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_code_is_there(name: str) -> None:
    source = ROOT / functions()[name]["Code"]["S3Key"] / "app.py"
    module = ast.parse(source.read_text(encoding="utf-8"))
    assert functions()[name]["Handler"] == "app.handler"
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    assigned = {each.id for node in module.body if isinstance(node, ast.Assign) for each in node.targets
                if isinstance(each, ast.Name)}  # fmt: skip
    assert "handler" in defined | assigned


def test_no_folder_of_functions_is_left_out() -> None:
    folders = {f"functions/{each.parent.name}" for each in Path(ROOT, "functions").glob("*/app.py")}
    assert folders == {functions()[name]["Code"]["S3Key"] for name in FUNCTIONS}


def test_public_functions_answer_within_the_gateways_limit() -> None:
    for name in set(ROUTES.values()):
        assert functions()[name]["Timeout"] < 30


def test_what_is_called_asynchronously_keeps_its_failures() -> None:
    asynchronous = {target(rule["Targets"][0]["Arn"]) for rule in of_type("AWS::Events::Rule").values()}
    asynchronous |= {target(each["Target"]["Arn"]) for each in of_type("AWS::Scheduler::Schedule").values()}
    kept = {}
    for config in of_type("AWS::Lambda::EventInvokeConfig").values():
        kept[target(config["FunctionName"])] = target(config["DestinationConfig"]["OnFailure"]["Destination"])
    assert asynchronous == set(kept) == {"SettleFunction", "ReconcileFunction", "FireFunction"}
    assert set(kept.values()) <= set(of_type("AWS::SQS::Queue"))


def test_events_that_cannot_be_delivered_are_kept() -> None:
    allowed = {
        (target(policy["Queues"][0]), target(statement["Condition"]["ArnEquals"]["aws:SourceArn"]))
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    }
    rules = of_type("AWS::Events::Rule")
    kept = {(target(rule["Targets"][0]["DeadLetterConfig"]["Arn"]), name) for name, rule in rules.items()}
    assert kept == allowed
    assert len(kept) == len(rules)


def test_every_dead_letter_is_alarmed() -> None:
    queues = of_type("AWS::SQS::Queue")
    assert queues
    for name in queues:
        assert len(alarms_on("ApproximateNumberOfMessagesVisible", "QueueName", name)) == 1


def test_alarms_notify_the_topic_and_are_quiet_without_data() -> None:
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmDescription"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmActions"]["Fn::If"][:2] == ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}]]


def follows_the_stream(name: str) -> dict[str, Any]:
    (mapping,) = (
        each for each in of_type("AWS::Lambda::EventSourceMapping").values() if target(each["FunctionName"]) == name
    )
    assert target(mapping["EventSourceArn"]) == "JobsTable"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert len(alarms_on("IteratorAge", "FunctionName", name)) == 1
    return mapping


def test_the_stream_has_no_more_readers_than_dynamodb_recommends() -> None:
    readers = [target(each["FunctionName"]) for each in of_type("AWS::Lambda::EventSourceMapping").values()]
    assert sorted(map(str, readers)) == ["CountFunction", "DriveFunction"]


def test_what_drive_cannot_do_is_tried_again_piece_by_piece_and_given_up_in_the_end() -> None:
    mapping = follows_the_stream("DriveFunction")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 < mapping["MaximumRetryAttempts"] < 100
    assert target(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "DriveDeadLetters"


def test_what_cannot_be_counted_is_tried_again_for_as_long_as_the_stream_has_it() -> None:
    mapping = follows_the_stream("CountFunction")
    assert mapping["MaximumRetryAttempts"] == -1
    # The stream forgets after a day. By then Lambda has told the queue.
    assert 22 * 3600 < mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert target(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "CountDeadLetters"
    # It raises, so its errors are counted and alarmed, and a batch is halved.
    assert "FunctionResponseTypes" not in mapping


def test_how_far_lists_are_behind_is_for_the_operator_to_say() -> None:
    assert follows_the_stream("CountFunction")["MaximumBatchingWindowInSeconds"] == {"Ref": "CountWindowSeconds"}
    parameter = load()["Parameters"]["CountWindowSeconds"]
    # From a minute on CountLag would take it for a fault. Two seconds are what the guarantees say.
    assert (parameter["MinValue"], parameter["MaxValue"], parameter["Default"]) == (0, 50, 2)


@pytest.mark.parametrize(("metric", "name"), [("Uncountable", "CountFunction"), ("CountDrift", "ReconcileFunction")])
def test_jobs_that_nobody_can_count_and_counts_that_are_wrong_are_alarmed(metric: str, name: str) -> None:
    (alarm,) = (each for each in of_type("AWS::CloudWatch::Alarm").values() if each["MetricName"] == metric)
    assert alarm["Namespace"] == functions()[name]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


@pytest.mark.parametrize(
    ("kind", "sk", "status", "expected"),
    [
        ("INSERT", "JOB", "queued", True),
        ("REMOVE", "JOB", "completed", True),
        ("MODIFY", "JOB", "queued", True),
        ("MODIFY", "JOB", "initializing", False),
        ("MODIFY", "JOB", "cancelled", False),
        ("MODIFY", "JOB", "failed", False),
        ("MODIFY", "JOB", "running", False),
        ("INSERT", "MSG#1", None, False),
        ("REMOVE", "MSG#1", None, False),
        ("INSERT", "CREDENTIAL", None, False),
    ],
)
def test_only_what_drive_reacts_to_costs_an_invocation(kind: str, sk: str, status: str | None, expected: bool) -> None:
    change: dict[str, Any] = {"Keys": {"pk": {"S": "x"}, "sk": {"S": sk}}}
    if kind != "REMOVE" and status:
        change["NewImage"] = {"status": {"S": status}}
    assert drive_is_told({"eventName": kind, "dynamodb": change}) is expected


def _moved(before: str, after: str, *, slot: bool) -> dict[str, Any]:
    image = {"status": {"S": after}} | ({"slotOf": {"S": "acme#gpu"}} if slot else {})
    change = {"Keys": {"pk": {"S": "x"}, "sk": {"S": "JOB"}}, "OldImage": {"status": {"S": before}}, "NewImage": image}
    return {"eventName": "MODIFY", "dynamodb": change}


@pytest.mark.parametrize("before", sorted(LIVE))
@pytest.mark.parametrize("after", sorted(TERMINAL))
def test_the_end_of_a_job_is_one_of_them_once(before: str, after: str) -> None:
    assert drive_is_told(_moved(before, after, slot=True))
    # That it has given back its slot is a change of it too.
    assert not drive_is_told(_moved(after, after, slot=False))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("queued", "initializing", False),
        ("initializing", "running", False),
        ("running", "completed", False),
        ("running", "failed", True),
        ("running", "cancelled", True),
    ],
)
def test_of_a_job_without_a_slot_only_an_end_before_its_time_is_one(before: str, after: str, expected: bool) -> None:
    assert drive_is_told(_moved(before, after, slot=False)) is expected


def test_a_job_that_has_a_slot_is_begun_for_its_record() -> None:
    assert drive_is_told(_moved("queued", "initializing", slot=True))
    # One that had none and was given one: whoever claimed it may not have begun it.
    assert drive_is_told(_moved("initializing", "initializing", slot=True))


@pytest.mark.parametrize(
    ("was_done", "expected"), [("taken", False), ("noted", False), ("more", True), ("freed", True), ("set", True)]
)
def test_a_queue_that_has_to_be_looked_at_is_one_of_them(was_done: str, expected: bool) -> None:
    keys = {"pk": {"S": "QUEUE#acme"}, "sk": {"S": "TAG#gpu"}}
    change = {"Keys": keys, "NewImage": {"change": {"S": was_done}}}
    assert drive_is_told({"eventName": "MODIFY", "dynamodb": change}) is expected


def test_five_filters_are_what_a_stream_takes_unless_aws_allows_more() -> None:
    for name in ("DriveFunction", "CountFunction"):
        assert len(follows_the_stream(name)["FilterCriteria"]["Filters"]) <= 5


@pytest.mark.parametrize(
    ("kind", "sk", "before", "now", "expected"),
    [
        ("INSERT", "JOB", None, "queued", True),
        ("REMOVE", "JOB", "running", None, True),
        *(("MODIFY", "JOB", "running", each, True) for each in ("completed", "failed", "cancelled")),
        *(("MODIFY", "JOB", each, "cancelled", True) for each in ("scheduled", "queued", "initializing")),
        ("MODIFY", "JOB", "scheduled", "queued", True),
        ("MODIFY", "JOB", "queued", "initializing", True),
        ("MODIFY", "JOB", "initializing", "running", True),
        ("MODIFY", "JOB", "running", "running", False),
        ("INSERT", "MSG#1", None, None, False),
        ("REMOVE", "MSG#1", None, None, False),
        ("INSERT", "LISTED", None, None, False),
        ("MODIFY", "LISTED", None, None, False),
    ],
)
def test_count_is_told_of_every_change_in_a_jobs_life_and_of_nothing_that_it_writes_itself(
    kind: str, sk: str, before: str | None, now: str | None, expected: bool
) -> None:
    change: dict[str, Any] = {"Keys": {"pk": {"S": "x"}, "sk": {"S": sk}}}
    change |= {"OldImage": {"status": {"S": before}}} if before else {}
    change |= {"NewImage": {"status": {"S": now}}} if now else {}
    assert count_is_told({"eventName": kind, "dynamodb": change}) is expected


def test_every_parameter_is_described_and_shown_in_a_group() -> None:
    template = load()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    assert all(parameter["Description"] for parameter in template["Parameters"].values())
    assert all("Default" in parameter for parameter in template["Parameters"].values())


def test_every_output_is_described() -> None:
    outputs = transformed()["Outputs"]
    assert all(output["Description"] for output in outputs.values())
    assert {"AlteryxBaseUrl", "TokenUrl", "TableName", "DataBucketName", "StateMachineArn"} <= set(outputs)
    assert {"ManageFunctionName", "RunnerLayerArn", "WorkflowFunctionPrefix"} <= set(outputs)


def test_the_oidc_layer_is_attached_only_where_callers_are_authenticated() -> None:
    optional = {"Fn::If"}
    attached = {
        name
        for name, properties in functions().items()
        if any(isinstance(layer, dict) and set(layer) == optional for layer in properties["Layers"])
    }
    assert attached == set(ROUTES.values()) - {"UnmatchedFunction"}


def test_what_scheduler_fires_for_the_template_is_tried_as_long_as_what_it_fires_for_requests() -> None:
    (static,) = of_type("AWS::Scheduler::Schedule").values()
    assert static["Target"]["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": LATE_MS // 1000,
        "MaximumRetryAttempts": RETRIES,
    }
    assert target(static["Target"]["DeadLetterConfig"]["Arn"]) == "FireDeadLetters"
    (handed_over,) = (
        each
        for each in of_type("AWS::Lambda::EventInvokeConfig").values()
        if target(each["FunctionName"]) == "FireFunction"
    )
    assert handed_over["MaximumEventAgeInSeconds"] == LATE_MS // 1000


def test_missed_runs_are_alarmed() -> None:
    (alarm,) = (each for each in of_type("AWS::CloudWatch::Alarm").values() if each["MetricName"] == "RunsMissed")
    assert (alarm["Threshold"], alarm["Statistic"]) == (1, "Sum")
