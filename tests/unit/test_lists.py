"""Filter, order and page of a list, over jobs in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobyard.authorizer import Role
from jobyard.errors import RoleForbidden
from jobyard.model import Job, Priority, Status
from jobyard.service import lists as service
from jobyard.service.lists import Filter, Sort, Window, all_jobs
from jobyard.store import lists as store
from tests.factories import ADA, BOB, LIST, NOW, a_caller, a_job

JOBS = [
    a_job(id="a", created_at=NOW, workflow_name="Beta", priority=Priority.HIGH, status=Status.RUNNING),
    a_job(id="b", created_at=NOW + 1, workflow_name="Alpha", owner=BOB, status=Status.COMPLETED, finished_at=NOW + 50),
    a_job(id="c", created_at=NOW + 2, workflow_name="Beta", status=Status.FAILED, finished_at=NOW + 40),
    a_job(id="d", created_at=NOW + 3, workflow_name="Gamma", status=Status.CANCELLED, finished_at=NOW + 45),
    a_job(id="e", created_at=NOW + 4, workflow_name="Alpha", priority=Priority.LOW, owner=BOB),
]


@pytest.fixture(autouse=True)
def indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(listed_in: str) -> Iterator[Job]:
        return (job for job in JOBS if job.listed_in == listed_in)

    def of_owner(listed_in: str, owner: str) -> Iterator[Job]:
        return (job for job in JOBS if (job.listed_in, job.owner.id) == (listed_in, owner))

    monkeypatch.setattr(store, "of", of)
    monkeypatch.setattr(store, "of_owner", of_owner)


def listed(filter: Filter | None = None, **window: Any) -> str:
    page = all_jobs(a_caller(), LIST, filter or Filter(), Window()._replace(**window))
    return "".join(job.id for job in page.jobs)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Filter(), "abcde"),
        (Filter(statuses=frozenset({Status.RUNNING, Status.QUEUED})), "ae"),
        (Filter(ranks=frozenset({0})), "bcde"),
        (Filter(ranks=frozenset({2, 6})), "a"),
        (Filter(owners=frozenset({BOB.id})), "be"),
        (Filter(owners=frozenset({BOB.id, ADA.id})), "abcde"),
        (Filter(workflow_names=frozenset({"Alpha", "Gamma"})), "bde"),
        (Filter(completed_from=NOW + 50), "b"),
        (Filter(completed_until=NOW + 50), "c"),
        (Filter(completed_from=NOW + 40, completed_until=NOW + 51), "bc"),
        (Filter(owners=frozenset({BOB.id}), statuses=frozenset({Status.QUEUED})), "e"),
    ],
)
def test_a_filter_takes_just_what_it_says(filter: Filter, expected: str) -> None:
    assert listed(filter) == expected


@pytest.mark.parametrize(
    ("sort", "ascending"),
    [
        (Sort.CREATED, "abcde"),
        (Sort.WORKFLOW, "beacd"),
        (Sort.COMPLETED, "adecb"),
        (Sort.PRIORITY, "bcdea"),
        (Sort.STATUS, "dbcea"),
    ],
)
def test_every_order_has_its_reverse(sort: Sort, ascending: str) -> None:
    assert listed(sort=sort) == ascending
    assert listed(sort=sort, descending=True) == ascending[::-1]


def test_a_page_is_cut_and_the_total_counts_what_matches() -> None:
    page = all_jobs(a_caller(), LIST, Filter(), Window(offset=1, limit=2))
    assert ([job.id for job in page.jobs], page.total) == (["b", "c"], 5)
    assert all_jobs(a_caller(), LIST, Filter(), Window(offset=9)) == service.Page([], 5)


def test_another_tenants_jobs_are_neither_listed_nor_counted() -> None:
    assert all_jobs(a_caller(tenant="other"), "alteryx#other", Filter(), Window()) == service.Page([], 0)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CURATOR}))
def test_only_administrators_list_all_jobs(role: Role) -> None:
    with pytest.raises(RoleForbidden):
        all_jobs(a_caller(role=role), LIST, Filter(), Window())
