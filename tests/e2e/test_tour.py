"""What `make run` shows by itself, step by step, and whether what it says of queue, schedule and collection is so."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from jobyard.model import Job, Priority, Status
from jobyard.store import jobs
from local.stack import LocalStack
from local.tour import JOBS, PRIORITIES, SLOTS, TAG, Tour
from tests.e2e.api import Caller
from tests.e2e.behind import World


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the tour has said so far."""
    return []


@pytest.fixture(scope="module")
def tour(stack: LocalStack, said: list[str]) -> Tour:
    return Tour(stack.config["alteryx"], said.append, threading.Event())


@pytest.fixture(scope="module")
def schedule(tour: Tour, admin: Caller) -> Iterator[str]:
    """It fires each minute, and no more once these tests are over."""
    id = tour.share_a_schedule(tour.token("admin"))
    yield id
    assert admin.http.delete(f"/v3/schedules/{id}").status_code == 200


@pytest.mark.usefixtures("schedule")
def test_a_queue_of_two_slots_takes_its_jobs_by_priority(
    world: World, tour: Tour, admin: Caller, said: list[str]
) -> None:
    ids = tour.fill_a_queue(tour.token("admin"))
    found = [_job(world, id) for id in ids]
    assert len(set(ids)) == JOBS
    assert {(each.status, each.worker_tag) for each in found} == {(Status.COMPLETED, TAG)}
    # They begin side by side, as many as there are slots: so one may overtake another that was claimed before it.
    ranks = [each.priority.rank for each in found]
    for place, rank in enumerate(ranks):
        assert sum(later > rank for later in ranks[place:]) <= SLOTS, ranks
    # As they were claimed, none did. Those of one claim have one time, and are in no order.
    claimed = sorted(found, key=lambda each: (_claimed(each), -each.priority.rank))
    assert [each.priority for each in claimed] == sorted((each.priority for each in found), key=_urgent_first)
    for each in found:
        at_once = [other for other in found if _claimed(other) <= _claimed(each) < (other.finished_at or 0)]
        assert len(at_once) <= SLOTS, "more jobs at once than slots"
    order = " ".join(each.priority[0] for each in found)
    assert any(line.endswith(f": {order}") for line in said), said
    paused = f"the first that came, a {PRIORITIES[0]} one, is number {JOBS - JOBS // len(PRIORITIES) + 1} and waits for"
    assert any(paused in line for line in said), said
    assert admin.http.get(f"/v3/queues/{TAG}").json()["slots"] == SLOTS


@pytest.mark.nightly
def test_who_is_in_the_collection_sees_a_run_of_its_schedule_and_nobody_else_does(
    tour: Tour, schedule: str, admin: Caller, member: Caller, other: Caller, said: list[str]
) -> None:
    id = tour.look_at_a_run(schedule, *map(tour.token, ("admin", "member", "other")))
    assert any(f"of its job {id} the member gets 200, somebody else gets 404" in line for line in said), said
    assert admin.job(id)["scheduleId"] == schedule
    assert member.job(id)["id"] == id
    assert other.http.get(f"/v3/jobs/{id}").status_code == 404
    done = admin.wait(id, "Completed", "Cancelled")
    assert done["disposition"] == "Success", done


def _job(world: World, id: str) -> Job:
    job = jobs.get(world.tenant, id)
    assert job
    return job


def _claimed(job: Job) -> int:
    assert job.claimed_at
    return job.claimed_at


def _urgent_first(priority: Priority) -> int:
    return -priority.rank
