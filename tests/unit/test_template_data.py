"""What keeps the data: the table, its indexes, and the bucket."""

from __future__ import annotations

from typing import Any

from jobyard.store.lifecycle import LIVE_INDEX
from jobyard.store.lists import BY_CREATION, BY_OWNER, BY_WORKFLOW
from local.template import load
from tests.transformed import of_type

SHOWN_IN_A_LIST = {
    "runWithE2", "createdAt", "queuedAt", "startedAt", "finishedAt",
}  # fmt: skip


def table() -> dict[str, Any]:
    (found,) = of_type("AWS::DynamoDB::Table").values()
    return found


def bucket() -> dict[str, Any]:
    (found,) = of_type("AWS::S3::Bucket").values()
    return found


def keys(schema: list[dict[str, str]]) -> dict[str, str]:
    return {each["KeyType"]: each["AttributeName"] for each in schema}


def indexes() -> dict[str, dict[str, Any]]:
    return {each["IndexName"]: each for each in table()["GlobalSecondaryIndexes"]}


def test_the_table_can_be_recovered_and_followed() -> None:
    assert keys(table()["KeySchema"]) == {"HASH": "pk", "RANGE": "sk"}
    assert table()["BillingMode"] == "PAY_PER_REQUEST"
    assert table()["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table()["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table()["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table()["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert table()["SSESpecification"] == {"SSEEnabled": True}
    assert load()["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_the_indexes_are_those_that_the_store_asks() -> None:
    lists = {each.name: each.key for each in (BY_CREATION, BY_OWNER, BY_WORKFLOW)}
    assert set(indexes()) == {*lists, LIVE_INDEX}
    for name, key in lists.items():
        assert keys(indexes()[name]["KeySchema"]) == {"HASH": key, "RANGE": "created"}
    assert keys(indexes()[LIVE_INDEX]["KeySchema"]) == {"HASH": "live", "RANGE": "updatedAt"}


def test_the_lists_indexes_hold_what_a_list_shows_and_no_more() -> None:
    for name in (BY_CREATION.name, BY_OWNER.name, BY_WORKFLOW.name):
        index = indexes()[name]
        assert index["Projection"]["ProjectionType"] == "INCLUDE"
        shown = {*index["Projection"]["NonKeyAttributes"], *keys(index["KeySchema"]).values()}
        assert shown >= SHOWN_IN_A_LIST | {"tenant"}
        assert not shown & {"questions", "settings", "outputs", "progress"}


def test_nobody_finds_the_bucket_open_or_in_clear() -> None:
    assert set(bucket()["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket()["PublicAccessBlockConfiguration"]) == 4
    assert bucket()["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "BucketEncryption" in bucket()
    (policy,) = of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_outputs_go_with_their_jobs() -> None:
    rules = {each["Id"]: each for each in bucket()["LifecycleConfiguration"]["Rules"]}
    assert rules["expire-outputs"]["Prefix"] == "outputs/"
    assert rules["expire-outputs"]["ExpirationInDays"] == {"Ref": "RetentionDays"}


def test_the_key_of_secrets_is_renewed_and_can_be_kept_after_a_deletion() -> None:
    ((_, key),) = of_type("AWS::KMS::Key").items()
    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30
    (statement,) = key["KeyPolicy"]["Statement"]
    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
