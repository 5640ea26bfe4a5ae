"""KMS for a process: what it sealed it opens, in the same context only."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.promises.harness.wire import Answer


def answer(operation: str, asked: dict[str, Any]) -> Answer:
    key, context = asked["KeyId"], asked.get("EncryptionContext")
    if operation == "Encrypt":
        sealed = json.dumps([key, context, asked["Plaintext"]]).encode()
        return 200, {"CiphertextBlob": base64.b64encode(sealed).decode(), "KeyId": key}
    assert operation == "Decrypt", operation
    of_key, of_context, plaintext = json.loads(base64.b64decode(asked["CiphertextBlob"]))
    if (of_key, of_context) != (key, context):
        return 400, {"__type": "InvalidCiphertextException", "message": ""}
    return 200, {"Plaintext": plaintext, "KeyId": key}
