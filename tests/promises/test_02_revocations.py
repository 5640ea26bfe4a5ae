"""What was revoked is of no use: who asks for a token or uses a key at that moment comes before it, or is refused.

A process remembers a credential for 30 seconds (``bearer.CACHED_SECONDS``); here each request is one of a new process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from jobyard.authorizer import bearer
from tests.contract.api import call
from tests.promises.harness.clients import Alteryx, OpenReplay
from tests.promises.harness.interleave import Op, Play
from tests.promises.harness.orders import explain
from tests.promises.harness.stage import Stage

Staged = Callable[[str], Stage]


def valid_until_revoked(valid: bool, op: Op) -> Iterable[bool]:
    if op.kind == "revoke":
        return [False] if op.answer["ok"] else []
    return [valid] if (op.answer.status != 401) is valid else []


def managed(stage: Stage, action: str, **fields: str) -> Any:
    answer = stage.world.invoke("manage", {"action": action, "tenant": "acme", **fields})
    assert answer["ok"], answer
    return answer


def use(path: str, secret: str) -> Any:
    bearer.forget()
    return call("GET", path, secret)


def test_a_token_is_asked_for_while_its_client_is_revoked(staged: Staged) -> None:
    """A token that was given before is deleted with the others; from then on none is given."""
    stage = staged("alteryx")
    outcomes = set()

    def scenario(play: Play) -> None:
        made = managed(stage, "clients.create", name="Jane", role="Curator")["result"]
        form = f"grant_type=client_credentials&client_id={made['clientId']}&client_secret={made['clientSecret']}"

        def ask() -> Any:
            return play.op("issue", call, "POST", "/webapi/oauth2/token", None, "", form)

        def revoke() -> Any:
            return play.op("revoke", lambda: managed(stage, "clients.revoke", clientId=made["clientId"]))

        answers = play.run({"ask": ask, "revoke": revoke})
        explain(play.ops, True, valid_until_revoked)
        given = answers["ask"].status == 200
        assert answers["revoke"]["result"]["tokensRevoked"] == given
        if given:
            assert use("/webapi/v3/jobs", answers["ask"].json["access_token"]).status == 401
        outcomes.add(given)

    stage.every_schedule(scenario)
    assert outcomes == {True, False}


@pytest.mark.parametrize("kind", ["token", "key"])
def test_a_credential_is_used_while_it_is_revoked(staged: Staged, kind: str) -> None:
    stage = staged("alteryx" if kind == "token" else "openreplay")
    outcomes = set()

    def scenario(play: Play) -> None:
        if isinstance(stage.client, Alteryx):
            holder = stage.world.yard.client()
            path, secret = "/webapi/v3/jobs/none", holder.token
            action = {"action": "clients.revoke", "clientId": holder.id}
        else:
            assert isinstance(stage.client, OpenReplay)
            made = managed(stage, "keys.create", name="Backend")["result"]
            path, secret = f"/public/{stage.client.organisation.project.key}/jobs/none", made["apiKey"]
            action = {"action": "keys.revoke", "keyId": made["keyId"]}

        def uses() -> None:
            for _ in range(2):
                play.op("use", use, path, secret)

        play.run({"use": uses, "revoke": lambda: play.op("revoke", lambda: managed(stage, **action))})
        explain(play.ops, True, valid_until_revoked)
        assert use(path, secret).status == 401
        outcomes.add(tuple(op.answer.status != 401 for op in play.ops if op.kind == "use"))

    stage.every_schedule(scenario)
    assert outcomes == {(True, True), (True, False), (False, False)}
