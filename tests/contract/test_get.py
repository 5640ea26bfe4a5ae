"""GET /webapi/v3/jobs/{jobId}"""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.meter import metering
from jobyard.aws import client
from jobyard.model import Output, Priority, Status
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.factories import ADA, NOW
from tests.in_turn import in_turn

ID = "66ebd18d3d6200007e000d8c"
VENDORS = {
    "id": "string",
    "appId": "string",
    "createDateTime": "2024-09-19T10:02:54.589Z",
    "status": "string",
    "disposition": "string",
    "outputs": [{"id": "string", "availableFormats": ["string"], "fileName": "string"}],
    "messages": [{"status": 0, "text": "string", "toolId": 0}],
    "priority": "Default",
    "workerTag": "string",
    "runWithE2": True,
}
"""The example of the vendor's page."""
ADDED = {"startTime", "endTime", "submittedBy", "scheduleId", "progress", "queuePosition", "waitingFor"}
CSV = Output("0123456789abcdef01234567", "profile.csv", "profile.csv", "csv", "outputs/acme/x/profile.csv", 42)
CREATED_2024 = 1_726_740_174_589


def get(client: Client, id: str = ID, query: str = "") -> Answer:
    return call("GET", f"/webapi/v3/jobs/{id}", client.token, query)


def same_shape(example: Any, sent: Any) -> bool:
    if isinstance(example, list):
        return isinstance(sent, list) and all(same_shape(example[0], each) for each in sent)
    if isinstance(example, dict):
        return all(same_shape(value, sent[name]) for name, value in example.items())
    return type(example) is type(sent)


def test_the_vendors_example_call(yard: Yard, curator: Client) -> None:
    job = yard.job(
        id=ID,
        created_at=CREATED_2024,
        status=Status.RUNNING,
        outputs=[CSV],
        run_with_e2=True,
        worker_tag="gpu",
    )
    headers = {"accept": "application/json", "authorization": f"Bearer {curator.token}"}
    answer = call("GET", f"/webapi/v3/jobs/{ID}", query="includeMessages=true", headers=headers)
    assert answer.status == 200
    assert answer.headers == {"Content-Type": "application/json; charset=utf-8"}
    sent = answer.json
    assert set(sent) == set(VENDORS) | ADDED
    assert same_shape(VENDORS, sent)
    assert sent["createDateTime"] == VENDORS["createDateTime"]
    assert (sent["id"], sent["appId"], sent["workerTag"], sent["runWithE2"]) == (ID, job.workflow_id, "gpu", True)
    assert {frozenset(each) for each in sent["messages"]} == {frozenset({"status", "text", "toolId"})}


@in_turn("query", ["", "includeMessages", "includeMessages=", "includeMessages=%20"])
@in_turn("true", ["", "includeMessages=true", "includeMessages=True", "includeMessages=TRUE"])
def test_messages_are_included_unless_they_are_refused(yard: Yard, curator: Client, query: str, true: str) -> None:
    yard.job(id=ID)
    assert "messages" in get(curator, query=f"{query}&{true}").json


def test_a_known_caller_gets_a_job_with_its_messages_by_one_request_to_dynamodb(yard: Yard, curator: Client) -> None:
    yard.messages(yard.job(id=ID, status=Status.RUNNING), [f"{number} rows" for number in range(20)])
    assert get(curator).status == 200
    with metering(client("dynamodb")) as meter:
        found = get(curator).json
    assert {f"{number} rows" for number in range(20)} <= {each["text"] for each in found["messages"]}
    assert (meter.requests, meter.trips) == (1, 1)


@pytest.mark.parametrize("query", ["includeMessages=false", "includeMessages=False", "includeMessages=FALSE"])
def test_without_messages_the_object_is_reduced_by_just_them(yard: Yard, curator: Client, query: str) -> None:
    yard.job(id=ID, outputs=[CSV])
    whole, reduced = get(curator).json, get(curator, query=query).json
    assert whole.pop("messages")
    assert reduced == whole


@in_turn("value", ["1", "yes", "vrai", "truefalse", "true,false", "%00", "%FF", "x" * 5000])
def test_another_value_is_refused_with_the_allowed_ones(yard: Yard, curator: Client, value: str) -> None:
    yard.job(id=ID)
    answer = get(curator, query=f"includeMessages={value}")
    assert answer.status == 400
    assert answer.message.startswith("includeMessages: ")
    assert answer.message.endswith("Allowed values: true, false.")
    assert len(answer.message) < 500


@pytest.mark.parametrize(
    ("status", "shown", "disposition"),
    [
        (Status.SCHEDULED, "Queued", "None"),
        (Status.QUEUED, "Queued", "None"),
        (Status.INITIALIZING, "Initializing", "None"),
        (Status.RUNNING, "Running", "None"),
        (Status.COMPLETED, "Completed", "Success"),
        (Status.FAILED, "Completed", "Error"),
        (Status.CANCELLED, "Cancelled", "Cancelled"),
    ],
)
def test_each_status_and_its_disposition(
    yard: Yard, curator: Client, status: Status, shown: str, disposition: str
) -> None:
    yard.job(id=ID, status=status)
    sent = get(curator).json
    assert (sent["status"], sent["disposition"]) == (shown, disposition)


