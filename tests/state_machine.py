"""statemachine/job.asl.json as data."""

from __future__ import annotations

import json
import re
from typing import Any

from jobyard.model import Status
from local.template import ROOT, load

FILE = ROOT / "statemachine" / "job.asl.json"
UPDATE = "arn:aws:states:::dynamodb:updateItem"
UPDATE_AND_WAIT = "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken"
State = dict[str, Any]


def definition(**substitutions: str) -> dict[str, Any]:
    """The definition; names that are not given stay as ``${Name}``."""
    text = FILE.read_text(encoding="utf-8")
    for name, value in substitutions.items():
        text = text.replace(f"${{{name}}}", value)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def substitutions() -> set[str]:
    return set(load()["Resources"]["JobStateMachine"]["Properties"]["DefinitionSubstitutions"])


def states() -> dict[str, State]:
    found: dict[str, State] = definition()["States"]
    return found


def writes() -> dict[str, State]:
    """The states that change the job's status."""
    return {name: state for name, state in states().items() if state.get("Resource") in (UPDATE, UPDATE_AND_WAIT)}


def target(state: State) -> Status:
    (placeholder,) = re.findall(r"#status = (:\w+)", state["Arguments"]["UpdateExpression"])
    return Status(state["Arguments"]["ExpressionAttributeValues"][placeholder]["S"])


def sources(state: State) -> set[Status]:
    """What the condition lets through, with the target of a write that may be repeated."""
    (allowed,) = re.findall(r"#status IN \(([^)]*)\)", state["Arguments"]["ConditionExpression"])
    values = state["Arguments"]["ExpressionAttributeValues"]
    return {Status(values[placeholder.strip()]["S"]) for placeholder in allowed.split(",")}
