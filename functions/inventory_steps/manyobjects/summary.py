"""The last step: what the map's executions told, one line for each object, becomes the job's outputs."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from jobyard.aws import ClientError, client, error_code
from jobyard.runner import Failed, Job
from jobyard.runner._outputs import describe
from manyobjects.request import place_of
from manyobjects.watch import map_run

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_REPORTED = 20
RESERVE_SECONDS = 60.0
# What S3 copies in one call.
_COPY_BYTES = 5 * 1024**3

type Record = dict[str, Any]


@dataclass
class Counts:
    """``bytes`` is the sum of what the results call ``size``."""

    objects: int = 0
    failed: int = 0
    skipped: int = 0
    bytes: int = 0

    @property
    def asked_for(self) -> int:
        return self.objects + self.failed


def summarise(job: Job) -> dict[str, Any]:
    plan = job.ticket["plan"]
    s3, results = client("s3"), plan["results"]
    files = _files(s3, results["bucket"], results["prefix"])
    if files is None:
        _check_that_nothing_was_done(job)
    records = _Records(job, s3, results["bucket"], plan["place"]["root"], files or {})
    counts = Counts()
    job.attach("results.jsonl", _file(_counted(records.succeeded(), counts)))
    _attach_failures(job, records, counts)
    tolerance = plan["tolerance"]
    told = asdict(counts) | {"toleratedFailurePercentage": tolerance}
    job.attach("summary.json", json.dumps(told, indent=2) + "\n")
    _copy(job, s3, counts)
    job.progress(1.0)
    outside = f", {counts.skipped:,} not changed in the interval" if counts.skipped else ""
    job.log(f"{counts.objects:,} objects ({counts.bytes:,} bytes) done, {counts.failed:,} failed{outside}.")
    if counts.failed * 100 > tolerance * counts.asked_for:
        raise Failed(
            f"{counts.failed:,} of {counts.asked_for:,} objects failed, "
            f"more than the {tolerance:g} % that the workflow tolerates."
        )
    return told


def _check_that_nothing_was_done(job: Job) -> None:
    run = map_run(job.ticket["execution"])
    counts = run["executionCounts"] if run else {"total": 0}
    if run and run["status"] == "FAILED":
        raise Failed(f"{counts['failed']:,} of {counts['total']:,} batches failed, more than the workflow tolerates.")
    if counts["total"]:
        raise Failed("The results of the map are not there.")


def _files(s3: Any, bucket: str, prefix: str) -> dict[str, list[str]] | None:
    """Keys of the files of each kind, as the newest manifest under ``prefix`` has them."""
    found: list[tuple[Any, str]] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        found += [
            (e["LastModified"], e["Key"]) for e in page.get("Contents", ()) if e["Key"].endswith("/manifest.json")
        ]
    if not found:
        return None
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=max(found)[1])["Body"].read())
    return {kind: [file["Key"] for file in files] for kind, files in manifest["ResultFiles"].items()}


def _counted(records: Iterator[Record], counts: Counts) -> Iterator[Record]:
    """The results themselves; what else the records tell is counted."""
    for record in records:
        if "skipped" in record and "key" not in record:
            counts.skipped += record["skipped"]
        elif "error" not in record:
            counts.objects += 1
            size = record.get("size")
            counts.bytes += size if isinstance(size, int) else 0
            yield record


def _attach_failures(job: Job, records: _Records, counts: Counts) -> None:
    told = Told(chain((each for each in records.succeeded() if "error" in each), records.failed()))
    first = next(told, None)
    if first is None:
        return
    job.attach("failures.jsonl", _file(chain([first], told)))
    counts.failed = told.count
    for text in told.first:
        job.warn(text)
    if told.count > MAX_REPORTED:
        job.warn(f"Objects that failed, besides these: {told.count - MAX_REPORTED:,}. All are in failures.jsonl.")


class Told:
    """Failures as they are read; keeps the texts of the first of them, and their number."""

    def __init__(self, failures: Iterator[Record]) -> None:
        self._failures = failures
        self.first: list[str] = []
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        failure = next(self._failures)
        self.count += 1
        if self.count <= MAX_REPORTED:
            self.first.append(f"{failure['key'][:200]}: {failure['error']}")
        return failure


def _copy(job: Job, s3: Any, counts: Counts) -> None:
    """To where the caller wants the results besides: an object in a bucket of the tenant's."""
    wanted = job.questions.get("OutputObject", "")
    if not wanted:
        return
    bucket = job.questions.get("OutputBucket") or job.questions.get("Bucket", "")
    place = place_of(job.tenant, bucket, job.settings)
    names = {"results.jsonl": wanted}
    if counts.failed:
        names["failures.jsonl"] = f"{wanted}.failures"
    for name, pattern in names.items():
        source = describe(job.tenant, job.id, name).key
        key = place.root + _filled(pattern, job.id)
        try:
            size = s3.head_object(Bucket=os.environ["BUCKET_NAME"], Key=source)["ContentLength"]
            if size > _COPY_BYTES:
                job.warn(f"{name} is too large to be copied to {pattern}: it is among the job's outputs.")
                continue
            s3.copy_object(
                CopySource={"Bucket": os.environ["BUCKET_NAME"], "Key": source}, Bucket=place.bucket, Key=key
            )
        except ClientError as error:
            if error_code(error) not in {"AccessDenied", "NoSuchBucket", "403"}:
                raise
            raise Failed(f"{name} could not be written to {pattern[:200]!r}: it may not be written there.") from None
        job.log(f"{name} is at {key.removeprefix(place.root)} too.")