@pytest.mark.parametrize("priority", list(Priority))
def test_the_priority_is_shown_by_the_name_that_was_asked_for(yard: Yard, curator: Client, priority: Priority) -> None:
    yard.job(id=ID, priority=priority)
    assert get(curator).json["priority"] == priority.value


def test_a_job_that_was_just_queued_is_as_recorded_from_the_vendors_server(yard: Yard, curator: Client) -> None:
    yard.job(id=ID)
    sent = get(curator, query="includeMessages=false").json
    assert {name: sent[name] for name in ("status", "disposition", "outputs", "workerTag", "runWithE2")} == {
        "status": "Queued",
        "disposition": "None",
        "outputs": [],
        "workerTag": "",
        "runWithE2": False,
    }
    assert {name: sent[name] for name in ADDED} == {
        "startTime": None,
        "endTime": None,
        "submittedBy": ADA.name,
        "scheduleId": None,
        "progress": None,
        "queuePosition": 1,
        "waitingFor": None,
    }


def test_start_end_submitter_and_progress_are_added(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.FAILED, started_at=NOW + 1, finished_at=NOW + 61_002, progress=0.5)
    sent = get(curator).json
    assert (sent["startTime"], sent["endTime"]) == ("2025-12-01T00:00:00.001Z", "2025-12-01T00:01:01.002Z")
    assert (sent["submittedBy"], sent["progress"]) == (ADA.name, 0.5)


@pytest.mark.parametrize(
    ("format", "formats"),
    [("csv", ["Csv", "Raw"]), ("CSV", ["Csv", "Raw"]), ("xlsx", ["Xlsx", "Raw"]), ("json", ["Raw"]), ("", ["Raw"])],
)
def test_an_output_names_the_vendors_formats(yard: Yard, curator: Client, format: str, formats: list[str]) -> None:
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV._replace(format=format)])
    (sent,) = get(curator).json["outputs"]
    assert sent == {
        "id": CSV.id,
        "availableFormats": formats,
        "fileName": "profile.csv",
        "name": "profile.csv",
        "format": format,
    }


def test_text_in_any_script_comes_as_it_is(yard: Yard, curator: Client) -> None:
    job = yard.job(id=ID, worker_tag="作業者 🛠", status=Status.FAILED, finished_at=NOW, error="файл «a» не найден")
    yard.messages(job, ['Zeile "1"\n\t\x00\x1f\u2028 ﷽'])
    sent = get(curator).json
    assert sent["workerTag"] == "作業者 🛠"
    assert [each["text"] for each in sent["messages"]] == [
        "Queued with priority Default.",
        'Zeile "1"\n\t\x00\x1f\u2028 ﷽',
        "Failed: файл «a» не найден",
    ]


def test_an_id_in_upper_case_is_the_same_id(yard: Yard, curator: Client) -> None:
    yard.job(id=ID)
    assert get(curator, ID.upper()).json["id"] == ID


@in_turn(
    "id",
    [
        "66ebd18d3d6200007e000d8d",
        "66ebd18d3d6200007e000d8",
        "66ebd18d3d6200007e000d8c0",
        "string",
        "0",
        "-1",
        "null",
        "*",
        "..",
        "%2e%2e%2fjobs",
        "JOB%23acme%23" + ID,
        "%00",
        ID + "%00",
        ID + "%0a",
        "%FF%FE",
        "%ED%A0%80",
        "٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦٦",
        "x" * 9000,
        "%F0%9F%92%A9" * 24,
        "'; DROP TABLE jobs --",
    ],
)
def test_what_is_the_id_of_no_job_is_not_found(yard: Yard, curator: Client, id: str) -> None:
    yard.job(id=ID)
    for method, path in (("GET", f"/webapi/v3/jobs/{id}"), ("DELETE", f"/webapi/v3/jobs/{id}")):
        with yard.unchanged():
            answer = call(method, path, curator.token)
        assert answer.status == 404
        assert re.fullmatch(r"Job (.|\n)* not found\.", answer.message)
        assert len(answer.message) < 100


def test_the_id_that_was_not_found_is_named_as_it_was_given(curator: Client) -> None:
    assert get(curator, "NoSuchJob").message == "Job NoSuchJob not found."
    assert get(curator, "f" * 24).message == f"Job {'f' * 24} not found."


def test_halves_of_surrogate_pairs_can_be_answered(curator: Client) -> None:
    path = "/webapi/v3/jobs/x"
    answer = call(
        "GET", path, curator.token, rawPath=path, pathParameters={"jobId": "\ud800"}, rawQueryString="a=\udc00"
    )
    assert (answer.status, answer.message) == (404, "Job ? not found.")
