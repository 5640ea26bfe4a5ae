"""What is played while processes die or AWS fails: every function, in every way that calls AWS in a place of its own.

A scene is made on an empty table, undisturbed, and gives back what is then played under disturbance. The world rests
afterwards, and what was told and done is checked.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from jobyard.model import Status
from jobyard.runner import Failed
from jobyard.runner import Job as Running
from tests.contract.api import call
from tests.contract.tencent.signing import ROOT, ask
from tests.promises.harness import (
    scenes_of_reading,
    scenes_of_schedules,
    scenes_of_sharing,
    scenes_of_the_lists,
    scenes_of_the_queue,
)
from tests.promises.harness.clients import OpenReplay, Tencent
from tests.promises.harness.crashes import Function
from tests.promises.harness.scenes_of_the_operator import SCENES
from tests.promises.harness.stand import (
    CALLBACK,
    NESTED,
    Play,
    Scene,
    Stand,
    a_function,
    a_slash_too_many,
    ignored,
    scene,
)
from tests.promises.harness.wire import Call, CarryOut, refusal

__all__ = [
    "SCENES",
    "Scene",
    "Stand",
    "scenes_of_reading",
    "scenes_of_schedules",
    "scenes_of_sharing",
    "scenes_of_the_lists",
    "scenes_of_the_queue",
]

_ARN = "arn:aws:states:us-east-1:000000000000:execution:jobyard-job:{}"


# ---- The endpoints


@scene("submit", "alteryx")
@scene("submit", "openreplay")
@scene("submit", "tencent")
def a_plain_submit(stand: Stand, dialect: str) -> Play:
    caller = stand.caller(dialect)
    return lambda: ignored(caller.submit("plain"))


@scene("submit", "alteryx")
@scene("submit", "openreplay")
@scene("submit", "tencent")
def a_submit_with_a_key(stand: Stand, dialect: str) -> Play:
    caller = stand.caller(dialect)
    return lambda: ignored(caller.submit("keyed", "key"))


@scene("submit")
def a_submit_that_says_when_it_is_repeated(stand: Stand) -> Play:
    caller = stand.caller("tencent")
    return lambda: ignored(caller.submit("repeated", sdk=True))


@scene("submit")
def a_submit_by_tag(stand: Stand) -> Play:
    caller = stand.caller("tencent")
    client = caller.client
    assert isinstance(client, Tencent)
    body = (
        "<Request><Name>a</Name><Type>Job</Type><Input><Prefix/></Input><Operation><Tag>inventory</Tag><JobParam/>"
        "<Output><Region>r</Region><Bucket>b</Bucket></Output></Operation></Request>"
    )
    return lambda: ignored(caller.ask(lambda: ask(client.key, "POST", body=body)))


@scene("submit")
def a_second_submit_for_the_same_user(stand: Stand) -> Play:
    """The name of a job that has ended is taken over."""
    caller = stand.caller("openreplay")
    caller.submit("anna")
    stand.world.rest()
    return lambda: ignored(caller.submit("anna"))


@scene("submit")
def a_submit_with_a_slash_too_many(stand: Stand) -> Play:
    caller = stand.caller("alteryx")

    def play() -> None:
        with a_slash_too_many():
            caller.submit("keyed", "key")

    return play


@scene("cancel")
def a_cancel_with_a_slash_too_many(stand: Stand) -> Play:
    caller = stand.caller("alteryx")
    id = stand.job(caller, Status.RUNNING)

    def play() -> None:
        with a_slash_too_many():
            caller.cancel(id)
        stand.world.rest()

    return play


@scene("cancel", "alteryx", Status.QUEUED)
@scene("cancel", "alteryx", Status.RUNNING)
@scene("cancel", "openreplay", Status.SCHEDULED)
@scene("cancel", "openreplay", Status.RUNNING)
@scene("cancel", "tencent", Status.RUNNING)
def a_cancel(stand: Stand, dialect: str, status: Status) -> Play:
    caller = stand.caller(dialect)
    id = stand.job(caller, status)
    stand.world.yard.messages(stand.world.jobs()[id], [f"message {n}" for n in range(30)])

    def play() -> None:
        caller.cancel(id)
        stand.world.rest()

    return play


@scene("cancel")
def a_cancel_of_a_nested_execution(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(runner=NESTED)
    id = stand.job(caller, Status.RUNNING)

    def play() -> None:
        caller.cancel(id)
        stand.world.deliver()
        stand.world.rest()

    return play


@scene("read")
def a_token(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    form = {"grant_type": "client_credentials"}
    form |= {"client_id": alteryx.client.id, "client_secret": alteryx.client.secret}

    def play() -> None:
        answer = caller.ask(lambda: call("POST", "/webapi/oauth2/token", body=urlencode(form)))
        if answer is not None:
            token = answer.json["access_token"]
            stand.afterwards.append(lambda: _works(token))

    return play


def _works(token: str) -> None:
    assert call("GET", "/webapi/v3/jobs", token).status in (200, 401), "a token is good for its hour, then refused"


@scene("read")
def reading_alteryx(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    stand.works(a_function)
    id = str(caller.submit("a"))
    stand.world.rest()
    (output,) = stand.world.jobs()[id].outputs
    paths = [
        "/webapi/v3/jobs",
        f"/webapi/v3/jobs/{id}",
        f"/webapi/v3/jobs/{id}/messages",
        f"/webapi/v3/jobs/{id}/output/{output.id}",
        f"/webapi/v3/workflows/{alteryx.workflow.id}/jobs",
    ]

    def play() -> None:
        for path in paths:
            answer = caller.ask(lambda path=path: call("GET", path, alteryx.client.token))  # type: ignore[misc]
            assert answer is None or answer.status in (200, 302), answer
        caller.ask(lambda: call("GET", f"/webapi/v3/jobs/{id}", alteryx.client.token, "includeMessages=false"))
        users = f"allUsers=true&users={alteryx.client.user.id}"
        caller.ask(lambda: call("GET", "/webapi/v3/jobs", alteryx.client.token, users))

    return play


@scene("read")
def reading_openreplay(stand: Stand) -> Play:
    caller = stand.caller("openreplay")
    client = caller.client
    assert isinstance(client, OpenReplay)
    id = caller.submit("anna")

    def play() -> None:
        caller.ask(lambda: client.organisation.get(id))
        caller.ask(lambda: client.organisation.call("GET", "/jobs"))

    return play


@scene("read")
def reading_tencent(stand: Stand) -> Play:
    caller = stand.caller("tencent")
    client = caller.client
    assert isinstance(client, Tencent)
    id = caller.submit("a")

    def play() -> None:
        caller.ask(lambda: ask(client.key, "GET", f"{ROOT}/{id}"))
        caller.ask(lambda: ask(client.key, "GET"))
        caller.ask(lambda: ask(client.key, "GET", query=(("jobId", str(id)),)))

    return play


# ---- The lives of jobs: drive, the workflow's function, settle, reconcile


@scene("life", "alteryx")
@scene("life", "openreplay")
@scene("life", "tencent")
def a_life(stand: Stand, dialect: str) -> Play:
    stand.works(a_function)
    stand.caller(dialect).submit("all of it")
    return stand.world.rest


@scene("life")
def a_batch_of_many(stand: Stand) -> Play:
    """Drive has new, cancelled and deleted jobs in one batch."""
    caller = stand.caller("alteryx")
    running, waiting = stand.job(caller, Status.RUNNING), stand.job(caller, Status.QUEUED)
    stand.world.yard.messages(stand.world.jobs()[waiting], ["one"])
    caller.submit("first")
    caller.cancel(running)
    caller.cancel(waiting)
    caller.submit("second")
    return stand.world.rest


@scene("life")
def a_function_that_fails(stand: Stand) -> Play:
    def fails(job: Running, function: Function) -> None:
        function.say(job, "begun")
        raise Failed("there is no such file")

    stand.caller("alteryx").submit("a")
    stand.works(fails)
    return stand.world.rest


@scene("life")
def a_function_that_asks_to_be_called_again(stand: Stand) -> Play:
    def goes_on(job: Running, function: Function) -> None:
        function.say(job, f"at {job.state}")
        if job.state is None:
            job.again({"at": 1})

    stand.caller("alteryx").submit("a")
    stand.works(goes_on)
    return stand.world.rest


@scene("life")
def a_worker_that_answers_by_token(stand: Stand) -> Play:
    def works(job: Running, function: Function) -> None:
        function.say(job, "begun")
        job.heartbeat()
        function.say(job, "done")

    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(runner=CALLBACK)
    caller.submit("a")
    stand.works(works)
    return stand.world.rest


@scene("life")
def a_worker_that_fails_by_token(stand: Stand) -> Play:
    def fails(job: Running, function: Function) -> None:
        function.say(job, "begun")
        raise ValueError("what a pity")

    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(runner=CALLBACK)
    caller.submit("a")
    stand.works(fails)
    return stand.world.rest


@scene("life")
def a_cancel_while_the_function_works(stand: Stand) -> Play:
    caller = stand.caller("alteryx")
    id = str(caller.submit("a"))

    def works(job: Running, function: Function) -> None:
        function.say(job, "begun")
        caller.cancel(id)
        job.attach("late.csv", "nothing")
        raise AssertionError("a cancelled job attached a file")

    stand.works(works)
    return stand.world.rest


# ---- What reactions have missed


@scene("repair")
def a_stopped_execution(stand: Stand) -> Play:
    id = stand.job(stand.caller("alteryx"), Status.RUNNING)
    stand.world.machine.answer("StopExecution", {"executionArn": _ARN.format(id), "cause": "by hand"})
    return stand.world.rest


@scene("repair", "stopped")
@scene("repair", "gone")
@scene("repair", "out of time")
def an_execution_with_a_nested_one_is(stand: Stand, how: str) -> Play:
    """Nobody has told the nested one."""
    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(runner=NESTED)
    id, machine = stand.job(caller, Status.RUNNING), stand.world.machine
    if how == "stopped":
        machine.answer("StopExecution", {"executionArn": _ARN.format(id)})
    elif how == "gone":
        del machine.executions[id]
    else:
        machine.time_out(id)
    return stand.world.rest


@scene("repair")
def a_stopped_execution_with_a_large_input(stand: Stand) -> Play:
    id = stand.job(stand.caller("alteryx"), Status.RUNNING)
    stand.world.machine.answer("StopExecution", {"executionArn": _ARN.format(id)})
    stand.world.machine.ended[-1]["detail"]["input"] = None
    return stand.world.rest


@scene("repair")
def an_end_that_nobody_told(stand: Stand) -> Play:
    id = stand.job(stand.caller("alteryx"), Status.RUNNING)
    stand.world.machine.answer("StopExecution", {"executionArn": _ARN.format(id)})
    stand.world.machine.ended.clear()
    return stand.world.rest


@scene("repair")
def an_execution_that_is_gone(stand: Stand) -> Play:
    del stand.world.machine.executions[stand.job(stand.caller("alteryx"), Status.RUNNING)]
    return stand.world.rest


@scene("repair")
def a_job_that_was_never_started(stand: Stand) -> Play:
    stand.caller("alteryx").submit("a")
    stand.lose_records()
    return stand.world.rest


@scene("repair")
def a_job_that_can_never_be_started(stand: Stand) -> Play:
    def refuses(call: Call, carry_out: CarryOut) -> Any:
        return refusal("InvalidExecutionInput") if call.operation == "StartExecution" else carry_out()

    stand.caller("alteryx").submit("a")
    stand.inner = refuses
    return stand.world.rest


@scene("repair")
def a_cancel_that_nobody_told(stand: Stand) -> Play:
    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(runner=NESTED)
    caller.cancel(stand.job(caller, Status.RUNNING))
    stand.lose_records()

    def play() -> None:
        stand.minutes(3)
        stand.world.rest()

    return play


@scene("repair")
def a_cancel_told_once(stand: Stand) -> Play:
    """Drive is given the record once, and never again after it died."""
    caller, alteryx = stand.alteryx()
    alteryx.workflow = stand.world.yard.workflow(runner=NESTED)
    caller.cancel(stand.job(caller, Status.RUNNING))

    def play() -> None:
        stand.world.deliver()
        stand.world.undelivered.clear()
        stand.minutes(3)
        stand.world.rest()

    return play
