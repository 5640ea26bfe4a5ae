"""The erase workflow: what it deletes, what it never touches, and what it says of what would not go."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from erasing import work
from erasing.request import folder_of, read_request

from jobyard import runner
from tests.runner_world import EVENT, TENANT, World

APP = Path(__file__).parents[2] / "functions" / "erase" / "app.py"
FOLDER = f"users/{TENANT}/7/jane%40example.com/"
QUESTIONS = {"UserId": "jane@example.com"}


class Context:
    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "BATCH", 10)
    monkeypatch.setattr("erasing.work.time.sleep", lambda _: None)


def erase(world: World, context: Context | None = None, **more: Any) -> Any:
    world.put_job()
    event = {**EVENT, "questions": QUESTIONS, "settings": {"projectId": 7}, **more}
    answer = runner.job(work.erase)(event, context or Context())
    while answer:
        answer = runner.job(work.erase)({**event, "state": answer["again"]}, context or Context())
    return answer


def put(world: World, *names: str, folder: str = FOLDER) -> None:
    for name in names:
        world.s3.put_object(Bucket="data", Key=f"{folder}{name}", Body=b"12345")


def keys(world: World) -> list[str]:
    found = world.s3.list_object_versions(Bucket="data")
    return sorted({each["Key"] for kind in ("Versions", "DeleteMarkers") for each in found.get(kind, ())})


def versioned(world: World) -> None:
    world.s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})


def refusing(world: World, monkeypatch: pytest.MonkeyPatch, refuse: Callable[[str], str | None]) -> list[int]:
    """S3 refuses keys with the code that ``refuse`` gives; the sizes of the batches that it was asked for."""
    real, sizes = world.s3.delete_objects, []

    def delete(**asked: Any) -> Any:
        objects = asked["Delete"]["Objects"]
        sizes.append(len(objects))
        codes = [refuse(each["Key"]) for each in objects]
        allowed = [each for each, code in zip(objects, codes, strict=True) if not code]
        if allowed:
            real(Bucket=asked["Bucket"], Delete={"Objects": allowed, "Quiet": True})
        return {
            "Errors": [
                {**each, "Code": code, "Message": "Because."} for each, code in zip(objects, codes, strict=True) if code
            ]
        }

    monkeypatch.setattr(world.s3, "delete_objects", delete)
    return sizes


def texts(world: World) -> list[str]:
    return [text for _, text in world.messages()]


def test_the_functions_handler_is_a_job(world: World) -> None:
    world.put_job()
    put(world, "a")
    runpy.run_path(str(APP))["handler"]({**EVENT, "questions": QUESTIONS, "settings": {"projectId": "7"}}, Context())
    assert keys(world) == []


def test_all_of_the_user_goes_and_nothing_else(world: World) -> None:
    put(world, *(f"{n}/replay.mob" for n in range(35)))
    others = (f"users/{TENANT}/7/jane%40example.com.au/", f"users/{TENANT}/8/jane%40example.com/", "users/other/7/x/")
    for folder in others:
        put(world, "kept", folder=folder)
    erase(world)
    assert keys(world) == sorted(f"{folder}kept" for folder in others)
    assert texts(world)[0] == f"Deleting everything under s3://data/{FOLDER}, all versions."
    assert texts(world)[-1] == "35 objects (175 bytes) deleted."


def test_all_versions_and_delete_markers_go(world: World) -> None:
    versioned(world)
    for _ in range(12):
        put(world, "many", "also")
    world.s3.delete_object(Bucket="data", Key=f"{FOLDER}many")
    erase(world)
    assert keys(world) == []
    assert texts(world)[-1] == "24 objects (120 bytes) and 1 delete marker deleted."


def test_nothing_to_delete_is_no_failure_and_a_repetition_is_harmless(world: World) -> None:
    erase(world)
    erase(world)
    assert texts(world)[-1] == "0 objects (0 bytes) deleted."


def test_a_thousand_go_in_one_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "BATCH", 1000)
    put(world, *map(str, range(1005)))
    sizes = refusing(world, monkeypatch, lambda _: None)
    erase(world)
    assert sizes == [1000, 5]


def test_what_will_not_go_is_told_and_fails_the_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, *(f"{n:03}" for n in range(60)))
    refusing(world, monkeypatch, lambda key: "AccessDenied" if key.endswith(("1", "2", "3", "4")) else None)
    with pytest.raises(runner.Failed) as failed:
        erase(world)
    assert str(failed.value).startswith(f"24 of s3://data/{FOLDER} could not be deleted: AccessDenied (24). 36 objects")
    errors = [text for level, text in world.messages() if level == 3]
    assert errors[0] == "001 was not deleted: AccessDenied: Because."
    assert errors[20] == "Not deleted, besides these: 4."
    assert len(keys(world)) == 24


def test_a_moments_refusal_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, *map(str, range(7)))
    refusals = iter(["SlowDown", "InternalError", "SlowDown"])
    refusing(world, monkeypatch, lambda _: next(refusals, None))
    erase(world)
    assert keys(world) == []


def test_a_refusal_that_lasts_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, "a")
    refusing(world, monkeypatch, lambda _: "SlowDown")
    with pytest.raises(runner.Failed, match=r"SlowDown \(1\)"):
        erase(world)


def test_what_is_written_meanwhile_goes_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, "m")
    late = iter(["a"])

    def refuse(_: str) -> None:
        for name in late:
            put(world, name)

    refusing(world, monkeypatch, refuse)
    erase(world)
    assert keys(world) == []


def test_what_is_written_for_ever_fails_the_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_MAX_PASSES", 3)
    put(world, "a")
    numbers = count()
    refusing(world, monkeypatch, lambda _: put(world, f"b{next(numbers)}"))
    with pytest.raises(runner.Failed, match="still being written"):
        erase(world)


def test_more_than_one_call_can_delete_goes_on_in_the_next(world: World) -> None:
    put(world, *map(str, range(45)))
    context = Context(work.RESERVE_SECONDS - 1)
    world.put_job()
    event = {**EVENT, "questions": QUESTIONS, "settings": {"projectId": 7}}
    calls, answer = 1, runner.job(work.erase)(event, context)
    assert answer
    assert answer["again"]["deleted"] == 10
    while answer:
        calls += 1
        answer = runner.job(work.erase)({**event, "state": answer["again"]}, context)
    assert calls == 5
    assert keys(world) == []
    assert texts(world)[-1].startswith("45 objects")


def test_its_state_fits_however_long_keys_and_reasons_are(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, *(f"{n:02}-{'é' * 400}" for n in range(45)))
    refusing(world, monkeypatch, lambda _: "AccessDenied" * 8)
    with pytest.raises(runner.Failed, match="45 of"):
        erase(world, Context(0))


def test_a_cancel_is_noticed_between_two_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, *map(str, range(30)))

    def refuse(_: str) -> None:
        world.put_job("cancelled")
        world.seconds += 1

    refusing(world, monkeypatch, refuse)
    erase(world)
    assert len(keys(world)) == 20
    assert texts(world)[-1].startswith("Cancelled: 10 objects")


def test_a_bucket_that_is_not_there_is_a_reason(world: World) -> None:
    with pytest.raises(runner.Failed, match="There is no bucket none"):
        erase(world, settings={"bucket": "none", "prefix": "p"})


def test_another_bucket_and_folder_come_from_the_settings_only(world: World) -> None:
    settings = {"bucket": "replays", "prefix": "eu/users"}
    place = read_request("acme", {"UserId": "a", "bucket": "data", "prefix": ""}, settings, "data")
    assert place == ("replays", "eu/users/a/")
    assert read_request("acme", {"UserId": "a"}, {"bucket": "replays", "prefix": ""}, "data").prefix == "a/"
    assert read_request("acme", {"UserId": "a"}, {"prefix": "users/acme/web/"}, "data").prefix == "users/acme/web/a/"


@pytest.mark.parametrize("prefix", ["users/other/7/", "users/", "inputs/acme/", "users/acme", "/users/acme/"])
def test_no_setting_opens_another_tenants_folder(prefix: str) -> None:
    with pytest.raises(runner.Failed, match="must begin with users/acme/"):
        read_request("acme", {"UserId": "a"}, {"prefix": prefix}, "data")


@pytest.mark.parametrize("user", ["../other", "a/b", "..", ".", "%2e%2e", "a b", "é", "a\x00b", "*", "a%2Fb"])
def test_no_user_id_leads_out_of_its_folder(user: str) -> None:
    folder = folder_of(user)
    assert "/" not in folder
    assert folder not in {".", ".."}
    assert folder.isascii()
    assert folder.isprintable()


def test_two_users_never_share_a_folder() -> None:
    users = ["a/b", "a%2Fb", "a%252Fb", ".", "%2E", "é", "%C3%A9", "A", "a"]
    assert len({folder_of(user) for user in users}) == len(users)


@pytest.mark.parametrize(
    ("questions", "settings"),
    [
        ({}, {"projectId": 7}),
        ({"UserId": ""}, {"projectId": 7}),
        ({"UserId": "é" * 129}, {"projectId": 7}),
        ({"UserId": "a"}, {}),
        ({"UserId": "a", "ProjectId": "../8"}, {}),
        ({"UserId": "a", "ProjectId": ".."}, {}),
    ],
)
def test_what_does_not_say_whose_objects_fails(questions: dict[str, str], settings: dict[str, Any]) -> None:
    with pytest.raises(runner.Failed):
        read_request("acme", questions, settings, "data")


def test_an_unexpected_answer_of_s3_is_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "Strange", "Message": ""}}, "ListObjectVersions")

    monkeypatch.setattr(world.s3, "list_object_versions", refuse)
    with pytest.raises(ClientError):
        erase(world)
