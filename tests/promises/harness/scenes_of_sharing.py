"""Scenes of users, groups and collections, of the record of their changes, and of what is shared by them."""

from __future__ import annotations

from copy import replace
from typing import Any

from jobyard.authorizer import Role
from jobyard.model import Person, Status
from jobyard.store import schedules
from tests.contract.api import Answer, call
from tests.contract.yard import Client
from tests.factories import ADA
from tests.promises.harness.scenes_of_schedules import ALL as ALL_SCHEDULES
from tests.promises.harness.scenes_of_schedules import DAY_MS, Scheduled
from tests.promises.harness.stand import SCENES, Play, Stand, a_function, scene

__all__ = ["SCENES"]

USERS, GROUPS, COLLECTIONS = "/webapi/v3/users", "/webapi/v3/usergroups", "/webapi/v3/collections"
NEW_USER = {"firstName": "Ann", "lastName": "Other", "email": "ann@example.com"}


class Shares:
    """A member is in a group, and the group in a collection, with a workflow that is nobody's else."""

    def __init__(self, stand: Stand, of: Scheduled | None = None) -> None:
        self.stand = stand
        self.caller, self.alteryx = (of.caller, of.alteryx) if of else stand.alteryx()
        yard = stand.world.yard
        self.member = yard.client(Role.MEMBER)
        self.workflow = yard.workflow(public=False, owner=ADA.id)
        self.group = self.made(GROUPS, {"name": "G", "role": "Viewer"})
        self.collection = self.made(COLLECTIONS, {"name": "C"})
        self.here = f"{COLLECTIONS}/{self.collection}"
        self.done("POST", f"{GROUPS}/{self.group}/users", [self.member.user.id])
        self.done("POST", f"{self.here}/userGroups", {"userGroupId": self.group})
        self.done("POST", f"{self.here}/workflows", {"workflowId": self.workflow.id})
        stand.afterwards.append(self._recorded)

    def done(self, method: str, path: str, body: Any = None) -> Answer:
        answer = call(method, path, self.alteryx.client.token, body=body)
        assert answer.status in (200, 201), answer
        return answer

    def made(self, path: str, body: Any) -> str:
        answered = self.done("POST", path, body).json
        return str(answered["id"] if path == USERS else answered)

    def may(self, **flags: bool) -> None:
        """The member has these rights."""
        path = f"{USERS}/{self.member.user.id}"
        user = self.done("GET", path).json
        self.done("PUT", path, user | {"email": "member@example.com"} | flags)

    def ask(self, method: str, path: str, *expected: int, by: Client | None = None, **asked: Any) -> None:
        """Of the curator, or of another; what is answered is ``expected``, or 200 or 201."""
        token = (by or self.alteryx.client).token
        answer = self.caller.ask(lambda: call(method, path, token, **asked))
        assert answer is None or answer.status in (expected or (200, 201)), answer

    def _recorded(self) -> None:
        """What is there was made by a change that is recorded, or stood there before."""
        yard = self.stand.world.yard
        told = {(each["action"]["S"], each["id"]["S"]) for each in yard.items("AUDIT#")}
        for prefix, action in (("GROUP#acme", "usergroup.create"), ("COLLECTION#acme", "collection.create")):
            for each in yard.items(prefix):
                assert each["pk"]["S"] != prefix or (action, each["sk"]["S"]) in told, f"{prefix} without a record"
        for each in yard.items("USER#"):
            if each["email"]["S"] == NEW_USER["email"]:
                assert ("user.create", each["id"]["S"]) in told, "a user without a record"


# ---- Users, groups and collections, and the record of changes


@scene("people")
def making_and_changing_a_user(stand: Stand) -> Play:
    it = Shares(stand)
    path = f"{USERS}/{it.member.user.id}"
    whole = it.done("GET", path).json | {"email": "member@example.com", "firstName": "Changed"}

    def play() -> None:
        it.ask("POST", USERS, body=NEW_USER)
        it.ask("PUT", path, body=whole)
        it.ask("GET", path)
        it.ask("GET", USERS)

    return play


