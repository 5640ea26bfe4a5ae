"""Which stack the command works on: one that is deployed, or the one that `make run` keeps on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from jobyard_cli.manage import Manage

# The checkout that this command is part of.
LOCAL_STATE = Path(__file__).resolve().parents[2] / ".local" / "jobyard.json"


_PLACE = {
    "AWS_ENDPOINT_URL": "endpoint_url",
    "AWS_DEFAULT_REGION": "region_name",
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
}
"""How the local run's place is told by environment variables."""


class TargetError(Exception):
    """There is no such stack, or it is not one of Jobyard's."""


@dataclass(frozen=True)
class Target:
    """`workflow_prefix`: how the name of a workflow's function must begin. `environment`: what a worker needs."""

    manage: Manage
    workflow_prefix: str
    environment: Mapping[str, str]


def local(state: Path = LOCAL_STATE) -> Target:
    """The local run. TargetError if none goes on."""
    try:
        config = json.loads(state.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TargetError(
            "No local run goes on: start one with `make run`, or name a deployed stack: --stack NAME"
        ) from None
    aws = config["aws"]
    place = {name: aws[key] for name, key in _PLACE.items() if key in aws}
    return _target(boto3.client("lambda", **aws), config["stack"]["outputs"], "The local run", place)


def deployed(stack: str, region: str | None, profile: str | None) -> Target:
    """A stack of the caller's account. TargetError if it is not there, not finished, or not of Jobyard."""
    try:
        session = boto3.Session(region_name=region, profile_name=profile)
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        functions = session.client("lambda")
    except (BotoCoreError, ClientError) as error:
        raise TargetError(f"Stack {stack}: {error}") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    place = {"AWS_DEFAULT_REGION": session.region_name} | ({"AWS_PROFILE": profile} if profile else {})
    return _target(functions, outputs, f"Stack {stack} ({found['StackStatus']})", place)


def choose(stack: str | None, region: str | None, profile: str | None) -> Target:
    """`stack` or JOBYARD_STACK names a deployed one; without them, the local run."""
    stack = stack or os.environ.get("JOBYARD_STACK")
    if stack:
        return deployed(stack, region, profile)
    if region or profile:
        raise TargetError("--region and --profile need a deployed stack: --stack NAME")
    return local()


def _target(functions: Any, outputs: Mapping[str, str], name: str, place: Mapping[str, str]) -> Target:
    if "ManageFunctionName" not in outputs:
        raise TargetError(f"{name} has no output ManageFunctionName: it is not a stack of Jobyard")
    environment = {
        "TABLE_NAME": outputs.get("TableName", ""),
        "BUCKET_NAME": outputs.get("DataBucketName", ""),
        **place,
    }
    manage = Manage(functions, outputs["ManageFunctionName"])
    return Target(manage, outputs.get("WorkflowFunctionPrefix", ""), environment)