def _filled(pattern: str, job_id: str) -> str:
    values = {"InventoryTriggerJobId": job_id, "InputName": "results", "ext": "jsonl", "Number": "0"}
    for name, value in values.items():
        pattern = pattern.replace(f"${{{name}}}", value)
    if not pattern or len(pattern.encode()) > 900:
        raise Failed("The output's object must have a name of 1 to 900 bytes.")
    return pattern.removeprefix("/")


class _Records:
    """What was told of each object. The files are read in parts, whatever their size."""

    def __init__(self, job: Job, s3: Any, bucket: str, root: str, files: dict[str, list[str]]) -> None:
        self._job, self._s3, self._bucket, self._root, self._files = job, s3, bucket, root, files

    def succeeded(self) -> Iterator[Record]:
        yield from self._lines("SUCCEEDED")

    def failed(self) -> Iterator[Record]:
        """One for each object of a batch that failed as a whole."""
        for execution in self._lines("FAILED"):
            why = execution.get("Cause") or execution.get("Error") or "the batch failed"
            with suppress(ValueError, KeyError, TypeError):
                why = json.loads(why)["errorMessage"]
            given = json.loads(execution["Input"]) if isinstance(execution["Input"], str) else execution["Input"]
            for item in given["Items"]:
                yield {"key": item["Key"].removeprefix(self._root), "error": f"Its batch failed: {str(why)[:500]}"}

    def _lines(self, kind: str) -> Iterator[Record]:
        for key in self._files.get(kind, ()):
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
            for number, line in enumerate(body.iter_lines(1 << 20)):
                if number % 10_000 == 0:
                    self._job.heartbeat()
                    if self._job.seconds_left < RESERVE_SECONDS:
                        raise Failed("The results are too many to be put together in the time that a function has.")
                if line.strip():
                    yield json.loads(line)


def _file(records: Iterator[Record]) -> Any:
    return io.BufferedReader(_JsonLines(records), 1 << 18)


class _JsonLines(io.RawIOBase):
    """Records as a file of JSON Lines that is read once."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            record = next(self._records, None)
            if record is None:
                return 0
            self._left = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        piece = self._left[: len(buffer)]
        self._left = self._left[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)
