"""Ways through the functions, as far as they deal with schedules (``ways.py``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import replace
from typing import Any
from unittest.mock import patch

from jobyard.aws import client
from jobyard.model import Person
from jobyard.model.schedule import Overlap
from jobyard.store import schedules as store
from jobyard.store import submissions
from jobyard.store.items import attribute
from jobyard.store.submissions import Overtaken
from tests.integration import ways_of_sharing
from tests.integration.way import Way, sample, with_status
from tests.sam import seed

_SCHEDULES = "/webapi/v3/schedules"


def _shown(answer: Any) -> None:
    assert answer["statusCode"] == 200, answer
    assert seed.SCHEDULE_ID in answer["body"], answer


def _asking(method: str, rest: str = "", body: Any = None) -> dict[str, Any]:
    event = sample("schedules")
    event["rawPath"] = _SCHEDULES + rest
    event["requestContext"]["http"]["method"] = method
    event["pathParameters"] = {"scheduleId": seed.SCHEDULE_ID} if rest else None
    return event | ({} if body is None else {"body": json.dumps(body)})


def schedules() -> Iterator[Way]:
    one = f"/{seed.SCHEDULE_ID}"
    daily = {"iterationType": "Daily", "startTime": "2198-01-01T00:00:00"}
    yield Way(_asking("GET"), check=with_status(200))
    # By one with whom it is shared: of all, and of this one.
    for asked in (_asking("GET"), _asking("GET", one)):
        asked["headers"]["authorization"] = f"Bearer {ways_of_sharing.TOKEN}"
        yield Way(asked, ways_of_sharing.sharing, _shown)
    made = {"workflowId": seed.WORKFLOW_ID, "iteration": daily}
    yield Way(_asking("POST", body=made), check=with_status(201))
    skip = {"overlapPolicy": "skip", "iteration": daily}
    yield Way(_asking("PATCH", one, skip), check=with_status(200))
    run = _asking("POST", f"{one}/run")
    run["headers"]["idempotency-key"] = "run"
    yield Way(run, check=with_status(200))
    # The key is looked for, as its job has not ended.
    yield Way(run, check=with_status(200))
    # The job of the run before is looked at, and a firing whose answer was lost.
    yield Way(_asking("POST", f"{one}/run"), check=with_status(400))
    yield Way(_asking("PATCH", one, {"overlapPolicy": "allow"}), check=with_status(200))
    yield Way(_asking("POST", f"{one}/run"), _overtaken_once)
    yield Way(_asking("PATCH", one, {"timeZone": "Europe/Berlin"}), check=with_status(200))
    yield Way(_asking("DELETE", one), check=with_status(200))


@contextmanager
def _overtaken_once() -> Iterator[None]:
    calls = iter((True,))

    def overtaken(*given: Any, **named: Any) -> Any:
        if next(calls, False):
            raise Overtaken
        return submissions.put(*given, **named)

    with patch("jobyard.service.firing.put", overtaken):
        yield


def drive(ended: dict[str, Any]) -> Iterator[Way]:
    """``ended`` tells that a job has ended, for which a run waits."""
    record = ended["Records"][0]["dynamodb"]["NewImage"]
    record["scheduleId"] = attribute(seed.SCHEDULE_ID)
    yield Way(ended, _waiting, lambda _: _none_waits())


def reconcile() -> Iterator[Way]:
    yield Way(sample("reconcile"), _missed, _compared)
    yield Way(sample("reconcile"), _waiting, lambda _: _none_waits())


def fire() -> Iterator[Way]:
    given = sample("fire")
    yield Way(given | {"instant": "2025-10-18T10:00:00Z"}, _skipping)
    yield Way(given | {"instant": "2025-10-19T10:00:00Z"}, _of_another, _started)
    static = {"workflowId": seed.WORKFLOW_ID, "owner": "ops", "instant": "2025-10-17T10:00:00Z"}
    yield Way({"tenant": seed.TENANT} | static)


@contextmanager
def _skipping() -> Iterator[None]:
    _changed(overlap=Overlap.SKIP, last_job_id=seed.RUNNING_JOB)
    yield


@contextmanager
def _of_another() -> Iterator[None]:
    """Its owner may run its workflow by a share alone."""
    with ways_of_sharing.sharing():
        owner = Person(ways_of_sharing.NOBODY, "No Body")
        _changed(owner=owner, workflow_id=ways_of_sharing.SHARED_WORKFLOW, overlap=Overlap.ALLOW)
        yield


def _started(answer: Any) -> None:
    assert answer["outcome"] == "started", answer


@contextmanager
def _waiting() -> Iterator[None]:
    with _of_another():
        _changed(overlap=Overlap.QUEUE, last_job_id=seed.COMPLETED_JOB, waiting=(seed.CREATED_MS,))
        yield


def _none_waits() -> None:
    schedule = store.get(seed.TENANT, seed.SCHEDULE_ID)
    assert schedule
    assert (schedule.waiting, schedule.run_count) == ((), 1)


def _changed(due: int | None = None, **values: Any) -> None:
    schedule = store.get(seed.TENANT, seed.SCHEDULE_ID)
    assert schedule
    assert store.change(schedule, replace(schedule, **values), due)


@contextmanager
def _missed() -> Iterator[None]:
    """A run that was due long ago, of a timing that Scheduler was never told."""
    _changed(seed.CREATED_MS, timing=2)
    name = f"{'0' * 12}-{seed.SCHEDULE_ID}-1-0"
    target = {"Arn": seed.ENVIRONMENT["FIRE_FUNCTION_ARN"], "RoleArn": seed.ENVIRONMENT["SCHEDULER_ROLE_ARN"]}
    group = {"Name": name, "GroupName": seed.ENVIRONMENT["SCHEDULE_GROUP"]}
    expression = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    client("scheduler").create_schedule(**group, **expression, Target=target)
    yield


def _compared(answer: Any) -> None:
    assert (answer["armed"], answer["orphans"], answer["missed"]) == (1, 1, 1), answer
