"""Who is let in: what clients of this API sign, on the wire of a gateway, and what is said to those who are not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from jobyard.service.manage import manage
from tests.contract.tencent.conftest import a_key, a_tencent_job
from tests.contract.tencent.signing import BUCKET, HOST, ROOT, Key, ask, authorization, send
from tests.contract.yard import Clock, Yard
from tests.factories import a_job
from tests.in_turn import in_turn

ID = "b3deffea2f84911ec9cb15254008618d9"
PATH = f"{ROOT}/{ID}"


def test_empty_lists_as_in_the_vendors_samples(key: Key) -> None:
    assert send("GET", PATH, headers={"authorization": authorization(key, "GET", PATH)}).status == 200


@pytest.mark.parametrize("sent", [f"{HOST}:8787", HOST, HOST.upper()])
@pytest.mark.parametrize("signed", [f"{HOST}:8787", HOST])
def test_the_host_with_and_without_its_port(key: Key, sent: str, signed: str) -> None:
    headers = {"host": sent, "authorization": authorization(key, "GET", PATH, headers={"host": signed})}
    taken = ":" in sent or ":" not in signed
    assert send("GET", PATH, headers=headers).status == (200 if taken else 401)


@pytest.mark.parametrize(
    ("query", "signed"),
    [
        ("name=a+b", {"name": "a b"}),
        ("startCreationTime=2022-01-01T00%3A00%3A00%2B0800", {"startcreationtime": "2022-01-01T00:00:00+0800"}),
        ("startCreationTime=2022-01-01T00:00:00+0800", {"startcreationtime": "2022-01-01T00:00:00+0800"}),
        ("nextToken=&workflowId=&size=10", {"nexttoken": "", "workflowid": "", "size": "10"}),
        ("size=10&response-cache-control=no-cache", {"size": "10"}),
        ("name=%E6%BC%94%E7%A4%BA", {"name": "演示"}),
    ],
)
def test_parameters(key: Key, query: str, signed: Mapping[str, str]) -> None:
    headers = {"authorization": authorization(key, "GET", ROOT, signed)}
    assert send("GET", query=query, headers=headers).status == 200


@pytest.mark.parametrize("query", ["cancel", "cancel=", ""])
@pytest.mark.parametrize(
    ("path", "parameters"),
    [(PATH, {}), (PATH, {"cancel": ""}), (f"{PATH}?cancel", {})],
    ids=["python", "java", "node"],
)
def test_a_cancel_in_every_way_in_which_clients_sign_it(
    key: Key, tenancy: Yard, query: str, path: str, parameters: dict[str, str]
) -> None:
    a_tencent_job(tenancy, id=ID)
    headers = {
        "host": HOST,
        "authorization": authorization(key, "PUT", path, parameters, {"host": HOST, "content-length": "0"}),
    }
    # What is signed must be there; the Go client sends no ``?cancel`` at all, and signs none.
    taken = bool(query) or (path == PATH and not parameters)
    assert send("PUT", PATH, query=query, headers=headers).status == (200 if taken else 401)


def test_the_path_with_cancel_is_that_of_a_cancel_only(key: Key) -> None:
    headers = {"authorization": authorization(key, "GET", f"{PATH}?cancel")}
    assert send("GET", PATH, query="cancel=", headers=headers).error == (401, "InvalidAuthorization")


@pytest.mark.parametrize("stage", ["/prod", "/prod/v1", "/inventory", "/"])
def test_what_stands_before_the_path_need_not_be_signed(key: Key, stage: str) -> None:
    for path in (PATH, f"{stage}{PATH}"):
        headers = {"authorization": authorization(key, "GET", path)}
        assert send("GET", PATH, headers=headers, rawPath=f"{stage}{PATH}").status == 200


def test_a_path_that_is_doubled_or_encoded(key: Key, tenancy: Yard) -> None:
    a_tencent_job(tenancy, id=ID)
    for path in (f"{ROOT}//{ID}", f"{ROOT}/%62{ID[1:]}"):
        assert ask(key, "GET", path).get("JobsDetail/JobId") == ID


def test_names_of_headers_come_in_small_letters_and_lengths_not_at_all(key: Key) -> None:
    signed = {"host": HOST, "content-length": "0", "x-cos-sdk-retry": "true", "cache-control": "no-cache"}
    headers = {"authorization": authorization(key, "GET", PATH, headers=signed)}
    headers |= {name: value for name, value in signed.items() if name != "content-length"}
    assert send("GET", PATH, headers=headers).status == 200


def test_the_signature_in_the_query(key: Key) -> None:
    signed = authorization(key, "GET", PATH, headers={"host": HOST})
    assert send("GET", PATH, query=signed.replace(";", "%3B")).status == 200
    assert send("GET", PATH, query=signed.replace(key.id, f"AKID{'0' * 32}")).error == (401, "SecretidNotExist")


@pytest.mark.parametrize("name", ["x-ci-security-token", "x-cos-security-token", "X-CI-Security-Token"])
def test_temporary_keys_bear_a_token_of_either_name(tenancy: Yard, name: str) -> None:
    key = a_key(lifetimeSeconds=600)
    signed = {"authorization": authorization(key, "GET", PATH)}
    assert send("GET", PATH, headers=signed | {name: key.token}).status == 200
    assert send("GET", PATH, query=f"{name.lower()}={key.token}", headers=signed).status == 200
    assert send("GET", PATH, headers=signed).error == (401, "InvalidAuthorization")
    assert send("GET", PATH, headers=signed | {name: "other"}).error == (401, "InvalidAuthorization")


def test_a_permanent_key_needs_no_token_and_minds_none(key: Key) -> None:
    assert ask(key, "GET", PATH, headers={"x-ci-security-token": "any"}).status == 200


def test_a_temporary_key_expires(tenancy: Yard, clock: Clock) -> None:
    key = a_key(lifetimeSeconds=60)
    assert ask(key, "GET", PATH).status == 200
    clock.advance(61)
    assert ask(key, "GET", PATH).error == (401, "SignatureExpired")


def test_no_signature(tenancy: Yard) -> None:
    assert send("GET", PATH).error == (401, "MissingAuthorization")


@in_turn("authorization_", ["Bearer abc", "q-sign-algorithm=sha1", "q-sign-algorithm", "=&=&=", "\ud800", "é" * 10_000])
def test_what_is_no_signature(tenancy: Yard, authorization_: str) -> None:
    assert send("GET", PATH, headers={"authorization": authorization_}).error == (401, "InvalidAuthorization")


@in_turn("id", ["AKID" + "0" * 32, "x", "", "AKID#", "CREDENTIAL", "é" * 500, "\ud800"])
def test_an_unknown_secret(key: Key, id: str) -> None:
    assert ask(Key(id, key.secret), "GET", PATH).error == (401, "SecretidNotExist")


def test_the_hash_of_a_token_is_no_secret(key: Key, curator: Any) -> None:
    from jobyard.authorizer.secrets import hash_of

    assert ask(Key(hash_of(curator.token), "x"), "GET", PATH).error == (401, "SecretidNotExist")


def test_a_wrong_secret_is_told_what_the_server_signed(key: Key) -> None:
    refused = ask(Key(key.id, "x" * 32), "GET", ROOT, query=[("size", "10")])
    assert refused.error == (401, "InvalidAuthorization")
    assert refused.get("FormatString") == f"get\n{ROOT}\nsize=10\nhost={HOST}\n"
    assert refused.get("StringToSign").startswith("sha1\n")
    assert "is the SecretKey that of this q-ak?" in refused.get("Message")
    assert key.secret not in refused.text
    assert refused.get("Resource") == ROOT


def test_a_header_that_changed_on_the_way_is_named(key: Key) -> None:
    headers = {
        "host": "abc.execute-api.us-east-1.amazonaws.com",
        "x-forwarded-host": HOST,
        "authorization": authorization(key, "GET", PATH, headers={"host": HOST}),
    }
    refused = send("GET", PATH, headers=headers)
    assert refused.error == (401, "InvalidAuthorization")
    assert f"header 'host' was signed as '{HOST}', and arrived otherwise" in refused.get("Message")


@pytest.mark.parametrize(("start", "end"), [(-1000, -1), (1000, 2000)])
def test_a_signature_outside_of_its_times(key: Key, start: int, end: int) -> None:
    now = int(time.time())
    headers = {"authorization": authorization(key, "GET", PATH, times=f"{now + start};{now + end}")}
    refused = send("GET", PATH, headers=headers)
    assert refused.error == (401, "SignatureExpired")
    assert refused.get("ServerTime").endswith("Z")


@pytest.mark.parametrize(("start", "end"), [(-60, 10_000), (-1, 900), (800, 900), (-60, 0)])
def test_clocks_of_clients_may_run_ahead(key: Key, start: int, end: int) -> None:
    now = int(time.time())
    headers = {"authorization": authorization(key, "GET", PATH, times=f"{now + start};{now + end + 5}")}
    assert send("GET", PATH, headers=headers).status == 200


def test_a_revoked_secret_is_refused_within_the_time_for_which_it_is_remembered(key: Key, clock: Clock) -> None:
    assert ask(key, "GET", PATH).status == 200
    assert manage({"action": "secrets.revoke", "tenant": "acme", "secretId": key.id})["ok"]
    clock.advance(31)
    assert ask(key, "GET", PATH).error == (401, "SecretidNotExist")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        (HOST, BUCKET),
        (f"{HOST}:443", BUCKET),
        (HOST.upper(), BUCKET),
        (f"{BUCKET}.cos.ap-beijing.myqcloud.com", BUCKET),
        (f"{BUCKET}.jobs.example.com", BUCKET),
        ("abc123.execute-api.us-east-1.amazonaws.com", "fallback-1"),
        ("127.0.0.1:8787", "fallback-1"),
        ("localhost", "fallback-1"),
        ("ip-10-0-0-1.ec2.internal", "fallback-1"),
        (BUCKET, "fallback-1"),
    ],
)
def test_the_bucket_is_the_first_label_of_the_host_or_the_secrets_own(tenancy: Yard, host: str, bucket: str) -> None:
    a_tencent_job(tenancy, id=ID, listed_in=f"tencent#acme#{bucket}")
    assert ask(a_key(bucket="fallback-1"), "GET", PATH, host=host).all("JobsDetail/JobId") == [ID]


def test_no_bucket_at_all(key: Key) -> None:
    refused = ask(key, "GET", PATH, host="127.0.0.1:8787")
    assert refused.error == (400, "InvalidHost")
    assert "127.0.0.1:8787" in refused.get("Message")


def test_jobs_of_other_buckets_tenants_and_dialects_are_unknown(key: Key, stranger_key: Key, tenancy: Yard) -> None:
    a_tencent_job(tenancy, id=ID)
    alteryx = a_job()
    tenancy.job(id=alteryx.id)
    elsewhere = "other-1250000000.ci.ap-beijing.example.com"
    for other, host, path in (
        (stranger_key, HOST, PATH),
        (key, elsewhere, PATH),
        (key, HOST, f"{ROOT}/{alteryx.id}"),
    ):
        with tenancy.unchanged():
            assert ask(other, "GET", path, host=host).get("NonExistJobIds") == path.rpartition("/")[2]
            assert ask(other, "GET", host=host, query=[("jobId", path.rpartition("/")[2])]).all("JobsDetail") == []
            assert ask(other, "PUT", path, host=host).error == (404, "ResourceNotFound")
    assert ask(stranger_key, "GET").all("JobsDetail") == []
    assert ask(key, "GET", PATH).get("JobsDetail/JobId") == ID
