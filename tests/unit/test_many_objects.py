"""The steps around the map: what is planned, that no tenant reaches another one, and what comes of the results."""

from __future__ import annotations

import csv
import gzip
import io
import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from manyobjects import summary, watch
from manyobjects.request import Place, place_of, read_request

from jobyard import runner
from tests.runner_world import EVENT, JOB_ID, TENANT, World

BUCKET = "photos-1250000000"
ROOT = f"objects/{TENANT}/{BUCKET}/"
APP = Path(__file__).parents[2] / "functions" / "inventory_steps" / "app.py"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_FUNCTION_PREFIX", "jobyard-workflow-")
    monkeypatch.setenv("BUCKET_NAME", "data")


def planned(world: World, settings: Any = None, **questions: str) -> Any:
    world.put_job()
    event = {**EVENT, "questions": {"Bucket": BUCKET, **questions}, "settings": settings or {}, "step": "plan"}
    return runpy.run_path(str(APP))["handler"](event, None)


def put(world: World, key: str, body: bytes | str) -> None:
    world.s3.put_object(Bucket="data", Key=f"{ROOT}{key}", Body=body)


def listed(world: World) -> list[dict[str, Any]]:
    text = world.content(f"work/{TENANT}/{JOB_ID}/objects.jsonl").decode()
    return [json.loads(line) for line in text.splitlines()]


def texts(world: World) -> list[str]:
    return [text for _, text in world.messages()]


def refused(world: World, **questions: str) -> str:
    with pytest.raises(runner.Failed) as failed:
        planned(world, **questions)
    return str(failed.value)


def test_a_prefix_is_for_the_map_to_list(world: World) -> None:
    made = planned(world, Prefix="2024/", Start="1700000000000")
    assert made == {
        "source": "prefix",
        "bucket": "data",
        "prefix": f"{ROOT}2024/",
        "place": {"bucket": "data", "root": ROOT, "start": 1_700_000_000_000, "end": None},
        "results": {"bucket": "data", "prefix": f"work/{TENANT}/{JOB_ID}/results"},
        "function": "jobyard-workflow-inventory",
        "batch": 100,
        "concurrency": 50,
        "tolerance": 5.0,
    }
    assert texts(world) == [
        "All objects whose key begins with '2024/', changed from 2023-11-14T22:13:20Z, by jobyard-workflow-inventory."
    ]


def test_an_empty_prefix_is_the_whole_bucket_of_that_name(world: World) -> None:
    assert planned(world, Prefix="")["prefix"] == ROOT


def test_the_workflow_says_how(world: World) -> None:
    settings = {"function": "jobyard-workflow-thumbs", "batch": 7, "concurrency": 3, "toleratedFailurePercentage": 0.5}
    made = planned(world, settings, Prefix="a")
    assert (made["function"], made["batch"], made["concurrency"], made["tolerance"]) == (
        "jobyard-workflow-thumbs",
        7,
        3,
        0.5,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"function": "prod-payroll"},
        {"function": "jobyard-workflow-a b"},
        {"batch": 0},
        {"batch": 101},
        {"concurrency": "many"},
        {"toleratedFailurePercentage": 101},
        {"toleratedFailurePercentage": float("nan")},
        {"batch": True},
    ],
)
def test_settings_that_make_no_sense_are_a_reason(world: World, settings: dict[str, Any]) -> None:
    with pytest.raises(runner.Failed):
        planned(world, settings, Prefix="a")


def test_questions_that_make_no_sense_are_a_reason(world: World) -> None:
    assert "which objects" in refused(world)
    assert "not Prefix and Object" in refused(world, Prefix="a", Object="b")
    assert "question Start" in refused(world, Prefix="a", Start="yesterday")
    assert "question End" in refused(world, Prefix="a", End="١٢")
    assert "no time" in refused(world, Prefix="a", End="999999999999999")
    for name in ("", "../other", "a/b", "..", "-a"):
        assert "question Bucket" in refused(world, Prefix="a", Bucket=name)


