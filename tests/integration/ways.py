"""Ways through each function that together use all that its role allows: sample events, and such as go elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from jobyard.authorizer import qsign
from jobyard.authorizer.access import Role
from jobyard.authorizer.secrets import hash_of
from jobyard.aws import client
from jobyard.lifecycle import count, reconcile, recount
from jobyard.lifecycle.count import Told
from jobyard.model import Person, Runner, Status
from jobyard.model.ids import now_ms
from jobyard.model.listing import DAY_MS, PHASES, Facet
from jobyard.runner import Failed, _outputs
from jobyard.service import plan
from jobyard.store import counts, credentials, jobs
from jobyard.store.counts import ENDED, RowKey, day_key, hours_pk
from jobyard.store.items import attribute
from local.template import ROOT, load
from tests.factories import a_job
from tests.rows import add_to_row
from tests.sam import seed

MORE_INPUT, MORE_USERS = "more-input", "more-users"
"""Buckets of the operator's: what InputBucket and EraseBucket name."""

NESTED = "68f0c0de00000000000000b1"
_MAP_RUN = f"arn:aws:states:{seed.REGION}:000000000000:mapRun:jobyard-workflow-inventory/EachOfPrefix:1"


class Way(NamedTuple):
    """``event``, handled while ``under`` is entered; ``check`` is given the answer."""

    event: dict[str, Any]
    under: Callable[[], AbstractContextManager[object]] = nullcontext
    check: Callable[[Any], None] = lambda _: None


def ways(name: str) -> Iterator[Way]:
    for path in sorted([ROOT / "events" / f"{name}.json", *ROOT.glob(f"events/*-{name}.json")]):
        yield Way(sample(path.stem), check=_of_sample.get(name, lambda _: None))
    yield from _others.get(name, tuple)()


def context(name: str) -> SimpleNamespace:
    """Lambda's, as far as the functions look at it."""
    return SimpleNamespace(
        aws_request_id="r", function_name=name, get_remaining_time_in_millis=lambda: 600_000, memory_limit_in_mb=512
    )


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return event


