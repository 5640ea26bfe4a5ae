"""Lists of objects that callers keep in their bucket: a file of URLs, or the manifest of an inventory."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_plus

from jobyard.aws import ClientError, error_code
from jobyard.runner import Failed
from manyobjects.request import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_LINE = 8192
_MAX_MANIFEST = 10 * 1024 * 1024
_MAX_KEY_BYTES = 1024
_ABSENT = frozenset({"NoSuchKey", "404", "AccessDenied", "403", "NoSuchBucket"})


class Listed(NamedTuple):
    """An object by its key as its user knows it; with a ``problem`` it is none of the job's, and that says why."""

    key: str
    size: int | None
    problem: str = ""


def opened(s3: Any, place: Place, key: str, what: str) -> Any:
    try:
        return s3.get_object(Bucket=place.bucket, Key=f"{place.root}{key}")["Body"]
    except ClientError as error:
        if error_code(error) not in _ABSENT:
            raise
        raise Failed(f"{what} {key[:200]!r} is not in the bucket, or may not be read.") from None


def url_file(s3: Any, place: Place, key: str) -> Iterator[Listed]:
    """A URL, or a key, on each line. Blank lines are none."""
    body = opened(s3, place, key, "UrlFile")
    for number, raw in enumerate(io.BufferedReader(_Raw(body)), 1):
        line = raw.strip().removeprefix(b"\xef\xbb\xbf")
        if not line:
            continue
        try:
            if len(line) > _MAX_LINE:
                raise ValueError("too long")
            yield _checked(place.key_of(line.decode()))
        except ValueError as problem:
            why = "not UTF-8" if isinstance(problem, UnicodeError) else problem
            yield Listed("", None, f"Line {number:,} of the UrlFile was left out: it is {why}.")


def manifest(s3: Any, place: Place, key: str, tenant: str, settings: Mapping[str, Any]) -> Iterator[Listed]:
    """The rows of the CSV files that an inventory's manifest names. Raises Failed for a manifest of another form."""
    text = opened(s3, place, key, "Manifest").read(_MAX_MANIFEST + 1)
    try:
        if len(text) > _MAX_MANIFEST:
            raise ValueError("too long")
        told = json.loads(text)
        if str(told["fileFormat"]).upper() != "CSV":
            raise ValueError(f"of the format {told['fileFormat']}, and only CSV can be read")
        columns = [column.strip() for column in told["fileSchema"].split(",")]
        files = [str(file["key"]) for file in told["files"]]
        target = str(told.get("destinationBucket") or "").rpartition(":")[2]
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Failed(f"The manifest {key[:200]!r} cannot be read: it is {problem}.") from None
    if "Key" not in columns:
        raise Failed(f"The manifest {key[:200]!r} has no column Key.")
    # Of the same tenant: the name only chooses one of its folders.
    kept = place_of(tenant, target, settings) if place.own and target else place
    for file in files:
        yield from _rows(s3, place, kept, file, columns)


def _rows(s3: Any, place: Place, kept: Place, file: str, columns: list[str]) -> Iterator[Listed]:
    raw = io.BufferedReader(_Raw(opened(s3, kept, file, "The manifest's file")))
    body: Any = gzip.GzipFile(fileobj=raw) if file.endswith(".gz") else raw
    rows = csv.reader(io.TextIOWrapper(body, encoding="utf-8", newline=""))
    try:
        for number, cells in enumerate(rows, 1):
            row = dict(zip(columns, cells, strict=False))
            if not cells or row.get("IsDeleteMarker", "").lower() == "true":
                continue
            try:
                yield _row(place, row)
            except ValueError as problem:
                yield Listed("", None, f"Row {number:,} of {file[:200]} was left out: it is {problem}.")
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as problem:
        raise Failed(f"The manifest's file {file[:200]!r} is damaged: {problem}.") from None


def _row(place: Place, row: dict[str, str]) -> Listed:
    bucket = row.get("Bucket", "")
    if bucket and bucket.lower() not in {
        place.name.lower(),
        place.bucket.lower(),
        place.name.rpartition("-")[0].lower(),
    }:
        raise ValueError(f"of bucket {bucket[:200]}")
    size = row.get("Size", "")
    return _checked(unquote_plus(row["Key"], errors="strict"), int(size) if size.isdecimal() else None)


def _checked(key: str, size: int | None = None) -> Listed:
    if not key or len(key.encode()) > _MAX_KEY_BYTES:
        raise ValueError("without a key" if not key else "longer than a key may be")
    return Listed(key, size)


class _Raw(io.RawIOBase):
    """A body of S3's as a file: botocore's own has no readinto."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
