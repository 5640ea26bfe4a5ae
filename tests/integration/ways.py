"""Ways through each function that together use all that its role allows: sample events, and such as go elsewhere."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import replace
from itertools import chain
from typing import Any
from unittest.mock import patch

from jobyard.authorizer import qsign
from jobyard.authorizer.access import Role
from jobyard.authorizer.secrets import hash_of
from jobyard.aws import client
from jobyard.lifecycle import count, reconcile, recount
from jobyard.lifecycle.count import Told
from jobyard.lifecycle.dispatch import dispatch
from jobyard.model import Person, Runner, Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, PHASES, Facet
from jobyard.store import counts, credentials, jobs, queues
from jobyard.store.counts import RowKey, day_key, hours_pk
from jobyard.store.items import attribute
from jobyard.store.records import job_key
from local.template import ROOT, load
from tests.closely import looked_at_closely
from tests.factories import a_job
from tests.integration import ways_of_schedules, ways_of_sharing, ways_of_workflows
from tests.integration.way import Way, answered, refused, sample
from tests.integration.way import with_status as _answered
from tests.rows import add_to_row
from tests.sam import seed

NESTED = "68f0c0de00000000000000b1"


def ways(name: str) -> Iterator[Way]:
    for path in sorted([ROOT / "events" / f"{name}.json", *ROOT.glob(f"events/*-{name}.json")]):
        yield Way(sample(path.stem), check=_of_sample.get(name, lambda _: None))
    yield from _others.get(name, tuple)()


def _ok(answer: Any) -> None:
    assert answer["ok"], answer


_of_sample: dict[str, Callable[[Any], None]] = {"manage": _ok}


# ---- The endpoints


_ORDERS_AND_FILTERS = {
    "list": ("", "statuses=Queued", "sortField=CompletionDateTime"),
    "workflow_jobs": ("", "status=Queued", "sortField=CompletionDateTime"),
}
"""Most of the jobs in order of creation, a few of them, and all by completion: an index for each."""


def _list() -> Iterator[Way]:
    for whose in ("allUsers=true", "allUsers=false"):
        for of in ("", f"workflowNames={seed.WORKFLOW_NAME}"):
            for asked in _ORDERS_AND_FILTERS["list"]:
                yield Way(asking("list", f"{whose}&{of}&{asked}"), looked_at_closely, _answered(200))
    one = sample("tencent-list")
    one["rawQueryString"] = f"jobId={seed.SHOWN_INVENTORY}"
    yield Way(signed(one), check=_shown)
    paused = sample("tencent-list") | {"rawQueryString": "states=Pause"}
    yield Way(signed(paused), check=_answered(200))


def _workflow_jobs() -> Iterator[Way]:
    yield ways_of_sharing.by_whom_it_is_shared_with("workflow_jobs", _answered(200))
    for asked in _ORDERS_AND_FILTERS["workflow_jobs"]:
        yield Way(asking("workflow_jobs", asked), looked_at_closely, _answered(200))
        theirs = asking("workflow_jobs", asked)
        theirs["headers"]["authorization"] = f"Bearer {_MEMBERS_TOKEN}"
        yield Way(theirs, _by_a_member, _answered(200))


def asking(name: str, query: str) -> dict[str, Any]:
    """The sample of a list, asked for something else."""
    return sample(name) | {"rawQueryString": query}


_MEMBERS_TOKEN = "members-access-token"


@contextmanager
def _by_a_member() -> Iterator[None]:
    """Of the user whose jobs the samples are."""
    holder = credentials.ApiClient("c" * 24, seed.TENANT, seed.USER_ID, "Jane Doe", Role.MEMBER, "", seed.CREATED_MS)
    credentials.put_client(holder)
    assert credentials.issue(hash_of(_MEMBERS_TOKEN), holder, seed.NEVER_S)
    with looked_at_closely():
        yield


def _shown(answer: Any) -> None:
    assert seed.SHOWN_INVENTORY in answer["body"], answer


def _output() -> Iterator[Way]:
    yield ways_of_sharing.by_whom_it_is_shared_with("output", _answered(302))


def _cancel() -> Iterator[Way]:
    # The sample has cancelled its own.
    shared = ways_of_sharing.by_whom_it_is_shared_with("cancel", _answered(200))
    shared.event["pathParameters"]["jobId"] = seed.QUEUED_JOB
    yield shared
    for job_id in (seed.QUEUED_JOB, seed.RUNNING_JOB, seed.COMPLETED_JOB):
        yield Way(json.loads(json.dumps(sample("cancel")).replace(sample("cancel")["pathParameters"]["jobId"], job_id)))


_TAGGED = (
    "<Tag>inventory</Tag><JobParam/><Output><Region>ap-beijing</Region><Bucket>photos-1250000000</Bucket>"
    "<Object>a.jsonl</Object></Output>"
)


def _get() -> Iterator[Way]:
    """Of a job that is shared; and of one that waits in a queue."""
    yield ways_of_sharing.by_whom_it_is_shared_with("get", _answered(200))
    yield Way(json.loads(json.dumps(sample("get")).replace(sample("get")["pathParameters"]["jobId"], seed.QUEUED_JOB)))


def _change_job() -> Iterator[Way]:
    moved = sample("change_job")
    theirs = ways_of_sharing.by_whom_it_is_shared_with("change_job", _answered(200))
    theirs.event["pathParameters"]["jobId"] = seed.QUEUED_JOB
    theirs.event["body"] = json.dumps({"workerTag": "gpu"})
    yield theirs
    id = moved["pathParameters"]["jobId"]
    yield Way(json.loads(json.dumps(moved).replace(id, seed.QUEUED_JOB)), check=_answered(200))


def _queues() -> Iterator[Way]:
    listed = sample("queues")
    listed["requestContext"]["http"]["method"] = "GET"
    listed["rawPath"] = listed["requestContext"]["http"]["path"] = "/webapi/v3/queues"
    del listed["pathParameters"], listed["body"]
    yield Way(listed, check=_answered(200))


def _submit() -> Iterator[Way]:
    yield ways_of_sharing.by_whom_it_is_shared_with("submit", _answered(200))
    plain = sample("submit")
    plain["headers"] = {key: value for key, value in plain["headers"].items() if key != "idempotency-key"}
    yield Way(plain, check=_answered(200))
    # Of the same user again: the live job of that name is looked at.
    again = sample("openreplay-submit")
    again["headers"] = {key: value for key, value in again["headers"].items() if key != "idempotency-key"}
    yield Way(again)
    tagged = sample("tencent-submit")
    tagged["headers"]["idempotency-key"] = "another"
    tagged["body"] = tagged["body"].replace("<Type>Workflow<", "<Type>Job<")
    tagged["body"] = re.sub("<WorkflowIds>.*</WorkflowIds>", _TAGGED, tagged["body"])
    yield Way(signed(tagged), check=_answered(200))


def signed(event: dict[str, Any], id: str = seed.SECRET_ID, key: str = seed.SECRET_KEY) -> dict[str, Any]:
    """The event, signed anew: by the sample's key, if no other is given."""
    times, host = f"1760608800;{seed.NEVER_S}", event["headers"]["host"]
    request = qsign.format_string(event["requestContext"]["http"]["method"], event["rawPath"], "", f"host={host}")
    signature = qsign.sign(key, times, qsign.string_to_sign(times, request))
    fields = {
        "q-sign-algorithm": "sha1",
        "q-ak": id,
        "q-sign-time": times,
        "q-key-time": times,
        "q-header-list": "host",
        "q-url-param-list": "",
        "q-signature": signature,
    }
    event["headers"]["authorization"] = "&".join(f"{name}={value}" for name, value in fields.items())
    return event


