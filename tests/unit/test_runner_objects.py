"""A function that is given batches of objects: one that fails, fails alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from inventory.content import describe

from jobyard import runner
from tests.runner_world import EVENT, World

ROOT = "objects/acme/b-1/"
PLACE = {"bucket": "data", "root": ROOT, "start": None, "end": None}


class Context:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def batch(*keys: str, place: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"job": EVENT, "place": PLACE | (place or {}), "items": [{"Key": f"{ROOT}{key}", **more} for key in keys]}


def put(world: World, key: str, body: bytes = b"a\nb", kind: str = "text/plain") -> None:
    world.s3.put_object(Bucket="data", Key=f"{ROOT}{key}", Body=body, ContentType=kind)


def sizes(object: runner.Object) -> dict[str, Any]:
    return {"size": object.size}


def test_each_object_is_told_of_by_the_key_that_its_user_knows(world: World) -> None:
    world.put_job()
    told = runner.objects(sizes)(batch("x/ü.txt", "y", Size=3, LastModified=1_700_000_000))
    assert told == [{"key": "x/ü.txt", "size": 3}, {"key": "y", "size": 3}]


@pytest.mark.parametrize("threads", [1, 4])
def test_one_that_fails_fails_alone_and_says_why(world: World, threads: int) -> None:
    world.put_job()

    def look(object: runner.Object) -> dict[str, Any]:
        if object.key == "bad":
            raise ValueError("no number")
        if object.key == "expected":
            raise runner.Failed("It is empty.")
        return {"size": object.size}

    put(world, "here")
    told = runner.objects(look, threads=threads)(batch("bad", "expected", "here", "absent"))
    assert told == [
        {"key": "bad", "error": "ValueError: no number"},
        {"key": "expected", "error": "It is empty."},
        {"key": "here", "size": 3},
        {"key": "absent", "error": "There is no such object."},
    ]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("InvalidObjectState", "InvalidObjectState: In an archive."),
        ("404", "There is no such object."),
        ("AccessDenied", "It is not there, or may not be read."),
        ("403", "It is not there, or may not be read."),
    ],
)
def test_what_s3_refuses_is_told(world: World, code: str, told: str) -> None:
    world.put_job()

    def look(_: runner.Object) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": code, "Message": "In an archive."}}, "GetObject")

    assert runner.objects(look)(batch("a"))[0]["error"] == told


@pytest.mark.parametrize(
    ("start", "end", "asked_for"),
    [
        (None, None, True),
        (1_700_000_000_000, None, True),
        (1_700_000_000_001, None, False),
        (None, 1_700_000_000_000, True),
        (None, 1_699_999_999_999, False),
        (1_600_000_000_000, 1_800_000_000_000, True),
    ],
)
@pytest.mark.parametrize("moment", [1_700_000_000, 1_700_000_000_000, 1_700_000_000.0, "2023-11-14T22:13:20Z"])
def test_what_did_not_change_in_the_interval_is_only_counted(
    world: World, start: int | None, end: int | None, asked_for: bool, moment: Any
) -> None:
    world.put_job()
    told = runner.objects(sizes)(batch("a", "b", place={"start": start, "end": end}, Size=1, LastModified=moment))
    assert told == ([{"key": "a", "size": 1}, {"key": "b", "size": 1}] if asked_for else [{"skipped": 2}])


def test_a_list_does_not_tell_when_an_object_changed_so_s3_is_asked(world: World) -> None:
    world.put_job()
    put(world, "new")
    interval = {"start": 1_000_000_000_000, "end": None}
    assert runner.objects(sizes)(batch("new", place=interval)) == [{"key": "new", "size": 3}]
    assert runner.objects(sizes)(batch("new", place={"start": None, "end": 1})) == [{"skipped": 1}]


def test_a_record_too_long_for_the_map_fails_its_object(world: World) -> None:
    world.put_job()
    told = runner.objects(lambda _: {"text": "x" * 2000})(batch("a", Size=1))
    assert told[0]["error"].startswith("What is told of it has 2,0")
    assert len(json.dumps(runner.objects(lambda _: {"t": "x" * 1400})(batch("k" * 1000, Size=1)))) < 2560


def test_nothing_is_done_for_a_job_that_has_ended(world: World) -> None:
    world.put_job("cancelled")
    assert runner.objects(lambda _: pytest.fail("called"))(batch("a")) == []


def test_what_no_time_is_left_for_says_so(world: World) -> None:
    world.put_job()
    (told,) = runner.objects(sizes)(batch("a", Size=1), Context(5))
    assert told["error"].startswith("No time was left")


@pytest.mark.parametrize(
    ("content", "lines"),
    [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"a\0\n", None), (b"x\n" * 700_000, 700_000)],
)
def test_inventory_counts_lines_of_text(world: World, content: bytes, lines: int | None) -> None:
    world.put_job()
    put(world, "a", content)
    (told,) = runner.objects(describe)(batch("a"))
    assert (told["lines"], told["size"], told["type"]) == (lines, len(content), "text/plain")


def test_inventory_tells_the_hash_of_the_content(world: World) -> None:
    world.put_job()
    put(world, "a", b"abc")
    (told,) = runner.objects(describe)(batch("a"))
    assert told["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert told["lastModified"].endswith("Z")


def test_a_connection_that_breaks_is_taken_up_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_job()
    put(world, "a")
    monkeypatch.setattr("inventory.content.time.sleep", lambda _: None)
    opened, breaks = runner.Object.open, iter([True, True])

    def breaking(self: runner.Object) -> Any:
        if next(breaks, False):
            raise ReadTimeoutError(endpoint_url="s3")
        return opened(self)

    monkeypatch.setattr(runner.Object, "open", breaking)
    assert runner.objects(describe)(batch("a"))[0]["lines"] == 2


def test_a_step_answers_what_its_function_returns(world: World) -> None:
    world.put_job()
    assert runner.step(lambda job: {"id": job.id})(EVENT) == {"id": EVENT["id"]}


def test_a_step_that_fails_tells_the_jobs_user(world: World) -> None:
    world.put_job()

    def work(_: runner.Job) -> dict[str, Any]:
        raise runner.Failed("Nothing there.")

    with pytest.raises(runner.Failed, match="Nothing there"):
        runner.step(work)(EVENT)
    assert world.messages() == [(3, "Nothing there.")]


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_step_of_a_job_that_has_ended_fails_without_a_word(world: World, status: str) -> None:
    world.put_job(status)
    with pytest.raises(runner.Failed, match="not running any more"):
        runner.step(lambda _: pytest.fail("called"))(EVENT)
    assert world.messages() == []
