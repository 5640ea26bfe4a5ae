"""The floor: DynamoDB asked by ``http.client``, with a signature made by hand, and nothing around it.

No retries, no limits of time, no callers, no logs, one dialect, no errors: what no service can do with less of.
"""

import hashlib
import hmac
import json
import os
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

_URL = urlsplit(os.environ["AWS_ENDPOINT_URL"])
_HTTP = HTTPConnection(_URL.netloc)
_REGION, _TABLE = os.environ["AWS_REGION"], os.environ["TABLE_NAME"]
_KEY, _SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _ask(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(request).encode()
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = f"DynamoDB_20120810.{operation}"
    scope = f"{at[:8]}/{_REGION}/dynamodb/aws4_request"
    names = "content-type;host;x-amz-date;x-amz-target"
    canonical = (
        f"POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:{_URL.netloc}\nx-amz-date:{at}\n"
        f"x-amz-target:{target}\n\n{names}\n{hashlib.sha256(body).hexdigest()}"
    )
    to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _hmac(_hmac(_hmac(_hmac(f"AWS4{_SECRET}".encode(), at[:8]), _REGION), "dynamodb"), "aws4_request")
    signed = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": at,
        "X-Amz-Target": target,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={_KEY}/{scope}, SignedHeaders={names}, Signature={signed}",
    }
    _HTTP.request("POST", "/", body, headers)
    answer: dict[str, Any] = json.loads(_HTTP.getresponse().read())
    return answer


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: next(iter(value.values())) for name, value in attributes.items()}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if "jobId" in event.get("pathParameters", {}):
        key = "pk = :pk AND sk BETWEEN :first AND :last"
        values = {":pk": f"JOB#default#{event['pathParameters']['jobId']}", ":first": "JOB", ":last": "MSG#~"}
        asked: dict[str, Any] = {"TableName": _TABLE, "KeyConditionExpression": key}
        asked["ExpressionAttributeValues"] = {name: {"S": value} for name, value in values.items()}
        job, *messages = map(_plain, _ask("Query", asked)["Items"])
        content: dict[str, Any] = job | {"messages": messages}
    else:
        asked = {"TableName": _TABLE, "IndexName": "all-by-creation", "KeyConditionExpression": "ofAll = :list"}
        asked["ExpressionAttributeValues"] = {":list": {"S": os.environ["LIST"]}}
        page = _ask("Query", asked | {"Limit": 50, "ScanIndexForward": False})["Items"]
        total = _ask("Query", asked | {"Select": "COUNT"})["Count"]
        content = {"data": [_plain(each["job"]["M"]) for each in page], "pagination": {"totalItems": total}}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(content)}