def test_one_object_is_a_list_of_one(world: World) -> None:
    made = planned(world, Object="a b/ü.txt")
    assert (made["source"], made["list"]["key"]) == ("list", f"work/{TENANT}/{JOB_ID}/objects.jsonl")
    assert listed(world) == [{"Key": f"{ROOT}a b/ü.txt"}]


def test_a_file_of_urls_and_keys(world: World) -> None:
    lines = [
        f"https://{BUCKET}.cos.ap-chengdu.myqcloud.com/a%20b.txt",
        "",
        f"http://{BUCKET.upper()}.cos.x.com:80/%E4%B8%AD?sign=1",
        "plain/key.txt",
        "/slash",
        "https://other-1250000000.cos.ap-chengdu.myqcloud.com/a",
        f"https://{BUCKET}.cos.x/%ff",
        "x" * 1025,
        f"https://{BUCKET}.cos.x/",
        "https://[bad/",
        f"https://evil.example/?{BUCKET}",
    ]
    put(world, "urls.txt", "\r\n".join(lines))
    planned(world, UrlFile=f"https://{BUCKET}.cos.x/urls.txt")
    assert [item["Key"].removeprefix(ROOT) for item in listed(world)] == ["a b.txt", "中", "plain/key.txt", "slash"]
    assert "Line 6 of the UrlFile was left out: it is not of bucket photos-1250000000." in texts(world)
    assert texts(world)[-1] == "4 objects are listed."
    assert sum("was left out" in text for text in texts(world)) == 6


def test_a_long_list_is_told_of_in_short(world: World) -> None:
    put(world, "urls.txt", "\n".join(["https://else/a"] * 50 + ["k" + str(n) for n in range(30_000)]))
    planned(world, UrlFile="urls.txt")
    assert len(listed(world)) == 30_000
    assert "Lines that were left out, besides these: 30." in texts(world)


def a_manifest(world: World, rows: list[list[str]], schema: str = "Bucket, Key, Size", **more: Any) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    put(world, "inv/1.csv.gz", gzip.compress(text.getvalue().encode()))
    told = {"fileFormat": "CSV", "fileSchema": schema, "files": [{"key": "inv/1.csv.gz"}], **more}
    put(world, "inv/manifest.json", json.dumps(told))


def test_a_manifest_of_an_inventory(world: World) -> None:
    rows = [[BUCKET, "a%2Bb+c", "12"], ["other-1", "x", "1"], [BUCKET, "%E4%B8%AD", ""], ["photos", "d", "x"]]
    a_manifest(world, rows, destinationBucket=BUCKET)
    planned(world, Manifest="inv/manifest.json")
    assert listed(world) == [{"Key": f"{ROOT}a+b c", "Size": 12}, {"Key": f"{ROOT}中"}, {"Key": f"{ROOT}d"}]
    assert "Row 2 of inv/1.csv.gz was left out: it is of bucket other-1." in texts(world)


def test_a_manifests_files_are_of_the_same_tenant_wherever_they_lie(world: World) -> None:
    a_manifest(world, [[BUCKET, "a", "1"]], destinationBucket="qcs::cos:::../../other")
    assert "question Bucket" in refused(world, Manifest="inv/manifest.json")
    a_manifest(world, [[BUCKET, "a", "1"]], destinationBucket="lists-1")
    assert "'inv/1.csv.gz' is not in the bucket" in refused(world, Manifest="inv/manifest.json")


@pytest.mark.parametrize("more", [{"fileFormat": "Parquet"}, {"files": 3}, {"files": [{}]}, {"fileSchema": "Size"}])
def test_a_manifest_that_cannot_be_read_is_a_reason(world: World, more: dict[str, Any]) -> None:
    a_manifest(world, [["a"]], **more)
    assert "manifest" in refused(world, Manifest="inv/manifest.json")


