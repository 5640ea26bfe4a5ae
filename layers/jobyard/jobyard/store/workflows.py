"""Workflows: what a tenant's jobs can run."""

from __future__ import annotations

from jobyard.aws import client
from jobyard.model import Workflow
from jobyard.store.items import attribute, table_name
from jobyard.store.records import workflow_item, workflow_key, workflow_of


def get(tenant: str, id: str) -> Workflow | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=workflow_key(tenant, id), ConsistentRead=True)
    return workflow_of(found["Item"]) if "Item" in found else None


def put(workflow: Workflow) -> None:
    """Register ``workflow``, in place of one of the same id. Its jobs keep the runner that they were submitted with."""
    client("dynamodb").put_item(TableName=table_name(), Item=workflow_item(workflow))


def all_of(tenant: str) -> list[Workflow]:
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": attribute(f"WORKFLOW#{tenant}")},
        )
    )
    return [workflow_of(each) for page in pages for each in page["Items"]]
