"""Of every secret that is given out only a hash or a sealed form stays: in the table, executions, logs and answers.

Each way that makes a secret is walked once, through the handlers, and each secret is used; then everything that is left
behind is searched for it, in whatever encoding, and for any piece of it.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest

from jobyard.authorizer.bearer import forget
from jobyard.authorizer.signed import forget as forget_secrets
from jobyard.aws import client
from jobyard.service.manage import _ACTIONS
from local.engine import Engine
from local.template import load
from tests.integration.way import context, sample
from tests.integration.ways import signed
from tests.sam import seed

PIECE = 12
"""Characters: of a secret of 32 or more so long a piece is no chance, and too short to be worth finding less."""


class Secret(NamedTuple):
    """``kind`` says which way made it; ``id`` leads the operator to it."""

    kind: str
    value: str
    id: str

    @property
    def hidden(self) -> str:
        """What nobody may find. Behind it an access token says whose it is, which answers and records say too."""
        return self.value.partition("~")[0]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    with Engine(tmp_path_factory.mktemp("engine")) as engine, pytest.MonkeyPatch.context() as patched:
        for name, value in (seed.ENVIRONMENT | _ENVIRONMENT | {"AWS_ENDPOINT_URL": engine.endpoint}).items():
            patched.setenv(name, value)
        seed.fill(engine.endpoint, everything=True)
        _forget()
        yield Left()
        _forget()


_ENVIRONMENT = {
    "OIDC_ISSUER": "",
    "OIDC_AUDIENCE": "",
    "POWERTOOLS_METRICS_NAMESPACE": "Jobyard",
    "RETENTION_DAYS": "90",
    "TOKEN_LIFETIME_SECONDS": "3600",
}


def _forget() -> None:
    client.cache_clear()
    forget()
    forget_secrets()


class Left:
    """What is left behind when each secret was made and used; made once for the tests of this file."""

    def __init__(self) -> None:
        self.secrets: list[Secret] = []
        self.jobs: list[str] = []
        self.answers: dict[str, str] = {}
        self.log: list[str] = []
        self.before = _job_ids()
        noted = _Noted(self.log)
        logging.getLogger().addHandler(noted)
        self._walk()
        logging.getLogger().removeHandler(noted)

    def _walk(self) -> None:
        made = self._manage("clients.create", name="c", role="Curator")
        self._keep("client secret", made["clientSecret"], made["clientId"])
        for event in _token_requests(made["clientId"], made["clientSecret"]):
            answer = json.loads(_run("token", event)["body"])
            self._keep("access token", answer["access_token"], made["clientId"])
            self._submit("submit", f"Bearer {answer['access_token']}")
        key = self._manage("keys.create", name="k")
        self._keep("API key", key["apiKey"], key["keyId"])
        self._submit("openreplay-submit", f"Bearer {key['apiKey']}")
        for lifetime in (None, 600):
            given = self._manage("secrets.create", name="s", **({"lifetimeSeconds": lifetime} if lifetime else {}))
            self._keep(
                "secret key of a temporary secret" if lifetime else "secret key", given["secretKey"], given["secretId"]
            )
            if "token" in given:
                self._keep("token of a temporary secret", given["token"], given["secretId"])
            self._submit("tencent-submit", secret=given)
        self._refused()
        self._started()
        for action in ("clients.list", "keys.list", "secrets.list", "workflows.list", "projects.list"):
            self.answers[action] = json.dumps(self._manage(action))

    def _manage(self, action: str, **given: Any) -> Any:
        answer = _run("manage", {"action": action, "tenant": seed.TENANT, **given})
        assert answer["ok"], answer
        return answer["result"]

    def _keep(self, kind: str, value: str, id: str) -> None:
        self.secrets.append(Secret(kind, value, id))

    def _submit(self, name: str, authorization: str = "", secret: dict[str, str] | None = None) -> None:
        event = sample(name)
        event["headers"] |= {"authorization": authorization, "idempotency-key": f"key {len(self.jobs)}"}
        if secret:
            event["headers"] |= {"x-ci-security-token": secret.get("token", "")}
            event = signed(event, secret["secretId"], secret["secretKey"])
        answer = _run("submit", event)
        assert answer["statusCode"] == 200, answer
        self.jobs.append(name)
        self.answers[f"{name} {len(self.jobs)}"] = json.dumps(answer)

    def _refused(self) -> None:
        """What is almost right is told and logged in most words."""
        for secret in self.secrets:
            wrong = sample("tencent-submit" if secret.id.startswith("AKID") else "get")
            wrong["headers"]["authorization"] = f"Bearer {secret.value}x"
            if secret.id.startswith("AKID"):
                wrong = signed(wrong, secret.id, f"{secret.value}x")
            answer = _run("submit" if secret.id.startswith("AKID") else "get", wrong)
            assert answer["statusCode"] == 401, answer
            self.answers[f"refused {secret.kind}"] = json.dumps(answer)
        for event in _token_requests(self.secrets[0].id, f"{self.secrets[0].value}x"):
            self.answers["refused token"] = json.dumps(_run("token", event))

    @staticmethod
    def _started() -> None:
        """Drive is told of the jobs, then of those that it has claimed."""
        for kind in ("INSERT", "MODIFY"):
            told = [
                {
                    "eventName": kind,
                    "dynamodb": {"Keys": {"pk": each["pk"], "sk": each["sk"]}, "NewImage": each, "SequenceNumber": "1"},
                }
                for each in _items()
                if each["sk"] == {"S": "JOB"}
            ]
            assert _run("drive", {"Records": told}) == {"batchItemFailures": []}


class _Noted(logging.Handler):
    """Each record whole: the message, and all that would be written with it."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self._lines.append(f"{record.getMessage()} {json.dumps(record.__dict__, default=repr)} {trace}")


