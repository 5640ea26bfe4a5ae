"""Step Functions, as far as jobs need it, in steps that a test takes one by one.

It carries out the definition that is deployed, its JSONata included, and its writes go to the same table. It is AWS's
side: it does not crash, and it tells of ended executions. What a workflow's function answers, the test says.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple

import jsonata
from botocore.exceptions import ClientError

from tests.promises.harness.wire import Answer
from tests.state_machine import definition

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:jobyard-job"
_WRITE = "arn:aws:states:::dynamodb:updateItem"
_WRITE_AND_WAIT = "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken"
_CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


class Failure(Exception):
    """A state ended with an error: ``error`` as the states language names it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


class Fate(NamedTuple):
    """Of one attempt of a state's write: it ends with ``error``, and may have been carried out all the same."""

    error: str
    carried_out: bool


class Execution:
    """``state`` is the one that comes next, ``data`` its input; ``token`` that of a task that waits for an answer."""

    def __init__(self, name: str, given: str, at_ms: int, first: str) -> None:
        self.name, self.input, self.began_at = name, given, at_ms
        self.state, self.data = first, json.loads(given)
        self.status: Status = "RUNNING"
        self.error = self.cause = ""
        self.token: str | None = None
        self.waits_until: float | None = None
        """Milliseconds: the end of a wait for a number of seconds."""
        self.variables: dict[str, Any] = {}
        self.passed: list[str] = []
        """The states that were entered, in their order."""

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"


