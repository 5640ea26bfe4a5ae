"""Promise 1: a submit that answered is never lost; repeated with the same key it is one job.

Here: what becomes of the job of an answered submit, and any number of submits at once in every order of their calls.
Crashes and lost answers are those of promise 4 (``test_04_*``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from jobyard.authorizer import Role
from jobyard.lifecycle.reconcile import GRACE_MS
from jobyard.model import Status
from jobyard.model.ids import now_ms
from tests.contract.tencent.conftest import WORKFLOW_ID
from tests.contract.tencent.signing import HOST, ROOT, authorization, send
from tests.contract.yard import Clock
from tests.promises.harness.clients import CLIENTS, Alteryx, Made, OpenReplay, Tencent
from tests.promises.harness.interleave import Op, Play
from tests.promises.harness.orders import explain
from tests.promises.harness.stage import Stage, hold
from tests.promises.harness.tenants import inventory_of
from tests.promises.harness.wire import Call, CarryOut, refusal

Staged = Callable[[str], Stage]
DAY_SECONDS = 24 * 3600


@pytest.mark.parametrize("records", ["once", "twice", "never", "late"])
@pytest.mark.parametrize("dialect", CLIENTS)
def test_the_job_of_an_answered_submit_is_found_and_carried_out_once(
    staged: Staged, dialect: str, records: str
) -> None:
    """However the stream tells of it: ``reconcile`` claims or begins what ``drive`` did not hear of."""
    stage = staged(dialect)
    world, client = stage.world, stage.client
    # What waits for nothing but a slot is claimed; of what is scheduled the execution begins.
    claimed = stage.began is Status.QUEUED
    then = client.words[Status.INITIALIZING if claimed else stage.began]
    id = stage.submitted()
    assert client.word(id) == client.words[stage.began]
    told = world.hear()
    if records in ("once", "twice"):
        assert world.drive(told * (2 if records == "twice" else 1)) == []
    else:
        world.clock.advance(GRACE_MS / 1000 + 1)
        repairs = world.reconcile()
        assert (repairs["claimed"], repairs["started"]) == ((1, 0) if claimed else (0, 1))
    if records == "late":
        assert world.drive(told) == []
    assert client.word(id) == then
    world.rest()
    world.check()
    assert client.word(id) == client.words[Status.COMPLETED]
    assert client.list() == [id]
    assert stage.worked == [id]


@pytest.mark.parametrize("dialect", CLIENTS)
def test_of_three_at_once_with_one_key_exactly_one_makes_a_job(staged: Staged, dialect: str) -> None:
    stage = staged(dialect)
    firsts = set()

    def scenario(play: Play) -> None:
        about = new_about(stage)
        before = stage.world.yard.jobs()
        submit = submits(play, stage.client, about, key=about)
        answers = play.run({"one": submit, "other": submit, "third": submit})
        (first,) = (name for name, made in answers.items() if not made.replayed)
        firsts.add(first)
        assert {made.status for made in answers.values()} == {200}
        assert set(stage.world.yard.jobs()) - set(before) == {made.id for made in answers.values()}
        assert len(stage.world.yard.jobs()) == len(before) + 1
        assert stage.client.submit(about, about) == Made(200, answers[first].id, replayed=True)

    stage.every_schedule(scenario)
    assert firsts == {"one", "other", "third"}


@pytest.mark.parametrize("dialect", CLIENTS)
def test_of_two_requests_with_one_key_the_second_is_refused_and_makes_nothing(staged: Staged, dialect: str) -> None:
    stage = staged(dialect)

    def scenario(play: Play) -> None:
        key, *abouts = (new_about(stage) for _ in range(3))
        before = stage.world.yard.jobs()
        one, other = (submits(play, stage.client, about, key) for about in abouts)
        answers = play.run({"one": one, "other": other})
        assert sorted(made.status for made in answers.values()) == [200, 409]
        assert set(stage.world.yard.jobs()) - set(before) == {made.id for made in answers.values() if made.id}

    stage.every_schedule(scenario)


def test_equal_requests_without_a_key_are_two_jobs(staged: Staged) -> None:
    stage = staged("alteryx")

    def scenario(play: Play) -> None:
        submit = submits(play, stage.client, "the same", key=None)
        answers = play.run({"one": submit, "other": submit})
        assert len({made.id for made in answers.values()} & set(stage.world.yard.jobs())) == 2

    stage.every_schedule(scenario)


def test_one_key_of_two_callers_is_two_keys(staged: Staged) -> None:
    """Two users of a tenant, and one of another tenant, at once."""
    stage = staged("alteryx")
    yard = stage.world.yard
    others = {"colleague": Alteryx(yard, role=Role.CURATOR), "stranger": Alteryx(yard, tenant="globex")}
    for other in others.values():
        other.word(stage.no_job())

    def scenario(play: Play) -> None:
        key = new_about(stage)
        callers = {"caller": stage.client} | others
        answers = play.run({name: submits(play, each, "the same", key) for name, each in callers.items()})
        assert all(made.status == 200 and not made.replayed for made in answers.values())
        assert len({made.id for made in answers.values()} & set(yard.jobs())) == 3

    stage.every_schedule(scenario)


@pytest.mark.parametrize("thousandths", [0, 1, 999])
@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_key_is_kept_for_24_hours_to_the_millisecond(
    staged: Staged, clock: Clock, dialect: str, thousandths: int
) -> None:
    """And at most a second longer, because it is kept in seconds."""
    stage = staged(dialect)
    hold(clock, thousandths)
    first = stage.client.submit("a", "key")
    clock.advance(DAY_SECONDS)
    clock.advance(-0.001)
    assert stage.client.submit("a", "key") == Made(200, first.id, replayed=True)
    clock.advance(1.001)
    after = stage.client.submit("a", "key")
    # The first one's job has not ended, and openreplay allows one for a user.
    assert (after.status, after.replayed) == ((409, False) if dialect == "openreplay" else (200, False))
    assert after.id != first.id


@pytest.mark.parametrize("thousandths", [0, 999])
def test_a_tencent_client_may_repeat_a_create_for_five_minutes_to_the_millisecond(
    staged: Staged, clock: Clock, thousandths: int
) -> None:
    stage = staged("tencent")
    hold(clock, thousandths)
    first = created(stage, repeats=False)
    clock.advance(299.999)
    assert created(stage, repeats=True) == first
    clock.advance(1.001)
    assert created(stage, repeats=True) != first


def new_about(stage: Stage) -> str:
    return f"about {next(stage.numbers)}"


def submits(play: Play, client: Any, about: str, key: str | None) -> Callable[[], Made]:
    def act() -> Made:
        made: Made = play.op("submit", client.submit, about, key)
        return made

    return act


def created(stage: Stage, repeats: bool, arrived: int | None = None) -> str:
    """The job of the same create each time, which says that it is a repetition, or says nothing.

    ``arrived`` (milliseconds) is when the gateway had it, if not now.
    """
    assert isinstance(stage.client, Tencent)
    headers = {"x-cos-sdk-retry": "true"} if repeats else {}
    body = inventory_of(WORKFLOW_ID)
    sent = {"host": HOST, "content-type": "application/xml"} | headers
    sent["authorization"] = authorization(stage.client.key, "POST", ROOT, {}, sent)
    event: dict[str, Any] = {} if arrived is None else {"requestContext": a_context(arrived)}
    reply = send("POST", body=body, headers=sent, **event)
    assert reply.status == 200, reply.text
    return reply.get("JobsDetail/JobId")


def a_context(arrived: int) -> dict[str, Any]:
    http = {"method": "POST", "path": ROOT, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    return {"apiId": "abc123", "domainName": HOST, "requestId": "r", "timeEpoch": arrived, "http": http}


def test_of_two_erasures_of_one_user_at_once_one_is_refused(staged: Staged) -> None:
    stage = staged("openreplay")
    winners = set()

    def scenario(play: Play) -> None:
        about = new_about(stage)
        submit = submits(play, stage.client, about, key=None)
        answers = play.run({"one": submit, "other": submit})
        assert sorted(made.status for made in answers.values()) == [200, 409]
        winners.add(next(name for name, made in answers.items() if made.status == 200))

    stage.every_schedule(scenario)
    assert winners == {"one", "other"}


def one_for_a_user(first: str) -> Callable[[str | None, Op], Iterable[str | None]]:
    """The live job of a user, ``first`` to begin with: a submit is refused while there is one."""

    def step(live: str | None, op: Op) -> Iterable[str | None]:
        if op.kind == "submit":
            return [op.answer.id] if live is None and op.answer.status == 200 else []
        if op.kind == "refused":
            return [live] if live else []
        assert op.kind in ("cancel", "complete")
        return [None] if live == first else []

    return step


@pytest.mark.parametrize("ends", ["cancelled", "completed"])
def test_an_erasure_against_the_end_of_the_one_before(staged: Staged, ends: str) -> None:
    """It is refused, or the other had ended."""
    stage = staged("openreplay")
    outcomes = set()

    def scenario(play: Play) -> None:
        id = stage.job(Status.RUNNING)
        submit = submits(play, stage.client, stage.now(id).details["userId"], key=None)
        ending = stage.cancels(play, id) if ends == "cancelled" else stage.lives(play, id)
        outcomes.add(play.run({"end": ending, "submit": submit})["submit"].status)
        ops = [
            op._replace(kind="refused") if op.kind == "submit" and op.answer.status == 409 else op for op in play.ops
        ]
        holder: str | None = id
        explain(ops, holder, one_for_a_user(id))

    stage.every_schedule(scenario)
    assert outcomes == {200, 409}


def test_of_two_erasures_at_once_one_takes_over_from_a_job_that_has_ended(staged: Staged) -> None:
    stage = staged("openreplay")
    winners = set()

    def scenario(play: Play) -> None:
        about = new_about(stage)
        ended = stage.submitted(about)
        assert stage.client.cancel(ended).done
        submit = submits(play, stage.client, about, key=None)
        answers = play.run({"one": submit, "other": submit})
        assert sorted(made.status for made in answers.values()) == [200, 409]
        winners.add(next(name for name, made in answers.items() if made.status == 200))

    stage.every_schedule(scenario)
    assert winners == {"one", "other"}


@pytest.mark.parametrize("later", [False, True], ids=["same moment", "moments later"])
def test_a_tencent_create_and_its_repetition_at_once_are_one_job(staged: Staged, later: bool) -> None:
    """A client repeats what it has sent, so the gateway has the first try before the second: one job, whichever of
    them comes to the table first.
    """
    stage = staged("tencent")
    firsts = set()

    def scenario(play: Play) -> None:
        before = stage.world.yard.jobs()
        stage.world.clock.advance(600)
        arrived = now_ms()
        stage.world.clock.advance(2.5 if later else 0)
        answers = play.run(
            {
                "create": lambda: created(stage, repeats=False, arrived=arrived),
                "again": lambda: created(stage, repeats=True),
                "once more": lambda: created(stage, repeats=True),
            }
        )
        (made,) = set(stage.world.yard.jobs()) - set(before)
        assert set(answers.values()) == {made}
        firsts.add(play.turns[0])

    stage.every_schedule(scenario)
    assert firsts == {"create", "again", "once more"}


def test_a_new_wish_for_the_same_is_a_new_job_whatever_was_repeated_before(staged: Staged) -> None:
    stage = staged("tencent")

    def scenario(play: Play) -> None:
        stage.world.clock.advance(600)
        before = {created(stage, repeats=False), created(stage, repeats=True)}
        stage.world.clock.advance(0.001)
        wish = {name: lambda: created(stage, repeats=False) for name in ("one", "other")}
        assert len(before | set(play.run(wish).values())) == 3

    stage.every_schedule(scenario)


def test_a_repetition_whose_key_is_looked_at_by_others_is_not_taken_for_another_erasure(staged: Staged) -> None:
    """A transaction that is cancelled tells of each of its items by itself: that the user's name is taken may be known
    where the key's item is in another's hands, and then whose job has the name is not known yet.
    """
    stage = staged("openreplay")
    assert isinstance(stage.client, OpenReplay)
    first = stage.client.submit("shekar", "key")
    (name,) = stage.world.yard.items("SOLE#")
    refused: list[Call] = []

    def gate(call: Call, carry_out: CarryOut) -> AWSResponse:
        if call.operation != "TransactWriteItems" or refused:
            return carry_out()
        refused.append(call)
        reasons = [
            {"Code": "None"},
            {"Code": "TransactionConflict"},
            {"Code": "ConditionalCheckFailed", "Item": name},
        ]
        return refusal("TransactionCanceledException", CancellationReasons=reasons)

    with stage.world.wire.gate(gate):
        assert stage.client.submit("shekar", "key") == Made(200, first.id, replayed=True)
    assert refused
