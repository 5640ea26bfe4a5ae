"""That the scenes of the crash sweep and of the faults leave out nothing that a function may ask of AWS.

What each function may do is in the template; the tests of permissions hold that it is what is really asked. Here each
permission of each function but those of workflows must be used by some scene, so that a new one needs a scene.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from local.template import load
from tests.iam import ACCOUNT, REGION, Asked, Grant, Names, grants
from tests.promises.harness import scheduler
from tests.promises.harness.scenes import SCENES
from tests.promises.harness.stand import recorded
from tests.promises.harness.wire import Call
from tests.promises.harness.world import World
from tests.recorded import asked_of
from tests.transformed import functions, target

ELSEWHERE = {
    "UnmatchedFunction": "hands a request on to an endpoint: two are tried, all of them ask Lambda in one place",
    "ProfileFunction": "in test_04_workflows_that_ship.py",
    "EraseFunction": "in test_04_workflows_that_ship.py",
    "InventoryFunction": "work of a job, which is run again as a whole",
    "InventoryStepsFunction": "work of a job, which is run again as a whole",
}
LAMBDAS_OWN = ("Log", "Trace", "ReadStream", "FindStream", "KeepFailures")
"""Statements that the function's code does not use: Lambda does, with the function's role."""

RESOURCES = load()["Resources"]
FUNCTIONS = {
    RESOURCES[name]["Properties"]["CodeUri"].removeprefix("functions/"): properties
    for name, properties in functions().items()
    if name not in ELSEWHERE
}
"""By the names of their folders."""


@pytest.fixture(autouse=True)
def _long_lived(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("one_at_a_time")
def test_the_scenes_use_every_permission_that_a_function_has(world: World) -> None:
    asked: dict[str, list[Asked]] = {name: [] for name in FUNCTIONS}
    for scene in SCENES:
        recording = recorded(world, scene)
        for site, call in zip(recording.sites, recording.calls, strict=True):
            if site.function in asked and call.service != "s3":
                service = {"sfn": "stepfunctions"}.get(call.service, call.service)
                asked[site.function] += asked_of(service, call.operation, _given(call))
    unused = {
        f"{name}: {grant}"
        for name, properties in FUNCTIONS.items()
        for grant in _grants(world, properties)
        if not any(grant.covers(each) for each in asked[name])
    }
    assert unused == set()


def _given(call: Call) -> dict[str, Any]:
    return scheduler.given(call) if call.service == "scheduler" else call.asked


def _grants(world: World, properties: dict[str, object]) -> list[Grant]:
    names = Names(
        JobsTable__Arn=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{world.yard.table}",
        JobStateMachine=os.environ["STATE_MACHINE_ARN"],
        JobStateMachine__Name="jobyard-job",
        ScheduleGroup=os.environ["SCHEDULE_GROUP"],
        SchedulerRole__Arn=os.environ["SCHEDULER_ROLE_ARN"],
        SecretsKey__Arn=os.environ["SECRETS_KEY_ARN"],
        **{"AWS::StackName": "jobyard"},
    )
    role = target(properties["Role"])
    assert role
    every = grants(role, names)
    return [each for each in every if each.sid not in LAMBDAS_OWN and not each.action.startswith("s3:")]
