"""Scenes of queues with slots: who is claimed, when a slot is given back, and what is told by the stream in between."""

from __future__ import annotations

from jobyard.model import TERMINAL, Status
from jobyard.runner import Failed
from jobyard.runner import Job as Running
from jobyard.store import queues, slots
from tests.contract.api import call
from tests.promises.harness.clients import Alteryx
from tests.promises.harness.crashes import Function
from tests.promises.harness.promises import Caller
from tests.promises.harness.stand import Play, Stand, a_function, scene

TENANT = "acme"


def limited(stand: Stand, slots: int | None, *, paused: bool = False) -> None:
    """The queue of the jobs without a tag. Afterwards no slot is held, and there were never more."""
    assert queues.put(queues.get(TENANT, ""), slots, paused, 0)
    stand.afterwards.append(lambda: assert_slots_are_free(stand))


def assert_slots_are_free(stand: Stand) -> None:
    queue = queues.get(TENANT, "")
    assert queue.running == 0, "a slot that nobody gave back"
    assert slots.held() == {}
    held: set[str] = set()
    for record in stand.world.stream.told:
        key, images = record["dynamodb"]["Keys"], record["dynamodb"]
        if key["sk"]["S"] != "JOB":
            continue
        if images.get("NewImage", {}).get("slotOf") == {"S": queue.name}:
            held.add(key["pk"]["S"])
        else:
            held.discard(key["pk"]["S"])
        assert queue.slots is None or len(held) <= queue.slots, "more jobs held a slot than there are"


@scene("queue", 1)
@scene("queue", 2)
def more_jobs_than_slots(stand: Stand, slots: int) -> Play:
    stand.works(a_function)
    limited(stand, slots)
    caller = stand.caller("alteryx")
    for number in range(4):
        caller.submit(f"number {number}")
    return stand.world.rest


@scene("queue")
def a_job_that_fails_or_is_cancelled_and_the_next_one(stand: Stand) -> Play:
    def fails(job: Running, function: Function) -> None:
        function.say(job, "begun")
        raise Failed("there is no such file")

    limited(stand, 1)
    caller = stand.caller("alteryx")
    id = stand.job(caller, Status.RUNNING)
    caller.submit("next")
    caller.submit("the one after it")
    stand.works(fails)

    def play() -> None:
        caller.cancel(id)
        stand.world.rest()

    return play


@scene("queue")
def a_queue_that_is_resumed(stand: Stand) -> Play:
    stand.works(a_function)
    limited(stand, 1, paused=True)
    caller, alteryx = stand.alteryx()
    caller.submit("first")
    caller.submit("second")
    stand.world.deliver_all()

    def play() -> None:
        put_queue(caller, alteryx, '{"slots": 1, "paused": false}')
        stand.world.rest()

    return play


@scene("queue")
def a_limit_while_a_job_runs_without_a_slot(stand: Stand) -> Play:
    """It is counted, and another one waits for its end."""
    stand.works(a_function)
    caller, alteryx = stand.alteryx()
    runs = stand.job(caller, Status.RUNNING)
    waits = caller.submit("next")

    def play() -> None:
        put_queue(caller, alteryx, '{"slots": 1, "paused": false}')
        stand.world.rest()

    def begins_after_its_end() -> None:
        states: dict[str, str] = {}
        for record in stand.world.stream.told:
            key, images = record["dynamodb"]["Keys"], record["dynamodb"]
            if key["sk"]["S"] == "JOB" and "NewImage" in images:
                states[key["pk"]["S"].rpartition("#")[2]] = images["NewImage"]["status"]["S"]
            if waits in states and states[waits] != "queued":
                assert states[runs] in TERMINAL, "it began beside one that held the only slot"

    stand.afterwards += [lambda: assert_slots_are_free(stand), begins_after_its_end]
    return play


def put_queue(caller: Caller, alteryx: Alteryx, body: str) -> None:
    for _ in range(20):
        answer = caller.ask(lambda: call("PUT", "/webapi/v3/queues/-", alteryx.client.token, body=body))
        if answer is not None and answer.status == 200:
            break


@scene("queue")
def a_job_that_is_moved(stand: Stand) -> Play:
    stand.works(a_function)
    limited(stand, 1)
    caller, alteryx = stand.alteryx()
    stand.job(caller, Status.RUNNING)
    id = caller.submit("moved")
    stand.world.deliver_all()

    def play() -> None:
        path = f"/webapi/v3/jobs/{id}"
        caller.ask(lambda: call("PATCH", path, alteryx.client.token, body='{"priority": "High"}'))
        caller.ask(lambda: call("PATCH", path, alteryx.client.token, body='{"workerTag": "other"}'))
        caller.ask(lambda: call("GET", path, alteryx.client.token))
        stand.world.rest()

    return play


@scene("queue")
def slots_that_only_reconcile_gives_back(stand: Stand) -> Play:
    """Every record is lost: of the end, and of those that wait."""
    stand.works(a_function)
    limited(stand, 1)
    caller = stand.caller("alteryx")
    caller.cancel(stand.job(caller, Status.RUNNING))
    caller.submit("next")
    stand.lose_records()

    def play() -> None:
        stand.minutes(2)
        stand.world.rest()

    return play


@scene("queue")
def a_scheduled_job_whose_slot_nobody_told(stand: Stand) -> Play:
    """Its execution waits with a token, and the record of the claim is lost."""
    stand.works(a_function)
    limited(stand, 1)
    stand.job(stand.caller("openreplay"), Status.QUEUED)
    stand.world.deliver()
    stand.lose_records()
    return stand.world.rest


@scene("queue")
def looking_at_queues(stand: Stand) -> Play:
    limited(stand, None)
    caller, alteryx = stand.alteryx()
    id = caller.submit("a")

    def play() -> None:
        for path in ("/webapi/v3/queues", "/webapi/v3/queues/-", f"/webapi/v3/jobs/{id}"):
            answer = caller.ask(lambda path=path: call("GET", path, alteryx.client.token))  # type: ignore[misc]
            assert answer is None or answer.status == 200, answer
        stand.world.rest()

    return play
