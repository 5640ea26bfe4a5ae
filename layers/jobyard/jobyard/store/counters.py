"""Numbers that only grow."""

from __future__ import annotations

from jobyard.aws import client
from jobyard.store.items import item, table_name


def next_number(name: str) -> int:
    """The next number of the counter ``name``, from 1 on. Never given twice; one whose answer was lost is left out."""
    counted = client("dynamodb").update_item(
        TableName=table_name(),
        Key=item({"pk": f"COUNTER#{name}", "sk": "COUNTER"}),
        UpdateExpression="ADD #last :one",
        ExpressionAttributeNames={"#last": "last"},
        ExpressionAttributeValues=item({":one": 1}),
        ReturnValues="UPDATED_NEW",
    )
    return int(counted["Attributes"]["last"]["N"])
