"""Who may see, cancel and run what, against a plain model: any shares, groups, ends of shares and changes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.authorizer import Caller, Role
from jobyard.authorizer.access import may_cancel, may_execute, may_see_job, may_see_workflow
from jobyard.aws import client
from jobyard.errors import JobyardError
from jobyard.model import Job, Person, Workflow
from jobyard.model.people import Kind, Permissions, User
from jobyard.model.source import NOWHERE
from jobyard.service import collections, people
from jobyard.store import schedules, users, workflows
from tests.factories import a_caller, a_job, a_schedule, a_workflow
from tests.promises.effort import effort

NOW = 1_800_000_000_000
SECOND = 1000
USERS = [f"{number:x}" * 24 for number in range(1, 4)]
ROLES = [Role.NO_ACCESS, Role.VIEWER, Role.MEMBER, Role.ARTISAN, Role.CURATOR]
SCHEDULES, WORKFLOWS = ["a" * 24, "b" * 24], ["c" * 24, "d" * 24]
GROUPS, COLLECTIONS = range(2), range(2)
ADMIN = a_caller(Person("f" * 24, "Ada"))

Id = str
Entry = tuple[Kind, Id]


@dataclass
class Model:
    """The rule, as it would be written if all were in one place."""

    now: int = NOW
    roles: dict[Id, Role] = field(default_factory=dict)
    owners: dict[Id, Id] = field(default_factory=dict)
    members: dict[Id, set[Id]] = field(default_factory=dict)
    entries: dict[Id, dict[Entry, int | None]] = field(default_factory=dict)
    collection_owners: dict[Id, Id] = field(default_factory=dict)

    def shared(self, user: Id, kind: Kind, thing: Id) -> bool:
        return self.roles[user] is not Role.NO_ACCESS and any(
            (kind, thing) in entries and (self.collection_owners[id] == user or self._let_in(user, entries))
            for id, entries in self.entries.items()
        )

    def _let_in(self, user: Id, entries: dict[Entry, int | None]) -> bool:
        return any(
            (until is None or self.now < until)
            and ((kind is Kind.USER and id == user) or (kind is Kind.GROUP and user in self.members[id]))
            for (kind, id), until in entries.items()
        )

    def sees(self, user: Id, job: Job) -> bool:
        if self.roles[user] is Role.CURATOR or job.owner.id == user:
            return True
        schedule = job.schedule_id
        return schedule is not None and (self.owners[schedule] == user or self.shared(user, Kind.SCHEDULE, schedule))

    def sees_workflow(self, user: Id, workflow: Workflow) -> bool:
        return (
            workflow.public
            or self.roles[user] is Role.CURATOR
            or workflow.owner == user
            or self.shared(user, Kind.WORKFLOW, workflow.id)
        )

    def runs(self, user: Id, workflow: Workflow) -> bool:
        role = self.roles[user]
        if role is Role.CURATOR:
            return True
        if role is Role.NO_ACCESS:
            return False
        if workflow.public or workflow.owner == user:
            return True
        return role is not Role.VIEWER and self.shared(user, Kind.WORKFLOW, workflow.id)


class World:
    """A tenant, and the model of it, changed together."""

    def __init__(self, roles: list[Role], owners: list[int]) -> None:
        self.model = Model()
        for id, role in zip(USERS, roles, strict=True):
            users.create(User("acme", id, "A", "B", "a@b", role, NOW, may_create_collections=True), ())
            self.model.roles[id] = role
        for id, owner in zip(SCHEDULES, owners, strict=True):
            schedules.create(a_schedule(id=id, owner=Person(USERS[owner], "X")), None)
            self.model.owners[id] = USERS[owner]
        self.workflows = [
            a_workflow(id=id, public=number == 0 and owners[0] == 0, owner=USERS[owners[1]])
            for number, id in enumerate(WORKFLOWS)
        ]
        for workflow in self.workflows:
            workflows.put(workflow)
        self.jobs = [
            a_job(owner=Person(USERS[owner], "X"), schedule_id=schedule)
            for owner in (0, 1)
            for schedule in (None, *SCHEDULES)
        ]
        self.groups = [people.create_group(ADMIN, NOWHERE, "G", "Viewer").id for _ in GROUPS]
        users.create(User("acme", ADMIN.user.id, "A", "A", "a@a", Role.CURATOR, NOW, may_create_collections=True), ())
        self.collections = [collections.create(ADMIN, NOWHERE, "C").id for _ in COLLECTIONS]
        self.model.members = {id: set() for id in self.groups}
        self.model.entries = {id: {} for id in self.collections}
        self.model.collection_owners = dict.fromkeys(self.collections, ADMIN.user.id)

    def entry(self, kind: Kind, number: int) -> Entry:
        of = {Kind.USER: USERS, Kind.GROUP: self.groups, Kind.WORKFLOW: WORKFLOWS, Kind.SCHEDULE: SCHEDULES}[kind]
        return kind, of[number % len(of)]

    # What may happen; what has no sense is refused by the product, and left out of the model.

    def put(self, collection: int, kind: Kind, number: int, seconds: int | None) -> None:
        id, entry = self.collections[collection], self.entry(kind, number)
        shared = kind in (Kind.USER, Kind.GROUP)
        until = self.model.now + seconds * SECOND if shared and seconds is not None else None
        with refused((entry[1] not in self.model.members and kind is Kind.GROUP) or id not in self.model.entries) as go:
            collections.add(ADMIN, NOWHERE, id, *entry, until, Permissions() if shared else None)
            go()
            self.model.entries[id][entry] = until

    def take(self, collection: int, kind: Kind, number: int, _: int | None) -> None:
        id, entry = self.collections[collection], self.entry(kind, number)
        with refused(entry not in self.model.entries.get(id, {})) as go:
            collections.remove(ADMIN, NOWHERE, id, *entry)
            go()
            del self.model.entries[id][entry]

    def join(self, group: int, _: Kind, number: int, __: int | None) -> None:
        id, user = self.groups[group], USERS[number % len(USERS)]
        with refused(id not in self.model.members) as go:
            people.add_members(ADMIN, NOWHERE, id, [user])
            go()
            self.model.members[id].add(user)

    def leave(self, group: int, _: Kind, number: int, __: int | None) -> None:
        id, user = self.groups[group], USERS[number % len(USERS)]
        with refused(id not in self.model.members) as go:
            people.remove_member(ADMIN, NOWHERE, id, user)
            go()
            self.model.members[id].discard(user)

    def dissolve(self, group: int, _: Kind, __: int, ___: int | None) -> None:
        id = self.groups[group]
        with refused(id not in self.model.members) as go:
            people.delete_group(ADMIN, NOWHERE, id, force=True)
            go()
            del self.model.members[id]
            for entries in self.model.entries.values():
                entries.pop((Kind.GROUP, id), None)

    def drop(self, collection: int, _: Kind, __: int, ___: int | None) -> None:
        id = self.collections[collection]
        with refused(id not in self.model.entries) as go:
            collections.delete(ADMIN, NOWHERE, id, force=True)
            go()
            del self.model.entries[id]

    def hand_over(self, collection: int, _: Kind, number: int, __: int | None) -> None:
        id, user = self.collections[collection], USERS[number % len(USERS)]
        with refused(id not in self.model.entries) as go:
            collections.change(ADMIN, NOWHERE, id, "C", user)
            go()
            self.model.collection_owners[id] = user

    def wait(self, _: int, __: Kind, ___: int, seconds: int | None) -> None:
        self.model.now += (seconds or 0) * SECOND

    def check(self) -> None:
        for user in USERS:
            caller = Caller("acme", Person(user, "X"), self.model.roles[user], "c")
            for job in self.jobs:
                may = self.model.sees(user, job)
                assert (may_see_job(caller, job), may_cancel(caller, job)) == (may, may), (user, job)
            for workflow in self.workflows:
                assert may_see_workflow(caller, workflow) is self.model.sees_workflow(user, workflow), (user, workflow)
                assert may_execute(caller, workflow) is self.model.runs(user, workflow), (user, workflow)


@contextmanager
def refused(should: bool) -> Iterator[Callable[[], None]]:
    """What happens within is refused if, and only if, it ``should`` be; what is yielded says that it was not."""

    def done() -> None:
        assert not should, "it should have been refused"

    try:
        yield done
    except JobyardError:
        if not should:
            raise


STEPS = st.tuples(
    st.sampled_from(
        [World.put] * 5
        + [World.join] * 3
        + [World.take, World.leave, World.wait, World.dissolve, World.drop, World.hand_over]
    ),
    st.integers(0, 1),
    st.sampled_from(Kind),
    st.integers(0, 2),
    st.one_of(st.none(), st.integers(0, 3)),
)


@effort(12)
@given(
    roles=st.lists(st.sampled_from(ROLES), min_size=3, max_size=3),
    owners=st.lists(st.integers(0, 2), min_size=2, max_size=2),
    steps=st.lists(STEPS, min_size=4, max_size=14),
)
def test_what_a_caller_may_is_what_the_rule_says(
    table: str, roles: list[Role], owners: list[int], steps: list[Any]
) -> None:
    _emptied(table)
    world = World(roles, owners)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: world.model.now * 1_000_000)
        for step, *chosen in steps:
            step(world, *chosen)
        world.check()


def _emptied(table: str) -> None:
    while items := client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]:
        for each in items:
            client("dynamodb").delete_item(TableName=table, Key={"pk": each["pk"], "sk": each["sk"]})
