"""What the lists of the other tests here read: the counts and listings of whatever is in the table."""

from __future__ import annotations

from collections import Counter

from types_boto3_dynamodb import DynamoDBClient

from jobyard.model import Person, Status, Workflow
from jobyard.model.listing import Facet
from jobyard.store import counts, listings
from jobyard.store.counts import CREATED
from jobyard.store.listings import Stretch
from tests.caught_up import catch_up
from tests.contract import api
from tests.contract.api import call
from tests.contract.yard import Client, Yard
from tests.factories import LIST, NOW

EVERYTHING = Stretch(LIST, Facet(), None, CREATED, "0", "9")


def counted(family: str = "all") -> dict[Facet, Counter[Status]]:
    found: dict[Facet, Counter[Status]] = {}
    for tally in counts.days(LIST, family):
        for cells in tally.days.values():
            for cell, number in cells.items():
                found.setdefault(tally.facet, Counter())[cell.status] += number
    return found


def listed() -> list[tuple[str, Status]]:
    return [(job.id, job.status) for job in listings.read(EVERYTHING, False, 100).jobs]


def test_what_is_submitted_cancelled_and_deleted_is_counted_and_listed(
    yard: Yard, curator: Client, workflow: Workflow, dynamodb_client: DynamoDBClient
) -> None:
    path = f"/webapi/v3/workflows/{workflow.id}/jobs"
    ran, waited, rests = (call("POST", path, curator.token).json["id"] for _ in range(3))
    assert catch_up(dynamodb_client, yard.table) == 3
    assert counted() == {Facet(): Counter({Status.QUEUED: 3})}
    running = yard.job(status=Status.RUNNING, created_at=NOW, owner=Person("somebody", "Some Body"))
    for id in (waited, running.id):
        assert call("DELETE", f"/webapi/v3/jobs/{id}", curator.token).status == 200
    yard.job(id=ran, status=Status.COMPLETED, finished_at=NOW + 1, workflow_id=workflow.id, owner=curator.user)
    api.before_list()
    assert counted() == {Facet(): Counter({Status.QUEUED: 1, Status.COMPLETED: 1, Status.CANCELLED: 1})}
    assert counted("who")[Facet(running.owner.id)] == Counter({Status.CANCELLED: 1})
    assert counted("what")[Facet("", workflow.name, workflow.id)] == Counter({Status.QUEUED: 1, Status.COMPLETED: 1})
    assert sorted(listed()) == sorted([(ran, Status.COMPLETED), (rests, Status.QUEUED), (running.id, Status.CANCELLED)])
    assert catch_up(dynamodb_client, yard.table) == 0, "once is enough"


def test_a_table_that_was_emptied_is_as_new(yard: Yard, curator: Client, dynamodb_client: DynamoDBClient) -> None:
    yard.job()
    catch_up(dynamodb_client, yard.table)
    yard.clear()
    assert (counted(), listed()) == ({}, [])
    counts.forget()
    yard.job()
    catch_up(dynamodb_client, yard.table)
    assert counted() == {Facet(): Counter({Status.QUEUED: 1})}
    assert [each["sk"]["S"] for each in yard.items("LISTS")] == [LIST]


def test_jobs_that_were_removed_from_outside_are_not_counted(yard: Yard, dynamodb_client: DynamoDBClient) -> None:
    for status in Status:
        yard.job(status=status, finished_at=NOW if status is Status.COMPLETED else None)
    assert catch_up(dynamodb_client, yard.table) == len(Status)
    for each in yard.items("JOB#"):
        dynamodb_client.delete_item(TableName=yard.table, Key={"pk": each["pk"], "sk": each["sk"]})
    assert catch_up(dynamodb_client, yard.table) == len(Status)
    assert (counted(), listed()) == ({}, [])
