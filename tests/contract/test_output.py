"""GET /webapi/v1/jobs/{jobId}/output/{outputId}, and the same under /v3."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from jobyard.authorizer import Role
from jobyard.model import Output, Status
from tests.contract.api import Answer, call
from tests.contract.yard import Client, Yard
from tests.in_turn import in_turn

ID, OUTPUT = "66ebd18d3d6200007e000d8c", "0123456789abcdef01234567"
CSV = Output(OUTPUT, "profile.csv", "profile.csv", "csv", f"outputs/acme/{ID}/{OUTPUT}/profile.csv", 42)


def fetch(client: Client, query: str = "", id: str = ID, output: str = OUTPUT, version: str = "v1") -> Answer:
    return call("GET", f"/webapi/{version}/jobs/{id}/output/{output}", client.token, query)


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_redirection_to_a_signed_link_of_five_minutes(yard: Yard, curator: Client, version: str) -> None:
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV])
    answer = fetch(curator, version=version)
    assert (answer.status, answer.text) == (302, "")
    assert answer.headers["Cache-Control"] == "no-store"
    link = urlsplit(answer.headers["Location"])
    assert link.path == f"/data/{CSV.key}"
    signed = {name: value for name, (value,) in parse_qs(link.query).items()}
    assert signed["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert signed["X-Amz-Expires"] == "300"
    assert signed["response-content-disposition"].startswith('attachment; filename="profile.csv"')


def test_a_job_that_still_runs_has_outputs_too(yard: Yard, curator: Client) -> None:
    yard.job(id=ID, status=Status.RUNNING, outputs=[CSV])
    assert fetch(curator).status == 302


@pytest.mark.parametrize(
    "name", ["プロファイル.csv", 'a "b" \\ c.csv', "é ñ.csv", "100% ; x=y, z.csv", "🛠.csv", "a'b*c.csv"]
)
def test_a_file_name_in_any_script(yard: Yard, curator: Client, name: str) -> None:
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV._replace(file_name=name, key=f"outputs/acme/x/{name}")])
    link = urlsplit(fetch(curator).headers["Location"])
    assert unquote(link.path) == f"/data/outputs/acme/x/{name}"
    (disposition,) = parse_qs(link.query)["response-content-disposition"]
    assert disposition.isascii(), "S3 refuses others"
    plain, encoded = disposition.removeprefix('attachment; filename="').split("\"; filename*=UTF-8''")
    assert unquote(encoded) == name
    assert not set('"\\') & set(plain)


@in_turn("query", ["", "format=", "format=Raw", "format=raw", "format=Csv", "format=CSV", "x=y"])
def test_a_format_that_the_output_has(yard: Yard, curator: Client, query: str) -> None:
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV])
    assert fetch(curator, query).status == 302


@in_turn("format", ["Yxdb", "Xlsx", "json", "Csv,Raw", "%00", "%FF", "x" * 5000])
def test_a_format_that_the_output_has_not(yard: Yard, curator: Client, format: str) -> None:
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV])
    answer = fetch(curator, f"format={format}")
    assert answer.status == 400
    assert answer.message.startswith("format: ")
    assert answer.message.endswith("Allowed values: Csv, Raw.")


@in_turn("output", ["f" * 24, "0", "%00", "%FF", "x" * 5000, "..", "profile.csv"])
@in_turn("version", ["v1", "v3"])
def test_an_unknown_output_is_not_found(yard: Yard, curator: Client, version: str, output: str) -> None:
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV])
    answer = fetch(curator, output=output, version=version)
    assert answer.status == 404
    assert answer.message.startswith("Output ")
    assert answer.message.endswith(" not found.")
    assert len(answer.message) < 200


@pytest.mark.parametrize("id", ["f" * 24, "x", "%00", "x" * 5000])
def test_outputs_of_no_job_are_not_found(curator: Client, id: str) -> None:
    answer = fetch(curator, id=id)
    assert answer.status == 404
    assert answer.message.startswith("Job ")


def test_the_owner_and_administrators_fetch_it_and_nobody_else(yard: Yard, curator: Client, stranger: Client) -> None:
    owner = yard.client(Role.VIEWER)
    yard.job(id=ID, status=Status.COMPLETED, outputs=[CSV], owner=owner.user)
    assert [fetch(client).status for client in (owner, curator)] == [302, 302]
    for client in (stranger, *(yard.client(role) for role in Role if role is not Role.CURATOR)):
        assert (fetch(client).status, fetch(client).message) == (404, f"Job {ID} not found.")