def _unmatched() -> Iterator[Way]:
    """Each route with a slash too many."""
    routes = load()["Resources"]["UnmatchedFunction"]["Properties"]["Environment"]["Variables"]["ROUTES"]["Fn::Sub"]
    served = json.loads(routes.replace("${", "").replace('Function}"', 'Function"'))
    for key in chain.from_iterable(served.values()):
        methods, path = key.split(" ")
        method = methods.partition(",")[0]
        event = sample("unmatched") | {"rawPath": f"{path.replace('{', '').replace('+', '').replace('}', '')}/"}
        event["requestContext"]["http"]["method"] = method
        yield Way(event, lambda: _routed(served), _answered(204))


@contextmanager
def _routed(served: dict[str, list[str]]) -> Iterator[None]:
    from jobyard import unmatched

    unmatched.routes.cache_clear()
    answer = answered("lambda.Invoke", lambda: {"Payload": io.BytesIO(b'{"statusCode": 204}')})
    with patch.dict("os.environ", {"ROUTES": json.dumps(served)}), answer:
        yield
    unmatched.routes.cache_clear()


def _manage() -> Iterator[Way]:
    workflow = {"name": "w", "runner": {"functionName": f"{seed.WORKFLOW_FUNCTION_PREFIX}w"}}
    for asked in (
        {"action": "clients.create", "name": "c", "role": "Curator", "userId": seed.USER_ID},
        {"action": "clients.list"},
        {"action": "clients.revoke", "clientId": seed.CLIENT_ID},
        {"action": "workflows.register", **workflow},
        {"action": "workflows.list"},
        {"action": "keys.create", "name": "k"},
        {"action": "keys.list"},
        {"action": "keys.revoke", "keyId": seed.API_KEY_ID},
        {"action": "projects.create", "name": "p", "workflowId": seed.WORKFLOW_ID},
        {"action": "projects.list"},
        {"action": "secrets.create", "name": "s"},
        {"action": "secrets.create", "name": "s", "lifetimeSeconds": 60},
        {"action": "secrets.list"},
        {"action": "secrets.revoke", "secretId": seed.SECRET_ID},
        {"action": "queues.set", "tag": "gpu", "slots": 2},
        {"action": "queues.list"},
    ):
        yield Way({"tenant": seed.TENANT} | asked, check=_ok)


