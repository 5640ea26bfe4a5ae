"""What the operator does for clients of the tencent dialect: secrets of q-sign."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from jobyard.authorizer.sealing import seal
from jobyard.authorizer.secrets import hash_of, new_secret
from jobyard.errors import Invalid
from jobyard.model.ids import alphanumeric, now_ms
from jobyard.service.action import Action, Name
from jobyard.store import secrets
from jobyard.store.secrets import Secret

LIFETIME_MOST = 36 * 3600
"""Seconds that a temporary secret is good for, at the most, as with the vendor."""

# One label of a host's name, such as bucket-1250000000.
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
SecretId = Annotated[str, StringConstraints(pattern=r"^AKID[0-9A-Za-z]{32}$")]


class CreateSecret(Action):
    """``bucket`` is taken for requests whose Host names none. With ``lifetimeSeconds`` the secret is a temporary one,
    which has a token besides.
    """

    action: Literal["secrets.create"]
    name: Name
    bucket: Bucket | None = None
    lifetimeSeconds: Annotated[int, Field(ge=1, le=LIFETIME_MOST)] | None = None

    def run(self) -> dict[str, Any]:
        now = now_ms()
        # As the vendor's are: a key of 32 letters and digits, which is 190 random bits.
        id, key = f"AKID{alphanumeric(32)}", alphanumeric(32)
        token = new_secret() if self.lifetimeSeconds else None
        made = Secret(
            id=id,
            tenant=self.tenant,
            name=self.name,
            sealed=seal(key, id, self.tenant),
            created_at=now,
            bucket=self.bucket or "",
            token_hash=hash_of(token) if token else None,
            expires_at=now // 1000 + self.lifetimeSeconds if self.lifetimeSeconds else None,
        )
        secrets.put(made, [self.told("secret.create", "secret", id, {}, _secret(made))])
        # The only time that key and token are seen.
        return _secret(made) | {"secretKey": key} | ({"token": token} if token else {})


class ListSecrets(Action):
    action: Literal["secrets.list"]

    def run(self) -> list[dict[str, Any]]:
        return [_secret(each) for each in secrets.all_of(self.tenant)]


class RevokeSecret(Action):
    action: Literal["secrets.revoke"]
    secretId: SecretId

    def run(self) -> dict[str, Any]:
        now = now_ms()
        told = self.told("secret.revoke", "secret", self.secretId, {}, {"revokedAt": now})
        revoked = secrets.revoke(self.tenant, self.secretId, now, [told])
        if revoked is None:
            raise Invalid("secretId", f"There is no secret {self.secretId} in tenant {self.tenant}.")
        return _secret(revoked)


ACTIONS: dict[str, type[Action]] = {
    "secrets.create": CreateSecret,
    "secrets.list": ListSecrets,
    "secrets.revoke": RevokeSecret,
}


def _secret(secret: Secret) -> dict[str, Any]:
    shown = {
        "secretId": secret.id,
        "tenant": secret.tenant,
        "name": secret.name,
        "bucket": secret.bucket,
        "createdAt": secret.created_at,
        "expiresAt": secret.expires_at and secret.expires_at * 1000,
        "revokedAt": secret.revoked_at,
    }
    return {name: value for name, value in shown.items() if value is not None}
