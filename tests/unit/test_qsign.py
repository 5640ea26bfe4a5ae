"""q-sign: the official worked examples, the forms in which clients sign, and what is said of what they sign wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from jobyard.authorizer import qsign
from jobyard.authorizer.qsign import (
    MalformedSignature,
    MissingSignature,
    Sent,
    SignatureExpired,
    SignatureMismatch,
    check,
    check_time,
    format_string,
    read,
    sign,
    string_to_sign,
)

SECRET_ID = "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q"
SECRET_KEY = "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz"
HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"

UPLOAD = Sent(
    "PUT",
    ["/exampleobject(腾讯云)"],
    "",
    {
        "date": "Thu, 16 May 2019 06:45:51 GMT",
        "host": HOST,
        "content-type": "text/plain",
        "content-length": "13",
        "content-md5": "mQ/fVh815F3k6TAUm8m0eg==",
        "x-cos-acl": "private",
        "x-cos-grant-read": 'uin="100000000011"',
        "authorization": (
            f"q-sign-algorithm=sha1&q-ak={SECRET_ID}&q-sign-time=1557989151;1557996351"
            "&q-key-time=1557989151;1557996351&q-header-list=content-length;content-md5;content-type;date;host;"
            "x-cos-acl;x-cos-grant-read&q-url-param-list=&q-signature=3b8851a11a569213c17ba8fa7dcf2abec6935172"
        ),
    },
    b"ObjectContent",
)
DOWNLOAD = Sent(
    "GET",
    ["/exampleobject(腾讯云)"],
    "response-content-type=application%2Foctet-stream&response-cache-control=max-age%3D600",
    {
        "date": "Thu, 16 May 2019 06:55:53 GMT",
        "host": HOST,
        "authorization": (
            f"q-sign-algorithm=sha1&q-ak={SECRET_ID}&q-sign-time=1557989753;1557996953"
            "&q-key-time=1557989753;1557996953&q-header-list=date;host"
            "&q-url-param-list=response-cache-control;response-content-type"
            "&q-signature=01681b8c9d798a678e43b685a9f1bba0f6c0e012"
        ),
    },
    b"",
)


@pytest.mark.parametrize(
    ("key_time", "sign_key"),
    [
        ("1557989151;1557996351", "eb2519b498b02ac213cb1f3d1a3d27a3b3c9bc5f"),
        ("1557989753;1557996953", "937914bf490e9e8c189836aad2052e4feeb35eaf"),
    ],
)
def test_the_official_sign_keys(key_time: str, sign_key: str) -> None:
    assert qsign._hmac(SECRET_KEY, key_time) == sign_key


@pytest.mark.parametrize("example", [UPLOAD, DOWNLOAD], ids=["upload", "download"])
def test_the_official_examples(example: Sent) -> None:
    signature = read(example)
    assert signature.secret_id == SECRET_ID
    check(example, signature, SECRET_KEY)


def test_the_official_string_to_sign() -> None:
    whole = format_string("PUT", "/exampleobject(腾讯云)", "", qsign._header_forms(read(UPLOAD).headers, UPLOAD)[0])
    assert string_to_sign("1557989151;1557996351", whole) == (
        "sha1\n1557989151;1557996351\n8b2751e77f43a0995d6e9eb9477f4b685cca4172\n"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"paths": ["/exampleobject"]},
        {"headers": {**UPLOAD.headers, "x-cos-acl": "public-read"}},
        {"headers": {**UPLOAD.headers, "host": f"other-{HOST}"}},
    ],
)
def test_what_is_signed_cannot_be_changed(change: dict[str, Any]) -> None:
    with pytest.raises(SignatureMismatch):
        check(UPLOAD._replace(**change), read(UPLOAD), SECRET_KEY)


def test_what_is_not_listed_may_change() -> None:
    check(UPLOAD._replace(raw_query="a=b", headers={**UPLOAD.headers, "accept": "*/*"}), read(UPLOAD), SECRET_KEY)


def test_another_secret() -> None:
    with pytest.raises(SignatureMismatch, match="SecretKey") as refused:
        check(DOWNLOAD, read(DOWNLOAD), SECRET_KEY[::-1])
    assert SECRET_KEY[::-1] not in str(refused.value)


def signed(
    sent: Sent, headers: str = "", parameters: str = "", http_string: str = "", time: str = "1000;2000"
) -> tuple[Sent, Any]:
    """``sent`` with a signature over ``http_string``."""
    value = sign(SECRET_KEY, time, string_to_sign(time, http_string))
    authorization = (
        f"q-sign-algorithm=sha1&q-ak={SECRET_ID}&q-sign-time={time}&q-key-time={time}"
        f"&q-header-list={headers}&q-url-param-list={parameters}&q-signature={value}"
    )
    sent = sent._replace(headers={**sent.headers, "authorization": authorization})
    return sent, read(sent)


BARE = Sent("GET", ["/a"], "", {"host": "Bucket-1.ci.example.com:8080"}, b"")


@pytest.mark.parametrize(
    "host", ["Bucket-1.ci.example.com:8080", "bucket-1.ci.example.com:8080", "bucket-1.ci.example.com"]
)
def test_the_host_with_and_without_its_port(host: str) -> None:
    text = f"get\n/a\n\nhost={qsign.encoded(host)}\n"
    check(*signed(BARE, "host", "", text), SECRET_KEY)


def test_empty_lists() -> None:
    check(*signed(BARE._replace(raw_query="x=1"), "", "", "get\n/a\n\n\n"), SECRET_KEY)


@pytest.mark.parametrize(
    ("raw_query", "value"),
    [
        ("name=a+b%2Bc", "a%20b%2Bc"),
        ("name=a+b", "a%2Bb"),
        ("name=%20a%20", "a"),
        ("name=a%2fb", "a%2fb"),
        ("name=%E8%85%BE", "%E8%85%BE"),
        ("NAME=a", "a"),
        ("name", ""),
        ("name=", ""),
        ("x=1&name=%FF&&", "%FF"),
        ("name=!'()*~/", "%21%27%28%29%2A~%2F"),
    ],
)
def test_forms_of_a_parameter(raw_query: str, value: str) -> None:
    check(*signed(BARE._replace(raw_query=raw_query), "", "name", f"get\n/a\nname={value}\n\n"), SECRET_KEY)


def test_repeated_parameters_and_headers_are_sorted_by_value() -> None:
    sent = BARE._replace(raw_query="n=2&n=1", headers={"x-cos-a": "b, a"})
    check(*signed(sent, "x-cos-a;x-cos-a", "n;n", "get\n/a\nn=1&n=2\nx-cos-a=a&x-cos-a=b\n"), SECRET_KEY)


def test_a_header_that_the_gateway_joined_and_the_client_signed_once() -> None:
    sent = BARE._replace(headers={"x-cos-a": "b, a"})
    check(*signed(sent, "x-cos-a", "", "get\n/a\n\nx-cos-a=b%2C%20a\n"), SECRET_KEY)


@pytest.mark.parametrize(("body", "length"), [(b"", "0"), (b"<a/>", "4")])
def test_a_dropped_length_is_that_of_the_body(body: bytes, length: str) -> None:
    sent = BARE._replace(body=body)
    check(*signed(sent, "content-length", "", f"get\n/a\n\ncontent-length={length}\n"), SECRET_KEY)


def test_header_values_beyond_ascii() -> None:
    text = "get\n/a\n\nx-cos-a=%E8%85%BE\n"
    for value in ("腾", "腾".encode().decode("latin-1")):
        check(*signed(BARE._replace(headers={"x-cos-a": value}), "x-cos-a", "", text), SECRET_KEY)


def test_the_signature_in_the_query() -> None:
    _, signature = signed(BARE, "host", "", "get\n/a\n\nhost=bucket-1.ci.example.com\n")
    raw_query = (
        f"q-sign-algorithm=sha1&q-ak={SECRET_ID}&q-sign-time=1000%3B2000&q-key-time=1000%3b2000&q-header-list=host"
        f"&q-url-param-list=&q-signature={signature.value}"
    )
    sent = BARE._replace(raw_query=raw_query)
    assert read(sent) == signature
    check(sent, read(sent), SECRET_KEY)


def test_sign_time_and_key_time_are_each_used_where_they_belong() -> None:
    value = sign(SECRET_KEY, "1;5", string_to_sign("2;4", "get\n/a\n\n\n"))
    authorization = (
        f"q-sign-algorithm=sha1&q-ak={SECRET_ID}&q-sign-time=2;4&q-key-time=1;5"
        f"&q-header-list=&q-url-param-list=&q-signature={value}"
    )
    sent = BARE._replace(headers={"authorization": authorization})
    check(sent, read(sent), SECRET_KEY)


@pytest.mark.parametrize(
    ("headers", "parameters", "http_string", "said"),
    [
        ("host", "", "get\n/a\n\nhost=\n", "header 'host' was signed with an empty value"),
        ("host", "", "get\n/a\n\n\n", "header 'host' is listed, but was not signed"),
        (
            "host;x-cos-a",
            "",
            "get\n/a\n\nhost=bucket-1.ci.example.com%3A8080&x-cos-a=b c\n",
            "'x-cos-a' was signed without",
        ),
        ("", "n", "get\n/a\nn=a%2520b\n\n", "parameter 'n' was signed encoded twice"),
        ("", "n", "get\n/a\n\n\n", "parameter 'n' is listed, but was not signed"),
        ("", "", "get\n/a\nn=a%20b\n\n", "parameters were signed that q-url-param-list does not name"),
        ("", "", "get\na\n\n\n", "the path was signed as 'a'"),
        ("", "", "post\n/a\n\n\n", "the method was signed as 'post'"),
        ("", "", "GET\n/a\n\n\n", "capital letters"),
        ("host", "", "get\n/a\n\nhost=cdn.example.com\n", "header 'host' was signed as 'cdn.example.com'"),
        ("", "", "something else", "is the SecretKey that of this q-ak"),
    ],
)
def test_it_is_said_what_was_signed_differently(headers: str, parameters: str, http_string: str, said: str) -> None:
    sent = BARE._replace(
        raw_query="n=a%20b",
        headers={**BARE.headers, "x-cos-a": "b c", "x-forwarded-host": "cdn.example.com"},
    )
    with pytest.raises(SignatureMismatch, match=said) as refused:
        check(*signed(sent, headers, parameters, http_string), SECRET_KEY)
    assert refused.value.format_string.startswith("get\n/a\n")
    assert refused.value.string_to_sign.startswith("sha1\n1000;2000\n")
    assert SECRET_KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("headers", "parameters", "said"),
    [
        ("host;x-cos-a", "", "'x-cos-a'.* no such header"),
        ("", "a", "'a'.* no such parameter"),
        ("host;host", "", "'host'"),
    ],
)
def test_what_is_listed_and_not_there_is_named(headers: str, parameters: str, said: str) -> None:
    with pytest.raises(SignatureMismatch, match=said):
        check(*signed(BARE, headers, parameters, "get\n/a\n\n\n"), SECRET_KEY)


@pytest.mark.parametrize("authorization", ["", "  "])
def test_no_signature(authorization: str) -> None:
    with pytest.raises(MissingSignature):
        read(BARE._replace(headers={"authorization": authorization}))


def field(**changed: str) -> str:
    fields = {
        "q-sign-algorithm": "sha1",
        "q-ak": SECRET_ID,
        "q-sign-time": "1000;2000",
        "q-key-time": "1000;2000",
        "q-header-list": "",
        "q-url-param-list": "",
        "q-signature": "0" * 40,
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return "&".join(f"{name}={value}" for name, value in fields.items())


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        ("Bearer abc", "lacks q-sign-algorithm"),
        ("q-sign-algorithm=sha1", "lacks q-ak"),
        (field(q_sign_algorithm="md5"), "sha1"),
        (field(q_sign_time="1000"), "q-sign-time"),
        (field(q_sign_time="2000;1000"), "q-sign-time"),
        (field(q_key_time="a;b"), "q-key-time"),
        (field(q_key_time="١;٢"), "q-key-time"),
        (field(q_key_time=f"1;{'9' * 13}"), "q-key-time"),
        (field(q_signature="z" * 40), "q-signature"),
        (field(q_signature="٠" * 40), "q-signature"),
        (field(q_signature="0" * 39), "q-signature"),
        (field(q_header_list=";".join("abc" for _ in range(101))), "q-header-list"),
    ],
)
def test_what_is_no_signature(authorization: str, said: str) -> None:
    with pytest.raises(MalformedSignature, match=said):
        read(BARE._replace(headers={"authorization": authorization}))


@pytest.mark.parametrize("now", [100, 1000, 2000])
def test_it_is_taken_in_its_times_and_from_clocks_that_run_ahead(now: int) -> None:
    check_time(signed(BARE, "", "", "")[1], now)


@pytest.mark.parametrize(("now", "said"), [(99, "not valid yet"), (2001, "Request has expired")])
def test_it_is_not_taken_outside_of_its_times(now: int, said: str) -> None:
    with pytest.raises(SignatureExpired, match=said) as refused:
        check_time(signed(BARE, "", "", "")[1], now)
    assert refused.value.server_time == now
    assert str(now) in str(refused.value)