# ---- The life of a job


def changed(job_id: str, kind: str, status: str, nested: bool = False) -> dict[str, Any]:
    """The sample of the stream, telling of another change."""
    (record,) = sample("drive")["Records"][:1]
    image = record["dynamodb"].pop("NewImage") | {"id": attribute(job_id), "status": attribute(status)}
    if nested:
        arn = f"arn:aws:states:{seed.REGION}:000000000000:stateMachine:{seed.WORKFLOW_FUNCTION_PREFIX}inventory"
        image["runner"] = attribute({"type": "stateMachine", "arn": arn})
    record["eventName"] = kind
    record["dynamodb"]["OldImage" if kind == "REMOVE" else "NewImage"] = image
    return {"Records": [record]}


def _nothing_failed(answer: Any) -> None:
    assert answer == {"batchItemFailures": []}


def _drive() -> Iterator[Way]:
    yield Way(changed(seed.RUNNING_JOB, "MODIFY", "cancelled"), check=_nothing_failed)
    yield Way(changed(seed.COMPLETED_JOB, "REMOVE", "completed"), check=_nothing_failed)
    yield Way(changed(seed.QUEUED_JOB, "REMOVE", "queued"), check=_nothing_failed)
    yield Way(changed(NESTED, "MODIFY", "cancelled", nested=True), check=_nothing_failed)
    # The sample's job is claimed. Its execution begins, or one goes on that waits for it.
    claimed = changed(seed.QUEUED_JOB, "MODIFY", "initializing")
    yield Way(claimed, check=_nothing_failed)
    waits = changed(seed.QUEUED_JOB, "MODIFY", "initializing")
    waits["Records"][0]["dynamodb"]["NewImage"]["taskToken"] = attribute("a token")
    yield Way(waits, lambda: refused("stepfunctions.SendTaskSuccess", "TaskTimedOut"), _nothing_failed)
    yield from ways_of_schedules.drive(changed(seed.COMPLETED_JOB, "MODIFY", "completed"))
    # A job that can never be started fails.
    yield Way(claimed, lambda: refused("stepfunctions.StartExecution", "InvalidName"), _nothing_failed)
    ended = changed(seed.QUEUED_JOB, "MODIFY", "failed")
    ended["Records"][0]["dynamodb"]["NewImage"]["slotOf"] = attribute(f"{seed.TENANT}#")
    yield Way(ended, check=_nothing_failed)
    yield Way(changed(seed.QUEUED_JOB, "MODIFY", "queued"), _limited, _nothing_failed)


@contextmanager
def _limited() -> Iterator[None]:
    """The queue has a limit now, and had none: its jobs that run are to be counted."""
    assert queues.put(queues.get(seed.TENANT, ""), 1, False, seed.CREATED_MS)
    yield


def _count() -> Iterator[Way]:
    yield Way(changed(seed.RUNNING_JOB, "MODIFY", "completed"))
    yield Way(changed(seed.RUNNING_JOB, "REMOVE", "completed"))


def _settle() -> Iterator[Way]:
    event = sample("settle")
    event["detail"]["input"] = None
    yield Way(event)


