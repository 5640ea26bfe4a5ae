"""The bare handler: it answers, and asks nothing of AWS."""

import json
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    body = json.dumps({"path": event["rawPath"], "id": context.aws_request_id})
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": body}