@scene("people")
def deleting_a_user_with_whom_something_is_shared(stand: Stand) -> Play:
    it, scheduled = _shared_schedule(stand)
    user = it.made(USERS, NEW_USER)
    it.done("POST", f"{it.here}/users", {"userId": user})
    # What is gone leaves the collection with the user.
    assert scheduled.call("DELETE", scheduled.path).status == 200

    def play() -> None:
        # The first try may have deleted it.
        it.ask("DELETE", f"{USERS}/{user}", 200, 404)

    return play


def _with_what_is_gone(stand: Stand) -> Shares:
    """A schedule that the collection has was deleted."""
    it, scheduled = _shared_schedule(stand)
    assert scheduled.call("DELETE", scheduled.path).status == 200
    return it


def _shared_schedule(stand: Stand, **members: Any) -> tuple[Shares, Scheduled]:
    """It is in the collection."""
    scheduled = Scheduled(stand, **members)
    it = Shares(stand, scheduled)
    it.done("POST", f"{it.here}/schedules", {"scheduleId": scheduled.id})
    return it, scheduled


@scene("people")
def making_and_changing_a_group(stand: Stand) -> Play:
    it = Shares(stand)
    path = f"{GROUPS}/{it.group}"
    user = it.alteryx.client.user.id

    def play() -> None:
        it.ask("POST", GROUPS, body={"name": "H", "role": "Viewer"})
        it.ask("PUT", path, body={"name": "I", "role": "Viewer"})
        it.ask("POST", f"{path}/users", body=[user])
        it.ask("GET", path)
        it.ask("GET", GROUPS)

    return play


@scene("people")
def taking_a_member_out_of_a_group(stand: Stand) -> Play:
    it = Shares(stand)
    # The first try may have done it.
    return lambda: it.ask("DELETE", f"{GROUPS}/{it.group}/users/{it.member.user.id}", 200, 404)


@scene("people")
def deleting_a_group_with_all_that_it_has(stand: Stand) -> Play:
    it = _with_what_is_gone(stand)
    return lambda: it.ask("DELETE", f"{GROUPS}/{it.group}", 200, 404, query="forceDelete=true")


@scene("people")
def making_and_changing_a_collection(stand: Stand) -> Play:
    it = Shares(stand)

    def play() -> None:
        it.ask("POST", COLLECTIONS, body={"name": "D"})
        it.ask("PUT", it.here, body={"name": "E", "ownerId": it.member.user.id})
        it.ask("GET", it.here)
        it.ask("GET", COLLECTIONS)

    return play


def _things(stand: Stand) -> tuple[Shares, dict[str, tuple[str, str]]]:
    """One of each kind that may be in a collection, and how it is called where it is put in."""
    scheduled = Scheduled(stand)
    it = Shares(stand, scheduled)
    return it, {
        "users": ("userId", it.member.user.id),
        "userGroups": ("userGroupId", it.made(GROUPS, {"name": "H", "role": "Viewer"})),
        "workflows": ("workflowId", stand.world.yard.workflow().id),
        "schedules": ("scheduleId", scheduled.id),
    }


# Apart: what is half put in would be whole again once it was taken out.


@scene("people")
def putting_into_a_collection(stand: Stand) -> Play:
    it, things = _things(stand)

    def play() -> None:
        for what, (field, id) in things.items():
            it.ask("POST", f"{it.here}/{what}", body={field: id})
        permissions: dict[str, Any] = {"expirationDate": None, "collectionsPermissions": {}}
        # What was to be put in before may be missing.
        it.ask("PUT", f"{it.here}/users/{it.member.user.id}/permissions", 200, 404, body=permissions)

    return play


@scene("people")
def taking_out_of_a_collection(stand: Stand) -> Play:
    it, things = _things(stand)
    for what, (field, id) in things.items():
        it.done("POST", f"{it.here}/{what}", {field: id})

    def play() -> None:
        for what, (_, id) in things.items():
            it.ask("DELETE", f"{it.here}/{what}/{id}", 200, 404)

    return play


@scene("people")
def deleting_a_collection_with_all_that_it_has(stand: Stand) -> Play:
    it = _with_what_is_gone(stand)
    return lambda: it.ask("DELETE", it.here, 200, 404, query="forceDelete=true")


