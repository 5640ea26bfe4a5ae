"""The pure core: the table of transitions, ids, and the messages that tell a job's life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.model import LIVE, TERMINAL, TRANSITIONS, Job, Priority, Status
from jobyard.model.ids import is_object_id, object_id
from jobyard.model.messages import ERROR, life_messages, message_key
from tests.factories import BOB, NOW, a_job


def test_nothing_leaves_a_final_state() -> None:
    assert all(not sources & TERMINAL for sources, _ in TRANSITIONS.values())


def test_every_live_job_can_be_cancelled_and_can_fail() -> None:
    assert TRANSITIONS["cancel"].sources == TRANSITIONS["fail"].sources == LIVE


def test_every_status_can_be_reached_from_scheduled() -> None:
    reached = {Status.SCHEDULED}
    for _ in Status:
        reached |= {target for sources, target in TRANSITIONS.values() if target is not None and sources & reached}
    assert reached == set(Status)


def test_priorities_rank_as_in_the_vendors_queue() -> None:
    assert {priority.value: priority.rank for priority in Priority} == {
        "Default": 0,
        "Low": 0,
        "Medium": 1,
        "High": 2,
        "Critical": 3,
    }


def test_an_id_begins_with_its_second() -> None:
    assert object_id(1_759_326_866_789)[:8] == "68dd3292"
    assert is_object_id(object_id(NOW))
    assert object_id(NOW) != object_id(NOW)


@pytest.mark.parametrize("text", ["", "0" * 23, "0" * 25, "g" * 24, "A" * 24, "٠" * 24, "0" * 23 + "\n"])
def test_what_is_no_id(text: str) -> None:
    assert not is_object_id(text)


def texts(job: Job) -> list[str]:
    return [message.text for message in life_messages(job)]


def test_the_life_of_a_job_is_told_from_its_times() -> None:
    ran = a_job(status=Status.COMPLETED, started_at=NOW + 10, finished_at=NOW + 20)
    assert texts(ran) == ["Queued with priority Default.", "Started Profile.", "Completed successfully."]


def test_a_scheduled_job_tells_when_it_starts() -> None:
    assert texts(a_job(status=Status.SCHEDULED)) == ["Scheduled to start at 2025-12-01T01:00:00Z."]


def test_a_job_that_had_to_wait_tells_for_what_and_how_long() -> None:
    waited = a_job(status=Status.RUNNING, waits_since=NOW + 1, waits_for="a slot", claimed_at=NOW + 2999)
    assert texts(waited)[1:] == ["Waiting for a slot.", "Begins, after 2 seconds in the queue."]
    at_once = a_job(status=Status.RUNNING, claimed_at=NOW + 5)
    assert texts(at_once) == ["Queued with priority Default."]


def test_a_cancelled_job_tells_by_whom() -> None:
    cancelled = a_job(status=Status.CANCELLED, cancelled_by=BOB, finished_at=NOW + 1)
    assert texts(cancelled)[-1] == "Cancelled by Bob Member."


def test_a_failed_job_tells_its_reason_as_an_error() -> None:
    last = life_messages(a_job(status=Status.FAILED, error="no such key", finished_at=NOW + 1))[-1]
    assert (last.level, last.text) == (ERROR, "Failed: no such key")


@given(st.integers(0, 10**13 - 1), st.integers(0, 10**13 - 1), st.integers(0, 999_999), st.integers(0, 999_999))
def test_keys_sort_by_time_and_then_by_count(one: int, other: int, first: int, second: int) -> None:
    assert (message_key(one, first, "a") < message_key(other, second, "a")) is ((one, first) < (other, second))


def test_what_a_runner_says_stands_between_start_and_end_of_the_same_millisecond() -> None:
    job = a_job(status=Status.COMPLETED, queued_at=None, started_at=NOW, finished_at=NOW)
    started, completed = life_messages(job)
    assert started.key < message_key(NOW, 0, "00000000") < message_key(NOW, 999_998, "ffffffff") < completed.key
