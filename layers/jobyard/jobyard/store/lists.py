"""The indexes behind the lists.

Each shows of a job just what a list shows, in the order of creation. They are eventually consistent: a change takes
about a second to appear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jobyard.aws import client
from jobyard.model import Job
from jobyard.store.items import attribute, item, table_name
from jobyard.store.records import job_of


class Index(NamedTuple):
    name: str
    key: str


BY_CREATION = Index("jobs-by-creation", "listedIn")
BY_OWNER = Index("jobs-by-owner", "listedOwner")
BY_WORKFLOW = Index("jobs-by-workflow", "listedWorkflow")


def of(listed_in: str, *, newest_first: bool = False) -> Iterator[Job]:
    """All jobs of a list, in the order of their creation."""
    return _walk(BY_CREATION, listed_in, newest_first)


def created_between(listed_in: str, first: str, last: str, *, newest_first: bool = False) -> Iterator[Job]:
    """The jobs of a list whose place in it (``records.place``) is from ``first`` to ``last``, both included."""
    return _walk(BY_CREATION, listed_in, newest_first, (first, last))


def of_owner(listed_in: str, owner: str) -> Iterator[Job]:
    return _walk(BY_OWNER, f"{listed_in}#{owner}")


def of_workflow(listed_in: str, workflow: str) -> Iterator[Job]:
    return _walk(BY_WORKFLOW, f"{listed_in}#{workflow}")


def _walk(
    index: Index, partition: str, newest_first: bool = False, between: tuple[str, str] | None = None
) -> Iterator[Job]:
    request: dict[str, Any] = {
        "TableName": table_name(),
        "IndexName": index.name,
        "KeyConditionExpression": "#key = :partition",
        "ExpressionAttributeNames": {"#key": index.key},
        "ExpressionAttributeValues": {":partition": attribute(partition)},
        "ScanIndexForward": not newest_first,
    }
    if between is not None:
        request["KeyConditionExpression"] += " AND created BETWEEN :first AND :last"
        request["ExpressionAttributeValues"] |= item({":first": between[0], ":last": between[1]})
    while True:
        page = client("dynamodb").query(**request)
        yield from map(job_of, page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
