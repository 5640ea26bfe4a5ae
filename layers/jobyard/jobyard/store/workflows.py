"""Workflows: what a tenant's jobs can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import replace

from jobyard.aws import client
from jobyard.errors import Busy
from jobyard.model import Workflow
from jobyard.store import transactions
from jobyard.store.conflicts import tries
from jobyard.store.items import attribute, table_name
from jobyard.store.records import workflow_item, workflow_key, workflow_of
from jobyard.store.transactions import Write


def get(tenant: str, id: str) -> Workflow | None:
    found = client("dynamodb").get_item(TableName=table_name(), Key=workflow_key(tenant, id), ConsistentRead=True)
    return workflow_of(found["Item"]) if "Item" in found else None


def put(workflow: Workflow, also: Callable[[Workflow | None], Sequence[Write]] = lambda _: ()) -> None:
    """Register ``workflow``, in place of one of the same id, whose names stay with it.

    Its jobs keep the runner and the name that they were submitted with. ``also`` is given the one before, and says what
    is written with it. Raises ``Busy``.
    """
    for _ in tries():
        before = get(workflow.tenant, workflow.id)
        had = before.names if before else ()
        names = tuple(dict.fromkeys((*had, *workflow.names, workflow.name)))
        if _put(replace(workflow, names=names), had, also(before)):
            return
    raise Busy("Too many others are registering the same workflow at once; try again.")


def _put(workflow: Workflow, had: tuple[str, ...], also: Sequence[Write]) -> bool:
    """Whether it was done: nobody has registered the workflow since its names were read."""
    # Against another registration at once: jobs of a name that was forgotten would not be found.
    same = "attribute_not_exists(#names) OR #names = :had"
    write = transactions.put(workflow_item(workflow), same, {":had": had})
    write["Put"]["ExpressionAttributeNames"] = {"#names": "names"}
    return transactions.write([write, *also]) is None


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
