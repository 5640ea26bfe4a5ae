"""Changes at the same time: whatever the order, no row is left of what is gone, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest

from jobyard.authorizer import Role
from jobyard.aws import client
from jobyard.errors import InUse, Invalid, NotFound
from jobyard.model.people import Kind, Permissions, User
from jobyard.model.source import NOWHERE
from jobyard.service import collections, people
from jobyard.store import users
from jobyard.store.items import table_name
from tests.factories import NOW, a_caller
from tests.faults import lost_answer

pytestmark = pytest.mark.usefixtures("table")

ADMIN = a_caller()
TIMES = 8


def a_user(id: str) -> str:
    users.create(User("acme", id, "A", "B", "a@b", Role.MEMBER, NOW, may_create_collections=True), ())
    return id


def together(*acts: Callable[[], object]) -> None:
    start = Barrier(len(acts))

    def one(act: Callable[[], object]) -> None:
        start.wait()
        with suppress(NotFound, Invalid, InUse):
            act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for each in [pool.submit(one, act) for act in acts]:
            each.result()


def rows(prefix: str) -> list[str]:
    found = client("dynamodb").scan(TableName=table_name(), ConsistentRead=True)["Items"]
    keys = [f"{each['pk']['S']} {each['sk']['S']}" for each in found]
    return sorted(each for each in keys if each.startswith(prefix))


def test_a_group_that_is_deleted_while_somebody_joins_leaves_no_row() -> None:
    user = a_user("1" * 24)
    for _ in range(TIMES):
        group = people.create_group(ADMIN, NOWHERE, "G", "Viewer").id
        together(
            lambda group=group: people.add_members(ADMIN, NOWHERE, group, [user]),  # type: ignore[misc]
            lambda group=group: people.delete_group(ADMIN, NOWHERE, group, force=True),  # type: ignore[misc]
        )
        assert rows("GROUP#") + rows("IN#") == []


def test_a_user_who_is_deleted_while_being_shared_with_leaves_no_row() -> None:
    a_user(ADMIN.user.id)
    collection = collections.create(ADMIN, NOWHERE, "C").id
    for _ in range(TIMES):
        user = a_user("1" * 24)
        together(
            lambda: collections.add(ADMIN, NOWHERE, collection, Kind.USER, user, None, Permissions()),  # noqa: B023
            lambda: people.delete_user(ADMIN, NOWHERE, user),  # noqa: B023
        )
        assert users.get("acme", user) is None
        assert rows(f"COLLECTION#acme#{collection}") + rows(f"IN#acme#USER#{user}") == []


def test_a_user_who_is_deleted_while_being_given_a_collection_is_gone_or_owns_it() -> None:
    a_user(ADMIN.user.id)
    for _ in range(TIMES):
        user = a_user("1" * 24)
        collection = collections.create(ADMIN, NOWHERE, "C").id
        together(
            lambda: collections.change(ADMIN, NOWHERE, collection, "C", user),  # noqa: B023
            lambda: people.delete_user(ADMIN, NOWHERE, user),  # noqa: B023
        )
        owner = collections.get(ADMIN, collection).owner
        assert (users.get("acme", user) is None) == (owner == ADMIN.user.id)
        assert rows(f"IN#acme#USER#{owner} OWNED#{collection}")
        collections.delete(ADMIN, NOWHERE, collection, force=True)
        with suppress(NotFound):
            people.delete_user(ADMIN, NOWHERE, user)


def test_a_collection_that_is_deleted_while_something_comes_leaves_no_row() -> None:
    a_user(ADMIN.user.id)
    user = a_user("1" * 24)
    for _ in range(TIMES):
        collection = collections.create(ADMIN, NOWHERE, "C").id
        together(
            lambda: collections.add(ADMIN, NOWHERE, collection, Kind.USER, user, None, Permissions()),  # noqa: B023
            lambda: collections.delete(ADMIN, NOWHERE, collection, force=True),  # noqa: B023
        )
        assert rows("COLLECTION#") + rows("IN#") == []


def test_changes_of_one_user_at_once_are_all_recorded_as_they_followed_each_other() -> None:
    user = a_user("1" * 24)
    names = [f"N{number}" for number in range(4)]

    def rename(name: str) -> Callable[[], object]:
        def change(found: User) -> User:
            return found._replace(first_name=name)

        return lambda: people.change_user(ADMIN, NOWHERE, user, change)

    together(*map(rename, names))
    found = client("dynamodb").scan(TableName=table_name(), ConsistentRead=True)["Items"]
    steps = {
        each["before"]["M"]["firstName"]["S"]: each["after"]["M"]["firstName"]["S"]
        for each in found
        if each["pk"]["S"].startswith("AUDIT#")
    }
    walked, name = [], "A"
    while name in steps:
        name = steps.pop(name)
        walked.append(name)
    assert (sorted(walked), steps) == (names, {})
    assert people.user(ADMIN, user).first_name == walked[-1]


def test_a_change_whose_answer_was_lost_is_made_and_recorded_once() -> None:
    a_user(ADMIN.user.id)
    collection = collections.create(ADMIN, NOWHERE, "C").id
    with lost_answer(client("dynamodb"), "TransactWriteItems") as lost:
        collections.change(ADMIN, NOWHERE, collection, "D", ADMIN.user.id)
    assert lost
    assert len(rows("AUDIT#")) == 2
