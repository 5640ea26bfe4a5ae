"""A function that is given many objects of S3, one after the other: a batch of a Distributed Map."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from jobyard.runner._errors import Cancelled, Failed
from jobyard.runner._job import Job

type Record = dict[str, Any]

# What a child execution may answer is 256 KiB: a batch has at most 100 objects, and 64 KiB of them.
RECORD_BYTES = 1_500
ERROR_CHARACTERS = 500
RESERVE_SECONDS = 30.0
_CHUNK = 1024 * 1024
_IS_MILLISECONDS = 100_000_000_000

_logger = logging.getLogger("jobyard.runner")


class Object:
    """One object that a job asks about. ``key`` is as its user knows it, ``path`` as ``bucket`` does."""

    def __init__(self, job: Job, place: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        self.job = job
        self.bucket: str = place["bucket"]
        self.path: str = item["Key"]
        self.key = self.path.removeprefix(place["root"])
        self._size: int | None = item.get("Size")
        self._changed_at = _milliseconds(item.get("LastModified"))

    @property
    def size(self) -> int:
        """In bytes."""
        if self._size is None:
            self._look()
        assert self._size is not None
        return self._size

    @property
    def changed_at(self) -> int:
        """In milliseconds since the epoch, of S3's whole seconds."""
        if self._changed_at is None:
            self._look()
        assert self._changed_at is not None
        return self._changed_at

    def open(self) -> tuple[Record, Iterator[bytes]]:
        """What S3 says of the object, and its content in pieces of at most a mebibyte."""
        answer = self._s3().get_object(Bucket=self.bucket, Key=self.path)
        return answer, answer["Body"].iter_chunks(_CHUNK)

    def _look(self) -> None:
        answer = self._s3().head_object(Bucket=self.bucket, Key=self.path)
        self._size, self._changed_at = answer["ContentLength"], _milliseconds(answer["LastModified"])

    @staticmethod
    def _s3() -> Any:
        from jobyard.aws import client

        return client("s3")


def objects(function: Callable[[Object], Record], *, threads: int = 1) -> Callable[..., list[Record]]:
    """Makes of ``function``, which looks at one object and tells of it, a Lambda handler for a batch of them.

    What ``function`` returns is a line of the job's results: a dict of at most 1,500 bytes as JSON. One that raises
    fails its object and no other. An object that did not change within the job's interval is only counted. With
    ``threads`` more than one, ``function`` must stand being called at once.
    """

    @functools.wraps(function)
    def handler(event: Mapping[str, Any], context: Any = None) -> list[Record]:
        batch = _Batch(Job(event["job"], context), event["place"], function)
        if batch.job.cancelled:
            return []
        items = event["items"]
        if threads == 1:
            records = [batch.record(item) for item in items]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(threads) as pool:
                records = list(pool.map(batch.record, items))
        told = [record for record in records if record]
        skipped = len(items) - len(told)
        return [*told, {"skipped": skipped}] if skipped else told

    return handler


class _Batch:
    def __init__(self, job: Job, place: Mapping[str, Any], function: Callable[[Object], Record]) -> None:
        self.job, self._place, self._function = job, place, function

    def record(self, item: Mapping[str, Any]) -> Record | None:
        """What is told of one object; None when the job does not ask about it."""
        object = Object(self.job, self._place, item)
        try:
            if self.job.seconds_left < RESERVE_SECONDS:
                raise Failed("No time was left for it: its workflow needs a smaller setting batch.")
            if not self._asked_for(object):
                return None
            record = {"key": object.key, **self._function(object)}
            size = len(json.dumps(record, ensure_ascii=False).encode()) - len(object.key.encode())
            if size > RECORD_BYTES:
                raise Failed(f"What is told of it has {size:,} bytes, more than {RECORD_BYTES:,}.")
        except Cancelled:
            return None
        except Exception as problem:  # noqa: BLE001 - whatever the author's code raises fails this object
            return {"key": object.key, "error": _reason(problem, object)}
        return record

    def _asked_for(self, object: Object) -> bool:
        start, end = self._place.get("start"), self._place.get("end")
        if start is None and end is None:
            return True
        return (start is None or object.changed_at >= start) and (end is None or object.changed_at <= end)


def _reason(problem: Exception, object: Object) -> str:
    from botocore.exceptions import ClientError

    if isinstance(problem, ClientError):
        error = problem.response["Error"]
        code = error.get("Code", "")
        if code in {"NoSuchKey", "404"}:
            return "There is no such object."
        if code in {"AccessDenied", "403"}:
            # S3 says so of what is not there to those who may not list the bucket.
            return "It is not there, or may not be read."
        text = f"{code}: {error.get('Message', '')}"
    elif isinstance(problem, Failed):
        text = str(problem)
    else:
        _logger.error("job %s: %s failed", object.job.id, object.key, exc_info=problem)
        text = f"{type(problem).__name__}: {problem}"
    return text.encode("utf-8", "replace").decode()[:ERROR_CHARACTERS]


def _milliseconds(moment: Any) -> int | None:
    """Of S3's listing as Step Functions gives it (seconds), of S3 itself, or of a manifest."""
    if moment is None or moment == "":
        return None
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        return int(moment.timestamp() * 1000)
    return int(moment) if moment > _IS_MILLISECONDS else int(moment * 1000)
