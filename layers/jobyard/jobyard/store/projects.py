"""Projects of an organisation: what a project key of the openreplay dialect stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.store.items import Attributes, attribute, item, plain_item, table_name
from jobyard.store.transactions import Write


class Project(NamedTuple):
    """``workflow_id`` is of the workflow that erases a user's data; ``bucket`` and ``prefix`` are where the data of the
    project's users is, empty for the workflow's own choice. ``created_at`` in milliseconds.
    """

    key: str
    id: int
    tenant: str
    name: str
    workflow_id: str
    bucket: str
    prefix: str
    created_at: int


def find(key: str) -> Project | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=_key(key), ConsistentRead=True)
    return _project_of(plain_item(found["Item"])) if "Item" in found else None


def put(project: Project, also: Sequence[Write] = ()) -> None:
    record = {
        "key": project.key,
        "id": project.id,
        "tenant": project.tenant,
        "name": project.name,
        "workflowId": project.workflow_id,
        "bucket": project.bucket,
        "prefix": project.prefix,
        "createdAt": project.created_at,
    }
    # Beside it a pointer, by which the tenant's projects are listed, in the order in which they were made.
    pointer = {"pk": f"PROJECTS#{project.tenant}", "sk": f"{project.id:010d}", "key": project.key}
    client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table_name(), "Item": _key(project.key) | item(record)}},
            {"Put": {"TableName": table_name(), "Item": item(pointer)}},
            *also,
        ]
    )


def all_of(tenant: str) -> list[Project]:
    pages = (
        client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=table_name(),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": attribute(f"PROJECTS#{tenant}")},
        )
    )
    keys = [each["key"]["S"] for page in pages for each in page["Items"]]
    return [found for found in map(find, keys) if found is not None]


def _project_of(record: dict[str, Any]) -> Project:
    return Project(
        record["key"],
        record["id"],
        record["tenant"],
        record["name"],
        record["workflowId"],
        record["bucket"],
        record["prefix"],
        record["createdAt"],
    )


def _key(key: str) -> Attributes:
    return {"pk": attribute(f"PROJECT#{key}"), "sk": attribute("PROJECT")}
