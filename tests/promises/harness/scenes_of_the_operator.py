"""Scenes of the operator: credentials, projects and workflows, made, looked at and revoked."""

from __future__ import annotations

from jobyard.store import queues
from tests.contract.api import call
from tests.contract.openreplay.organisation import managed
from tests.promises.harness.stand import SCENES, Play, Stand, scene

__all__ = ["SCENES"]


def _secret(stand: Stand) -> str:
    return str(managed("secrets.create", "acme", name="a")["secretId"])


@scene("operator")
def making_credentials(stand: Stand) -> Play:
    user = stand.world.yard.client().user.id
    workflow = stand.world.yard.workflow()

    def play() -> None:
        stand.operator("clients.create", name="Ada", role="Curator")
        stand.operator("clients.create", name="Jane", role="Curator", userId=user)
        stand.operator("keys.create", name="Backend")
        stand.operator("secrets.create", name="Jane")
        stand.operator("projects.create", name="Web", workflowId=workflow.id)
        runner = {"functionName": "jobyard-workflow-greet"}
        stand.operator("workflows.register", name="Greet", runner=runner)

    return play


@scene("operator")
def looking_at_credentials(stand: Stand) -> Play:
    stand.caller("alteryx")
    stand.caller("openreplay")
    stand.caller("tencent")

    def play() -> None:
        for kind in ("clients", "keys", "secrets", "projects", "workflows"):
            stand.operator(f"{kind}.list")

    return play


@scene("operator")
def setting_a_queue(stand: Stand) -> Play:
    def play() -> None:
        set_to = [stand.operator("queues.set", tag="gpu", **each) for each in ({"slots": 2}, {"paused": True})]
        stand.operator("queues.list")
        if None not in set_to:
            stand.afterwards.append(lambda: _is_set())

    def _is_set() -> None:
        made = queues.get("acme", "gpu")
        assert (made.slots, made.paused) == (2, True)

    return play


@scene("operator")
def revoking_a_client(stand: Stand) -> Play:
    yard = stand.world.yard
    client = yard.client()
    other = yard.client()

    def play() -> None:
        revoked = stand.operator("clients.revoke", clientId=client.id)
        stand.afterwards.append(lambda: _revoked(revoked is not None))

    def _revoked(answered: bool) -> None:
        if not answered:
            # It is to be asked again, which ends what was begun.
            managed("clients.revoke", "acme", clientId=client.id)
        assert call("GET", "/webapi/v3/jobs", client.token).status == 401, "a token of a revoked client"
        assert call("GET", "/webapi/v3/jobs", other.token).status == 200
        assert not [each for each in yard.items() if client.id in each["pk"]["S"] and each["pk"]["S"] < "CLIENT"]
        assert not yard.items(f"TOKENS#{client.id}")

    return play


@scene("operator")
def revoking_a_key(stand: Stand) -> Play:
    made = managed("keys.create", "acme", name="Backend")

    def play() -> None:
        answer = stand.operator("keys.revoke", keyId=made["keyId"])
        stand.afterwards.append(lambda: _check(answer is not None))

    def _check(answered: bool) -> None:
        (key,) = stand.world.invoke("manage", {"action": "keys.list", "tenant": "acme"})["result"]
        assert not answered or "revokedAt" in key

    return play


@scene("operator")
def revoking_a_secret(stand: Stand) -> Play:
    id = _secret(stand)

    def play() -> None:
        answer = stand.operator("secrets.revoke", secretId=id)
        stand.afterwards.append(lambda: _check(answer is not None))

    def _check(answered: bool) -> None:
        (secret,) = stand.world.invoke("manage", {"action": "secrets.list", "tenant": "acme"})["result"]
        assert not answered or "revokedAt" in secret
        good = bool(stand.world.yard.items(f"CREDENTIAL#{id}"))
        assert good == ("revokedAt" not in secret), "a secret that is listed as revoked, and works"

    return play
