"""Several calls on one running job at once, and answers that are lost on the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from jobyard import runner
from jobyard.aws import client
from jobyard.model import Job, Output, Status
from jobyard.store import jobs
from jobyard.store.running import (
    MAX_OUTPUTS,
    Glance,
    NotRunning,
    TooManyOutputs,
    add_output,
    glance,
    put_message,
    set_progress,
)
from tests.factories import ADA, a_job
from tests.faults import lost_answer

pytestmark = pytest.mark.usefixtures("table")


def stored(**values: Any) -> Job:
    job = a_job(**{"status": Status.RUNNING, **values})
    jobs.put(job)
    return job


def reread(job: Job) -> Job:
    found = jobs.get(job.tenant, job.id)
    assert found
    return found


def an_output(number: int, size: int = 1) -> Output:
    name = f"{number}.csv"
    return Output(f"{number:024x}", name, name, "csv", f"outputs/acme/j/{number}/{name}", size)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call returned or raised; all of them start together."""
    barrier = Barrier(len(calls))

    def go(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except (NotRunning, TooManyOutputs) as refused:
            return refused

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def test_outputs_attached_at_once_are_all_listed_once() -> None:
    job = stored()
    at_once([partial(add_output, "acme", job.id, an_output(n), ()) for n in [*range(8), *range(8)]])
    assert sorted(output.id for output in reread(job).outputs) == [an_output(n).id for n in range(8)]


def test_an_append_whose_answer_is_lost_is_not_repeated() -> None:
    job = stored()
    with lost_answer(client("dynamodb"), "UpdateItem") as lost:
        ids = add_output("acme", job.id, an_output(1), ())
    assert lost == ["UpdateItem"]
    assert reread(job).outputs == (an_output(1),)
    assert ids == (an_output(1).id,)


def test_a_wrong_view_never_overwrites_another_output() -> None:
    job = stored(outputs=())
    seen: tuple[str, ...] = ()
    for number in range(3):
        seen = add_output("acme", job.id, an_output(number), seen)
    wrong = (an_output(2).id, an_output(1).id, an_output(0).id)
    assert add_output("acme", job.id, an_output(2, size=9), wrong) == seen
    assert [output.size for output in reread(job).outputs] == [1, 1, 9]


def test_the_bound_holds_also_for_calls_at_once() -> None:
    job = stored()
    seen: tuple[str, ...] = ()
    for number in range(MAX_OUTPUTS - 2):
        seen = add_output("acme", job.id, an_output(number), seen)
    results = at_once([partial(add_output, "acme", job.id, an_output(1000 + n), seen) for n in range(6)])
    assert sum(isinstance(result, TooManyOutputs) for result in results) == 4
    assert len(reread(job).outputs) == MAX_OUTPUTS


@pytest.mark.parametrize("round", range(5))
def test_nothing_is_attached_after_a_cancel_answered(round: int) -> None:
    job = stored()
    results = at_once(
        [
            *[partial(add_output, "acme", job.id, an_output(n), ()) for n in range(4)],
            lambda: jobs.cancel(job, ADA, job.created_at + 1),
        ]
    )
    assert reread(job).status is Status.CANCELLED
    listed = {output.id for output in reread(job).outputs}
    for number, result in enumerate(results[:4]):
        assert (an_output(number).id in listed) is not isinstance(result, NotRunning)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.RUNNING])
def test_only_a_running_job_is_written_to(status: Status) -> None:
    job = stored(status=status)
    with pytest.raises(NotRunning) as refused:
        set_progress("acme", job.id, 0.5)
    assert refused.value.status == status
    with pytest.raises(NotRunning):
        add_output("acme", job.id, an_output(1), ())
    assert reread(job) == job


def test_a_job_that_is_gone_is_not_made_again() -> None:
    with pytest.raises(NotRunning) as refused:
        set_progress("acme", "f" * 24, 0.5)
    assert refused.value.status is None
    with pytest.raises(NotRunning):
        add_output("acme", "f" * 24, an_output(1), ())
    assert glance("acme", "f" * 24) == Glance(None, (), None)
    assert jobs.get("acme", "f" * 24) is None


def test_progress_changes_nothing_else() -> None:
    job = stored()
    set_progress("acme", job.id, 1 / 3)
    assert reread(job).progress == 0.3333
    assert reread(job).updated_at == job.updated_at


def test_messages_are_read_in_the_order_in_which_they_were_written() -> None:
    job = stored(expires_at=1_900_000_000)
    event = {"id": job.id, "tenant": "acme", "workflow": {"id": "w", "name": "W"}}

    @runner.job
    def work(current: runner.Job) -> None:
        for number in range(30):
            current.log(number)
        with lost_answer(client("dynamodb"), "PutItem") as lost:
            current.warn("once")
        assert lost

    work(event)
    found, messages = jobs.get_with_messages("acme", job.id, 100)
    assert found == job
    assert [m.text for m in messages] == [*map(str, range(30)), "once"]
    assert messages[-1].level == 2


def test_a_message_of_a_job_expires_with_it() -> None:
    job = stored(expires_at=1_900_000_000)
    put_message("acme", job.id, (1, 2, "abcdabcd"), 1, "text", -1, glance("acme", job.id).expires_at)
    found = client("dynamodb").query(
        TableName=os.environ["TABLE_NAME"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :message)",
        ExpressionAttributeValues={":pk": {"S": f"JOB#acme#{job.id}"}, ":message": {"S": "MSG#"}},
    )["Items"]
    assert [item["expiresAt"] for item in found] == [{"N": "1900000000"}]
