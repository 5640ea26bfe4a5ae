"""What each function really asks of AWS is what its role allows. No local engine would refuse anything.

Every function is given its sample event, and such others as take the ways that the sample does not.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from jobyard.authorizer.bearer import forget
from jobyard.aws import client
from jobyard.store.items import attribute
from local.engine import Engine
from local.template import ROOT
from tests.sam import seed
from tests.transformed import listed, of_function, target

FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
_TRANSACTED = {
    "Put": "PutItem",
    "Delete": "DeleteItem",
    "Update": "UpdateItem",
    "ConditionCheck": "ConditionCheckItem",
}


_LISTS = {"ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions"}


class Asked(NamedTuple):
    """An action, and on what: a partition key, an index, an object's key or their prefix, or an ARN."""

    action: str
    on: str


def asked_of(service: str, operation: str, given: dict[str, Any]) -> list[Asked]:
    if service == "dynamodb":
        return [Asked(f"dynamodb:{action}", on) for action, on in _of_table(operation, given)]
    if service == "s3" and operation in _LISTS:
        return [Asked(_LISTS[operation], given["Prefix"])]
    if service == "s3" and operation == "DeleteObjects":
        versions = given["Delete"]["Objects"]
        return [Asked(f"s3:DeleteObject{'Version' if 'VersionId' in each else ''}", each["Key"]) for each in versions]
    if service == "s3":
        return [Asked("s3:GetObject" if operation == "HeadObject" else f"s3:{operation}", given["Key"])]
    if service == "kms":
        return [Asked(f"kms:{operation}", "")]
    return [Asked(f"states:{operation}", given.get("executionArn") or given["stateMachineArn"])]


