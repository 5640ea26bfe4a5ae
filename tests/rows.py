"""Rows of counts that say something else than they should."""

from __future__ import annotations

from types_boto3_dynamodb import DynamoDBClient

from jobyard.store.counts import RowKey
from jobyard.store.items import item


def add_to_row(dynamodb: DynamoDBClient, table: str, key: RowKey, name: str, number: int) -> None:
    """Its attribute ``name`` says so much more; a row that there is not is made."""
    dynamodb.update_item(
        TableName=table,
        Key=item(key._asdict()),
        UpdateExpression="ADD #name :number",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues=item({":number": number}),
    )
