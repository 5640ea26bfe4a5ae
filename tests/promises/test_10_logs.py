"""Promise 10, the logs: each line is one JSON object that no caller can break or forge, and no secret stands in any.

All of Jobyard's own loggers are listened to at DEBUG, others at INFO as they are deployed, while every route is asked
by who may and by who may not, and while what nobody foresaw happens in the midst of it.
"""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from jobyard import handlers
from jobyard.authorizer import bearer, signed
from jobyard.lifecycle import drive, reconcile, settle
from jobyard.runner import Job
from jobyard.store import counts, credentials, jobs, listings, projects, secrets, workflows
from tests.contract.api import NoRoute
from tests.contract.tencent.conftest import a_key
from tests.contract.tencent.signing import ROOT, ask
from tests.contract.yard import Yard
from tests.promises.harness.hostile import AWKWARD, in_every_place
from tests.promises.harness.tenants import ROUTES, Sent, Tenant, dialect_of

pytestmark = pytest.mark.usefixtures("tenancy")

KEYS = {
    *(
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "endpoint",
        "dialect",
        "method",
        "status",
        "milliseconds",
    ),
    *("api_request_id", "answer_id", "request_id", "exception", "exception_name", "stack_trace", "job_id", "tenant"),
    *("reason", "new", "keys", "execution", "repair", "xray_trace_id"),
}
"""All that a line may have; that a caller's text became a key would be seen."""

LOGGERS = [module.logger for module in (handlers, drive, settle, reconcile)]


@pytest.fixture
def acme(tenancy: Yard) -> Tenant:
    return Tenant(tenancy, "acme", 7)


@contextmanager
def written() -> Iterator[io.StringIO]:
    """What goes to the log: lines as Powertools makes them, and of all other loggers what they say."""
    stream = io.StringIO()
    # One logger of Python's stands behind all of them.
    (own,) = {logger._logger for logger in LOGGERS}
    ours, plain = logging.StreamHandler(stream), logging.StreamHandler(stream)
    ours.setFormatter(own.handlers[0].formatter)
    plain.setFormatter(_Lambda())
    # As Powertools does with the runtime's handler, or its lines would be written twice.
    plain.addFilter(lambda record: record.name != own.name)
    levels = {own: logging.DEBUG, logging.getLogger("jobyard"): logging.DEBUG, logging.getLogger(): logging.INFO}
    before = {logger: logger.level for logger in levels}
    for logger, level in levels.items():
        logger.setLevel(level)
    own.addHandler(ours)
    logging.getLogger().addHandler(plain)
    try:
        yield stream
    finally:
        own.removeHandler(ours)
        logging.getLogger().removeHandler(plain)
        for logger, level in before.items():
            logger.setLevel(level)


class _Lambda(logging.Formatter):
    """As Lambda's runtime writes what its own handler is given, with LogFormat JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "level": record.levelname,
                "message": record.getMessage(),
                "exception": self.formatException(record.exc_info) if record.exc_info else None,
            }
        )


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Each line is an object, with no key twice and none that is not known."""

    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in given}) == len(given), given
        return dict(given)

    found = []
    for line in stream.getvalue().split("\n")[:-1]:
        made = json.loads(line, object_pairs_hook=pairs)
        assert isinstance(made, dict)
        assert set(made) <= KEYS, set(made) - KEYS
        assert line.isprintable(), "an escape would reach a terminal"
        found.append(made)
    return found


def forms(secret: str) -> set[str]:
    """In which a secret could stand somewhere; in base64 at whatever place it began."""
    coded = {base64.b64encode(b"x" * n + secret.encode()).decode()[4 * (n > 0) : -4].strip("=") for n in range(3)}
    return {
        secret,
        quote(secret, safe=""),
        secret.encode().hex(),
        repr(secret)[1:-1],
        *(each for each in coded if len(each) > 8),
    }


def assert_untold(secrets_: dict[str, str], text: str) -> None:
    for name, secret in secrets_.items():
        assert len(secret) >= 8, name
        for form in forms(secret):
            assert form not in text, f"{name} stands in it, as {form}"


def secrets_of(tenant: Tenant) -> dict[str, str]:
    found = {
        "client secret": tenant.curator.secret,
        "access token": tenant.curator.token,
        "API key": tenant.organisation.api_key,
        "secret key": tenant.key.secret,
        "value of a question": "s3://data/a.csv",
    }
    for route, sent in tenant.valid().items():
        if value := sent.headers.get("authorization"):
            found[f"authorization of {route}"] = value
            if "q-signature=" in value:
                found[f"signature of {route}"] = value.partition("q-signature=")[2]
    return found


def almost(sent: Sent) -> Iterator[Sent]:
    """The request with credentials that are nearly right, which are told of in most words."""
    given = sent.headers.get("authorization", "")
    for changed in (f"{given}x", given[:-1], given.replace("Bearer ", "Basic "), given.swapcase(), f" {given}"):
        yield sent._replace(headers={**sent.headers, "authorization": changed})
    yield sent._replace(query=f"{sent.query}&access_token={quote(given)}")
    if isinstance(sent.body, str):
        yield sent._replace(body=f"{sent.body}x")
        yield sent._replace(body=sent.body[:-1])


