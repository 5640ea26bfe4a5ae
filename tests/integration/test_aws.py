"""The client's shortcuts change nothing of what DynamoDB answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from jobyard import aws
from jobyard.store.items import item

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEM = item({"pk": "p", "sk": "1", "n": 1.5, "flag": True, "none": {"list": [1, "two", {"three": None}]}})


@pytest.fixture
def client(table: str) -> Iterator[Any]:
    aws.client.cache_clear()
    yield aws.client("dynamodb")
    aws.client.cache_clear()


def test_answers_are_those_of_a_plain_client(client: Any, table: str) -> None:
    plain = boto3.client("dynamodb")
    for sk in ("1", "2", "3"):
        client.put_item(TableName=table, Item=ITEM | item({"sk": sk}))
    query = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": item({":pk": "p"}),
        "ReturnConsumedCapacity": "TOTAL",
        "Limit": 2,
    }
    for call, arguments in (
        ("get_item", {"TableName": table, "Key": item({"pk": "p", "sk": "1"})}),
        ("get_item", {"TableName": table, "Key": item({"pk": "p", "sk": "unknown"})}),
        ("query", query),
    ):
        ours, theirs = getattr(client, call)(**arguments), getattr(plain, call)(**arguments)
        del ours["ResponseMetadata"], theirs["ResponseMetadata"]
        assert ours == theirs


def test_pages_go_on(client: Any, table: str) -> None:
    for sk in ("1", "2", "3"):
        client.put_item(TableName=table, Item=item({"pk": "p", "sk": sk}))
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=item({":pk": "p"}),
        PaginationConfig={"PageSize": 1},
    )
    assert [each["sk"]["S"] for page in pages for each in page["Items"]] == ["1", "2", "3"]


def test_errors_keep_their_code_and_the_item_that_refused(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item=ITEM)
    with pytest.raises(aws.ClientError) as refused:
        client.put_item(
            TableName=table,
            Item=ITEM,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert aws.error_code(refused.value) == "ConditionalCheckFailedException"
    assert aws.found_instead(refused.value) == ITEM