def _token_requests(id: str, secret: str) -> Iterator[dict[str, Any]]:
    """In the body, and by HTTP Basic."""
    posted = sample("token")
    posted["isBase64Encoded"] = False
    posted["body"] = urlencode({"grant_type": "client_credentials", "client_id": id, "client_secret": secret})
    yield posted
    basic = base64.b64encode(f"{id}:{secret}".encode()).decode()
    yield posted | {
        "headers": posted["headers"] | {"authorization": f"Basic {basic}"},
        "body": "grant_type=client_credentials",
    }


def _run(name: str, event: dict[str, Any]) -> Any:
    return importlib.import_module(f"functions.{name}.app").handler(event, context(name))


def _items() -> list[dict[str, Any]]:
    pages = client("dynamodb").get_paginator("scan").paginate(TableName=os.environ["TABLE_NAME"], ConsistentRead=True)
    return [each for page in pages for each in page["Items"]]


def _job_ids() -> set[str]:
    return {each["id"]["S"] for each in _items() if each["sk"] == {"S": "JOB"}}


def _executions() -> dict[str, str]:
    """All that is told of each, by its name."""
    states = client("stepfunctions")
    return {
        each["name"]: json.dumps(states.describe_execution(executionArn=each["executionArn"]), default=str)
        + json.dumps(states.get_execution_history(executionArn=each["executionArn"]), default=str)
        for each in states.list_executions(stateMachineArn=seed.STATE_MACHINE_ARN)["executions"]
    }


def forms(secret: str) -> Iterator[str]:
    """All that a piece of the secret can look like where it was not meant to be."""
    for start in range(len(secret) - PIECE + 1):
        piece = secret[start : start + PIECE]
        yield from {piece, piece[::-1], quote(piece, safe=""), piece.encode("utf-16-le").decode("latin-1")}
        yield piece.encode().hex()
        # In base64, a piece that begins at a multiple of three of whatever was encoded is always the same.
        yield from {base64.b64encode(piece.encode()).decode(), base64.urlsafe_b64encode(piece.encode()).decode()}


def traces(secret: str, text: str) -> set[str]:
    lower = text.lower()
    return {form for form in forms(secret) if form.lower() in lower}