def test_a_damaged_file_of_a_manifest_is_a_reason(world: World) -> None:
    a_manifest(world, [["a"]])
    put(world, "inv/1.csv.gz", b"no gzip")
    assert "damaged" in refused(world, Manifest="inv/manifest.json")
    put(world, "inv/manifest.json", b"\xff{")
    assert "cannot be read" in refused(world, Manifest="inv/manifest.json")


def test_a_list_that_is_not_there_is_a_reason(world: World) -> None:
    assert refused(world, UrlFile="none.txt") == "UrlFile 'none.txt' is not in the bucket, or may not be read."
    assert "not of bucket" in refused(world, UrlFile="https://other-1.cos.x/urls.txt")


def test_another_bucket_comes_from_the_settings_only(world: World) -> None:
    settings = {"bucket": "media", "prefix": "eu"}
    assert place_of("acme", "b-1", settings) == Place("b-1", "media", "eu/", own=False)
    assert place_of("acme", "b-1", {"bucket": "media"}).root == ""
    request = read_request("acme", {"Bucket": "b-1", "Prefix": "", "bucket": "media"}, {})
    assert (request.place.bucket, request.place.root) == ("data", "objects/acme/b-1/")
    # In Jobyard's own, where all tenants' objects are, no setting opens another one's folder.
    assert place_of("acme", "b-1", {"bucket": "data", "prefix": "objects/other/"}).root == "objects/acme/b-1/"


def a_run(**more: Any) -> dict[str, Any]:
    counts = {"total": 10, "succeeded": 4, "failed": 1, "timedOut": 0, "aborted": 0}
    began = datetime.now(UTC) - timedelta(seconds=400)
    return {"status": "RUNNING", "startDate": began, "executionCounts": counts, **more}


def watched(world: World, monkeypatch: pytest.MonkeyPatch, run: Any, **last: int) -> Any:
    world.put_job()
    monkeypatch.setattr(watch, "map_run", lambda _: run)
    return runner.step(watch.watch)({**EVENT, "execution": "arn", "last": last})


