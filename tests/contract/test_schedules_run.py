"""What comes of the runs of schedules, those that are due and those that somebody wants now, as a client sees it."""

from __future__ import annotations

from typing import Any

from jobyard.authorizer import Role
from jobyard.lifecycle.fire import fire
from jobyard.model import Workflow
from tests.contract.api import call
from tests.contract.scheduling import ALL, NOW, at_eight_on_new_years_day, created, shown, who
from tests.contract.yard import Client, Clock, Yard

__all__ = ["at_eight_on_new_years_day", "who"]


HOUR_MS = 3_600_000


def test_run_makes_a_job_of_the_owner_now_and_counts_it(
    who: str, curator: Client, workflow: Workflow, clock: Clock
) -> None:
    id = created(who, workflow, questions=[{"name": "input", "value": "a"}], priority="Critical")
    ran = call("POST", f"{ALL}/{id}/run", who)
    assert ran.status == 200, ran.text
    job = call("GET", f"/webapi/v3/jobs/{ran.json['id']}", who).json
    assert (job["scheduleId"], job["priority"], job["appId"]) == (id, "Critical", workflow.id)
    view = shown(who, id)
    assert (view["runCount"], view["lastJobId"], view["state"]) == (1, job["id"], "Active")
    assert view["lastRunTime"] == job["createDateTime"][:19] + "Z"
    assert view["runDateTime"] == "2027-01-01T12:00:00Z"


def test_run_with_one_idempotency_key_makes_one_job(who: str, workflow: Workflow) -> None:
    id = created(who, workflow)
    first, again = (call("POST", f"{ALL}/{id}/run", who, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert shown(who, id)["runCount"] == 1


def test_run_is_refused_while_a_job_of_a_schedule_that_skips_has_not_ended(who: str, workflow: Workflow) -> None:
    id = created(who, workflow, overlapPolicy="skip")
    first = call("POST", f"{ALL}/{id}/run", who).json
    refusal = call("POST", f"{ALL}/{id}/run", who)
    assert (refusal.status, first["id"] in refusal.message) == (400, True)
    call("DELETE", f"/webapi/v3/jobs/{first['id']}", who)
    assert call("POST", f"{ALL}/{id}/run", who).status == 200


def fired(id: str, instant: str) -> str | None:
    """What came of a run that is due, as Scheduler has it made."""
    return fire({"tenant": "acme", "scheduleId": id, "instant": instant})["outcome"]


def brief(view: dict[str, Any]) -> tuple[Any, ...]:
    return view["state"], view["runCount"], view["lastRunTime"], view["runDateTime"], view["lastError"]


def test_what_came_of_its_runs_and_the_next_are_shown(who: str, workflow: Workflow, clock: Clock) -> None:
    id = created(who, workflow)
    assert brief(shown(who, id)) == ("Active", 0, None, "2027-01-01T12:00:00Z", None)
    clock.go_on_from(NOW + 4 * HOUR_MS)
    assert fired(id, "2027-01-01T12:00:00Z") == "started"
    assert fired(id, "2027-01-01T12:00:00Z") is None
    assert brief(shown(who, id)) == ("Active", 1, "2027-01-01T12:00:00Z", "2027-01-02T12:00:00Z", None)
    job = call("GET", f"/webapi/v3/jobs/{shown(who, id)['lastJobId']}", who).json
    assert job["scheduleId"] == id


def test_a_refused_run_is_shown_until_one_has_a_job(who: str, workflow: Workflow, yard: Yard, clock: Clock) -> None:
    member = yard.client(Role.MEMBER)
    id = created(who, workflow)
    body = shown(who, id) | {"ownerId": member.user.id}
    assert call("PUT", f"{ALL}/{id}", who, body=body).status == 200
    yard.workflow(id=workflow.id, public=False, owner="somebody")
    clock.go_on_from(NOW + 4 * HOUR_MS)
    assert fired(id, "2027-01-01T12:00:00Z") == "refused"
    why = f"You do not have access to execute workflow {workflow.id}."
    assert brief(shown(who, id)) == ("Error", 0, None, "2027-01-02T12:00:00Z", why)
    yard.workflow(id=workflow.id)
    clock.go_on_from(NOW + 28 * HOUR_MS)
    assert fired(id, "2027-01-02T12:00:00Z") == "started"
    assert brief(shown(who, id)) == ("Active", 1, "2027-01-02T12:00:00Z", "2027-01-03T12:00:00Z", None)


def test_runs_that_wait_are_shown_and_put_back_without_being_changed(
    who: str, workflow: Workflow, clock: Clock
) -> None:
    id = created(who, workflow, overlapPolicy="queue")
    first = call("POST", f"{ALL}/{id}/run", who).json["id"]
    assert call("POST", f"{ALL}/{id}/run", who).status == 400
    clock.go_on_from(NOW + 4 * HOUR_MS)
    assert fired(id, "2027-01-01T12:00:00Z") == "waiting"
    view = shown(who, id)
    assert (view["state"], view["waitingRuns"], view["lastError"]) == ("Waiting", ["2027-01-01T12:00:00Z"], None)
    assert call("PUT", f"{ALL}/{id}", who, body=view | {"waitingRuns": []}).json["waitingRuns"] == view["waitingRuns"]
    assert (shown(who, id)["runCount"], shown(who, id)["lastJobId"]) == (1, first)


def test_what_waits_is_forgotten_where_the_schedule_is_disabled(who: str, workflow: Workflow, clock: Clock) -> None:
    id = created(who, workflow, overlapPolicy="queue")
    call("POST", f"{ALL}/{id}/run", who)
    clock.go_on_from(NOW + 4 * HOUR_MS)
    assert fired(id, "2027-01-01T12:00:00Z") == "waiting"
    for enabled, state in ((False, "Disabled"), (True, "Active")):
        view = call("PATCH", f"{ALL}/{id}", who, body={"enabled": enabled}).json
        assert (view["state"], view["waitingRuns"]) == (state, [])
