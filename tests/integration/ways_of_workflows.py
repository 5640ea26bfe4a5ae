"""Ways through the functions of the workflows that ship (``ways.py``)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from jobyard.aws import client
from jobyard.runner import Failed, _outputs
from tests.integration.way import Way, answered, refused, sample
from tests.sam import seed

MORE_INPUT, MORE_USERS = "more-input", "more-users"
"""Buckets of the operator's: what InputBucket and EraseBucket name."""

_MAP_RUN = f"arn:aws:states:{seed.REGION}:000000000000:mapRun:jobyard-workflow-inventory/EachOfPrefix:1"


def profile() -> Iterator[Way]:
    more = sample("profile") | {"settings": {"inputs": f"s3://{MORE_INPUT}/"}}
    more["questions"] = {"input": f"s3://{MORE_INPUT}/people.csv"}
    yield Way(more, lambda: _objects(MORE_INPUT, {"people.csv": seed.INPUT_CSV.encode()}))
    yield Way(sample("profile"), _broken_upload)


def erase() -> Iterator[Way]:
    yield Way(sample("erase"), lambda: _objects(seed.BUCKET, {seed.USER_KEY: b"session"}))
    more = sample("erase") | {"settings": {"bucket": MORE_USERS, "prefix": "data"}}
    yield Way(more, lambda: _objects(MORE_USERS, {"data/jane%40example.com/1.mob": b"session"}))


def inventory() -> Iterator[Way]:
    more = sample("inventory")
    more["place"] = {"bucket": MORE_INPUT, "root": "", "start": None, "end": None}
    more["items"] = [{"Key": "a.txt", "Size": 4, "LastModified": 1760608478}]
    yield Way(more, lambda: _objects(MORE_INPUT, {"a.txt": b"one\n"}), _all_told)


def _all_told(answer: Any) -> None:
    assert [each for each in answer if "error" in each] == []


def inventory_steps() -> Iterator[Way]:
    asked = sample("inventory_steps")
    folder = f"objects/{seed.TENANT}/photos-1250000000"
    listed = asked | {"questions": {"Bucket": "photos-1250000000", "UrlFile": "urls.txt"}}
    yield Way(listed, lambda: _objects(seed.BUCKET, {f"{folder}/urls.txt": b"2025/a.txt\n"}))
    more = asked | {"settings": {"bucket": MORE_INPUT}, "questions": {"Bucket": "b", "Manifest": "manifest.json"}}
    told = {"fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "1.csv.gz"}]}
    inventory = {"manifest.json": json.dumps(told).encode(), "1.csv.gz": gzip.compress(b"b,a.txt\n")}
    yield Way(more, lambda: _objects(MORE_INPUT, inventory))
    yield Way(listed, _broken_upload)
    run = f"arn:aws:states:{seed.REGION}:000000000000:execution:jobyard-workflow-inventory:{asked['id']}"
    yield Way(asked | {"step": "watch", "execution": run, "last": {}}, _map_run)
    work = f"work/{seed.TENANT}/{asked['id']}/results"
    plan = {
        "results": {"bucket": seed.BUCKET, "prefix": work},
        "place": {"bucket": seed.BUCKET, "root": f"{folder}/", "start": None, "end": None},
        "tolerance": 5,
    }
    summary = asked | {"step": "summarise", "execution": run, "plan": plan}
    summary["questions"] = asked["questions"] | {"OutputObject": "results/${InventoryTriggerJobId}.jsonl"}
    files = {"SUCCEEDED": [{"Key": f"{work}/1/SUCCEEDED_0.jsonl"}], "FAILED": []}
    results = {
        f"{work}/1/manifest.json": json.dumps({"ResultFiles": files}).encode(),
        f"{work}/1/SUCCEEDED_0.jsonl": b'{"key": "2025/a.txt", "size": 10}\n',
    }
    yield Way(summary, lambda: _objects(seed.BUCKET, results))
    yield Way(summary, _broken_upload)


@contextmanager
def _map_run() -> Iterator[None]:
    counts = dict.fromkeys(("succeeded", "failed", "timedOut", "aborted"), 0) | {"total": 2}
    run = {"executionCounts": counts, "startDate": datetime.now(UTC), "status": "RUNNING"}
    with (
        answered("stepfunctions.ListMapRuns", lambda: {"mapRuns": [{"mapRunArn": _MAP_RUN}]}),
        answered("stepfunctions.DescribeMapRun", lambda: run),
    ):
        yield


@contextmanager
def _objects(bucket: str, contents: dict[str, bytes]) -> Iterator[None]:
    with suppress(client("s3").exceptions.BucketAlreadyOwnedByYou):
        client("s3").create_bucket(Bucket=bucket)
    for key, content in contents.items():
        client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    yield


@contextmanager
def _broken_upload() -> Iterator[None]:
    """A file of several parts, the first of which is refused: what was begun is given up."""
    with refused("s3.UploadPart", "SlowDown"), patch.object(_outputs, "PART_BYTES", 16), suppress(ClientError, Failed):
        yield
