"""template.yaml as data: its short intrinsics in their long form, and the values that need no AWS to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"


class _Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: tags are intrinsics, and a date is text.

    By libyaml's parser: Python's own takes more than a second for the template.
    """


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template, to be changed freely by the caller."""
    template = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    assert isinstance(template, dict)
    return template


def resolve(template: dict[str, Any], value: Any, parameters: dict[str, str] | None = None) -> Any:
    """`value` with references to parameters replaced by what is given for them, or by their defaults.

    KeyError: it refers to something that only a deployment knows.
    """
    given = {
        name: (parameters or {}).get(name, declared.get("Default"))
        for name, declared in template.get("Parameters", {}).items()
    }
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return given[value["Ref"]]
        unknown = [key for key in value if key.startswith("Fn::")]
        if unknown:
            raise KeyError(f"{unknown[0]} is known only to a deployment")
        return {key: resolve(template, each, parameters) for key, each in value.items()}
    if isinstance(value, list):
        return [resolve(template, each, parameters) for each in value]
    return value


# What CreateTable takes under another name or by another call, or what only a real account has.
_NOT_FOR_CREATE_TABLE = (
    "DeletionProtectionEnabled",
    "KinesisStreamSpecification",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "TableName",
    "Tags",
    "TimeToLiveSpecification",
)


def table_definition(template: dict[str, Any], logical_id: str = "JobsTable") -> dict[str, Any]:
    """The arguments of CreateTable for a table of the template, without its name."""
    properties = dict(template["Resources"][logical_id]["Properties"])
    for name in _NOT_FOR_CREATE_TABLE:
        properties.pop(name, None)
    definition = resolve(template, properties)
    assert isinstance(definition, dict)
    if "StreamSpecification" in definition:
        definition["StreamSpecification"] = {"StreamEnabled": True} | definition["StreamSpecification"]
    return definition


def time_to_live(template: dict[str, Any], logical_id: str = "JobsTable") -> dict[str, Any] | None:
    """The TimeToLiveSpecification of a table of the template, if it has one."""
    properties = template["Resources"][logical_id]["Properties"]
    return resolve(template, properties.get("TimeToLiveSpecification")) or None
