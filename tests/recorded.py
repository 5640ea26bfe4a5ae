"""What is asked of AWS while a function runs, as IAM would be asked whether it may be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Self

from jobyard.aws import client
from tests.iam import ACCOUNT, REGION, Asked

SERVICES = ("dynamodb", "kms", "lambda", "s3", "scheduler", "stepfunctions")
_TRANSACTED = {"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}
_LISTS = {"ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions"}
# Operations of S3 that are another action to IAM.
_OBJECTS = {
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}


class Recorder:
    """Notes every call of the process's clients while it is entered; made anew after ``client.cache_clear()``."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.together: set[frozenset[Asked]] = set()
        """What one transaction does in one way."""
        self._noting = False
        for service in SERVICES:
            client(service).meta.events.register("before-parameter-build", self._note)

    def __enter__(self) -> Self:
        self._noting = True
        return self

    def __exit__(self, *_: object) -> None:
        self._noting = False

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self._noting:
            asked = asked_of(model.service_model.service_name, model.name, params)
            self.asked += asked
            if model.name == "TransactWriteItems":
                self.together |= {frozenset(each for each in asked if each.action == one.action) for one in asked}


def asked_of(service: str, operation: str, given: dict[str, Any]) -> list[Asked]:
    """The actions that a call needs. An operation that is not known here is its own action, on ``*``."""
    if service == "dynamodb":
        return [Asked(f"dynamodb:{action}", arn, key) for action, arn, key in _of_table(operation, given)]
    if service == "s3":
        return list(_of_bucket(operation, given))
    if service == "kms":
        return [Asked(f"kms:{operation}", given["KeyId"])]
    if service == "lambda":
        return [Asked("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{given['FunctionName']}")]
    if service == "scheduler" and "Name" in given:
        arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{given['GroupName']}/{given['Name']}"
        passed = (
            [Asked("iam:PassRole", given["Target"]["RoleArn"], "scheduler.amazonaws.com")] if "Target" in given else []
        )
        return [Asked(f"scheduler:{operation}", arn), *passed]
    if service == "stepfunctions":
        arn = given.get("executionArn") or given.get("stateMachineArn") or given.get("mapRunArn") or "*"
        if "taskToken" in given:
            # IAM looks at the machine that the token is of: there is none but the stack's.
            arn = os.environ["STATE_MACHINE_ARN"]
        return [Asked(f"states:{operation}", arn)]
    return [Asked(f"{service}:{operation}", "*")]


def _of_table(operation: str, given: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    if operation == "TransactWriteItems":
        for each in given["TransactItems"]:
            ((kind, write),) = each.items()
            yield _TRANSACTED[kind], _table(write), _pk(write)
    elif operation in {"BatchWriteItem", "BatchGetItem"}:
        for name, requests in given["RequestItems"].items():
            for each in _batch(requests):
                yield operation, _table({"TableName": name}), _pk(each)
    elif operation in {"Query", "Scan"}:
        index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
        condition = given.get("KeyConditionExpression", "")
        if not index and operation == "Query":
            assert condition.startswith("pk = :pk")
        key = "" if index else given.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S", "")
        yield operation, _table(given) + index, key
    else:
        yield operation, _table(given), _pk(given)


def _of_bucket(operation: str, given: dict[str, Any]) -> Iterator[Asked]:
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    if operation in _LISTS:
        yield Asked(_LISTS[operation], bucket, given["Prefix"])
    elif operation == "DeleteObjects":
        for each in given["Delete"]["Objects"]:
            # The first is needed for a version, too.
            yield Asked("s3:DeleteObject", f"{bucket}/{each['Key']}")
            if "VersionId" in each:
                yield Asked("s3:DeleteObjectVersion", f"{bucket}/{each['Key']}")
    elif operation == "CopyObject":
        yield Asked("s3:GetObject", f"arn:aws:s3:::{given['CopySource']}")
        yield Asked("s3:PutObject", f"{bucket}/{given['Key']}")
    else:
        yield Asked(f"s3:{_OBJECTS.get(operation, operation)}", f"{bucket}/{given['Key']}")


def _batch(requests: Any) -> list[dict[str, Any]]:
    if isinstance(requests, dict):
        return [{"Key": key} for key in requests["Keys"]]
    return [request for each in requests for request in each.values()]


def _table(given: dict[str, Any]) -> str:
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{given['TableName']}"


def _pk(given: dict[str, Any]) -> str:
    return str((given.get("Key") or given["Item"])["pk"]["S"])
