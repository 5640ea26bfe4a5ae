"""What keeps the data: the table, its indexes, and the bucket."""

from __future__ import annotations

from typing import Any

from jobyard.model import Status
from jobyard.store.counts import CREATED, ENDED
from jobyard.store.lifecycle import LIVE_INDEX
from jobyard.store.listings import index_name, listing_item
from jobyard.store.queues import WAITING_INDEX
from jobyard.store.records import job_item
from jobyard.store.slots import SLOTS_INDEX
from local.template import load
from tests.factories import NOW, a_job
from tests.transformed import functions, of_type


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


FAMILIES = ("all", "who", "what", "both")
LISTS = {index_name(family, False, CREATED): ("of", family, CREATED) for family in FAMILIES if family != "both"} | {
    index_name(family, True, axis): ("in", family, axis) for family in FAMILIES for axis in (CREATED, ENDED)
}
"""The lists' indexes: for each the kind of its partitions, whose jobs they are of, and what they are sorted by."""


def test_the_indexes_are_those_that_the_store_asks() -> None:
    assert set(indexes()) == {*LISTS, LIVE_INDEX, WAITING_INDEX, SLOTS_INDEX}
    for name, (kind, family, axis) in LISTS.items():
        assert keys(indexes()[name]["KeySchema"]) == {"HASH": f"{kind}{family.capitalize()}", "RANGE": axis}
    assert keys(indexes()[LIVE_INDEX]["KeySchema"]) == {"HASH": "live", "RANGE": "pk"}
    assert keys(indexes()[WAITING_INDEX]["KeySchema"]) == {"HASH": "waitsIn", "RANGE": "waitsAt"}
    assert keys(indexes()[SLOTS_INDEX]["KeySchema"]) == {"HASH": "slotOf", "RANGE": "pk"}


def test_a_listing_stands_in_every_index_of_the_lists_and_is_shown_there() -> None:
    listing = listing_item(a_job(status=Status.COMPLETED, finished_at=NOW))
    for name in LISTS:
        assert set(keys(indexes()[name]["KeySchema"]).values()) <= set(listing), name
        assert indexes()[name]["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["job"]}
    # What may be large, or nobody sees in a list, is not paid for eleven times.
    assert not set(listing["job"]["M"]) & {"questions", "settings", "outputs", "progress", "runner"}


def test_a_job_itself_stands_in_no_index_of_the_lists() -> None:
    attributes = {each for name in LISTS for each in keys(indexes()[name]["KeySchema"]).values()}
    assert not attributes & set(job_item(a_job(status=Status.COMPLETED, finished_at=NOW)))


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


def test_the_key_of_cursors_is_random_and_kept_under_the_key_of_secrets() -> None:
    ((name, secret),) = of_type("AWS::SecretsManager::Secret").items()
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    assert secret["KmsKeyId"] == {"Fn::GetAtt": ["SecretsKey", "Arn"]}
    given = {
        function: properties["Environment"]["Variables"]["CURSOR_KEY"]
        for function, properties in functions().items()
        if "CURSOR_KEY" in properties["Environment"]["Variables"]
    }
    # CloudFormation puts the secret's value in: no function may read it.
    value = {"Fn::Sub": f"{{{{resolve:secretsmanager:${{{name}}}}}}}"}
    assert given == dict.fromkeys(("ListFunction", "WorkflowJobsFunction", "AuditFunction"), value)
