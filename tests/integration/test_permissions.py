"""What each function really asks of AWS is what its role allows, and all that its role allows. No local engine refuses.

Every function is given its sample events, and such others as take the ways that the samples do not (``ways.py``).
What is asked is compared with the roles both ways: nothing is asked that is not allowed, and of what is allowed, each
action on each resource and kind of key is asked for by something here. A permission that nobody uses fails the test.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from jobyard.authorizer.bearer import forget
from jobyard.authorizer.signed import forget as forget_secrets
from jobyard.aws import client
from jobyard.store import counts
from local.engine import Engine
from local.template import ROOT
from tests.iam import Asked, Grant, Names, grants
from tests.integration.way import Way, context
from tests.integration.ways import ways
from tests.integration.ways_of_workflows import MORE_INPUT, MORE_USERS
from tests.recorded import Recorder
from tests.sam import seed
from tests.transformed import functions, target

FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
NAMES = Names(
    JobsTable__Arn=f"arn:aws:dynamodb:us-east-1:000000000000:table/{seed.TABLE}",
    JobsTable__StreamArn=f"arn:aws:dynamodb:us-east-1:000000000000:table/{seed.TABLE}/stream/2025",
    DataBucket__Arn=f"arn:aws:s3:::{seed.BUCKET}",
    JobStateMachine=seed.STATE_MACHINE_ARN,
    JobStateMachine__Name=seed.STATE_MACHINE,
    SecretsKey__Arn=seed.SECRETS_KEY,
    ScheduleGroup=seed.ENVIRONMENT["SCHEDULE_GROUP"],
    SchedulerRole__Arn=seed.ENVIRONMENT["SCHEDULER_ROLE_ARN"],
    InputBucket=MORE_INPUT,
    EraseBucket=MORE_USERS,
    **{"AWS::StackName": seed.WORKFLOW_FUNCTION_PREFIX.removesuffix("-workflow-")},
    **{f"{name}__Arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}" for name in functions()},
)

USED_BY_LAMBDA_ITSELF = {
    ("Log", "logs:CreateLogStream"): "the function's log",
    ("Log", "logs:PutLogEvents"): "the function's log",
    ("Trace", "xray:PutTraceSegments"): "the function's traces",
    ("Trace", "xray:PutTelemetryRecords"): "the function's traces",
    ("ReadStream", "dynamodb:DescribeStream"): "the event source mapping",
    ("ReadStream", "dynamodb:GetRecords"): "the event source mapping",
    ("ReadStream", "dynamodb:GetShardIterator"): "the event source mapping",
    ("FindStream", "dynamodb:ListStreams"): "the event source mapping",
    ("KeepFailures", "sqs:SendMessage"): "the destination of what failed",
}
"""Permissions that the function's code never asks for: Lambda does, with the function's role."""


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
    seed.seed_tencent()
    client.cache_clear()
    _forget()
    yield Recorder()
    client.cache_clear()
    _forget()


def _forget() -> None:
    forget()
    forget_secrets()
    counts.forget()


def function_of(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")) + "Function"


def role_of(name: str) -> str:
    role = target(functions()[function_of(name)]["Role"])
    assert role
    return role


def take(recorder: Recorder, name: str, way: Way) -> None:
    handler = importlib.import_module(f"functions.{name}.app").handler
    answer = None
    with way.under(), recorder:
        answer = handler(way.event, context(name))
    way.check(answer)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_allows_what_its_function_asks_and_nothing_else(recorder: Recorder, name: str) -> None:
    for way in ways(name):
        take(recorder, name, way)
    allowed = grants(role_of(name), NAMES)
    refused = {asked for asked in recorder.asked if not any(grant.covers(asked) for grant in allowed)}
    assert sorted(refused) == []
    statements = {grant[:2] for grant in allowed}
    torn = {
        together
        for together in recorder.together
        if not any(
            all(any(grant.covers(asked) for grant in allowed if grant[:2] == statement) for asked in together)
            for statement in statements
        )
    }
    assert torn == set(), "whether IAM looks at the keys of a transaction one by one or together, it must be allowed"
    unused = {
        grant
        for grant in allowed
        if (grant.sid, grant.action) not in USED_BY_LAMBDA_ITSELF
        and not any(grant.covers(asked) for asked in recorder.asked)
    }
    assert sorted(unused) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_allowed_twice(name: str) -> None:
    # Of two statements that allow the same, taking one away would take nothing away.
    allowed = [grant[2:] for grant in grants(role_of(name), NAMES)]
    assert sorted(allowed) == sorted(set(allowed))


def test_what_is_said_to_be_lambdas_own_is_in_the_template() -> None:
    granted = {(grant.sid, grant.action) for name in FUNCTIONS for grant in grants(role_of(name), NAMES)}
    assert set(USED_BY_LAMBDA_ITSELF) <= granted


def is_allowed(name: str, asked: Asked) -> bool:
    return any(grant.covers(asked) for grant in grants(role_of(name), NAMES))


def test_a_role_allows_no_more_of_the_table_than_is_known_here() -> None:
    # The checks above are worth nothing if everything passes them.
    table, bucket = NAMES["JobsTable.Arn"], NAMES["DataBucket.Arn"]
    assert is_allowed("get", Asked("dynamodb:GetItem", table, "JOB#acme#1"))
    assert not is_allowed("get", Asked("dynamodb:GetItem", table, "WORKFLOW#acme"))
    assert not is_allowed("get", Asked("dynamodb:UpdateItem", table, "JOB#acme#1"))
    assert not is_allowed("get", Asked("dynamodb:Query", f"{table}/index/all-by-creation"))
    assert not is_allowed("workflow_jobs", Asked("dynamodb:Query", f"{table}/index/all-by-creation"))
    assert is_allowed("count", Asked("dynamodb:PutItem", table, "LISTED#acme#1"))
    assert not is_allowed("count", Asked("dynamodb:PutItem", table, "JOB#acme#1"))
    assert not is_allowed("token", Asked("dynamodb:PutItem", table, "CLIENT#68f0c0de000000000000c11e"))
    assert not is_allowed("output", Asked("s3:GetObject", f"{bucket}/inputs/acme/a.csv"))
    assert not is_allowed("drive", Asked("states:StartExecution", "arn:aws:states:::stateMachine:other"))
    unlimited = Grant("", "", "s3:GetObject", f"{bucket}/*")
    assert unlimited.covers(Asked("s3:GetObject", f"{bucket}/inputs/acme/a.csv"))
