"""Promise 10, for what others than callers send: each function refuses clearly what it cannot understand.

The operator's requests are answered with ``ok: false`` and the field; events of AWS that are none fail, once for each
delivery, with nothing written, and so come to rest in the dead-letter queue. A workflow's function that is given no job
says so.
"""

from __future__ import annotations

import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobyard.lifecycle import executions, settle
from jobyard.lifecycle.drive import drive
from jobyard.runner import Failed, Job
from jobyard.service.manage import _ACTIONS, manage
from tests.contract.api import _handler
from tests.contract.yard import Yard
from tests.promises.effort import effort
from tests.promises.harness.hostile import AWKWARD, trees, values

pytestmark = pytest.mark.usefixtures("tenancy")

DEEP = "[" * 30_000
RUNNER = {"type": "lambda", "functionName": "jobyard-workflow-a"}
FIELDS = ("tenant", "name", "role", "userId", "clientId", "id", "owner", "public", "runner", "settings", "keyId")
MORE_FIELDS = ("workflowId", "bucket", "prefix", "lifetimeSeconds", "secretId")


def nested(depth: int) -> Any:
    made: Any = 1
    for n in range(depth):
        made = [made] if n % 2 else {"a": made}
    return made


def test_the_operator_is_always_answered(tenancy: Yard) -> None:
    @effort(150)
    @given(
        st.sampled_from(sorted(_ACTIONS)),
        st.dictionaries(st.sampled_from(FIELDS + MORE_FIELDS), st.one_of(trees, values), max_size=4),
    )
    def ask(action: str, fields: dict[str, Any]) -> None:
        usual = {"tenant": "acme", "name": "a", "role": "Member", "runner": RUNNER, "workflowId": "f" * 24}
        known = set(_ACTIONS[action].model_fields)
        request = {name: value for name, value in usual.items() if name in known} | fields | {"action": action}
        answer = manage(request)
        assert set(answer) == ({"ok", "result"} if answer["ok"] else {"ok", "error"})
        # Lambda writes it as JSON in UTF-8.
        json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()

    ask()


@pytest.mark.parametrize(
    "request_", [None, 1, "", [], {}, {"action": []}, {"action": {}}, {"action": "clients.create"}]
)
def test_what_is_no_request_of_the_operators(request_: Any) -> None:
    assert manage(request_)["error"]["message"]


