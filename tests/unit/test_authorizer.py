"""Who is calling and what they may do."""

from __future__ import annotations

import time

import pytest

from jobyard.authorizer import Caller, Right, Role, authenticate, sharing
from jobyard.authorizer.access import (
    demand_administrator,
    effective,
    may_cancel,
    may_execute,
    may_see_job,
    may_see_workflow,
)
from jobyard.authorizer.bearer import CACHED_SECONDS, forget
from jobyard.authorizer.secrets import hash_of, matches, new_secret
from jobyard.errors import RoleForbidden, Unauthenticated
from jobyard.store import credentials
from jobyard.store.credentials import Credential
from tests.factories import ADA, BOB, a_caller, a_job, a_workflow

OTHERS = [role for role in Role if role is not Role.CURATOR]


class Table:
    """The credentials, how often they were asked for, and the time."""

    def __init__(self) -> None:
        self.now = 1_764_547_200.0
        self.asked = 0
        self.credentials: dict[str, Credential] = {}

    def add(self, token: str, expires_at: int | None = None, name: str = "Ada Admin") -> None:
        self.credentials[hash_of(token)] = Credential("acme", "u", name, "Curator", "c", expires_at)

    def find(self, secret_hash: str, user: tuple[str, str] | None = None) -> Credential | None:
        self.asked += 1
        assert user is None
        return self.credentials.get(secret_hash)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    known = Table()
    monkeypatch.setattr(credentials, "find", known.find)
    monkeypatch.setattr(time, "time", lambda: known.now)
    monkeypatch.delenv("OIDC_ISSUER", raising=False)
    forget()
    return known


def refused(authorization: str | None) -> bool:
    try:
        authenticate(authorization)
    except Unauthenticated:
        return True
    return False


@pytest.mark.parametrize("role", list(Role))
def test_administrators_see_and_cancel_every_job_others_their_own(role: Role) -> None:
    mine, anothers = a_job(owner=BOB), a_job(owner=ADA)
    caller = a_caller(BOB, role)
    administrator = role is Role.CURATOR
    assert (may_see_job(caller, mine), may_cancel(caller, mine)) == (True, True)
    assert (may_see_job(caller, anothers), may_cancel(caller, anothers)) == (administrator, administrator)


@pytest.mark.parametrize("role", list(Role))
def test_nothing_of_another_tenant_is_seen_not_even_ones_own(role: Role) -> None:
    caller = a_caller(BOB, role, tenant="globex")
    job, workflow = a_job(owner=BOB), a_workflow(owner=BOB.id)
    assert not may_see_job(caller, job)
    assert not may_cancel(caller, job)
    assert not may_see_workflow(caller, workflow)
    assert not may_execute(caller, workflow)


@pytest.mark.parametrize(
    ("role", "public", "owned", "private", "shared"),
    [
        (Role.EVALUATED, False, False, False, False),
        (Role.NO_ACCESS, False, False, False, False),
        (Role.VIEWER, True, True, False, False),
        (Role.MEMBER, True, True, False, True),
        (Role.ARTISAN, True, True, False, True),
        (Role.CURATOR, True, True, True, True),
    ],
)
def test_who_runs_which_workflow(
    monkeypatch: pytest.MonkeyPatch, role: Role, public: bool, owned: bool, private: bool, shared: bool
) -> None:
    caller = a_caller(BOB, role)
    monkeypatch.setattr(sharing, "workflow_reaches", lambda _, asked: asked == "5" * 24)
    assert may_execute(caller, a_workflow(public=False, owner=ADA.id, id="5" * 24)) is shared
    assert may_execute(caller, a_workflow(public=True)) is public
    assert may_execute(caller, a_workflow(public=False, owner=BOB.id)) is owned
    assert may_execute(caller, a_workflow(public=False, owner=ADA.id)) is private


@pytest.mark.parametrize("role", OTHERS)
def test_only_a_curator_is_an_administrator(role: Role) -> None:
    demand_administrator(a_caller(role=Role.CURATOR))
    with pytest.raises(RoleForbidden):
        demand_administrator(a_caller(role=role))


def test_rights_are_those_of_the_role_and_those_that_were_given() -> None:
    assert a_caller(role=Role.CURATOR).rights == frozenset(Right)
    assert a_caller(role=Role.MEMBER).rights == {Right.RUN}
    assert a_caller(role=Role.NO_ACCESS).rights == frozenset()
    given = Caller("acme", BOB, Role.MEMBER, "c", frozenset({Right.SCHEDULE}))
    assert [right for right in Right if given.may(right)] == [Right.RUN, Right.SCHEDULE]