def forget() -> None:
    bearer.forget()
    signed.forget()


def test_no_line_has_a_secret(acme: Tenant) -> None:
    made: dict[str, str] = {}
    with written() as stream:
        for route, sent in acme.valid().items():
            answer = sent.answer()
            if route.endswith("token"):
                made["new token"] = answer.json["access_token"]
            if "output" in route:
                made[f"link of {route}"] = answer.headers["Location"]
                made[f"signature of the link of {route}"] = answer.headers["Location"].rpartition("=")[2]
            for refused in almost(sent):
                forget()
                refused.answer()
        key = a_key(lifetimeSeconds=600)
        made |= {"temporary key": key.secret, "temporary token": key.token}
        ask(key, "GET", ROOT)
        ask(key._replace(token=f"{key.token}x"), "GET", ROOT)
    told = lines(stream)
    assert {line.get("endpoint") for line in told} >= {
        route.function.removeprefix("functions/") for route in ROUTES.values()
    }
    assert {line.get("status") for line in told} >= {200, 302, 400, 401}
    assert_untold(secrets_of(acme) | made, stream.getvalue())


def test_no_answer_that_refuses_has_a_secret(acme: Tenant) -> None:
    """What the caller itself has sent may come back, where it is told what was wrong with it; but no credential."""
    known = {name: secret for name, secret in secrets_of(acme).items() if "question" not in name}
    for sent in acme.valid().values():
        for refused in almost(sent):
            forget()
            answer = refused.answer()
            if answer.status >= 400:
                assert_untold(known, f"{answer.headers} {answer.text}")


UNFORESEEN = {"alteryx": "An error has occurred.", "openreplay": "internal server error", "tencent": "InternalError"}
BREAKS = (
    *((jobs, "get"), (workflows, "get")),
    *((counts, "days"), (listings, "read")),
    *((credentials, "find"), (credentials, "get_client"), (projects, "find"), (secrets, "find")),
)


@pytest.mark.parametrize("place", BREAKS, ids=lambda place: f"{place[0].__name__}.{place[1]}")
def test_what_nobody_foresaw_is_logged_without_a_secret_and_not_told(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("something that\nnobody foresaw")

    monkeypatch.setattr(*place, broken)
    failed = 0
    with written() as stream:
        for route, sent in acme.valid().items():
            forget()
            answer = sent.answer()
            if answer.status == 500:
                failed += 1
                assert "foresaw" not in f"{answer.headers} {answer.text}", route
                assert UNFORESEEN[dialect_of(ROUTES[route])] in answer.text, route
    told = lines(stream)
    assert failed
    assert sum("something that\nnobody foresaw" in (line.get("exception") or "") for line in told) == failed
    assert_untold(secrets_of(acme), stream.getvalue())


@pytest.mark.nightly
def test_no_value_breaks_or_forges_a_line(acme: Tenant) -> None:
    forged = '","level":"CRITICAL","tenant":"globex","x":"'
    with written() as stream:
        asked = 0
        for n, (route, whole) in enumerate(acme.valid().items()):
            for m, value in enumerate([forged, *AWKWARD]):
                for k, (_, sent, event) in enumerate(in_every_place(whole, dialect_of(ROUTES[route]), value)):
                    if (n + m + k) % (397 if m else 5):
                        continue
                    try:
                        sent.answer(**event)
                    except NoRoute:
                        continue
                    asked += 1
    told = lines(stream)
    assert sum(line["message"] == "answered" for line in told) == asked
    assert not any(line["level"] == "CRITICAL" or line.get("tenant") == "globex" for line in told)


def test_a_workflows_function_logs_no_task_token(tenancy: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the exception by which it refuses what is no job: Lambda writes that to its log."""
    token = "AQCEAAAAKgAAAAMAAAAAAAAAATaskToken1234567890"
    event = {"id": "a" * 24, "workflow": {"id": "b", "name": "c"}, "taskToken": token, "settings": {"password": token}}
    with written() as stream:
        with pytest.raises(ValueError, match="not a job") as refused:
            Job(event)
        job = Job(event | {"tenant": "acme"})
        monkeypatch.setattr("jobyard.store.running.glance", _unreachable)
        assert job.cancelled is False
        assert job.task
        job._heartbeat_at = job._looked_at = float("-inf")
        monkeypatch.setattr(job.task, "heartbeat", _unreachable)
        job.heartbeat()
    assert stream.getvalue().count("was not sent") == 1
    assert_untold({"task token": token}, f"{stream.getvalue()} {refused.value} {job!r}")


def _unreachable(*_: Any) -> Any:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url="https://states.us-east-1.amazonaws.com/")


def test_one_line_for_a_request(acme: Tenant) -> None:
    with written() as stream:
        acme.valid()["GET /webapi/v3/jobs"].answer()
    (line,) = lines(stream)
    assert {name: line[name] for name in ("endpoint", "dialect", "method", "status", "api_request_id")} == {
        "endpoint": "list",
        "dialect": "alteryx",
        "method": "GET",
        "status": 200,
        "api_request_id": "JKJaXmPLvHcESHA=",
    }