def _reconcile() -> Iterator[Way]:
    # An execution of a job that was cancelled, its own and the one within, which nothing has stopped.
    yield Way(sample("reconcile"), _leftover)
    yield Way(sample("reconcile"), _miscounted, _drifted)
    yield from ways_of_schedules.reconcile()
    # A queue whose one slot an ended job holds; and an execution that was not told that its job has one.
    yield Way(sample("reconcile"), _forgotten)


def _drifted(repairs: Any) -> None:
    assert repairs["drift"] == 2, repairs


@contextmanager
def _leftover() -> Iterator[None]:
    arn = f"arn:aws:states:{seed.REGION}:000000000000:stateMachine:{seed.WORKFLOW_FUNCTION_PREFIX}inventory"
    job = replace(seed.sample_inventory(NESTED), runner=Runner("stateMachine", arn))
    jobs.put(job)
    jobs.cancel(job, Person("", ""), seed.CREATED_MS)
    given = json.dumps({"jobId": job.id, "tenant": job.tenant})
    client("stepfunctions").start_execution(stateMachineArn=seed.STATE_MACHINE_ARN, name=job.id, input=given)
    with patch.object(reconcile, "GRACE_MS", -60_000):
        yield


@contextmanager
def _forgotten() -> Iterator[None]:
    assert queues.put(queues.get(seed.TENANT, "gpu"), 1, False, seed.CREATED_MS)
    ended, waits = (a_job(tenant=seed.TENANT, worker_tag="gpu") for _ in range(2))
    jobs.put(ended)
    dispatch(f"{seed.TENANT}#gpu")
    jobs.fail(ended, "enough", seed.CREATED_MS)
    jobs.put(waits)
    untold = a_job(tenant=seed.TENANT, status=Status.INITIALIZING)
    jobs.put(untold)
    client("dynamodb").update_item(
        TableName=seed.TABLE,
        Key=job_key(untold.tenant, untold.id),
        UpdateExpression="SET taskToken = :token",
        ExpressionAttributeValues={":token": attribute("a token")},
    )
    given = json.dumps({"jobId": untold.id, "tenant": untold.tenant, "startAt": "2099-01-01T00:00:00.000Z"})
    client("stepfunctions").start_execution(stateMachineArn=seed.STATE_MACHINE_ARN, name=untold.id, input=given)
    with patch.object(reconcile, "GRACE_MS", -60_000), refused("stepfunctions.SendTaskSuccess", "TaskTimedOut"):
        yield


@contextmanager
def _miscounted() -> Iterator[None]:
    """Of a day on which a job ended that was created the day before, a number of each kind of row is wrong."""
    day = now_ms() // DAY_MS - 1
    listed_in = f"alteryx#{seed.TENANT}"
    created = (day - 1) * DAY_MS
    late = a_job(status=Status.COMPLETED, created_at=created, finished_at=day * DAY_MS, tenant=seed.TENANT)
    count.settle([Told(late, PHASES[late.status])])
    row, place = day_key(listed_in, Facet(), 0, day)
    for key, name in (
        (row, f"{place}c0"),
        (RowKey(hours_pk(listed_in, Facet(), day), "00#00000"), ".0c0+1"),
    ):
        add_to_row(client("dynamodb"), seed.TABLE, key, name, 1)
    counts.forget()
    with patch.object(recount, "day_due", lambda *_: day), patch.object(recount, "LAG_SECONDS", 0):
        yield


_others: dict[str, Callable[[], Iterator[Way]]] = {
    "list": _list,
    "get": _get,
    "output": _output,
    "users": ways_of_sharing.users_,
    "usergroups": ways_of_sharing.usergroups,
    "collections": ways_of_sharing.collections,
    "audit": ways_of_sharing.audit,
    "workflow_jobs": _workflow_jobs,
    "cancel": _cancel,
    "change_job": _change_job,
    "queues": _queues,
    "submit": _submit,
    "unmatched": _unmatched,
    "manage": _manage,
    "schedules": ways_of_schedules.schedules,
    "fire": ways_of_schedules.fire,
    "drive": _drive,
    "count": _count,
    "settle": _settle,
    "reconcile": _reconcile,
    "profile": ways_of_workflows.profile,
    "erase": ways_of_workflows.erase,
    "inventory": ways_of_workflows.inventory,
    "inventory_steps": ways_of_workflows.inventory_steps,
}