def answered(operation: str, answer: Callable[[], dict[str, Any]]) -> AbstractContextManager[None]:
    """Calls of ``service.operation`` are answered here and not sent: the emulator has none of it."""

    def reply(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        return AWSResponse("", 200, HTTPHeaders(), None), answer()

    return _before(operation, reply)


@contextmanager
def _before(operation: str, instead: Callable[..., object]) -> Iterator[None]:
    service, _, name = operation.partition(".")
    event = f"before-call.{'sfn' if service == 'stepfunctions' else service}.{name}"
    events = client(service).meta.events
    events.register(event, instead)
    try:
        yield
    finally:
        events.unregister(event, instead)


def refused(operation: str, code: str) -> AbstractContextManager[None]:
    """Calls of ``service.operation`` fail with ``code``."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, operation)

    return _before(operation, refuse)


def _answered(status: int) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        assert answer["statusCode"] == status, answer

    return check


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
                yield Way(asking("list", f"{whose}&{of}&{asked}"), _looked_at_closely, _answered(200))
    one = sample("tencent-list")
    one["rawQueryString"] = f"jobId={seed.SHOWN_INVENTORY}"
    yield Way(signed(one), check=_shown)


def _workflow_jobs() -> Iterator[Way]:
    for asked in _ORDERS_AND_FILTERS["workflow_jobs"]:
        yield Way(asking("workflow_jobs", asked), _looked_at_closely, _answered(200))
        theirs = asking("workflow_jobs", asked)
        theirs["headers"]["authorization"] = f"Bearer {_MEMBERS_TOKEN}"
        yield Way(theirs, _by_a_member, _answered(200))


def asking(name: str, query: str) -> dict[str, Any]:
    """The sample of a list, asked for something else."""
    return sample(name) | {"rawQueryString": query}


@contextmanager
def _looked_at_closely() -> Iterator[None]:
    """The few jobs of the samples are read as many would be: with the slots of their day, and rare ones by cells."""
    with patch.object(plan, "CROWDED", -1), patch.object(plan, "_LEAST_UNITS", 0):
        yield


_MEMBERS_TOKEN = "members-access-token"


@contextmanager
def _by_a_member() -> Iterator[None]:
    """Of the user whose jobs the samples are."""
    holder = credentials.ApiClient("c" * 24, seed.TENANT, seed.USER_ID, "Jane Doe", Role.MEMBER, "", seed.CREATED_MS)
    credentials.put_client(holder)
    assert credentials.issue(hash_of(_MEMBERS_TOKEN), holder, seed.NEVER_S)
    with _looked_at_closely():
        yield


def _shown(answer: Any) -> None:
    assert seed.SHOWN_INVENTORY in answer["body"], answer


def _cancel() -> Iterator[Way]:
    for job_id in (seed.QUEUED_JOB, seed.RUNNING_JOB, seed.COMPLETED_JOB):
        yield Way(json.loads(json.dumps(sample("cancel")).replace(sample("cancel")["pathParameters"]["jobId"], job_id)))


_TAGGED = (
    "<Tag>inventory</Tag><JobParam/><Output><Region>ap-beijing</Region><Bucket>photos-1250000000</Bucket>"
    "<Object>a.jsonl</Object></Output>"
)


def _submit() -> Iterator[Way]:
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
    functions = json.loads(routes.replace("${", "").replace('Function}"', 'Function"'))
    for key in functions:
        method, path = key.split(" ")
        event = sample("unmatched") | {"rawPath": f"{path.replace('{', '').replace('+', '').replace('}', '')}/"}
        event["requestContext"]["http"]["method"] = method
        yield Way(event, lambda: _routed(functions), _answered(204))


@contextmanager
def _routed(functions: dict[str, str]) -> Iterator[None]:
    from jobyard import unmatched

    unmatched.routes.cache_clear()
    answer = answered("lambda.Invoke", lambda: {"Payload": io.BytesIO(b'{"statusCode": 204}')})
    with patch.dict("os.environ", {"ROUTES": json.dumps(functions)}), answer:
        yield
    unmatched.routes.cache_clear()


def _manage() -> Iterator[Way]:
    workflow = {"name": "w", "runner": {"functionName": f"{seed.WORKFLOW_FUNCTION_PREFIX}w"}}
    for asked in (
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
    # A job that can never be started fails.
    yield Way(sample("drive"), lambda: refused("stepfunctions.StartExecution", "InvalidName"), _nothing_failed)


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
        (RowKey(hours_pk(listed_in, Facet(), ENDED, day), "00#00000"), "0c0+1"),
    ):
        add_to_row(client("dynamodb"), seed.TABLE, key, name, 1)
    counts.forget()
    with patch.object(recount, "day_due", lambda *_: day), patch.object(recount, "LAG_SECONDS", 0):
        yield


# ---- The workflows


def _profile() -> Iterator[Way]:
    more = sample("profile") | {"settings": {"inputs": f"s3://{MORE_INPUT}/"}}
    more["questions"] = {"input": f"s3://{MORE_INPUT}/people.csv"}
    yield Way(more, lambda: _objects(MORE_INPUT, {"people.csv": seed.INPUT_CSV.encode()}))
    yield Way(sample("profile"), _broken_upload)


def _erase() -> Iterator[Way]:
    yield Way(sample("erase"), lambda: _objects(seed.BUCKET, {seed.USER_KEY: b"session"}))
    more = sample("erase") | {"settings": {"bucket": MORE_USERS, "prefix": "data"}}
    yield Way(more, lambda: _objects(MORE_USERS, {"data/jane%40example.com/1.mob": b"session"}))


def _inventory() -> Iterator[Way]:
    more = sample("inventory")
    more["place"] = {"bucket": MORE_INPUT, "root": "", "start": None, "end": None}
    more["items"] = [{"Key": "a.txt", "Size": 4, "LastModified": 1760608478}]
    yield Way(more, lambda: _objects(MORE_INPUT, {"a.txt": b"one\n"}), _all_told)


def _all_told(answer: Any) -> None:
    assert [each for each in answer if "error" in each] == []


def _inventory_steps() -> Iterator[Way]:
    asked = sample("inventory_steps")
    folder = f"objects/{seed.TENANT}/photos-1250000000"
    listed = asked | {"questions": {"Bucket": "photos-1250000000", "UrlFile": "urls.txt"}}
    yield Way(listed, lambda: _objects(seed.BUCKET, {f"{folder}/urls.txt": b"2025/a.txt\n"}))
    more = asked | {"settings": {"bucket": MORE_INPUT}, "questions": {"Bucket": "b", "Manifest": "manifest.json"}}
    told = {"fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "1.csv.gz"}]}
    inventory = {"manifest.json": json.dumps(told).encode(), "1.csv.gz": gzip.compress(b"b,a.txt\n")}
    yield Way(more, lambda: _objects(MORE_INPUT, inventory))
    yield Way(listed, _broken_upload)
    run = f"arn:aws:states:{seed.REGION}:000000000000:execution:jobyard-workflow-inventory:{asked['id']}"
    yield Way(asked | {"step": "watch", "execution": run, "last": {}}, _map_run)
    work = f"work/{seed.TENANT}/{asked['id']}/results"
    plan = {
        "results": {"bucket": seed.BUCKET, "prefix": work},
        "place": {"bucket": seed.BUCKET, "root": f"{folder}/", "start": None, "end": None},
        "tolerance": 5,
    }
    summary = asked | {"step": "summarise", "execution": run, "plan": plan}
    summary["questions"] = asked["questions"] | {"OutputObject": "results/${InventoryTriggerJobId}.jsonl"}
    files = {"SUCCEEDED": [{"Key": f"{work}/1/SUCCEEDED_0.jsonl"}], "FAILED": []}
    results = {
        f"{work}/1/manifest.json": json.dumps({"ResultFiles": files}).encode(),
        f"{work}/1/SUCCEEDED_0.jsonl": b'{"key": "2025/a.txt", "size": 10}\n',
    }
    yield Way(summary, lambda: _objects(seed.BUCKET, results))
    yield Way(summary, _broken_upload)


@contextmanager
def _map_run() -> Iterator[None]:
    counts = dict.fromkeys(("succeeded", "failed", "timedOut", "aborted"), 0) | {"total": 2}
    run = {"executionCounts": counts, "startDate": datetime.now(UTC), "status": "RUNNING"}
    with (
        answered("stepfunctions.ListMapRuns", lambda: {"mapRuns": [{"mapRunArn": _MAP_RUN}]}),
        answered("stepfunctions.DescribeMapRun", lambda: run),
    ):
        yield


@contextmanager
def _objects(bucket: str, contents: dict[str, bytes]) -> Iterator[None]:
    with suppress(client("s3").exceptions.BucketAlreadyOwnedByYou):
        client("s3").create_bucket(Bucket=bucket)
    for key, content in contents.items():
        client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    yield


@contextmanager
def _broken_upload() -> Iterator[None]:
    """A file of several parts, the first of which is refused: what was begun is given up."""
    with refused("s3.UploadPart", "SlowDown"), patch.object(_outputs, "PART_BYTES", 16), suppress(ClientError, Failed):
        yield


_others: dict[str, Callable[[], Iterator[Way]]] = {
    "list": _list,
    "workflow_jobs": _workflow_jobs,
    "cancel": _cancel,
    "submit": _submit,
    "unmatched": _unmatched,
    "manage": _manage,
    "drive": _drive,
    "count": _count,
    "settle": _settle,
    "reconcile": _reconcile,
    "profile": _profile,
    "erase": _erase,
    "inventory": _inventory,
    "inventory_steps": _inventory_steps,
}
