"""The real template, deployed into the local engine through CloudFormation and the SAM transform.

Only what `sam package` replaces is replaced: the folders of code, by archives in S3. What the engine then leaves out is
made up for through its public calls, each with the reason beside it. A new release of the engine is refused at its
start (`engine_entry.TESTED_VERSION`), and what is made up for here is checked to be missing.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.artifacts import function_archive, layer_archive
from local.engine import Engine
from local.errors import LocalError
from local.template import ROOT, load, time_to_live

CODE_BUCKET = "jobyard-local-code"
METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "x-amazon-apigateway-any-method")


@dataclass(frozen=True)
class Deployment:
    """A stack that stands: its outputs by name, and the physical ids of its resources by logical id."""

    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]


def deploy(engine: Engine, name: str, parameters: Mapping[str, str], progress: Callable[[str], None]) -> Deployment:
    """Create the stack. LocalError, with CloudFormation's reasons, if it cannot be."""
    template = load()
    engine.client("s3").create_bucket(Bucket=CODE_BUCKET)
    _upload_code(engine, template, progress)
    progress(f"Deploying template.yaml ({len(template['Resources'])} resources)")
    _create_stack(engine, name, template, parameters)
    cloudformation = engine.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    resources = {
        each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
        for each in cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    }
    _create_routes(engine, cloudformation.get_template(StackName=name, TemplateStage="Processed"), resources)
    _apply_time_to_live(engine, template, resources)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return Deployment(name, outputs, resources)


def _upload_code(engine: Engine, template: dict[str, Any], progress: Callable[[str], None]) -> None:
    s3 = engine.client("s3")

    def uploaded(archive: bytes, kind: str) -> dict[str, str]:
        key = f"{hashlib.sha256(archive).hexdigest()}.{kind}"
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=archive)
        return {"Bucket": CODE_BUCKET, "Key": key}

    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = uploaded(function_archive(ROOT / properties["CodeUri"]), "zip")
            case "AWS::Serverless::StateMachine":
                definition = (ROOT / properties["DefinitionUri"]).read_bytes()
                properties["DefinitionUri"] = uploaded(definition, "json")
            case "AWS::Serverless::LayerVersion":
                started = time.monotonic()
                progress(f"Building {logical_id}")
                archive, built = layer_archive(logical_id, ROOT / properties["ContentUri"])
                how = f"built in {time.monotonic() - started:.1f} s" if built else "unchanged"
                progress(f"  {len(archive) / 1e6:.1f} MB, {how}")
                properties["ContentUri"] = uploaded(archive, "zip")
            case _:
                pass


def _create_stack(engine: Engine, name: str, template: dict[str, Any], parameters: Mapping[str, str]) -> None:
    # Through S3, as `sam deploy` does: in a request it may have 51,200 bytes.
    engine.client("s3").put_object(Bucket=CODE_BUCKET, Key="template.json", Body=json.dumps(template).encode())
    cloudformation = engine.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{engine.endpoint}/{CODE_BUCKET}/template.json",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return
        if not stack["StackStatus"].endswith("CREATE_IN_PROGRESS"):
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                f"  {each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason given')}"
                for each in reversed(events)
                if each["ResourceStatus"] == "CREATE_FAILED"
            ]
            why = "\n".join(reasons) or stack.get("StackStatusReason", "")
            raise LocalError(f"CloudFormation ended with {stack['StackStatus']}:\n{why}")
        time.sleep(0.1)
    raise LocalError("CloudFormation did not finish in 120 s")


def _create_routes(engine: Engine, processed: Mapping[str, Any], resources: Mapping[str, str]) -> None:
    """The engine ignores the paths in the body of an HTTP API, so that every call would be 404."""
    gateway = engine.client("apigatewayv2")
    body = processed["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        api = resources[logical_id]
        if gateway.get_routes(ApiId=api)["Items"]:
            raise LocalError(
                "The engine makes an API's routes itself now: remove _create_routes from local/deployment.py"
            )
        for path, operations in resource["Properties"]["Body"]["paths"].items():
            for method in METHODS:
                if method in operations:
                    _create_route(engine, api, method, path, operations[method], resources)


def _create_route(
    engine: Engine,
    api: str,
    method: str,
    path: str,
    operation: Mapping[str, Any],
    resources: Mapping[str, str],
) -> None:
    gateway = engine.client("apigatewayv2")
    integration = operation["x-amazon-apigateway-integration"]
    target = re.search(r"\$\{(\w+)\.Arn\}", json.dumps(integration["uri"]))
    if not target:
        raise LocalError(f"The integration of {path} names no function: {integration['uri']}")
    function = engine.client("lambda").get_function(FunctionName=resources[target[1]])
    made = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationMethod="POST",
        IntegrationUri=function["Configuration"]["FunctionArn"],
        PayloadFormatVersion=integration.get("payloadFormatVersion", "2.0"),
    )
    verb = "ANY" if method.startswith("x-") else method.upper()
    key = path if path == "$default" else f"{verb} {path}"
    gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{made['IntegrationId']}")


def _apply_time_to_live(engine: Engine, template: dict[str, Any], resources: Mapping[str, str]) -> None:
    """The engine ignores a table's TimeToLiveSpecification."""
    dynamodb = engine.client("dynamodb")
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] != "AWS::DynamoDB::Table":
            continue
        specification = time_to_live(template, logical_id)
        if specification:
            table = resources[logical_id]
            told = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
            if told["TimeToLiveStatus"] == "ENABLED":
                raise LocalError("The engine applies time to live itself now: remove _apply_time_to_live")
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
