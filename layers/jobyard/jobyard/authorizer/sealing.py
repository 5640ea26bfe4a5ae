"""Secrets that must be read again, encrypted by the stack's KMS key.

The encryption context binds each to its place: what was sealed for one SecretId and tenant opens for no other.
"""

from __future__ import annotations

import base64
import os

from jobyard.aws import client


def seal(secret: str, secret_id: str, tenant: str) -> str:
    """``secret`` encrypted, in base64."""
    sealed = client("kms").encrypt(
        KeyId=os.environ["SECRETS_KEY_ARN"],
        Plaintext=secret.encode(),
        EncryptionContext=_context(secret_id, tenant),
    )
    return base64.b64encode(sealed["CiphertextBlob"]).decode()


def unseal(sealed: str, secret_id: str, tenant: str) -> str:
    opened = client("kms").decrypt(
        KeyId=os.environ["SECRETS_KEY_ARN"],
        CiphertextBlob=base64.b64decode(sealed),
        EncryptionContext=_context(secret_id, tenant),
    )
    return bytes(opened["Plaintext"]).decode()


def _context(secret_id: str, tenant: str) -> dict[str, str]:
    return {"SecretId": secret_id, "tenant": tenant}