@scene("people")
def reading_what_was_changed(stand: Stand) -> Play:
    it = Shares(stand)
    return lambda: it.ask("GET", "/webapi/v3/audit")


# ---- What is shared


def _job_of(scheduled: Scheduled) -> str:
    """A new one, that nobody has started yet."""
    assert scheduled.call("POST", f"{scheduled.path}/run").status == 200
    id = scheduled.now.last_job_id
    assert id
    return id


@scene("shares")
def reading_a_job_that_is_shared(stand: Stand) -> Play:
    stand.works(a_function)
    it, scheduled = _shared_schedule(stand)
    id = _job_of(scheduled)
    stand.world.rest()
    (output,) = stand.world.jobs()[id].outputs
    path = f"/webapi/v3/jobs/{id}"

    def play() -> None:
        it.ask("GET", path, by=it.member)
        it.ask("GET", f"{path}/output/{output.id}", 302, by=it.member)

    return play


@scene("shares")
def changing_a_job_that_is_shared(stand: Stand) -> Play:
    it, scheduled = _shared_schedule(stand)
    it.may(canPrioritizeJobs=True)
    id = _job_of(scheduled)

    def play() -> None:
        it.ask("PATCH", f"/webapi/v3/jobs/{id}", by=it.member, body={"priority": "High"})
        stand.world.rest()

    return play


@scene("shares")
def cancelling_a_job_that_is_shared(stand: Stand) -> Play:
    it, scheduled = _shared_schedule(stand)
    id = _job_of(scheduled)
    stand.take(id, Status.RUNNING)

    def play() -> None:
        # The first try may have cancelled it.
        it.ask("DELETE", f"/webapi/v3/jobs/{id}", 200, 400, by=it.member)
        stand.world.rest()

    return play


@scene("shares")
def running_a_workflow_that_is_shared(stand: Stand) -> Play:
    it = Shares(stand)
    path = f"/webapi/v3/workflows/{it.workflow.id}/jobs"

    def play() -> None:
        it.ask("POST", path, by=it.member)
        it.ask("GET", path, by=it.member)
        stand.world.rest()

    return play


@scene("shares")
def using_a_schedule_that_is_shared(stand: Stand) -> Play:
    it, scheduled = _shared_schedule(stand)

    def play() -> None:
        it.ask("GET", ALL_SCHEDULES, by=it.member)
        it.ask("GET", f"{ALL_SCHEDULES}/{scheduled.id}", by=it.member)

    return play


@scene("shares")
def scheduling_a_workflow_that_is_shared(stand: Stand) -> Play:
    it = Shares(stand)
    it.may(canScheduleJobs=True)
    daily = {"iterationType": "Daily", "startTime": "2030-01-01T00:00:00Z"}
    body = {"workflowId": it.workflow.id, "iteration": daily}
    return lambda: it.ask("POST", ALL_SCHEDULES, by=it.member, body=body)


# ---- Runs of whoever the workflow is shared with


def _of_the_member(stand: Stand, **members: Any) -> Scheduled:
    """A schedule of the member's, for the workflow that is shared."""
    scheduled = Scheduled(stand, **members)
    it = Shares(stand, scheduled)
    before = scheduled.now
    of = replace(before, workflow_id=it.workflow.id, owner=Person(it.member.user.id, it.member.user.name))
    assert schedules.change(before, of, scheduled.first)
    return scheduled


@scene("shares")
def a_run_that_is_due_of_a_workflow_that_is_shared(stand: Stand) -> Play:
    scheduled = _of_the_member(stand)
    scheduled.ran(1)
    scheduled.at(scheduled.first)

    def play() -> None:
        scheduled.fire()
        stand.world.rest()

    return play


@scene("shares", "drive")
@scene("shares", "reconcile")
def a_run_of_a_workflow_that_is_shared_which_waits_for(stand: Stand, function: str) -> Play:
    scheduled = _of_the_member(stand, overlapPolicy="queue")
    scheduled.job_of(Status.RUNNING)
    scheduled.ran(2)
    second = scheduled.first + DAY_MS
    scheduled.at(second)
    scheduled.fire(second)
    if function == "reconcile":
        stand.world.advance_executions()
        stand.lose_records()
    return stand.world.rest
