"""The function `manage` of a stack, as a call."""

from __future__ import annotations

import json
from typing import Any


class ManageError(Exception):
    """`manage` refused the request, or could not be reached. `field`: the part of the request that is wrong."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Manage:
    """`client`: a boto3 client of Lambda. What `manage` refuses, and what fails in it, raises ManageError."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self.function_name = function_name

    def call(self, action: str, tenant: str, **fields: Any) -> Any:
        """The result of one action. A field that is None is left out."""
        request = {"action": action, "tenant": tenant} | {
            name: value for name, value in fields.items() if value is not None
        }
        answered = self._client.invoke(FunctionName=self.function_name, Payload=json.dumps(request).encode())
        answer = json.loads(answered["Payload"].read() or b"null")
        if answered.get("FunctionError") or not isinstance(answer, dict) or "ok" not in answer:
            why = answer.get("errorMessage", answer) if isinstance(answer, dict) else answer
            raise ManageError(f"{self.function_name} failed: {why}")
        if answer["ok"]:
            return answer["result"]
        error = answer["error"]
        raise ManageError(error["message"], error.get("field"))
