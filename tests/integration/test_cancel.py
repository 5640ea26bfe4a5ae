"""What a cancel answered is what every later read says. Several at once are in tests/promises."""

from __future__ import annotations

import pytest

from jobyard.authorizer import Role
from jobyard.errors import CancelForbidden, NotCancellable, NotFound
from jobyard.model import LIVE, TERMINAL, Job, Status
from jobyard.model.transitions import WAITING
from jobyard.service.jobs import Cancelled, cancel, get
from jobyard.store import jobs
from tests.factories import BOB, LIST, a_caller, a_job

pytestmark = pytest.mark.usefixtures("table")


def stored(status: Status) -> Job:
    job = a_job(status=status)
    jobs.put(job)
    return job


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_live_job_is_cancelled(status: Status) -> None:
    job = stored(status)
    cancelled = cancel(a_caller(), LIST, job.id, delete_waiting=False)
    assert not cancelled.deleted
    assert get(a_caller(), LIST, job.id) == cancelled.job
    assert cancelled.job.status is Status.CANCELLED


@pytest.mark.parametrize("status", sorted(WAITING))
def test_a_waiting_job_is_deleted_where_the_dialect_says_so(status: Status) -> None:
    job = stored(status)
    assert cancel(a_caller(), LIST, job.id, delete_waiting=True) == Cancelled(job, deleted=True)
    with pytest.raises(NotFound):
        get(a_caller(), LIST, job.id)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_job_that_ended_stays_as_it_is(status: Status) -> None:
    job = stored(status)
    with pytest.raises(NotCancellable, match=status):
        cancel(a_caller(), LIST, job.id, delete_waiting=True)
    assert jobs.get(job.tenant, job.id) == job


def test_who_may_not_cancel_changes_nothing() -> None:
    job = stored(Status.RUNNING)
    with pytest.raises(CancelForbidden):
        cancel(a_caller(BOB, Role.ARTISAN), LIST, job.id, delete_waiting=True)
    with pytest.raises(NotFound):
        cancel(a_caller(tenant="other"), LIST, job.id, delete_waiting=True)
    assert jobs.get(job.tenant, job.id) == job