def test_each_way_that_makes_a_secret_is_walked(left: Left) -> None:
    # An action of the operator's that gives out a secret of a new kind belongs into this file.
    creating = {action for action in _ACTIONS if action.endswith(".create")}
    assert creating == {"clients.create", "keys.create", "secrets.create", "projects.create"}
    assert {secret.kind for secret in left.secrets} == {
        "client secret",
        "access token",
        "API key",
        "secret key",
        "secret key of a temporary secret",
        "token of a temporary secret",
    }
    assert all(len(secret.hidden) >= 32 for secret in left.secrets)
    assert len({secret.hidden for secret in left.secrets}) == len(left.secrets)


def test_the_table_holds_no_secret(left: Left) -> None:
    items = _items()
    assert len(items) > 3 * len(left.secrets)
    text = json.dumps(items, ensure_ascii=False)
    assert {secret.kind: found for secret in left.secrets if (found := traces(secret.hidden, text))} == {}


def test_executions_are_given_no_secret(left: Left) -> None:
    executions = _executions()
    submitted = _job_ids() - left.before
    assert len(submitted) == len(left.jobs)
    assert executions.keys() >= submitted
    assert all('"input"' in each for each in executions.values())
    text = "\n".join(executions.values())
    assert {secret.kind: found for secret in left.secrets if (found := traces(secret.hidden, text))} == {}


def test_no_answer_but_the_first_tells_a_secret(left: Left) -> None:
    text = json.dumps(left.answers)
    assert left.secrets[0].id in text
    assert {secret.kind: found for secret in left.secrets if (found := traces(secret.hidden, text))} == {}


def test_logs_tell_no_secret(left: Left) -> None:
    assert len([line for line in left.log if "answered" in line]) > len(left.secrets)
    text = "\n".join(left.log)
    assert {secret.kind: found for secret in left.secrets if (found := traces(secret.hidden, text))} == {}


def test_a_revoked_secret_leaves_nothing_to_check_it_by(left: Left) -> None:
    left._manage("clients.revoke", clientId=left.secrets[0].id)
    kept = [each for each in _items() if each["pk"]["S"].startswith(("CREDENTIAL#", "TOKENS#"))]
    assert left.secrets[0].id not in json.dumps(kept)
    for action, field, kind in (("keys.revoke", "keyId", "API key"), ("secrets.revoke", "secretId", "secret key")):
        for secret in left.secrets:
            if secret.kind.startswith(kind):
                left._manage(action, **{field: secret.id})
                kept = [each for each in _items() if each["pk"]["S"].startswith("CREDENTIAL#")]
                assert secret.id not in json.dumps(kept)


@pytest.mark.parametrize(
    "hidden",
    [
        "{}",
        "x{}",
        '{{"a": "{}"}}',
    ],
)
def test_the_search_finds_what_it_looks_for(hidden: str) -> None:
    secret = "Zx81-qwertyuiopasdfghjkl_zxcvbnm"
    plain = hidden.format(secret)
    for text in (
        plain,
        plain.upper(),
        hidden.format(secret[5 : 5 + PIECE]),
        plain[::-1],
        plain.encode().hex(),
        base64.b64encode(plain.encode()).decode(),
        base64.urlsafe_b64encode(plain.encode()).decode(),
        plain.encode("utf-16-le").decode("latin-1"),
    ):
        assert traces(secret, text), text
    assert not traces(secret, base64.b64encode(b"something else, and longer than a piece of it").decode())


def test_no_variable_of_a_function_is_a_secret() -> None:
    template = load()
    declared: dict[str, Any] = dict(template["Globals"]["Function"]["Environment"]["Variables"])
    for resource in template["Resources"].values():
        declared |= resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    suspicious = {
        name: value
        for name, value in declared.items()
        if any(word in name for word in ("SECRET", "TOKEN", "KEY", "PASSWORD", "CREDENTIAL"))
    }
    # The ARN of a key that never leaves KMS, a number of seconds, and what the template names and does not hold. With
    # that one signs cursors, which say no more than where a page begins.
    assert suspicious == {
        "SECRETS_KEY_ARN": {"Fn::GetAtt": ["SecretsKey", "Arn"]},
        "CURSOR_KEY": {"Fn::Sub": "{{resolve:secretsmanager:${CursorSecret}}}"},
        "TOKEN_LIFETIME_SECONDS": {"Ref": "TokenLifetimeSeconds"},
    }
    assert not any(parameter.get("NoEcho") for parameter in template["Parameters"].values())
