"""The whole job: passes over all versions under the prefix until one finds nothing, however many calls that takes."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from erasing.request import Place, read_request
from jobyard.aws import ClientError, client, error_code
from jobyard.runner import Cancelled, Failed, Job

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1000
"""The most that S3 deletes in one call."""

MAX_REPORTED = 20
# Of a key and of a reason, in characters: the state between two calls is bounded.
_MAX_SHOWN = 100
# One batch, tried four times, and the messages after it.
RESERVE_SECONDS = 60.0
# How far the first listing looks ahead, so that there is a whole to tell the progress by.
_AHEAD_PAGES = 100
_TELL_EVERY = 10_000
_MAX_PASSES = 100
_TRANSIENT = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "OperationAborted"})
_ATTEMPTS = 4

_NO_BUCKET = {
    "NoSuchBucket": "There is no bucket {bucket}.",
    "AccessDenied": "The bucket {bucket} may not be listed by this workflow.",
}


@dataclass
class Progress:
    """What a next call needs to know. ``deleted``, ``markers`` and ``size`` (bytes) are of the whole job; what is
    ``found``, and what ``failed`` by its error's code, is of this pass; ``told`` is what the last message said.
    """

    total: int = 0
    deleted: int = 0
    markers: int = 0
    size: int = 0
    told: int = 0
    passes: int = 1
    found: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    reported: list[str] = field(default_factory=list)
    after: dict[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        return sum(self.failed.values())

    @property
    def text(self) -> str:
        markers = f" and {_counted(self.markers, 'delete marker')}" if self.markers else ""
        return f"{_counted(self.deleted, 'object')} ({self.size:,} bytes){markers}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def erase(job: Job) -> None:
    place = read_request(job.tenant, job.questions, job.settings, os.environ["BUCKET_NAME"])
    progress = Progress(**job.state) if job.state else Progress()
    s3 = client("s3")
    if job.state is None:
        job.log(f"Deleting everything under {place.uri}, all versions.")
        progress.total = _look_ahead(s3, place)
    try:
        while not _pass(job, s3, place, progress):
            progress.passes += 1
            progress.found, progress.failed, progress.reported, progress.after = 0, {}, [], {}
    except Cancelled:
        job.warn(f"Cancelled: {progress.text} deleted before.")
        raise
    _conclude(job, place, progress)


def _pass(job: Job, s3: Any, place: Place, progress: Progress) -> bool:
    """Delete what is there; whether that was all, or the rest will not go."""
    for page in _pages(s3, place, progress.after):
        entries = [(each, False) for each in page.get("Versions", ())]
        entries += [(each, True) for each in page.get("DeleteMarkers", ())]
        if entries:
            _delete(s3, place, entries, progress)
        progress.after = {"KeyMarker": page["NextKeyMarker"]} if page.get("IsTruncated") else {}
        if progress.after and page.get("NextVersionIdMarker"):
            progress.after["VersionIdMarker"] = page["NextVersionIdMarker"]
        if progress.deleted - progress.told >= _TELL_EVERY:
            progress.told = progress.deleted
            job.log(f"{progress.text} deleted so far.")
        done = progress.deleted + progress.markers
        # What was not counted ahead, or came since, is one batch more at least.
        job.progress(done / max(progress.total, done + (BATCH if progress.after else 0), 1))
        if progress.after and job.seconds_left < RESERVE_SECONDS:
            job.again(asdict(progress))
    return progress.found == progress.failures or progress.passes >= _MAX_PASSES


def _pages(s3: Any, place: Place, after: dict[str, str]) -> Iterator[dict[str, Any]]:
    """In a bucket without versions each object is its only one, of the id ``null``."""
    while True:
        try:
            page = s3.list_object_versions(Bucket=place.bucket, Prefix=place.prefix, MaxKeys=BATCH, **after)
        except ClientError as error:
            text = _NO_BUCKET.get(error_code(error))
            if text is None:
                raise
            raise Failed(text.format(bucket=place.bucket)) from None
        yield page
        if not page.get("IsTruncated"):
            return
        after = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextVersionIdMarker"):
            after["VersionIdMarker"] = page["NextVersionIdMarker"]


def _look_ahead(s3: Any, place: Place) -> int:
    """How many versions and delete markers there are, as far as a moment's listing shows."""
    total = 0
    for number, page in enumerate(_pages(s3, place, {}), 1):
        total += len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ()))
        if number == _AHEAD_PAGES:
            break
    return total


def _delete(s3: Any, place: Place, entries: list[tuple[dict[str, Any], bool]], progress: Progress) -> None:
    left = {(each["Key"], each["VersionId"]): (each, marker) for each, marker in entries}
    progress.found += len(left)
    errors: dict[tuple[str, str], dict[str, Any]] = {}
    for attempt in range(_ATTEMPTS):
        asked = [{"Key": key, "VersionId": version} for key, version in left]
        answer = s3.delete_objects(Bucket=place.bucket, Delete={"Objects": asked, "Quiet": True})
        refused = {(each["Key"], each.get("VersionId") or "null"): each for each in answer.get("Errors", ())}
        for identity, (entry, marker) in left.items():
            if identity not in refused:
                progress.markers += marker
                progress.deleted += not marker
                progress.size += entry.get("Size", 0)
        errors |= {identity: each for identity, each in refused.items() if each.get("Code") not in _TRANSIENT}
        left = {identity: left[identity] for identity in refused if identity not in errors and identity in left}
        if not left:
            break
        if attempt + 1 == _ATTEMPTS:
            errors |= {identity: refused[identity] for identity in left}
        else:
            time.sleep(0.5 * 2**attempt)
    for each in errors.values():
        code = str(each.get("Code") or "Unknown")
        progress.failed[code] = progress.failed.get(code, 0) + 1
        if len(progress.reported) < MAX_REPORTED:
            progress.reported.append(_told(place, each, code))


def _told(place: Place, error: dict[str, Any], code: str) -> str:
    key = error["Key"].removeprefix(place.prefix)[:_MAX_SHOWN]
    version = error.get("VersionId")
    which = f" (version {version})" if version and version != "null" else ""
    return f"{key}{which} was not deleted: {code}: {str(error.get('Message') or '')[:_MAX_SHOWN]}"


def _conclude(job: Job, place: Place, progress: Progress) -> None:
    failures = progress.failures
    for text in progress.reported:
        job.error(text)
    if failures > len(progress.reported):
        job.error(f"Not deleted, besides these: {failures - len(progress.reported):,}.")
    job.log(f"{progress.text} deleted.")
    if failures:
        codes = ", ".join(f"{code} ({count:,})" for code, count in Counter(progress.failed).most_common())
        raise Failed(f"{failures:,} of {place.uri} could not be deleted: {codes}. {progress.text} deleted.")
    if progress.found:
        raise Failed(f"Objects are still being written under {place.uri}: {progress.text} deleted.")
    job.progress(1.0)
