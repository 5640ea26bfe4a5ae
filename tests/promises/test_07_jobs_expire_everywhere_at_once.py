"""Promise 7, of retention: at one moment a job leaves lists, totals, walks and its detail, whoever deletes it when.

The clock stands still a millisecond before the midnight at which jobs of a day expire, and then at it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.api import call
from tests.promises.harness.clients import CLIENTS, Alteryx, OpenReplay, Tencent
from tests.promises.harness.world import World

DAY_MS = 24 * 3600 * 1000
RETENTION_DAYS = 3


@pytest.fixture
def kept_for_days(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """It is noon, and what is submitted is kept for three days."""
    monkeypatch.setenv("RETENTION_DAYS", str(RETENTION_DAYS))
    monkeypatch.setenv("TOKEN_LIFETIME_SECONDS", str(10**8))
    world.clock.stop_at((world.clock.time_ns() // 1_000_000 // DAY_MS + 1) * DAY_MS + DAY_MS // 2)
    return world


def expiries(world: World) -> dict[str, int]:
    """When each job expires, in milliseconds."""
    return {id: (job.expires_at or 0) * 1000 for id, job in world.jobs().items()}


def total(client: Any) -> int | None:
    return client.total() if isinstance(client, Alteryx) else None


@pytest.mark.parametrize("dialect", CLIENTS)
def test_a_job_is_there_until_midnight_and_nowhere_from_then_on(kept_for_days: World, dialect: str) -> None:
    world = kept_for_days
    client = CLIENTS[dialect](world.yard)
    first = [client.submit(f"first {number}").id for number in range(2)]
    world.clock.advance(DAY_MS / 1000)
    later = [client.submit(f"later {number}").id for number in range(2)]
    world.catch_up()
    moment = expiries(world)[first[0]]
    assert moment % DAY_MS == 0
    assert expiries(world)[later[0]] == moment + DAY_MS
    world.clock.stop_at(moment - 1)
    assert sorted(client.list()) == sorted([*first, *later])
    assert total(client) in (4, None)
    assert all(client.word(id) is not None for id in first)
    world.clock.stop_at(moment)
    assert sorted(client.list()) == sorted(later)
    assert total(client) in (2, None)
    assert [client.word(id) for id in first] == [None, None]
    assert all(client.cancel(id).status != 200 or dialect == "tencent" for id in first)
    assert all(client.word(id) is not None for id in later)
    # That DynamoDB deletes them days later changes nothing.
    world.remove(each for each in world.yard.items("JOB#") if each["pk"]["S"].rpartition("#")[2] in first)
    world.catch_up()
    assert sorted(client.list()) == sorted(later)
    assert total(client) in (2, None)


def test_a_walk_that_midnight_overtakes_goes_on_with_what_is_left(kept_for_days: World) -> None:
    """In each dialect by its cursors: the page before was of the old day, the next one is of the new."""
    world = kept_for_days
    clients: list[Any] = [Alteryx(world.yard), OpenReplay(world.yard), Tencent(world.yard)]
    made: dict[str, list[str]] = {client.dialect: [] for client in clients}
    for day in range(2):
        for client in clients:
            for number in range(3):
                made[client.dialect].append(client.submit(f"{day} {number}").id)
                world.clock.advance(0.001)
        world.clock.advance(DAY_MS / 1000)
    world.catch_up()
    ends = expiries(world)
    for client in clients:
        ids = made[client.dialect]
        world.clock.stop_at(min(ends[id] for id in ids) - 1)
        expected_then = [id for id in ids if ends[id] > min(ends[each] for each in ids)]
        seen = walked(client, lambda ids=ids: world.clock.stop_at(min(ends[id] for id in ids)))
        # Newest first: those of the second day were there all the time.
        assert seen[: len(expected_then)] == expected_then[::-1]
        assert len(seen) == 3, "and none of the first day after it was over"


def walked(client: Any, after_first: Any) -> list[str]:
    """By pages of two, newest first."""
    if isinstance(client, Alteryx):
        return _by_link("/webapi/v3/jobs", "allUsers=true&direction=desc&limit=2", client.client.token, after_first)
    if isinstance(client, OpenReplay):
        organisation = client.organisation
        path = f"/public/{organisation.project.key}/jobs"
        return _by_link(path, "limit=2", organisation.api_key, after_first)
    page = client._page("")
    found = list(page.all("JobsDetail/JobId"))
    after_first()
    while page.xml.find("NextToken") is not None:
        page = client._page(page.get("NextToken"))
        found += page.all("JobsDetail/JobId")
    return found


def _by_link(path: str, query: str, token: str, after_first: Any) -> list[str]:
    found: list[str] = []
    while True:
        answer = call("GET", path, token, query)
        assert answer.status == 200, answer.text
        found += [str(each["jobId"]) for each in answer.json["data"]]
        if len(found) == 2:
            after_first()
        if answer.following is None:
            return found
        query = answer.following
