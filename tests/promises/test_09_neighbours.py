"""Promise 9, within one tenant: no user, dialect, project or bucket learns of its neighbours' jobs.

The same tests over every dialect: a world has a job, and asks for it as whoever may not see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from jobyard.authorizer import Role
from jobyard.model import Status
from tests.contract.api import Answer, call
from tests.contract.openreplay.organisation import Organisation
from tests.contract.tencent.conftest import WORKFLOW_ID, a_key, a_tencent_job
from tests.contract.tencent.signing import HOST, ROOT, Key, Reply, ask
from tests.contract.yard import Yard

pytestmark = pytest.mark.usefixtures("tenancy")

Ask = Callable[[str], Answer]


class Side(NamedTuple):
    """What one caller can ask: for the list, for one job, for its cancel; and how to make a job of one's own."""

    list: Callable[[], Answer]
    get: Ask
    cancel: Ask
    make: Callable[[], str]


class World(NamedTuple):
    """A dialect: the caller whose jobs are asked for, others who must not see them, and what an unknown id is told.

    Where it ``forbids``, the vendor has a word of its own for the cancel of a job of somebody else in the tenant.
    """

    owner: Side
    others: dict[str, Side]
    unknown_id: str
    forbids: bool = False


def alteryx(yard: Yard) -> World:
    workflow = yard.workflow()

    def side(role: Role) -> Side:
        token = yard.client(role).token
        return Side(
            lambda: call("GET", f"/webapi/v3/workflows/{workflow.id}/jobs", token),
            lambda job: call("GET", f"/webapi/v3/jobs/{job}", token),
            lambda job: call("DELETE", f"/webapi/v3/jobs/{job}", token),
            lambda: str(call("POST", f"/webapi/v3/workflows/{workflow.id}/jobs", token).json["id"]),
        )

    return World(side(Role.MEMBER), {"another user": side(Role.ARTISAN)}, "f" * 24, forbids=True)


def openreplay(yard: Yard) -> World:
    def side(organisation: Organisation, **more: Any) -> Side:
        users = iter(range(100))
        return Side(
            lambda: organisation.call("GET", "/jobs", **more),
            lambda job: organisation.get(job, **more),
            lambda job: organisation.cancel(job, **more),
            lambda: str(organisation.erased(f"user {next(users)}", **more)["jobId"]),
        )

    acme = Organisation(yard)
    others = {
        "another project": side(acme, project=acme.another_project("iOS")),
    }
    return World(side(acme), others, "2147483646")


def tencent(yard: Yard) -> World:
    body = (
        "<Request><Name>demo</Name><Type>Workflow</Type><Input><Prefix>input</Prefix></Input>"
        f"<Operation><WorkflowIds>{WORKFLOW_ID}</WorkflowIds></Operation></Request>"
    )

    def side(key: Key, host: str = HOST) -> Side:
        return Side(
            lambda: as_answer(ask(key, "GET", host=host)),
            lambda job: as_answer(ask(key, "GET", f"{ROOT}/{job}", host=host)),
            lambda job: as_answer(ask(key, "PUT", f"{ROOT}/{job}", query="cancel", host=host)),
            lambda: ask(key, "POST", body=body, host=host).get("JobsDetail/JobId"),
        )

    yard.workflow(id=WORKFLOW_ID, name="inventory")
    acme = a_key()
    others = {
        "another bucket": side(acme, HOST.replace("bucket-", "another-")),
    }
    return World(side(acme), others, f"b{'0' * 32}")


def as_answer(reply: Reply) -> Answer:
    """Without what is another in each answer."""
    text = re.sub(r"<(RequestId|TraceId)>[^<]*</\1>", "", reply.text)
    return Answer(reply.status, {}, text)


DIALECTS: dict[str, Callable[[Yard], World]] = {"alteryx": alteryx, "openreplay": openreplay, "tencent": tencent}


@pytest.fixture(params=sorted(DIALECTS))
def world(request: pytest.FixtureRequest, yard: Yard) -> World:
    return DIALECTS[request.param](yard)


def without(answer: Answer, id: str) -> tuple[int, str]:
    """What an answer says, apart from the id that was asked for."""
    return answer.status, answer.text.replace(id, "")


def test_its_owner_sees_and_cancels_a_job(world: World) -> None:
    id = world.owner.make()
    assert id in world.owner.list().text
    assert id in world.owner.get(id).text
    assert world.owner.cancel(id).status == 200


def test_others_are_told_of_it_what_they_are_told_of_an_id_that_nobody_has(world: World) -> None:
    id = world.owner.make()
    for who, other in world.others.items():
        assert without(other.get(id), id) == without(other.get(world.unknown_id), world.unknown_id), who
        refused = other.cancel(id)
        if world.forbids:
            assert (refused.status, refused.message) == (400, "You do not have permission to cancel this job.")
        else:
            assert without(refused, id) == without(other.cancel(world.unknown_id), world.unknown_id), who
    assert world.owner.cancel(id).status == 200


def test_others_lists_do_not_change_with_it(world: World) -> None:
    for who, other in world.others.items():
        other.make()
        before = other.list()
        world.owner.make()
        assert other.list() == before, who


def test_an_owners_list_does_not_change_with_others_jobs(world: World) -> None:
    world.owner.make()
    before = world.owner.list()
    for other in world.others.values():
        other.make()
    assert world.owner.list() == before


@pytest.mark.parametrize("status", sorted(Status))
def test_a_tenants_dialects_do_not_show_each_others_jobs(yard: Yard, status: Status) -> None:
    organisation = Organisation(yard)
    token = yard.client(Role.CURATOR).token
    ours = yard.job(status=status)
    theirs = organisation.job(3451, status=status)
    third, key = a_tencent_job(yard, status=status), a_key()
    with yard.unchanged():
        assert [each["jobId"] for each in organisation.list()] == [3451]
        assert organisation.get(ours.id).status == organisation.get(third.id).status == 400
        assert ask(key, "GET").all("JobsDetail/JobId") == [third.id]
        for other in (ours, theirs):
            assert ask(key, "GET", f"{ROOT}/{other.id}").all("JobsDetail/JobId") == []
            assert ask(key, "PUT", f"{ROOT}/{other.id}", query="cancel").status == 404
        listed = call("GET", "/webapi/v3/jobs", token, query="allUsers=true").json
        assert [each["jobId"] for each in listed["data"]] == [ours.id]
        assert listed["pagination"]["totalItems"] == 1
        for method in ("GET", "DELETE"):
            for other in (theirs, third):
                assert call(method, f"/webapi/v3/jobs/{other.id}", token).status == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_not_even_where_an_id_is_of_both_forms(yard: Yard, method: str) -> None:
    """24 digits are an id of the one dialect, and ten at most one of the other; the list decides all the same."""
    organisation = Organisation(yard)
    token = yard.client(Role.CURATOR).token
    theirs = yard.job(id="3" * 24, listed_in="openreplay#acme#1", status=Status.RUNNING)
    ours = yard.job(id="3451", status=Status.RUNNING)
    with yard.unchanged():
        assert call(method, f"/webapi/v3/jobs/{theirs.id}", token).status == 404
        assert call(method, f"/webapi/v3/jobs/{theirs.id}/messages", token).status == 404 if method == "GET" else True
        assert organisation.call(method, f"/jobs/{ours.id}").status == 404
