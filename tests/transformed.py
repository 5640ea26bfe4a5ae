"""template.yaml as CloudFormation gets it, after the SAM transform, with intrinsics in their long form."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local.processes import locked
from local.template import ROOT, load

Resource = dict[str, Any]
Statement = dict[str, Any]


_TRANSFORM = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    # The template names none by name only, so nothing has to be asked of AWS.
    def load(self):
        return {}

json.dump(transform(json.load(sys.stdin), {}, NoManagedPolicies()), sys.stdout)
"""


_ENGINE = ROOT / ".local" / "engine-env"


@cache
def transformed() -> dict[str, Any]:
    """To be read only: all that ask in one process are given the same."""
    template = load()
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = {"Bucket": "code", "Key": resource["Properties"][name]}
    given = json.dumps(template)
    # Kept beside the environments: the transform takes seconds, and every process of every run of tests asks for it.
    made_of = given + _TRANSFORM + (ROOT / "requirements" / "engine.txt").read_text("utf-8")
    kept = ROOT / ".local" / f"transformed-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.json"
    if not kept.exists():
        with locked(kept.with_name("transformed.lock")):
            if not kept.exists():
                _keep(kept, _transform(given))
    result: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return result


def _keep(path: Path, text: str) -> None:
    for old in path.parent.glob("transformed-*.json"):
        old.unlink()
    written = path.with_suffix(".new")
    written.write_text(text, "utf-8")
    written.replace(path)


def _transform(template: str) -> str:
    # The transform lives in the engine's environment: it holds pydantic back to a version that the layer has left.
    return subprocess.run(
        [_ENGINE / "bin" / "python", "-c", _TRANSFORM],
        input=template,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


@cache
def of_type(kind: str) -> dict[str, Resource]:
    """Properties of the resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in transformed()["Resources"].items()
        if resource["Type"] == kind
    }


def functions() -> dict[str, Resource]:
    return of_type("AWS::Lambda::Function")


def target(value: Any) -> str | None:
    """The logical id that a Ref or GetAtt points at."""
    if isinstance(value, dict) and set(value) == {"Ref"}:
        return str(value["Ref"])
    if isinstance(value, dict) and set(value) == {"Fn::GetAtt"}:
        return str(value["Fn::GetAtt"][0])
    return None


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def every_statement() -> Iterator[tuple[str, Statement]]:
    """What is allowed, with the logical id of the role or managed policy; an optional statement as if it applied."""
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            yield from ((name, each) for each in _statements(policy["PolicyDocument"]))
    for name, policy in of_type("AWS::IAM::ManagedPolicy").items():
        yield from ((name, each) for each in _statements(policy["PolicyDocument"]))


def _statements(document: Resource) -> Iterator[Statement]:
    for each in document["Statement"]:
        yield each["Fn::If"][1] if "Fn::If" in each else each


def of_function(name: str) -> list[Statement]:
    """What the role of a function allows."""
    role = target(functions()[name]["Role"])
    assert role
    managed = {target(each) for each in of_type("AWS::IAM::Role")[role]["ManagedPolicyArns"]}
    return [statement for owner, statement in every_statement() if owner == role or owner in managed]


@cache
def _filters(function: str) -> list[Any]:
    (mapping,) = load()["Resources"][function]["Properties"]["Events"].values()
    return [json.loads(each["Pattern"]) for each in mapping["Properties"]["FilterCriteria"]["Filters"]]


def drive_is_told(record: Mapping[str, Any]) -> bool:
    """Whether Lambda invokes drive for a record of the stream."""
    return any(_passes(each, record) for each in _filters("DriveFunction"))


def count_is_told(record: Mapping[str, Any]) -> bool:
    """Whether Lambda invokes count for a record of the stream."""
    return any(_passes(each, record) for each in _filters("CountFunction"))


def _passes(pattern: Any, value: Any) -> bool:
    """Lambda's event filter, as far as this template uses it: objects by name, lists of values that are allowed, or of
    one rule: those that are not allowed, how one begins, or that there is one.
    """
    if pattern == [{"exists": True}]:
        return True
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and _passes(each, value[key]) for key, each in pattern.items()
        )
    (first, *_) = pattern
    if isinstance(first, dict):
        ((rule, wanted),) = first.items()
        assert len(pattern) == 1
        assert rule in ("anything-but", "prefix", "exists"), pattern
        if rule == "prefix":
            return bool(value.startswith(wanted))
        return value not in wanted if rule == "anything-but" else wanted is True
    return value in pattern