def test_a_role_that_is_evaluated_is_what_the_default_is_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for default in (Role.VIEWER, Role.ARTISAN):
        monkeypatch.setenv("DEFAULT_ROLE", default)
        assert effective("Evaluated") is default
        assert effective("Member") is Role.MEMBER


def test_what_is_shared_is_asked_for_only_where_it_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def reaches(_: Caller, schedule_id: str) -> bool:
        asked.append(schedule_id)
        return True

    monkeypatch.setattr(sharing, "schedule_reaches", reaches)
    of_schedule = {"owner": ADA, "schedule_id": "5" * 24}
    assert may_see_job(a_caller(ADA, Role.MEMBER), a_job(**of_schedule))
    assert may_see_job(a_caller(BOB, Role.CURATOR), a_job(**of_schedule))
    assert not may_see_job(a_caller(BOB, Role.MEMBER), a_job(owner=ADA))
    assert not may_see_job(a_caller(BOB, Role.MEMBER, tenant="globex"), a_job(**of_schedule))
    assert asked == []
    assert may_cancel(a_caller(BOB, Role.MEMBER), a_job(**of_schedule))
    assert asked == ["5" * 24]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_proves_its_caller(table: Table, scheme: str) -> None:
    table.add("secret")
    caller = authenticate(f"{scheme} secret")
    assert caller == Caller("acme", caller.user, Role.CURATOR, "c")
    assert caller.user == ("u", "Ada Admin")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "secret", "Basic secret", "Bearer other", "Bearer a.b.c", "Bearer é", "Bearer \ud800"],
)
def test_what_proves_nobody(table: Table, authorization: str | None) -> None:
    table.add("secret")
    table.add("a.b.c")
    assert refused(authorization)


def test_a_token_is_looked_up_once_in_its_remembered_time(table: Table) -> None:
    table.add("secret")
    for _ in range(3):
        authenticate("Bearer secret")
    table.now += CACHED_SECONDS - 0.001
    authenticate("Bearer secret")
    assert table.asked == 1
    table.now += 0.001
    authenticate("Bearer secret")
    assert table.asked == 2


def test_a_revoked_token_is_taken_no_longer_than_the_remembered_time(table: Table) -> None:
    table.add("secret")
    authenticate("Bearer secret")
    table.credentials.clear()
    table.now += CACHED_SECONDS - 0.001
    assert not refused("Bearer secret")
    table.now += 0.001
    assert refused("Bearer secret")


def test_being_used_does_not_prolong_the_remembered_time(table: Table) -> None:
    table.add("secret")
    authenticate("Bearer secret")
    table.credentials.clear()
    for _ in range(29):
        table.now += 1
        assert not refused("Bearer secret")
    table.now += 1
    assert refused("Bearer secret")


def test_an_expiry_holds_to_the_second_even_for_a_remembered_token(table: Table) -> None:
    table.add("secret", expires_at=round(table.now) + 10)
    authenticate("Bearer secret")
    table.now += 9.999
    assert not refused("Bearer secret")
    table.now += 0.001
    assert refused("Bearer secret")


def test_a_key_without_expiry_holds_until_it_is_revoked(table: Table) -> None:
    table.add("key")
    table.now += 10 * 365 * 86400
    assert not refused("Bearer key")


def test_an_unknown_token_is_asked_for_every_time(table: Table) -> None:
    assert refused("Bearer new")
    table.add("new")
    assert not refused("Bearer new")


def test_any_number_of_tokens_is_remembered_in_bounded_memory(table: Table) -> None:
    from jobyard.authorizer import bearer

    for n in range(2500):
        table.add(f"token{n}", name=f"{n}")
        assert authenticate(f"Bearer token{n}").user.name == f"{n}"
        assert len(bearer._cache) <= 1000


def test_an_endless_token_is_refused_without_a_look(table: Table) -> None:
    assert refused("Bearer " + "x" * 8193)
    assert table.asked == 0


def test_secrets_are_random_and_never_look_like_a_jwt() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) >= 43 and "." not in secret and secret.isascii() for secret in made)


def test_a_secret_matches_its_hash_only() -> None:
    assert matches("secret", hash_of("secret"))
    assert not matches("Secret", hash_of("secret"))
    assert not matches("", hash_of("secret"))
