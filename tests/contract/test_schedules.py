"""/v3/schedules as the vendor's Swagger has it, with the recurrence in full, and what Scheduler then holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from jobyard.authorizer import Caller, Role
from jobyard.authorizer.access import Right
from jobyard.model import Workflow
from tests.contract.api import call
from tests.contract.scheduling import ALL, DAILY, at_eight_on_new_years_day, create, created, shown, told, who
from tests.contract.yard import Client, Clock, Yard
from tests.fake_scheduler import FakeScheduler, refused
from tests.in_turn import in_turn

__all__ = ["at_eight_on_new_years_day", "who"]


def test_create_answers_with_the_id_alone_and_scheduler_holds_it(
    who: str, workflow: Workflow, scheduler: FakeScheduler
) -> None:
    id = created(who, workflow, timeZone="America/New_York")
    assert len(id) == 24
    ((name, held),) = scheduler.held.items()
    assert name.endswith(f"-{id}-1-0")
    assert (held["GroupName"], held["FlexibleTimeWindow"]) == ("jobyard", {"Mode": "OFF"})
    assert told(scheduler) == [("cron(0 12 * * ? *)", "America/New_York")]
    assert held["StartDate"] == datetime(2027, 1, 1, 17, tzinfo=UTC)
    given = {"tenant": "acme", "scheduleId": id, "instant": "<aws.scheduler.scheduled-time>"}
    assert json.loads(held["Target"]["Input"]) == given
    assert set(held["Target"]) == {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"}


def test_a_schedule_is_shown_with_all_that_the_contract_names(who: str, curator: Client, workflow: Workflow) -> None:
    id = created(
        who,
        workflow,
        name="Nightly",
        comment="All of it",
        priority="High",
        workerTag="big",
        credentialId="c1",
        timeZone="Europe/Berlin",
        questions=[{"name": "input", "value": "a"}],
    )
    assert shown(who, id) == {
        "id": id,
        "name": "Nightly",
        "workflowId": workflow.id,
        "ownerId": curator.user.id,
        "runDateTime": "2027-01-01T11:00:00Z",
        "timeZone": "Europe/Berlin",
        "versionId": None,
        "comment": "All of it",
        "enabled": True,
        "priority": "High",
        "workerTag": "big",
        "status": "Active",
        "credentialId": "c1",
        "creationTime": shown(who, id)["creationTime"],
        "lastRunTime": None,
        "state": "Active",
        "runCount": 0,
        "iteration": DAILY | {"endTime": None, "dailyContract": {"runOnlyWorkWeek": False}},
        "frequency": "Daily",
        "lastError": None,
        "cpuName": "",
        "lastModifiedId": "",
        "lastModifiedDate": None,
        "canEdit": True,
        "questions": [{"name": "input", "value": "a"}],
        "overlapPolicy": "allow",
        "lastJobId": None,
        "waitingRuns": [],
    }


ITERATIONS: list[dict[str, Any]] = [
    {"iterationType": "Once", "startTime": "2027-02-01T00:00:00Z", "endTime": None},
    {"iterationType": "Hourly", "startTime": "2027-02-01T00:00:00Z", "endTime": "2027-03-01T00:00:00Z",
     "hourlyContract": {"hours": 2, "minutes": 30}},
    DAILY | {"endTime": None, "dailyContract": {"runOnlyWorkWeek": True}},
    {"iterationType": "Weekly", "startTime": "2027-02-01T00:00:00Z", "endTime": None,
     "weeklyContract": {"daysOfWeek": ["Monday", "Friday"]}},
    {"iterationType": "Monthly", "startTime": "2027-02-01T00:00:00Z", "endTime": None,
     "monthlyContract": {"simpleDayOfMonth": True, "dayOfMonth": 15}},
    {"iterationType": "Monthly", "startTime": "2027-02-01T00:00:00Z", "endTime": None,
     "monthlyContract": {"simpleDayOfMonth": False, "occurrence": 3, "dayOfWeek": "Sunday"}},
    {"iterationType": "Custom", "startTime": "2027-02-01T00:00:00Z", "endTime": None,
     "customContract": {"daysOfMonth": [1, 4, 14], "months": [1, 12]}},
    {"iterationType": "Cron", "startTime": "2027-02-01T00:00:00Z", "endTime": None,
     "cronContract": {"cronExpression": "30 6 1 * 1"}},
]  # fmt: skip


@pytest.mark.parametrize("iteration", ITERATIONS, ids=[each["iterationType"] for each in ITERATIONS])
def test_what_was_read_can_be_changed_and_put_back_without_losing_when_it_runs(
    who: str, workflow: Workflow, scheduler: FakeScheduler, iteration: dict[str, Any]
) -> None:
    id = created(who, workflow, iteration=iteration, timeZone="America/New_York")
    before, held = shown(who, id), told(scheduler)
    assert before["iteration"] == iteration
    assert before["frequency"] == iteration["iterationType"]
    put = call("PUT", f"{ALL}/{id}", who, body=before | {"comment": "changed"})
    assert put.status == 200, put.text
    after = shown(who, id)
    assert after == put.json
    changed = {"comment", "lastModifiedId", "lastModifiedDate"}
    assert {name for name in after if after[name] != before[name]} == changed
    assert told(scheduler) == held


def test_a_schedule_that_has_begun_can_be_put_back_too(
    who: str, workflow: Workflow, clock: Clock, scheduler: FakeScheduler
) -> None:
    id = created(who, workflow)
    clock.advance(3 * 24 * 3600)
    view = shown(who, id)
    assert view["runDateTime"] == "2027-01-04T12:00:00Z"
    put = call("PUT", f"{ALL}/{id}", who, body=view | {"name": "Later"})
    assert (put.status, put.json["name"]) == (200, "Later")
    later = call("PATCH", f"{ALL}/{id}", who, body={"iteration": DAILY | {"endTime": "2027-02-01T00:00:00Z"}})
    assert later.status == 200
    ((_, held),) = scheduler.held.items()
    assert "StartDate" not in held
    assert held["EndDate"] == datetime(2027, 2, 1, tzinfo=UTC)


def test_patch_changes_what_is_given_and_keeps_the_time_zone(
    who: str, workflow: Workflow, scheduler: FakeScheduler
) -> None:
    id = created(who, workflow, timeZone="Europe/Berlin", name="a", questions=[{"name": "q", "value": "1"}])
    answer = call("PATCH", f"{ALL}/{id}", who, body={"iteration": DAILY | {"startTime": "2027-01-02T09:30:00"}})
    assert answer.status == 200
    assert (answer.json["timeZone"], answer.json["name"]) == ("Europe/Berlin", "a")
    assert answer.json["questions"] == [{"name": "q", "value": "1"}]
    assert told(scheduler) == [("cron(30 9 * * ? *)", "Europe/Berlin")]


def test_put_without_a_time_zone_is_utc(who: str, workflow: Workflow, scheduler: FakeScheduler) -> None:
    id = created(who, workflow, timeZone="Europe/Berlin")
    view = shown(who, id)
    del view["timeZone"]
    assert call("PUT", f"{ALL}/{id}", who, body=view).json["timeZone"] == ""
    assert told(scheduler) == [("cron(0 12 * * ? *)", "UTC")]


@pytest.mark.parametrize(
    "missing",
    ["workflowId", "ownerId", "iteration", "name", "comment", "priority", "workerTag", "enabled", "credentialId"],
)
def test_put_wants_the_whole_contract(who: str, workflow: Workflow, missing: str) -> None:
    id = created(who, workflow)
    view = shown(who, id)
    del view[missing]
    answer = call("PUT", f"{ALL}/{id}", who, body=view)
    assert (answer.status, answer.message) == (400, f"{missing}: is required.")


def test_a_disabled_schedule_is_held_no_longer_and_an_enabled_one_is_again(
    who: str, workflow: Workflow, scheduler: FakeScheduler
) -> None:
    id = created(who, workflow)
    off = call("PATCH", f"{ALL}/{id}", who, body={"enabled": False}).json
    assert (off["state"], off["runDateTime"], scheduler.held) == ("Disabled", None, {})
    on = call("PATCH", f"{ALL}/{id}", who, body={"enabled": True}).json
    assert (on["state"], on["runDateTime"]) == ("Active", "2027-01-01T12:00:00Z")
    assert told(scheduler) == [("cron(0 12 * * ? *)", "UTC")]


def test_delete_removes_it_on_both_sides(who: str, workflow: Workflow, scheduler: FakeScheduler, yard: Yard) -> None:
    id = created(who, workflow)
    assert call("DELETE", f"{ALL}/{id}", who).status == 200
    assert scheduler.held == {}
    assert yard.items("SCHEDULE#") == yard.items("TIMERS") == []
    again = call("DELETE", f"{ALL}/{id}", who)
    assert (again.status, again.message) == (404, f"Schedule {id} not found.")


def test_two_kinds_of_days_are_two_expressions_of_one_schedule(
    who: str, workflow: Workflow, scheduler: FakeScheduler
) -> None:
    cron = DAILY | {"iterationType": "Cron", "cronContract": {"cronExpression": "0 6 1 * 1"}}
    id = created(who, workflow, iteration=cron)
    assert told(scheduler) == [("cron(0 6 1 * ? *)", "UTC"), ("cron(0 6 ? * MON *)", "UTC")]
    call("DELETE", f"{ALL}/{id}", who)
    assert scheduler.held == {}


def test_the_list_is_bare_and_reduced_or_full(who: str, workflow: Workflow) -> None:
    first, second = created(who, workflow, name="a"), created(who, workflow, name="b")
    listed = call("GET", ALL, who).json
    assert sorted(each["id"] for each in listed) == sorted([first, second])
    assert set(listed[0]) == {"id", "name", "workflowId", "ownerId", "runDateTime", "timeZone"}
    full = call("GET", ALL, who, {"view": "full"}).json
    assert {each["id"]: each for each in full} == {id: shown(who, id) for id in (first, second)}


def test_the_list_is_filtered_by_owner_workflow_and_window(
    who: str, workflow: Workflow, curator: Client, yard: Yard
) -> None:
    daily = created(who, workflow)
    other = yard.workflow(name="Other")
    once = created(who, other, iteration={"iterationType": "Once", "startTime": "2027-01-05T00:00:00"})

    def ids(**query: str) -> list[str]:
        return [each["id"] for each in call("GET", ALL, who, query).json]

    assert ids(workflowId=other.id) == [once]
    assert ids(ownerId="nobody") == []
    assert sorted(ids(ownerId=curator.user.id)) == sorted([daily, once])
    assert ids(runsAfter="2027-01-05T00:00:00Z", runsBefore="2027-01-05T12:00:00Z") == [once]
    assert sorted(ids(runsAfter="2027-01-05T00:00:00Z", runsBefore="2027-01-05T12:00:01Z")) == sorted([daily, once])
    assert ids(runsAfter="2027-01-05T02:00:00+01:00", runsBefore="2027-01-05T12:00:00Z") == []
    (seen,) = call("GET", ALL, who, {"runsAfter": "2027-01-08T13:00:00", "runsBefore": "2027-01-10T00:00:00"}).json
    assert seen["runDateTime"] == "2027-01-09T12:00:00Z"


@in_turn(
    ("query", "field"),
    [
        ({"runsAfter": "2027-01-05T00:00:00Z"}, "runsBefore"),
        ({"runsBefore": "2027-01-05T00:00:00Z"}, "runsAfter"),
        ({"runsAfter": "2027-01-05", "runsBefore": "2027-01-06T00:00:00"}, "runsAfter"),
        ({"runsAfter": "2027-01-06T00:00:00", "runsBefore": "2027-01-06T00:00:00"}, "runsBefore"),
        ({"runsAfter": "2027-01-01T00:00:00", "runsBefore": "2027-02-15T00:00:01"}, "runsBefore"),
        ({"view": "Most"}, "view"),
    ],
)
def test_a_list_that_cannot_be_understood_is_refused(who: str, query: Mapping[str, str], field: str) -> None:
    answer = call("GET", ALL, who, query)
    assert answer.status == 400
    assert answer.message.startswith(f"{field}: ")


def test_a_long_list_goes_on_behind_its_link(who: str, workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sorted(created(who, workflow) for _ in range(3))
    monkeypatch.setattr("jobyard.dialects.alteryx.schedules.AT_MOST_BYTES", 600)
    page = call("GET", ALL, who)
    ids = [each["id"] for each in page.json]
    while page.following:
        page = call("GET", ALL, who, page.following)
        ids += [each["id"] for each in page.json]
    assert ids == made


def test_priority_and_worker_tag_of_who_may_not_are_ignored_silently(
    who: str, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller, "may", lambda _self, right: right in (Right.SCHEDULE, Right.RUN))
    id = created(who, workflow, priority="High", workerTag="big")
    assert (shown(who, id)["priority"], shown(who, id)["workerTag"]) == ("Default", "")
    assert call("PATCH", f"{ALL}/{id}", who, body={"priority": "High"}).json["priority"] == "Default"


def test_who_may_not_schedule_is_turned_away(yard: Yard, who: str, workflow: Workflow) -> None:
    created(who, workflow)
    other = yard.client(Role.MEMBER)
    token = other.token
    assert create(token, workflow).status == 401
    assert call("GET", ALL, token).json == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_users_schedule_is_not_found(yard: Yard, who: str, workflow: Workflow, method: str) -> None:
    id = created(who, workflow)
    body = None if method in ("GET", "DELETE") else shown(who, id)
    for token in (yard.client(Role.MEMBER).token, yard.client(Role.CURATOR, tenant="globex").token):
        answer = call(method, f"{ALL}/{id}", token, body=body)
        assert (answer.status, answer.message) == (404, f"Schedule {id} not found.")
    assert shown(who, id)["lastModifiedDate"] is None


@in_turn(
    ("members", "field"),
    [
        ({"workflowId": ""}, "workflowId"),
        ({"workflowId": "0" * 24}, "workflowId"),
        ({"iteration": DAILY | {"startTime": "2026-12-31T00:00:00Z"}}, "iteration.startTime"),
        ({"iteration": DAILY | {"startTime": "2027-01-01T05:00:00Z"}, "timeZone": "Asia/Tokyo"}, "iteration.startTime"),
        ({"iteration": DAILY | {"endTime": "2026-12-31T00:00:00Z"}}, "iteration.endTime"),
        ({"iteration": DAILY | {"iterationType": "Cron", "cronContract": {"cronExpression": "* *"}}},
         "iteration.cronContract.cronExpression"),
        ({"timeZone": "Nowhere"}, "timeZone"),
        ({"name": "a" * 257}, "name"),
        ({"comment": "a" * 1025}, "comment"),
        ({"priority": "Urgent"}, "priority"),
        ({"overlapPolicy": "wait"}, "overlapPolicy"),
        ({"questions": [{"name": "a", "value": "a" * 70_000}]}, "questions"),
        ({"workerTag": "a" * 129}, "workerTag"),
        ({"enabled": "perhaps"}, "enabled"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_name_and_nothing_is_written(
    who: str, workflow: Workflow, yard: Yard, scheduler: FakeScheduler, members: dict[str, Any], field: str
) -> None:
    with yard.unchanged():
        answer = create(who, workflow, **members)
    assert answer.status == 400
    assert answer.message.startswith(f"{field}: ")
    assert scheduler.calls == []


def test_a_schedule_is_made_though_scheduler_does_not_answer(
    who: str, workflow: Workflow, scheduler: FakeScheduler
) -> None:
    def throttled(_operation: str) -> None:
        raise refused("ThrottlingException")

    scheduler.before = throttled
    id = created(who, workflow)
    assert scheduler.held == {}
    assert shown(who, id)["state"] == "Active"


def test_what_scheduler_refuses_after_all_is_said_on_the_schedule(
    who: str, workflow: Workflow, scheduler: FakeScheduler
) -> None:
    def invalid(operation: str) -> None:
        if operation == "CreateSchedule":
            raise refused("ValidationException", "Invalid Schedule Expression.")

    scheduler.before = invalid
    view = shown(who, created(who, workflow))
    assert view["state"] == "Error"
    assert view["lastError"] == "EventBridge Scheduler refuses it: Invalid Schedule Expression."


def test_an_administrator_gives_a_schedule_to_another_user(who: str, workflow: Workflow, yard: Yard) -> None:
    id = created(who, workflow)
    other = yard.client(Role.MEMBER)
    assert call("PATCH", f"{ALL}/{id}", who, body={"ownerId": other.user.id}).json["ownerId"] == other.user.id
    assert [each["id"] for each in call("GET", ALL, other.token).json] == [id]
