from __future__ import annotations

import codecs
from typing import Any

import pytest
from csvprofile.request import ENCODINGS, Request, read_request

from jobyard.runner import Failed


def ask(questions: dict[str, str] | str, **settings: Any) -> Request:
    if isinstance(questions, str):
        questions = {"input": questions}
    return read_request("acme", questions, settings, "data")


def test_what_is_not_asked_has_a_default() -> None:
    assert ask("s3://data/inputs/acme/a b.csv") == Request("data", "inputs/acme/a b.csv", None, True, None, frozenset())
    assert ask("s3://data/inputs/acme/a.csv").uri == "s3://data/inputs/acme/a.csv"


def test_every_answer_is_read() -> None:
    answers = {"delimiter": "Tab", "header": "No", "encoding": "Windows-1252", "nulls": "NA, NULL ,"}
    request = ask({"input": "s3://data/inputs/acme/a.csv", **answers})
    assert (request.delimiter, request.header, request.encoding) == ("\t", False, "cp1252")
    assert request.nulls == {"NA", "NULL"}


@pytest.mark.parametrize(("answer", "delimiter"), [(";", ";"), ("auto", None), (" ", " "), ("pipe", "|"), ("§", "§")])
def test_delimiters(answer: str, delimiter: str | None) -> None:
    assert ask({"input": "s3://data/inputs/acme/a.csv", "delimiter": answer}).delimiter == delimiter


@pytest.mark.parametrize(
    "uri",
    [
        "s3://data/inputs/other/a.csv",
        "s3://data/inputs/acme2/a.csv",
        "s3://data/inputs/acme",
        "s3://data/inputs/acme/../other/a.csv",
        "s3://data/inputs/acme/./../other/a.csv",
        "s3://data/inputs/acme/x/..",
        "s3://data/inputs/ACME/a.csv",
        "s3://data//inputs/acme/a.csv",
        "s3://data/outputs/acme/1/2/a.csv",
        "s3://data/inputs/acme/a\n.csv",
        "s3://elsewhere/inputs/acme/a.csv",
        "s3://data.evil/inputs/acme/a.csv",
    ],
)
def test_another_tenants_files_and_other_buckets_are_closed(uri: str) -> None:
    with pytest.raises(Failed, match="may not be read by this workflow"):
        ask(uri)


@pytest.mark.parametrize(
    "uri", ["", "data/inputs/acme/a.csv", "https://data/x", "s3://", "s3://data", "s3:///x", "S3:/x"]
)
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(Failed, match="The question input"):
        ask(uri)


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("s3://lake/public/a.csv", True),
        ("s3://lake/public/deep/a.csv", True),
        ("s3://lake/publicity/a.csv", False),
        ("s3://lake/public/../secret/a.csv", False),
        ("s3://lake/a.csv", False),
        ("s3://open/a.csv", True),
        ("s3://one/only.csv", True),
        ("s3://one/only.csv.bak", False),
        ("s3://nos3/a.csv", False),
        ("s3://data/inputs/other/a.csv", False),
        ("s3://data/inputs/acme/a.csv", True),
    ],
)
def test_settings_open_other_buckets_but_never_another_tenant(uri: str, *, allowed: bool) -> None:
    inputs = ["s3://lake/public", "s3://open", "s3://one/only.csv", "nos3/", "s3://data/inputs/other/", ""]
    if allowed:
        assert ask(uri, inputs=inputs).uri == uri
    else:
        with pytest.raises(Failed, match="may not be read"):
            ask(uri, inputs=inputs)


def test_a_single_setting_may_be_a_text() -> None:
    assert ask("s3://lake/a.csv", inputs="s3://lake/").bucket == "lake"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("delimiter", "ab"),
        ("delimiter", '"'),
        ("delimiter", "\n"),
        ("header", "maybe"),
        ("encoding", "utf-9"),
        ("encoding", "rot13"),
        ("encoding", "unicode_escape"),
        ("encoding", "idna"),
        ("encoding", "utf\0-8"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named(name: str, answer: str) -> None:
    with pytest.raises(Failed, match=f"The question {name} "):
        ask({"input": "s3://data/inputs/acme/a.csv", name: answer})


def test_the_encodings_are_the_names_that_python_looks_up() -> None:
    assert {codecs.lookup(name).name for name in ENCODINGS} == ENCODINGS