def test_it_tells_how_far_the_map_is_and_looks_again_the_later_the_longer_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watched(world, monkeypatch, a_run()) == {"done": False, "wait": 20, "told": 5}
    assert texts(world) == ["5 of 10 batches are done."]
    assert float(world.job()["progress"]["N"]) == 0.475
    watched(world, monkeypatch, a_run(), told=5, wait=20)
    assert len(texts(world)) == 1
    for seconds, wait in ((0, 2), (1_000_000, 300)):
        run = a_run(startDate=datetime.now(UTC) - timedelta(seconds=seconds))
        assert watched(world, monkeypatch, run)["wait"] == wait


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED"])
def test_it_ends_with_the_map(world: World, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    assert watched(world, monkeypatch, a_run(status=status))["done"]


def test_it_waits_for_a_map_to_begin_but_not_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(world, monkeypatch, None) == {"done": False, "wait": 2, "waited": 2}
    assert watched(world, monkeypatch, None, wait=2, waited=120)["done"]


def summarised(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    succeeded: list[dict[str, Any]],
    failed: list[dict[str, Any]] | None = None,
    **questions: str,
) -> Any:
    world.put_job()
    results, files = f"work/{TENANT}/{JOB_ID}/results", {}
    for kind, records in (("SUCCEEDED", succeeded), ("FAILED", failed or [])):
        key = f"{results}/run-1/{kind}_0.jsonl"
        world.s3.put_object(Bucket="data", Key=key, Body="".join(json.dumps(each) + "\n" for each in records))
        files[kind] = [{"Key": key, "Size": 1}]
    world.s3.put_object(Bucket="data", Key=f"{results}/run-1/manifest.json", Body=json.dumps({"ResultFiles": files}))
    monkeypatch.setattr(summary, "map_run", lambda _: a_run(status="SUCCEEDED"))
    return runner.step(summary.summarise)(an_end(**questions))


def an_end(**questions: str) -> dict[str, Any]:
    made = {"results": {"bucket": "data", "prefix": f"work/{TENANT}/{JOB_ID}/results"}, "place": {"root": ROOT}}
    event = {**EVENT, "questions": {"Bucket": BUCKET, **questions}, "settings": {}}
    return {**event, "execution": "arn", "plan": {**made, "tolerance": 20}}


def output(world: World, name: str) -> list[dict[str, Any]]:
    (found,) = [each for each in world.outputs() if each["name"] == name]
    return [json.loads(line) for line in world.content(found["key"]).decode().splitlines()]


def test_results_failures_and_counts_become_outputs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[dict[str, Any]] = [{"key": f"k{n}", "size": 10} for n in range(8)]
    told = summarised(world, monkeypatch, [*done, {"key": "bad", "error": "Empty."}, {"skipped": 5}, {"skipped": 2}])
    assert told == {"objects": 8, "failed": 1, "skipped": 7, "bytes": 80, "toleratedFailurePercentage": 20}
    assert output(world, "results.jsonl") == done
    assert output(world, "failures.jsonl") == [{"key": "bad", "error": "Empty."}]
    assert (2, "bad: Empty.") in world.messages()
    assert texts(world)[-1] == "8 objects (80 bytes) done, 1 failed, 7 not changed in the interval."


def test_objects_of_a_batch_that_failed_as_a_whole_are_failures(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {
        "Input": json.dumps({"Items": [{"Key": f"{ROOT}a"}, {"Key": f"{ROOT}b"}]}),
        "Error": "Lambda.Unknown",
        "Cause": json.dumps({"errorMessage": "out of memory"}),
    }
    with pytest.raises(runner.Failed, match=r"2 of 6 objects failed, more than the 20 % that"):
        summarised(world, monkeypatch, [{"key": f"k{n}"} for n in range(4)], [lost])
    assert output(world, "failures.jsonl")[0] == {"key": "a", "error": "Its batch failed: out of memory"}
    assert {each["name"] for each in world.outputs()} == {"results.jsonl", "failures.jsonl", "summary.json"}


def test_the_tolerance_itself_is_tolerated(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    summarised(world, monkeypatch, [*({"key": str(n)} for n in range(4)), {"key": "x", "error": "e"}])


def test_a_thousand_failures_are_told_of_in_short(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(runner.Failed):
        summarised(world, monkeypatch, [{"key": str(n), "error": "e"} for n in range(1000)])
    assert sum(level == 2 for level, _ in world.messages()) == 21
    assert any("besides these: 980" in text for text in texts(world))


def test_results_are_also_written_where_the_caller_wants_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[dict[str, Any]] = [*({"key": str(n)} for n in range(9)), {"key": "x", "error": "e"}]
    summarised(world, monkeypatch, records, OutputObject="out/${InventoryTriggerJobId}/${InputName}.${ext}")
    assert len(world.content(f"{ROOT}out/{JOB_ID}/results.jsonl").splitlines()) == 9
    assert len(world.content(f"{ROOT}out/{JOB_ID}/results.jsonl.failures").splitlines()) == 1


def test_no_output_leads_to_another_tenant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(runner.Failed, match="question Bucket"):
        summarised(world, monkeypatch, [], OutputObject="a", OutputBucket="../other")
    with pytest.raises(runner.Failed, match="1 to 900 bytes"):
        summarised(world, monkeypatch, [], OutputObject="a" * 901)


def test_no_objects_are_a_result_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert summarised(world, monkeypatch, [])["objects"] == 0
    assert output(world, "results.jsonl") == []


def test_results_that_are_not_there_are_never_taken_for_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_job()
    monkeypatch.setattr(summary, "map_run", lambda _: a_run(status="SUCCEEDED"))
    with pytest.raises(runner.Failed, match="are not there"):
        runner.step(summary.summarise)(an_end())
    monkeypatch.setattr(summary, "map_run", lambda _: a_run(status="FAILED"))
    with pytest.raises(runner.Failed, match="1 of 10 batches failed"):
        runner.step(summary.summarise)(an_end())
    monkeypatch.setattr(summary, "map_run", lambda _: None)
    assert runner.step(summary.summarise)(an_end())
