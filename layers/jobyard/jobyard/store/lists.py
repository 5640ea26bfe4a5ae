"""The indexes behind the lists.

Each shows of a job just what a list shows, in the order of creation. They are eventually consistent: a change takes
about a second to appear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.model import Job
from jobyard.store.items import attribute, table_name
from jobyard.store.records import job_of


class Index(NamedTuple):
    name: str
    key: str


BY_CREATION = Index("jobs-by-creation", "tenant")
BY_OWNER = Index("jobs-by-owner", "tenantOwner")
BY_WORKFLOW = Index("jobs-by-workflow", "tenantWorkflow")


def of_tenant(tenant: str) -> Iterator[Job]:
    return _walk(BY_CREATION, tenant)


def of_owner(tenant: str, owner: str) -> Iterator[Job]:
    return _walk(BY_OWNER, f"{tenant}#{owner}")


def of_workflow(tenant: str, workflow: str) -> Iterator[Job]:
    return _walk(BY_WORKFLOW, f"{tenant}#{workflow}")


def _walk(index: Index, partition: str) -> Iterator[Job]:
    request: dict[str, Any] = {
        "TableName": table_name(),
        "IndexName": index.name,
        "KeyConditionExpression": "#key = :partition",
        "ExpressionAttributeNames": {"#key": index.key},
        "ExpressionAttributeValues": {":partition": attribute(partition)},
    }
    while True:
        page = client("dynamodb").query(**request)
        yield from map(job_of, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
