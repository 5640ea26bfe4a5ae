"""The profile workflow as a job: from its questions to its outputs, its messages and its end."""

from __future__ import annotations

import csv
import io
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from csvprofile import work

from jobyard import runner
from tests.runner_world import EVENT, World

APP = Path(__file__).parents[2] / "functions" / "profile" / "app.py"

CITIES = 'name,people,founded\r\n"Köln",1087863,0038-01-01\r\n"Mainz, am Rhein",,0012-01-01\r\nUlm,128928,\r\n'


class Context:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def profile(world: World, content: bytes, key: str = "inputs/acme/a.csv", seconds: float = 900, **more: Any) -> None:
    world.put_job()
    world.s3.put_object(Bucket="data", Key=key, Body=content)
    event = {**EVENT, "questions": {"input": f"s3://data/{key}", **more}}
    runner.job(work.profile)(event, Context(seconds))


def output(world: World, name: str) -> str:
    (found,) = [each for each in world.outputs() if each["name"] == name]
    return world.content(found["key"]).decode()


def test_the_functions_handler_is_a_job(world: World) -> None:
    world.put_job()
    world.s3.put_object(Bucket="data", Key="inputs/acme/a.csv", Body=CITIES.encode())
    runpy.run_path(str(APP))["handler"](EVENT, Context(900))
    assert [each["name"] for each in world.outputs()] == ["profile.csv", "profile.json"]


def test_a_file_becomes_a_profile_as_csv_and_as_json(world: World) -> None:
    profile(world, CITIES.encode())
    whole = json.loads(output(world, "profile.json"))
    columns = whole.pop("columns")
    assert whole == {
        "input": "s3://data/inputs/acme/a.csv",
        "bytes": len(CITIES.encode()),
        "encoding": "utf-8",
        "delimiter": ",",
        "header": True,
        "rows": 3,
        "problems": {"encoding": 0, "cells": 0},
    }
    assert [(c["name"], c["type"], c["count"], c["nulls"]) for c in columns] == [
        ("name", "string", 3, 0),
        ("people", "integer", 2, 1),
        ("founded", "date", 2, 1),
    ]
    assert (columns[1]["min"], columns[1]["max"], columns[1]["mean"]) == (128928, 1087863, 608395.5)
    rows = list(csv.DictReader(io.StringIO(output(world, "profile.csv"))))
    assert [row["max"] for row in rows] == ["Ulm", "1087863", "0038-01-01"]
    assert world.job()["progress"]["N"] in {"0.98", "1"}
    assert world.messages() == [
        (1, f"Reading s3://data/inputs/acme/a.csv, {len(CITIES.encode())} bytes."),
        (1, "3 rows of 3 columns were profiled."),
    ]


def test_run_twice_it_leaves_one_profile(world: World) -> None:
    profile(world, b"a\n1\n")
    outputs = world.outputs()
    profile(world, b"a\n1\n")
    assert world.outputs() == outputs


def test_answers_are_followed(world: World) -> None:
    profile(world, "é§NA\n".encode("cp1252"), delimiter="§", header="no", encoding="cp1252", nulls="NA")
    first, second = json.loads(output(world, "profile.json"))["columns"]
    assert (first["name"], first["max"], second["name"], second["type"]) == ("column 1", "é", "column 2", "empty")


def test_problems_are_told_with_their_lines_and_in_bounded_number(world: World) -> None:
    content = b"a,b\n" + b"1\n" * 30 + b"\xff,2\n" * 21 + b'3,"4\n'
    profile(world, content)
    warnings = [text for level, text in world.messages() if level == 2]
    assert warnings[0] == "The row at line 2 has a wrong number of cells: 1, not 2."
    assert warnings[19] == "The row at line 21 has a wrong number of cells: 1, not 2."
    assert "Line 32: 1 place is not utf-8, read as \ufffd." in warnings
    assert "The quote in the row at line 53 is not closed; the file ends in it." in warnings
    assert "Rows with a wrong number of cells, besides these: 10." in warnings
    assert "Lines with bytes that are not of the encoding, besides these: 1." in warnings
    assert len(warnings) == 43
    whole = json.loads(output(world, "profile.json"))
    assert whole["problems"] == {"encoding": 21, "cells": 30}
    assert whole["columns"][1]["nulls"] == 30


@pytest.mark.parametrize(
    ("content", "more", "text"),
    [
        (b"", {}, "The file is empty."),
        (b",".join(b"c" for _ in range(1001)), {}, "The file has 1,001 columns; at most 1,000 can be profiled."),
        (b"a\n1\n", {"header": "perhaps"}, "The question header must be yes or no, not 'perhaps'."),
        (b"a\n1\n", {"input": "s3://data/inputs/acme/none.csv"}, "There is no file s3://data/inputs/acme/none.csv."),
        (b"a\n1\n", {"seconds": 29}, "The file is too large: 100% of it was read in the time that a function has."),
    ],
)
def test_a_job_that_cannot_be_done_fails_with_a_reason(
    world: World, content: bytes, more: dict[str, Any], text: str
) -> None:
    with pytest.raises(runner.Failed) as failed:
        profile(world, content, **more)
    assert str(failed.value) == text
    assert world.messages()[-1] == (3, text)
    assert world.outputs() == []


def test_another_tenants_file_is_closed(world: World) -> None:
    with pytest.raises(runner.Failed, match="may not be read by this workflow"):
        profile(world, b"secret\n1\n", key="inputs/other/a.csv")
    assert not any("secret" in text for _, text in world.messages())


def test_a_header_alone_is_a_profile_of_nothing(world: World) -> None:
    profile(world, b"a,b\n")
    whole = json.loads(output(world, "profile.json"))
    assert (whole["rows"], [c["type"] for c in whole["columns"]]) == (0, ["empty", "empty"])


def test_a_cancel_is_noticed_while_the_file_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []

    def add(self: work.Table, batch: list[work.Cells]) -> None:
        batches.append(len(batch))
        world.seconds += 1
        if len(batches) == 3:
            world.put_job("cancelled")

    monkeypatch.setattr(work.Table, "add", add)
    profile(world, b"a,b\n" + b"1,2\n" * 20_000)
    assert 3 <= len(batches) <= 5
    assert world.outputs() == []


def test_progress_follows_what_was_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def add(_: work.Table, batch: list[work.Cells]) -> None:
        world.seconds += 2
        seen.append(float(world.job().get("progress", {"N": "0"})["N"]))

    monkeypatch.setattr(work.Table, "add", add)
    profile(world, b"a,b\n" + b"1,2345678\n" * 200_000)
    assert seen == sorted(seen)
    assert len(set(seen)) > 5
    assert seen[-1] <= 0.98


def test_a_batch_is_bounded_in_rows_and_in_characters(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def add(_: work.Table, batch: list[work.Cells]) -> None:
        sizes.append((len(batch), sum(len(cell or "") for row in batch for cell in row)))

    monkeypatch.setattr(work.Table, "add", add)
    profile(world, b"a\n" + b"x" * 100_000 + b"\n" + (b"y" * 400_000 + b"\n") * 9 + b"1\n" * 5000)
    assert max(rows for rows, _ in sizes) == 1000
    assert max(characters for _, characters in sizes) <= 1_400_000
