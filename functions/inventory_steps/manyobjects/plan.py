"""The first step: what the map is to read, which function does the work, and where its results go."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobyard.aws import client
from jobyard.runner import Failed, Job
from jobyard.runner._outputs import upload
from manyobjects.lists import Listed, manifest, url_file
from manyobjects.request import Request, read_request

if TYPE_CHECKING:
    from collections.abc import Iterator

RESERVE_SECONDS = 60.0
_MAX_REPORTED = 20


def plan(job: Job) -> dict[str, Any]:
    request = read_request(job.tenant, job.questions, job.settings)
    place, work = request.place, f"work/{job.tenant}/{job.id}/"
    planned: dict[str, Any] = {
        "source": "prefix",
        "bucket": place.bucket,
        "prefix": f"{place.root}{request.what}",
        "place": {"bucket": place.bucket, "root": place.root, "start": request.start, "end": request.end},
        "results": {"bucket": os.environ["BUCKET_NAME"], "prefix": f"{work}results"},
        "function": request.function,
        "batch": request.batch,
        "concurrency": request.concurrency,
        "tolerance": request.tolerance,
    }
    job.log(f"{_described(request)}, by {request.function}.")
    if request.source != "Prefix":
        planned |= {"source": "list", "list": {"bucket": os.environ["BUCKET_NAME"], "key": f"{work}objects.jsonl"}}
        _write_list(job, request, planned["list"])
    return planned


def _described(request: Request) -> str:
    where = {
        "Prefix": f"All objects whose key begins with {request.what!r}" if request.what else "All objects",
        "Object": f"The object {request.what!r}",
        "UrlFile": f"The objects that {request.what!r} lists",
        "Manifest": f"The objects of the manifest {request.what!r}",
    }[request.source]
    start, end = (None if each is None else _instant(each) for each in (request.start, request.end))
    within = f", changed {f'from {start} ' if start else ''}{f'until {end}' if end else ''}".rstrip()
    return f"{where}{within if start or end else ''}"


def _instant(at_ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError):
        raise Failed(f"{at_ms} is no time in milliseconds since the epoch.") from None


def _write_list(job: Job, request: Request, to: dict[str, str]) -> None:
    """As JSON Lines, which the map reads as it reads a listing."""
    s3 = client("s3")
    if request.source == "Object":
        listed: Iterator[Listed] = iter([Listed(_key(request), None)])
    elif request.source == "UrlFile":
        listed = url_file(s3, request.place, _key(request))
    else:
        listed = manifest(s3, request.place, _key(request), job.tenant, job.settings)
    lines = _Lines(job, request, listed)
    upload(s3, to["bucket"], to["key"], io.BufferedReader(lines, 1 << 16))
    if lines.refused > _MAX_REPORTED:
        job.warn(f"Lines that were left out, besides these: {lines.refused - _MAX_REPORTED:,}.")
    if request.source != "Object":
        job.log(f"{lines.count:,} objects are listed.")


def _key(request: Request) -> str:
    try:
        return request.place.key_of(request.what)
    except ValueError as problem:
        raise Failed(f"{request.source} {request.what[:200]!r} is {problem}.") from None


class _Lines(io.RawIOBase):
    """The list as a file that is read once; lines that name no object of the job's are told of and left out."""

    def __init__(self, job: Job, request: Request, listed: Iterator[Listed]) -> None:
        self._job, self._request, self._listed = job, request, listed
        self._left = b""
        self.count = self.refused = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            found = next(self._listed, None)
            if found is None:
                return 0
            self._take(found)
        piece = self._left[: len(buffer)]
        self._left = self._left[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def _take(self, found: Listed) -> None:
        if found.problem:
            self.refused += 1
            if self.refused <= _MAX_REPORTED:
                self._job.warn(found.problem)
            return
        self.count += 1
        if self.count % 10_000 == 0:
            self._job.heartbeat()
            if self._job.seconds_left < RESERVE_SECONDS:
                raise Failed(f"The list is too long: {self.count:,} of its objects were read in the time there is.")
        item: dict[str, Any] = {"Key": f"{self._request.place.root}{found.key}"}
        if found.size is not None:
            item["Size"] = found.size
        self._left = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
