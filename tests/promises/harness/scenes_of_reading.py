"""Scenes of lists, read in every way in which they are put together: from each index, counts of days and of slots."""

from __future__ import annotations

from typing import Any

from jobyard.authorizer import Role
from tests.closely import looked_at_closely
from tests.contract.api import call
from tests.promises.harness.clients import Alteryx
from tests.promises.harness.promises import Caller
from tests.promises.harness.stand import SCENES, Play, Stand, scene

__all__ = ["SCENES"]


@scene("read")
def reading_lists(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    ended, waiting = _jobs(stand, caller)
    users, workflows = f"users={alteryx.client.user.id}", f"workflowNames={alteryx.workflow.name}"
    asked = {
        f"{filter}&{what}": expected
        for filter in ("", users, workflows, f"{users}&{workflows}")
        for what, expected in (
            ("", ended | waiting),
            ("statuses=Queued", waiting),
            ("sortField=CompletionDateTime", ended | waiting),
        )
    }

    def play() -> None:
        for query, expected in asked.items():
            _read(caller, alteryx.client.token, "/webapi/v3/jobs", f"allUsers=true&{query}", expected)

    return play


@scene("read")
def reading_the_jobs_of_a_workflow(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    member = Alteryx(stand.world.yard, role=Role.MEMBER)
    ended, waiting = _jobs(stand, Caller(stand.world, member))
    path = f"/webapi/v3/workflows/{member.workflow.id}/jobs"

    def play() -> None:
        for token in (alteryx.client.token, member.client.token):
            _read(caller, token, path, "", ended | waiting)
            _read(caller, token, path, "status=Queued", waiting)
            _read(caller, token, path, "sortField=CompletionDateTime", ended | waiting)

    return play


def _jobs(stand: Stand, caller: Caller) -> tuple[set[str], set[str]]:
    """One that has ended, and one that waits; count knows of both."""
    ended = str(caller.submit("first"))
    stand.world.deliver_all()
    stand.world.advance_executions()
    waiting = str(caller.submit("second"))
    stand.world.catch_up()
    return {ended}, {waiting}


def _read(caller: Caller, token: str, path: str, query: str, expected: set[str]) -> None:
    """What is answered is the truth, whatever has happened."""
    with looked_at_closely():
        answer = caller.ask(lambda: call("GET", path, token, query))
    assert answer is None or _ids(answer.json) == expected, query


def _ids(page: Any) -> set[str]:
    jobs = page["data"] if isinstance(page, dict) else page
    return {each.get("jobId") or each["id"] for each in jobs}
