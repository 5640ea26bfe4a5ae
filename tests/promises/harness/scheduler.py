"""EventBridge Scheduler on the wire, and what must hold between it and the table once nothing is under way."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from jobyard.model.schedule import Outcome
from jobyard.service.scheduler import names
from jobyard.store import timers
from jobyard.store.items import plain_item
from jobyard.store.records import JOB
from jobyard.store.schedules import schedule_of
from tests.fake_scheduler import FakeScheduler
from tests.promises.harness.wire import Answer, Call, refusal

if TYPE_CHECKING:
    from tests.promises.harness.world import World

_STATUS = {"ConflictException": 409, "ResourceNotFoundException": 404}
_MEMBERS = {"groupName": "GroupName", "clientToken": "ClientToken", "ScheduleGroup": "GroupName"}
_PAGE = 2


def given(call: Call) -> dict[str, Any]:
    """What the operation was given, by the names of its members: some stand in the path and the query."""
    url = urlsplit(str(call.sent.url))
    members = {_MEMBERS.get(name, name): value for name, value in parse_qsl(url.query)} | call.asked
    named = call.path.split("/")[2:]
    if named:
        members["Name"] = named[0]
    for date in ("StartDate", "EndDate"):
        if date in members:
            members[date] = datetime.fromtimestamp(members[date], UTC)
    return members


def answer(fake: FakeScheduler, call: Call) -> Answer | AWSResponse:
    members = given(call)
    try:
        if call.operation == "CreateSchedule":
            fake.create_schedule(**members)
            return 200, {"ScheduleArn": f"arn:aws:scheduler:us-east-1:000000000000:schedule/g/{members['Name']}"}
        if call.operation == "DeleteSchedule":
            fake.delete_schedule(**members)
            return 200, {}
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return refusal(code, _STATUS.get(code, 400))
    assert call.operation == "ListSchedules", call
    held, first = sorted(fake.held), int(members.get("NextToken", 0))
    more = {"NextToken": str(first + _PAGE)} if first + _PAGE < len(held) else {}
    return 200, {"Schedules": [{"Name": name} for name in held[first : first + _PAGE]]} | more


def schedules_hold(world: World) -> None:
    """At rest: no orphan on either side; each run that has a job has one, and each such job a run; none waits."""
    items = [plain_item(each) for each in world.yard.items()]
    known = {each.id: each for each in map(schedule_of, world.yard.items("SCHEDULE#"))}
    armed = timers.every()
    assert sorted(each.id for each in armed) == sorted(known), "a timer without a schedule, or a schedule without one"
    assert sorted(world.scheduler.held) == sorted(name for timer in armed for name in names(timer)), "orphans"
    for timer in armed:
        schedule = known[timer.id]
        assert timer.armed == timer.timing == schedule.timing, "Scheduler was not told"
        assert (timer.parts > 0) == (timer.due_at is not None), "Scheduler holds what never comes"
        assert not schedule.waiting, "a run waits for nothing"
    runs = [each for each in items if each["pk"].startswith("FIRING#")]
    made = Counter(each["jobId"] for each in runs if each["outcome"] == Outcome.STARTED)
    assert set(made.values()) <= {1}, "a job of two runs"
    of = {id: schedule for id, schedule in _jobs_of_schedules(world).items() if schedule in known}
    for schedule in known.values():
        started = [
            each["jobId"]
            for each in runs
            if each["outcome"] == Outcome.STARTED and each["pk"] == f"FIRING#{schedule.tenant}#{schedule.id}"
        ]
        assert schedule.run_count == len(started), "runCount"
        assert sorted(started) == sorted(id for id, its in of.items() if its == schedule.id), "a job without a run"
    assert not [each for each in runs if each["outcome"] == Outcome.WAITING and _schedule_of(each) in known]


def _schedule_of(run: dict[str, Any]) -> str:
    return str(run["pk"]).rpartition("#")[2]


def _jobs_of_schedules(world: World) -> dict[str, str]:
    """The schedule of each job that ever was and has one."""
    found = {}
    for record in world.stream.told:
        image = record["dynamodb"].get("NewImage")
        if record["eventName"] == "INSERT" and image and image["sk"]["S"] == JOB and "scheduleId" in image:
            found[image["id"]["S"]] = image["scheduleId"]["S"]
    return found