def _of_table(operation: str, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "TransactWriteItems":
        for each in given["TransactItems"]:
            ((kind, write),) = each.items()
            yield _TRANSACTED[kind], (write.get("Key") or write["Item"])["pk"]["S"]
    elif operation == "BatchWriteItem":
        for (request,) in (each.values() for requests in given["RequestItems"].values() for each in requests):
            yield operation, (request.get("Key") or request["Item"])["pk"]["S"]
    elif "IndexName" in given:
        yield operation, f"/index/{given['IndexName']}"
    elif operation == "Query":
        assert given["KeyConditionExpression"].startswith("pk = :pk")
        yield operation, given["ExpressionAttributeValues"][":pk"]["S"]
    else:
        yield operation, (given.get("Key") or given["Item"])["pk"]["S"]


def is_allowed(function: str, asked: Asked) -> bool:
    return any(
        asked.action in listed(statement["Action"]) and any(_covers(statement, each, asked.on) for each in
                                                             listed(statement["Resource"]))
        for statement in of_function(function)
    )  # fmt: skip


def _covers(statement: dict[str, Any], resource: Any, on: str) -> bool:
    place = resource.get("Fn::Sub", "") if isinstance(resource, dict) else ""
    if target(resource) == "JobsTable":
        keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        return any(fnmatchcase(on, key) for key in keys)
    if target(resource) == "SecretsKey":
        return on == ""
    if target(resource) == "DataBucket":
        return fnmatchcase(on, statement["Condition"]["StringLike"]["s3:prefix"])
    if target(resource) == "JobStateMachine":
        return on == seed.STATE_MACHINE_ARN
    if ":execution:" in place:
        return on.startswith(seed.STATE_MACHINE_ARN.replace(":stateMachine:", ":execution:") + ":")
    if place.startswith("${DataBucket.Arn}/"):
        return fnmatchcase(on, place.removeprefix("${DataBucket.Arn}/"))
    return bool(on) and place.endswith(on)


class Recorder:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        for service in ("dynamodb", "kms", "s3", "stepfunctions"):
            client(service).meta.events.register("before-parameter-build", self._note)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked += asked_of(model.service_model.service_name, model.name, params)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine")) as engine:
        seed.fill(engine.endpoint, everything=True)
        yield engine


@pytest.fixture
def recorder(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    environment = {
        "AWS_ENDPOINT_URL": engine.endpoint,
        "OIDC_ISSUER": "",
        "OIDC_AUDIENCE": "",
        "POWERTOOLS_METRICS_NAMESPACE": "Jobyard",
        "RETENTION_DAYS": "90",
        "TOKEN_LIFETIME_SECONDS": "3600",
    }
    for name, value in (seed.ENVIRONMENT | environment).items():
        monkeypatch.setenv(name, value)
    for name in FUNCTIONS:
        monkeypatch.syspath_prepend(str(ROOT / "functions" / name))
    client.cache_clear()
    # The samples as they were, whatever the function before did to them.
    seed.seed_table()
    client.cache_clear()
    forget()
    yield Recorder()
    client.cache_clear()
    forget()


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    return event


def changed(job_id: str, kind: str, status: str) -> dict[str, Any]:
    """The sample of the stream, telling of another change."""
    (record,) = sample("drive")["Records"][:1]
    image = record["dynamodb"].pop("NewImage") | {"id": attribute(job_id), "status": attribute(status)}
    record["eventName"] = kind
    record["dynamodb"]["OldImage" if kind == "REMOVE" else "NewImage"] = image
    return {"Records": [record]}


def others(name: str) -> Iterator[dict[str, Any]]:
    """Events beside the sample: those of the further dialects, and such as take other ways."""
    for path in ROOT.glob(f"events/*-{name}.json"):
        yield sample(path.stem)
    if name == "cancel":
        for job_id in (seed.QUEUED_JOB, seed.RUNNING_JOB, seed.COMPLETED_JOB):
            yield json.loads(json.dumps(sample(name)).replace(sample(name)["pathParameters"]["jobId"], job_id))
    if name == "drive":
        yield changed(seed.RUNNING_JOB, "MODIFY", "cancelled")
        yield changed(seed.COMPLETED_JOB, "REMOVE", "completed")
        yield changed(seed.QUEUED_JOB, "REMOVE", "queued")
    if name == "settle":
        event = sample(name)
        event["detail"]["input"] = None
        yield event
    if name == "submit":
        event = sample(name)
        event["headers"] = {key: value for key, value in event["headers"].items() if key != "idempotency-key"}
        yield event
    if name == "manage":
        workflow = {"name": "w", "runner": {"functionName": f"{seed.WORKFLOW_FUNCTION_PREFIX}w"}}
        yield {"action": "clients.list", "tenant": seed.TENANT}
        yield {"action": "clients.revoke", "tenant": seed.TENANT, "clientId": seed.CLIENT_ID}
        yield {"action": "workflows.register", "tenant": seed.TENANT, **workflow}
        yield {"action": "workflows.list", "tenant": seed.TENANT}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_allows_what_its_function_asks(recorder: Recorder, name: str) -> None:
    handler = importlib.import_module(f"functions.{name}.app").handler
    context = SimpleNamespace(
        aws_request_id="r", function_name=name, get_remaining_time_in_millis=lambda: 60_000, memory_limit_in_mb=512
    )
    function = "".join(word.capitalize() for word in name.split("_")) + "Function"
    for event in (sample(name), *others(name)):
        answer = handler(event, context)
        assert name != "manage" or answer["ok"], answer
    # A path that is nowhere needs nothing of AWS; test_unmatched tells whom the others ask.
    assert recorder.asked or name == "unmatched"
    assert [each for each in recorder.asked if not is_allowed(function, each)] == []


def test_a_role_allows_no_more_of_the_table_than_is_known_here() -> None:
    # The check above is worth nothing if everything passes it.
    assert not is_allowed("GetFunction", Asked("dynamodb:GetItem", "WORKFLOW#acme"))
    assert not is_allowed("GetFunction", Asked("dynamodb:UpdateItem", "JOB#acme#1"))
    assert not is_allowed("GetFunction", Asked("dynamodb:Query", "/index/jobs-by-owner"))
    assert not is_allowed("OutputFunction", Asked("s3:GetObject", "inputs/acme/a.csv"))
    assert not is_allowed("DriveFunction", Asked("states:StartExecution", "arn:aws:states:::stateMachine:other"))
