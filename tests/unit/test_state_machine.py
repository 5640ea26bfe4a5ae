"""The state machine's definition: valid, complete in its retries and catches, and moving jobs as the model says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from statelint.linter import Linter

from jobyard.model import TERMINAL, TRANSITIONS, Status
from tests.state_machine import State, definition, sources, states, substitutions, target, writes

TRANSITION_OF = {
    "Enqueue": "enqueue",
    "Start": "start",
    "Complete": "complete",
    "Fail": "fail",
}
CONDITION_FAILED = ["DynamoDB.ConditionalCheckFailedException", "DynamoDb.ConditionalCheckFailedException"]
TASKS = {name: state for name, state in states().items() if state["Type"] == "Task"}
WRITES = sorted(writes())
RUNS = sorted(name for name in TASKS if name.startswith("Run"))


def following(state: State) -> set[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {way["Next"] for way in ways if "Next" in way} | ({state["Default"]} if "Default" in state else set())


def test_it_is_valid_amazon_states_language() -> None:
    machine = definition()
    # The linter takes a time only, where JSONata may stand as well.
    assert machine["States"]["WaitForStart"]["Timestamp"] == "{% $states.input.startAt %}"
    machine["States"]["WaitForStart"]["Timestamp"] = "2026-01-01T00:00:00.000Z"
    machine["States"]["WaitToRetry"]["Seconds"] = 1
    for name in RUNS:
        machine["States"][name]["TimeoutSeconds"] = 2
        machine["States"][name].update({"HeartbeatSeconds": 1} if "HeartbeatSeconds" in machine["States"][name] else {})
    assert Linter.validate(machine) == []


def test_the_linter_would_have_noticed() -> None:
    machine = definition()
    machine["StartAt"] = "Nowhere"
    assert Linter.validate(machine)


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    machine = states()
    reached = {definition()["StartAt"]}
    while new := {each for name in reached for each in following(machine[name])} - reached:
        reached |= new
    assert reached == set(machine)
    for name, state in machine.items():
        ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
        assert bool(ends) != bool("Next" in state or "Default" in state), name


def test_it_is_given_all_that_it_refers_to() -> None:
    assert set(re.findall(r"\$\{(\w+)\}", str(definition()))) == substitutions()


def test_each_write_is_a_transition_of_the_model() -> None:
    assert set(writes()) == set(TRANSITION_OF)
    for name, state in writes().items():
        transition = TRANSITIONS[TRANSITION_OF[name]]
        assert target(state) == transition.target
        repeated = set() if transition.target in TERMINAL else {transition.target}
        assert sources(state) == transition.sources | repeated, name


def test_every_transition_of_a_running_life_has_its_write() -> None:
    by_others = {"initialize", "cancel", "delete"}
    assert set(TRANSITION_OF.values()) == set(TRANSITIONS) - by_others


@pytest.mark.parametrize("name", WRITES)
def test_only_the_jobs_own_execution_moves_it(name: str) -> None:
    arguments = writes()[name]["Arguments"]
    assert arguments["ConditionExpression"].startswith("#id = :execution AND #status IN (")
    assert arguments["ExpressionAttributeNames"]["#id"] == "id"
    assert arguments["ExpressionAttributeValues"][":execution"] == {"S": "{% $states.context.Execution.Name %}"}
    assert arguments["Key"] == {"pk": {"S": "{% $states.input.pk %}"}, "sk": {"S": "JOB"}}


@pytest.mark.parametrize("name", WRITES)
def test_a_job_leaves_the_index_of_live_jobs_with_its_last_change_only(name: str) -> None:
    removes = " REMOVE live" in writes()[name]["Arguments"]["UpdateExpression"]
    assert removes == (target(writes()[name]) in TERMINAL)


@pytest.mark.parametrize("name", WRITES)
def test_each_write_uses_all_that_it_declares(name: str) -> None:
    arguments = writes()[name]["Arguments"]
    expressions = arguments["UpdateExpression"] + " " + arguments["ConditionExpression"]
    assert set(re.findall(r":\w+", expressions)) == set(arguments["ExpressionAttributeValues"])
    assert set(re.findall(r"#\w+", expressions)) == set(arguments["ExpressionAttributeNames"])


@pytest.mark.parametrize("name", WRITES)
def test_a_write_that_lost_its_race_ends_the_execution_and_any_other_is_tried_again(name: str) -> None:
    lost, retried = writes()[name]["Retry"]
    assert lost == {"ErrorEquals": CONDITION_FAILED, "MaxAttempts": 0}
    assert retried["ErrorEquals"] == ["States.ALL"]
    assert retried["MaxAttempts"] >= 5
    superseded, failed = writes()[name]["Catch"]
    if name == "Enqueue":
        # Its own first try may have been carried out, and the job been claimed since: then the next write tells.
        assert superseded == {"ErrorEquals": CONDITION_FAILED, "Output": "{% $states.input %}", "Next": "Start"}
    elif name == "Start":
        # It comes first: what it finds may be a job that waits for its start.
        assert superseded == {"ErrorEquals": CONDITION_FAILED, "Output": "{% $states.input %}", "Next": "Scheduled?"}
    else:
        assert superseded == {"ErrorEquals": CONDITION_FAILED, "Next": "Superseded"}
    assert failed["ErrorEquals"] == ["States.ALL"]
    assert failed["Next"] == {"Fail": "Failed", "Start": "Scheduled?"}.get(name, "Fail")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_no_task_without_retry_catch_and_timeout(name: str) -> None:
    task = TASKS[name]
    assert task["Retry"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert isinstance(task["TimeoutSeconds"], int) or "$deadline" in task["TimeoutSeconds"]
    for retrier in task["Retry"]:
        if retrier["MaxAttempts"]:
            assert retrier["JitterStrategy"] == "FULL"
            assert retrier["MaxDelaySeconds"] <= 60


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"Fail"}))
def test_what_is_kept_of_a_failure_is_small(name: str) -> None:
    # Job and error together could be more than an execution may carry, and that cannot be caught.
    kept = {"pk": "{% $states.input.pk %}", "failure": "{% $states.errorOutput %}"}
    # Start's is kept beside what a job that waits for its start goes on with.
    short = "'Error': $states.errorOutput.Error, 'Cause': $substring($states.errorOutput.Cause, 0, 2000)"
    beside = f"{{% $merge([$states.input, {{'failure': {{{short}}}}}]) %}}"
    assert TASKS[name]["Catch"][-1]["Output"] == (beside if name == "Start" else kept)


def test_a_workflow_is_not_run_again_because_it_failed() -> None:
    for name in ("RunLambda", "RunCallback"):
        retried = {error for retrier in TASKS[name]["Retry"] for error in retrier["ErrorEquals"]}
        assert all(error.startswith("Lambda.") for error in retried)
        assert "Lambda.TooManyRequestsException" in retried


def test_a_nested_execution_is_named_after_the_job_and_bounded() -> None:
    nested = TASKS["RunStateMachine"]
    assert nested["Resource"] == "arn:aws:states:::states:startExecution.sync:2"
    # drive stops it by this name.
    assert nested["Arguments"]["Name"] == "{% $states.context.Execution.Name %}"
    retried = {error for retrier in nested["Retry"] for error in retrier["ErrorEquals"]}
    assert all(error.startswith("StepFunctions.") for error in retried)


def test_a_function_that_asks_for_it_is_called_again_but_not_for_ever() -> None:
    too_long, again = states()["Again?"]["Choices"]
    assert again == {"Condition": "{% $states.input.again %}", "Next": "RunLambda"}
    assert "$millis() >= $deadline" in too_long["Condition"]
    assert (too_long["Output"]["failure"]["Error"], too_long["Next"]) == ("States.Timeout", "Fail")


def test_a_worker_elsewhere_must_give_signs_of_life() -> None:
    callback = TASKS["RunCallback"]
    assert callback["Resource"].endswith(".waitForTaskToken")
    assert " 300, " in callback["HeartbeatSeconds"]
    # Longer than 7 days a job could pass the time at which its item expires: the template's least RetentionDays.
    assert " 604800) * 1000 %}" in states()["Start"]["Assign"]["deadline"]


def test_lambda_ends_a_function_before_the_state_machine_does() -> None:
    assert "$min([910, " in TASKS["RunLambda"]["TimeoutSeconds"]


def test_a_usual_job_costs_few_transitions() -> None:
    machine, name, passed = states(), definition()["StartAt"], []
    while True:
        passed.append(name)
        if machine[name].get("End"):
            break
        name = machine[name].get("Default") or machine[name]["Next"]
    assert passed == ["Start", "Runner?", "RunLambda", "Again?", "Complete"]
    # AWS says that each step is counted, and not whether the begin and the end are.
    assert len(passed) + 2 <= 7


def test_an_execution_waits_for_a_start_once() -> None:
    wait, fail = states()["Scheduled?"]["Choices"]
    assert fail["Next"] == "Fail"
    assert wait["Condition"] == "{% $exists($states.input.startAt) and $not($exists($states.input.waited)) %}"
    assert (wait["Next"], states()["Scheduled?"]["Default"]) == ("WaitForStart", "Superseded")
    # Else a job that was cancelled while it waited would lead its execution in a circle.
    assert states()["WaitForStart"]["Output"] == (
        "{% $merge([$sift($states.input, function($value, $name) { $name != 'failure' }), {'waited': true}]) %}"
    )


def test_nothing_of_a_jobs_content_is_logged() -> None:
    from tests.transformed import of_type

    for machine in of_type("AWS::StepFunctions::StateMachine").values():
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
        assert machine["LoggingConfiguration"]["Level"] == "ERROR"
        assert machine["TracingConfiguration"] == {"Enabled": True}


def test_statuses_are_written_as_the_model_spells_them() -> None:
    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for each in value.values() for text in texts(each)]
        return [value]

    for state in writes().values():
        plain = [text for text in texts(state["Arguments"]["ExpressionAttributeValues"]) if not text.startswith("{%")]
        assert {Status(text) for text in plain} >= {target(state)}