@pytest.mark.parametrize(
    "settings",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": 10**50},
        {"a": 1e300},
        {"a": 1e-200},
        {"a": "\ud800"},
        {"\ud800": 1},
        {"": 1},
        nested(17),
        nested(901),
        {"a": "x" * 20_000},
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_settings_that_the_table_cannot_hold(tenancy: Yard, settings: Any) -> None:
    request = {"action": "workflows.register", "tenant": "acme", "name": "a", "runner": RUNNER, "settings": settings}
    with tenancy.unchanged():
        answer = manage(request)
    assert "settings" in answer["error"]["message"]


@pytest.mark.parametrize(
    "settings", [{"a": 10**37}, {"a": -1e37}, {"a": 1e-129}, nested(15), {"a": ""}, {"é": [None, True]}]
)
def test_settings_that_it_can_hold(tenancy: Yard, settings: Any) -> None:
    request = {"action": "workflows.register", "tenant": "acme", "name": "a", "runner": RUNNER, "settings": settings}
    assert manage(request)["ok"]
    listed = manage({"action": "workflows.list", "tenant": "acme"})["result"]
    assert listed[0]["settings"] == settings


RECORDS: list[Any] = [
    {"dynamodb": {"SequenceNumber": "1"}},
    {"dynamodb": {"SequenceNumber": "1", "Keys": {"pk": {"S": "JOB#a#b"}, "sk": {"S": "JOB"}}}, "eventName": "INSERT"},
    {
        "dynamodb": {
            "SequenceNumber": "1",
            "Keys": {"pk": {"S": "JOB#a#b"}, "sk": {"S": "JOB"}},
            "NewImage": {"status": {"S": "odd"}},
        },
        "eventName": "MODIFY",
    },
    {
        "dynamodb": {"SequenceNumber": "1", "Keys": {"pk": {"N": "1"}, "sk": {"S": "JOB"}}, "NewImage": []},
        "eventName": "",
    },
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_that_cannot_be_understood_fails_alone(tenancy: Yard, record: Any) -> None:
    other = {"dynamodb": {"SequenceNumber": "2", "Keys": {"pk": {"S": "CLIENT#a"}, "sk": {"S": "CLIENT"}}}}
    with tenancy.unchanged():
        assert drive([record, other]) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_what_is_no_event_of_an_execution_changes_nothing(tenancy: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "find", lambda _: None)
    detail = st.fixed_dictionaries({"name": values, "status": values, "input": st.one_of(trees, values)})
    tenancy.job()
    with tenancy.unchanged():

        @effort(60)
        @given(st.one_of(trees, st.fixed_dictionaries({"detail": detail})))
        def ask(event: Any) -> None:
            # One that names no execution at all fails, and is kept with the dead letters.
            with suppress(KeyError, TypeError, AttributeError, IndexError):
                assert settle.settle(event) is False

        ask()


@pytest.mark.parametrize(
    "text", [DEEP, '{"a":' * 30_000, "", "null", "[]", '"x"', "{", "\ud800", '{"jobId":1,"tenant":2}']
)
def test_causes_and_inputs_of_any_form(text: str) -> None:
    """A workflow may fail with a cause of its own making, and somebody may start an execution by hand."""
    assert executions.tenant_of("a", text) is None
    assert 0 < len(settle.reason("FAILED", "", text)) <= settle.REASON_LONGEST


def test_a_job_whose_workflow_failed_with_a_nested_cause_is_settled(tenancy: Yard) -> None:
    job = tenancy.job()
    detail = {
        "name": job.id,
        "status": "FAILED",
        "cause": DEEP,
        "input": json.dumps({"jobId": job.id, "tenant": "acme"}),
    }
    assert settle.settle({"detail": detail})


@effort(60)
@given(st.one_of(trees, st.dictionaries(st.sampled_from(["id", "tenant", "workflow", "questions", "settings"]), trees)))
def test_what_is_no_job_is_refused_by_a_workflows_function(event: Any) -> None:
    with pytest.raises(ValueError, match="not a job of Jobyard"):
        Job(event)


@pytest.mark.parametrize("value", [each for each in AWKWARD if each.isprintable()])
def test_the_shipped_workflows_fail_in_words_for_odd_questions(tenancy: Yard, value: str) -> None:
    """Whatever a caller answers, the job fails for a reason that its user can read, before anything is touched."""
    from csvprofile.request import read_request as profile
    from erasing.request import read_request as erase
    from manyobjects.request import read_request as inventory

    said: list[str] = []
    for read, names in (
        (
            lambda questions: profile("acme", questions, {}, "data"),
            ("input", "delimiter", "encoding", "header", "nulls"),
        ),
        (lambda questions: erase("acme", questions, {}, "data"), ("UserId", "ProjectId")),
        (
            lambda questions: inventory("acme", questions, {}),
            ("Prefix", "Object", "Manifest", "Bucket", "Start", "End"),
        ),
    ):
        usual = {"input": "s3://data/inputs/acme/a.csv", "UserId": "anna", "ProjectId": "1", "Bucket": "b"}
        for name in names:
            try:
                read(usual | {name: value})
            except Failed as failed:
                said.append(str(failed))
    assert all(0 < len(each) < 1000 for each in said)


def test_garbage_for_each_other_function_fails_at_once(tenancy: Yard) -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000, function_name="f", memory_limit_in_mb=1)
    events: list[Any] = [None, [], "", 1, {}, {"Records": None}, {"Records": [None]}, {"detail": None}]
    with tenancy.unchanged():
        for folder in ("drive", "count", "settle"):
            for event in events:
                with pytest.raises((KeyError, TypeError, AttributeError)):
                    _handler(f"functions/{folder}")(event, context)
