"""Promise 9 behind the routes: what the operator asks for one tenant, what AWS delivers, and what workflows may touch.

What a caller says reaches a workflow's function as answers to questions, and nowhere else: the job's tenant and id, its
settings and its task token come from the table and the state machine. The function itself is the deployer's own code
with a role of its own, so what it writes is as far apart as that code keeps it; the shipped ones are held to it here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from csvprofile.request import read_request as profile_of
from erasing.request import read_request as erasure_of
from hypothesis import given
from hypothesis import strategies as st
from manyobjects.request import place_of
from manyobjects.request import read_request as inventory_of

from jobyard.lifecycle import executions, settle
from jobyard.lifecycle.drive import drive
from jobyard.model import Question, Status
from jobyard.runner import Failed, Job
from jobyard.service.manage import _ACTIONS, manage
from jobyard.store.items import attribute
from jobyard.store.records import job_item
from tests.contract.yard import Yard
from tests.factories import a_job
from tests.promises.effort import effort
from tests.promises.harness.hostile import anything, values
from tests.promises.harness.tenants import Tenant, still

pytestmark = pytest.mark.usefixtures("tenancy")

RUNNER = {"functionName": "jobyard-workflow-a"}


class Two(NamedTuple):
    acme: Tenant
    globex: Tenant


@pytest.fixture
def two(tenancy: Yard) -> Iterator[Two]:
    with still():
        yield Two(Tenant(tenancy, "acme", 7), Tenant(tenancy, "globex", 8))


class Asked(NamedTuple):
    """What the operator says for a tenant of another's things, and of nobody's; None where nothing can be named."""

    of: dict[str, Any] | None
    nobodys: dict[str, Any] | None = None


def operators(globex: Tenant) -> dict[str, Asked]:
    return {
        "clients.create": Asked(None),
        "clients.list": Asked(None),
        "clients.revoke": Asked({"clientId": globex.curator.id}, {"clientId": "f" * 24}),
        "workflows.register": Asked(None),
        "workflows.list": Asked(None),
        "queues.set": Asked(None),
        "queues.list": Asked(None),
        "keys.create": Asked(None),
        "keys.list": Asked(None),
        "keys.revoke": Asked({"keyId": globex.organisation.key_id}, {"keyId": "f" * 24}),
        "projects.create": Asked(
            {"name": "a", "workflowId": globex.workflow.id}, {"name": "a", "workflowId": "f" * 24}
        ),
        "projects.list": Asked(None),
        "secrets.create": Asked(None),
        "secrets.list": Asked(None),
        "secrets.revoke": Asked({"secretId": globex.key.id}, {"secretId": f"AKID{'0' * 32}"}),
    }


def test_each_action_of_the_operator_is_walked(two: Two) -> None:
    assert set(operators(two.globex)) == set(_ACTIONS), "an action of which nothing is asked here"


def test_what_the_operator_names_of_another_tenant_is_unknown(two: Two) -> None:
    before = two.acme.yard.items()
    for action, (of, nobodys) in operators(two.globex).items():
        if of is None or nobodys is None:
            continue
        told = [manage({"action": action, "tenant": "acme"} | fields) for fields in (of, nobodys)]
        shown = [masked(str(answer), fields) for answer, fields in zip(told, (of, nobodys), strict=True)]
        assert shown[0] == shown[1]
        assert not told[0]["ok"]
        assert two.acme.yard.items() == before, action


def masked(text: str, fields: dict[str, Any]) -> str:
    for name, value in fields.items():
        if name != "name":
            text = text.replace(value, "…")
    return text


def test_lists_of_the_operator_are_of_one_tenant(two: Two) -> None:
    for tenant in ("acme", "globex"):
        assert manage({"action": "queues.set", "tenant": tenant, "tag": f"tag-of-{tenant}", "slots": 2})["ok"]
    for action in (each for each in _ACTIONS if each.endswith(".list")):
        listed = manage({"action": action, "tenant": "acme"})["result"]
        assert listed, action
        assert "globex" not in str(listed)
        assert two.globex.things.masked(str(listed)) == str(listed)
        assert manage({"action": action, "tenant": "nobody"})["result"] == []


def test_a_workflow_registered_under_anothers_id_is_its_own(two: Two) -> None:
    theirs = two.globex.items()
    made = manage(
        {"action": "workflows.register", "tenant": "acme", "name": "b", "id": two.globex.workflow.id, "runner": RUNNER}
    )
    assert made["ok"]
    assert two.globex.items() == theirs


# ---- What AWS delivers ----


def test_a_job_that_is_gone_takes_its_own_messages_only(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "stop", lambda *_: None)
    # The same id in two tenants: ids are random, so it does not happen, and even so nothing of the other's is touched.
    id = two.globex.things.jobs[3]
    ours = a_job(id=id, status=Status.RUNNING)
    two.acme.yard.messages(ours, ["ours"])
    image = job_item(ours)
    record = {
        "eventName": "REMOVE",
        "dynamodb": {"SequenceNumber": "1", "Keys": {"pk": image["pk"], "sk": image["sk"]}, "OldImage": image},
    }
    theirs = two.globex.items()
    assert drive([record]) == {"batchItemFailures": []}
    assert two.globex.items() == theirs
    assert not [each for each in two.acme.yard.items(f"JOB#acme#{id}") if each["sk"] != attribute("JOB")]


def test_an_execution_ends_the_job_of_the_tenant_that_its_input_names(two: Two) -> None:
    id = two.globex.things.jobs[3]
    before = two.acme.yard.items()
    for name, input in (
        (id, {"jobId": id, "tenant": "acme"}),
        ("another", {"jobId": id, "tenant": "globex"}),
        (id, {"jobId": [id], "tenant": "globex"}),
        (id, {"jobId": id, "tenant": ["globex"]}),
    ):
        detail = {"name": name, "status": "FAILED", "input": json.dumps(input)}
        assert settle.settle({"detail": detail}) is False
        assert two.acme.yard.items() == before


MEMBERS = (
    "id",
    "tenant",
    "taskToken",
    "state",
    "settings",
    "workflow",
    "submittedBy",
    "questions",
    "job",
    "jobId",
    "runner",
)


@effort(60)
@given(st.dictionaries(st.one_of(st.sampled_from(MEMBERS), anything), values, max_size=6))
def test_what_a_caller_answers_stays_an_answer(answers: dict[str, str]) -> None:
    """Whatever name a question has, nothing else of what the function is told changes with it."""
    plain = a_job(settings={"bucket": "b"})
    asked = a_job(
        id=plain.id,
        settings=plain.settings,
        questions=[Question(name, value) for name, value in answers.items()],
    )
    told, without = executions._input(asked), executions._input(plain)
    assert told["job"].pop("questions") == answers
    without["job"].pop("questions")
    assert told == without
    job = Job(told["job"] | {"questions": answers})
    assert (job.tenant, job.id, job.task, job.state) == (plain.tenant, plain.id, None, None)


# ---- What the shipped workflows touch ----

paths = st.lists(
    st.one_of(
        st.sampled_from(["globex", "acme", "..", ".", "", "inputs", "objects", "users", "outputs", "%2e%2e"]), values
    ),
    max_size=6,
).map("/".join)
buckets = st.sampled_from(["data", "data.s3.amazonaws.com", "other", "DATA", "", "acme", "globex", "..", "a/../b"])


@effort(200)
@given(buckets, paths)
def test_profile_reads_in_its_tenants_folder(bucket: str, path: str) -> None:
    try:
        found = profile_of("acme", {"input": f"s3://{bucket}/{path}"}, {"inputs": ["s3://data/inputs/globex"]}, "data")
    except Failed:
        return
    assert found.bucket == "data"
    assert found.key.startswith("inputs/acme/")
    assert ".." not in found.key.split("/")


@effort(200)
@given(st.one_of(paths, values), st.one_of(paths, values))
def test_erase_deletes_in_its_tenants_folder(user: str, project: str) -> None:
    try:
        found = erasure_of("acme", {"UserId": user, "ProjectId": project}, {}, "data")
    except Failed:
        return
    own, users, folder = found.prefix.rstrip("/").rsplit("/", 2)
    assert (found.bucket, own) == ("data", "users/acme")
    assert found.prefix == f"users/acme/{users}/{folder}/"
    assert {users, folder}.isdisjoint({"", ".", ".."})


@pytest.mark.parametrize("prefix", ["users/globex/", "", "users/", "users/acmeglobex/", "inputs/acme/", "/users/acme/"])
def test_no_setting_leads_erase_elsewhere_in_the_data_bucket(prefix: str) -> None:
    settings = {"bucket": "data", "prefix": prefix, "projectId": 1}
    if prefix:
        with pytest.raises(Failed):
            erasure_of("acme", {"UserId": "anna"}, settings, "data")
    else:
        assert erasure_of("acme", {"UserId": "anna"}, settings, "data").prefix == "users/acme/1/anna/"


@effort(200)
@given(st.one_of(buckets, values), st.sampled_from(["Prefix", "Object", "Manifest", "UrlFile"]), paths)
def test_inventory_sees_its_tenants_folder(bucket: str, source: str, path: str) -> None:
    questions = {"Bucket": bucket, source: path}
    try:
        asked = inventory_of("acme", questions, {"bucket": "data", "prefix": "objects/globex"})
    except Failed:
        return
    place = place_of("acme", bucket, {})
    assert asked.place == place
    assert place.root == f"objects/acme/{bucket}/"
    assert bucket not in {"", ".", ".."}
    assert "/" not in bucket