class Machine:
    """``dynamodb`` is a client of Step Functions' own, which no gate of a test stops."""

    def __init__(self, dynamodb: Any, table: str, now_ms: Callable[[], int]) -> None:
        self.executions: dict[str, Execution] = {}
        self.ended: list[dict[str, Any]] = []
        """EventBridge's events of executions that failed, timed out or were stopped; the test delivers them."""
        self.nested: set[str] = set()
        """ARNs of the running executions of other state machines, which jobs have for a workflow."""
        self.fates: defaultdict[str, list[Fate]] = defaultdict(list)
        """What becomes of the next attempts of a state's write, in their order; those after them succeed."""
        self.dynamodb, self._now_ms = dynamodb, now_ms
        self._definition = definition(TableName=table)
        self._states: dict[str, Any] = self._definition["States"]

    # What the product calls.

    def answer(self, operation: str, asked: dict[str, Any]) -> Answer:
        """The operation's answer, as it is on the wire."""
        operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "StartExecution": self._start,
            "StopExecution": self._stop,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "SendTaskSuccess": lambda asked: self._task(asked, "success"),
            "SendTaskFailure": lambda asked: self._task(asked, "failure"),
            "SendTaskHeartbeat": lambda asked: self._task(asked, "heartbeat"),
        }
        return operations[operation](asked)

    def _start(self, asked: dict[str, Any]) -> Answer:
        name = asked["name"]
        there = self.executions.get(name)
        if there is None:
            self.executions[name] = Execution(name, asked["input"], self._now_ms(), self._definition["StartAt"])
        elif not (there.running and there.input == asked["input"]):
            return _error("ExecutionAlreadyExists")
        return 200, {"executionArn": _arn(name), "startDate": self.executions[name].began_at / 1000}

    def _stop(self, asked: dict[str, Any]) -> Answer:
        if not asked["executionArn"].startswith(_arn("")):
            return self._stop_nested(asked["executionArn"])
        found = self._named(asked)
        if found is None:
            return _error("ExecutionDoesNotExist")
        if found.running:
            self._end(found, "ABORTED", asked.get("error", ""), asked.get("cause", ""))
        return 200, {"stopDate": self._now_ms() / 1000}

    def _stop_nested(self, arn: str) -> Answer:
        if arn not in self.nested:
            return _error("ExecutionDoesNotExist")
        name = arn.rpartition(":")[2]
        if name in self.working():
            self.break_(name, "States.TaskFailed")
        self.nested.discard(arn)
        return 200, {"stopDate": self._now_ms() / 1000}

    def _describe(self, asked: dict[str, Any]) -> Answer:
        found = self._named(asked)
        if found is None:
            return _error("ExecutionDoesNotExist")
        told: dict[str, Any] = {"executionArn": _arn(found.name), "stateMachineArn": ARN, "name": found.name}
        told |= {"status": found.status}
        told |= {"startDate": found.began_at / 1000, "input": found.input, "error": found.error, "cause": found.cause}
        return 200, told

    def _list(self, asked: dict[str, Any]) -> Answer:
        executions = [
            {
                "executionArn": _arn(each.name),
                "stateMachineArn": ARN,
                "name": each.name,
                "status": each.status,
                "startDate": each.began_at / 1000,
            }
            for each in self.executions.values()
            if each.status == asked["statusFilter"]
        ]
        return 200, {"executions": executions}

    def _task(self, asked: dict[str, Any], how: str) -> Answer:
        found = next((each for each in self.executions.values() if each.token == asked["taskToken"]), None)
        if found is None:
            return _error("TaskTimedOut")
        if how == "success" and not found.state.startswith("Run"):
            self._answered(found, json.loads(asked["output"]))
        elif how == "success":
            self.finish(found.name, json.loads(asked["output"]))
        elif how == "failure":
            self.break_(found.name, asked.get("error", ""), asked.get("cause", ""))
        return 200, {}

    def _named(self, asked: dict[str, Any]) -> Execution | None:
        return self.executions.get(asked["executionArn"].rpartition(":")[2])

    # What the test does.

    def able(self) -> list[str]:
        """The executions that ``step`` takes on: neither ended, nor waiting for a time or for a function."""
        return [each.name for each in self.executions.values() if each.running and self._goes_on(each)]

    def working(self) -> list[str]:
        """The executions whose function is at work: ``finish``, ``break_`` or ``time_out`` go on with them."""
        return [each.name for each in self.executions.values() if each.running and each.state.startswith("Run") and
                each.token is not None]  # fmt: skip

    def step(self, name: str) -> None:
        """One state of the execution, from its beginning to its end."""
        self.begin(name)()

    def begin(self, name: str) -> Callable[[], None]:
        """Begin the execution's next state; what is returned ends it.

        A write that was begun is carried out even when the execution is stopped in between: it was on its way.
        """
        execution = self.executions[name]
        state = self._states[execution.state]
        execution.passed.append(execution.state)
        if state.get("Resource") in (_WRITE, _WRITE_AND_WAIT):
            if state["Resource"] == _WRITE_AND_WAIT:
                execution.token = f"{execution.name}/{len(execution.passed)}"
            arguments = self._rendered(execution, state["Arguments"])
            return lambda: self._write(execution, state, arguments)
        return lambda: self._pass(execution, state)

    def payload(self, name: str) -> dict[str, Any]:
        """What the function of the execution's job is given."""
        execution = self.executions[name]
        given = self._states[execution.state]["Arguments"]
        payload: dict[str, Any] = self._rendered(execution, given["Payload"])
        return payload

    def finish(self, name: str, answer: Any = None) -> None:
        """The function of the execution's job answers."""
        execution = self.executions[name]
        assert name in self.working()
        state = self._states[execution.state]
        execution.token = None
        self._ends_nested(name)
        result = {"Payload": answer} if execution.state == "RunLambda" else answer
        self._go(execution, state["Next"], self._rendered(execution, state["Output"], result=result))

    def _answered(self, execution: Execution, result: Any) -> None:
        """A wait is over: the job of the execution has a slot."""
        state = self._states[execution.state]
        output = self._rendered(execution, state["Output"], result=result)
        execution.token = None
        self._go(execution, state["Next"], output)

    def break_(self, name: str, error: str, cause: str = "") -> None:
        """The function of the execution's job fails."""
        execution = self.executions[name]
        assert name in self.working()
        execution.token = None
        self._ends_nested(name)
        self._caught(execution, Failure(error, cause))

    def time_out(self, name: str) -> None:
        """The function was not heard of within its time, or gave no sign of life; a nested execution goes on, as Step
        Functions only tries to stop one.
        """
        nested = self.nested
        self.break_(name, "States.Timeout")
        self.nested = nested

    def _ends_nested(self, name: str) -> None:
        self.nested = {arn for arn in self.nested if arn.rpartition(":")[2] != name}

    # One state.

    def _goes_on(self, execution: Execution) -> bool:
        state = self._states[execution.state]
        if state["Type"] == "Wait" and "Timestamp" in state:
            until = datetime.fromisoformat(self._rendered(execution, state["Timestamp"]))
            return self._now_ms() >= until.timestamp() * 1000
        if state["Type"] == "Wait":
            if execution.waits_until is None:
                execution.waits_until = self._now_ms() + self._rendered(execution, state["Seconds"]) * 1000
            return self._now_ms() >= execution.waits_until
        return execution.token is None

    def _pass(self, execution: Execution, state: dict[str, Any]) -> None:
        if not execution.running:
            return
        kind = state["Type"]
        if kind == "Choice":
            self._choose(execution, state)
        elif kind == "Wait":
            execution.waits_until = None
            output = self._rendered(execution, state["Output"]) if "Output" in state else execution.data
            self._assign(execution, state)
            self._go(execution, state["Next"], output)
        elif kind == "Task":
            execution.token = f"{execution.name}/{len(execution.passed)}"
            if execution.state == "RunStateMachine":
                given = self._rendered(execution, state["Arguments"])
                self.nested.add(f"{given['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{given['Name']}")
        elif kind == "Succeed":
            self._end(execution, "SUCCEEDED")
        else:
            assert kind == "Fail", kind
            self._end(
                execution,
                "FAILED",
                self._rendered(execution, state["Error"]),
                self._rendered(execution, state["Cause"]),
            )

    def _choose(self, execution: Execution, state: dict[str, Any]) -> None:
        for choice in state["Choices"]:
            if self._rendered(execution, choice["Condition"]):
                output = self._rendered(execution, choice["Output"]) if "Output" in choice else execution.data
                return self._go(execution, choice["Next"], output)
        return self._go(execution, state["Default"], execution.data)

    def _write(self, execution: Execution, state: dict[str, Any], arguments: dict[str, Any]) -> None:
        """With the state's own retries, between which no time passes."""
        retriers, tried = state.get("Retry", []), Counter[int]()
        while failure := self._attempt(execution.state, arguments):
            if not execution.running:
                return None
            place = next((n for n, each in enumerate(retriers) if _matches(each["ErrorEquals"], failure.error)), None)
            if place is None or tried[place] == retriers[place]["MaxAttempts"]:
                return self._caught(execution, failure)
            tried[place] += 1
        if not execution.running:
            return None
        if state.get("End"):
            return self._end(execution, "SUCCEEDED")
        if state["Resource"] == _WRITE_AND_WAIT:
            return None
        output = self._rendered(execution, state["Output"])
        self._assign(execution, state)
        return self._go(execution, state["Next"], output)

    def _assign(self, execution: Execution, state: dict[str, Any]) -> None:
        execution.variables |= self._rendered(execution, state.get("Assign", {}))

    def _attempt(self, state: str, arguments: dict[str, Any]) -> Failure | None:
        fate = self.fates[state].pop(0) if self.fates[state] else None
        failure = None
        if fate is None or fate.carried_out:
            try:
                self.dynamodb.update_item(**arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                failure = Failure(_CONDITION_FAILED)
        return Failure(fate.error) if fate else failure

    def _caught(self, execution: Execution, failure: Failure) -> None:
        execution.token = None
        told = {"Error": failure.error, "Cause": failure.cause}
        for catcher in self._states[execution.state].get("Catch", []):
            if _matches(catcher["ErrorEquals"], failure.error):
                output = (
                    self._rendered(execution, catcher["Output"], error=told) if "Output" in catcher else execution.data
                )
                return self._go(execution, catcher["Next"], output)
        return self._end(execution, "FAILED", failure.error, failure.cause)

    def _go(self, execution: Execution, state: str, data: Any) -> None:
        execution.state, execution.data = state, data

    def _end(self, execution: Execution, status: Status, error: str = "", cause: str = "") -> None:
        execution.status, execution.error, execution.cause, execution.token = status, error, cause, None
        if status != "SUCCEEDED":
            detail: dict[str, Any] = {
                "executionArn": _arn(execution.name),
                "stateMachineArn": ARN,
                "name": execution.name,
            }
            detail |= {"status": status, "input": execution.input, "error": error or None, "cause": cause or None}
            self.ended.append(
                {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
            )

    # JSONata.

    def _rendered(self, execution: Execution, template: Any, result: Any = None, error: Any = None) -> Any:
        if isinstance(template, dict):
            return {name: self._rendered(execution, each, result, error) for name, each in template.items()}
        if isinstance(template, list):
            return [self._rendered(execution, each, result, error) for each in template]
        if not (isinstance(template, str) and (found := re.fullmatch(r"\{%(.*)%\}", template, re.DOTALL))):
            return template
        expression = jsonata.Jsonata.jsonata(found[1])
        expression.register_lambda("millis", self._now_ms)
        expression.register_lambda("parse", json.loads)
        context = {
            "Execution": {"Name": execution.name, "Id": _arn(execution.name)},
            "Task": {"Token": execution.token},
        }
        states = {"input": execution.data, "context": context, "result": result, "errorOutput": error}
        return expression.evaluate(None, {"states": states, **execution.variables})


def _matches(wanted: Iterable[str], error: str) -> bool:
    return error in wanted or "States.ALL" in wanted


def _error(code: str) -> Answer:
    return 400, {"__type": f"com.amazonaws.sfn#{code}", "message": f"it said {code}"}


def _arn(name: str) -> str:
    return f"{ARN.replace(':stateMachine:', ':execution:')}:{name}"
