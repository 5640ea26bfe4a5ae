"""What a job asks for, checked: which objects, where they lie, and that they are of this tenant."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from jobyard.runner import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES = ("Prefix", "Object", "UrlFile", "Manifest")
BATCH = 100
CONCURRENCY = 50
TOLERANCE = 5.0
_BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?")


class Place(NamedTuple):
    """The objects that a job may see: those of ``bucket`` whose key begins with ``root``, which they are known without.

    ``name`` is the bucket's as the caller knows it. ``own``: each such name has a folder in Jobyard's own bucket.
    """

    name: str
    bucket: str
    root: str
    own: bool

    def key_of(self, location: str) -> str:
        """The key that a URL of an object names, or a key itself. Raises ValueError for one of another bucket."""
        if "://" not in location:
            return location.removeprefix("/")
        parts = urlsplit(location)
        host = (parts.hostname or "").lower()
        if parts.scheme not in {"http", "https", "cos", "s3"} or not self._is(host):
            raise ValueError(f"not of bucket {self.name or self.bucket}")
        return unquote(parts.path.removeprefix("/"), errors="strict")

    def _is(self, host: str) -> bool:
        names = {self.name.lower(), self.bucket.lower()} - {""}
        return any(host == name or host.startswith(f"{name}.") for name in names)


class Request(NamedTuple):
    """``source`` is one of SOURCES, ``what`` its value; ``start`` and ``end`` are milliseconds since the epoch;
    ``tolerance`` is in percent.
    """

    place: Place
    source: str
    what: str
    start: int | None
    end: int | None
    function: str
    batch: int
    concurrency: int
    tolerance: float
    output: str


def read_request(tenant: str, questions: Mapping[str, str], settings: Mapping[str, Any]) -> Request:
    """Raises Failed, in words for whoever submitted the job."""
    given = [source for source in SOURCES if questions.get(source)]
    if len(given) > 1:
        raise Failed(f"One of {', '.join(SOURCES)} is allowed, not {' and '.join(given)}.")
    source = given[0] if given else "Prefix"
    if not given and "Prefix" not in questions:
        raise Failed(f"It is not said which objects: one of {', '.join(SOURCES)}.")
    return Request(
        place=place_of(tenant, questions.get("Bucket", ""), settings),
        source=source,
        what=questions[source],
        start=_moment("Start", questions),
        end=_moment("End", questions),
        function=_function(settings),
        batch=int(_number("batch", settings, BATCH, 1, BATCH)),
        concurrency=int(_number("concurrency", settings, CONCURRENCY, 1, 1000)),
        tolerance=_number("toleratedFailurePercentage", settings, TOLERANCE, 0, 100),
        output=questions.get("OutputObject", ""),
    )


def place_of(tenant: str, name: str, settings: Mapping[str, Any]) -> Place:
    """Where a bucket's objects lie: the settings ``bucket`` and ``prefix`` come from the operator.

    Without them each bucket that callers name is a folder of the tenant's in Jobyard's own bucket.
    """
    data_bucket = os.environ["BUCKET_NAME"]
    bucket = str(settings.get("bucket") or data_bucket)
    if bucket != data_bucket:
        root = str(settings.get("prefix") or "")
        return Place(name, bucket, f"{root.rstrip('/')}/" if root else "", own=False)
    if not _BUCKET_NAME.fullmatch(name):
        raise Failed(f"The question Bucket must name a bucket, not {name[:200]!r}.")
    return Place(name, bucket, f"objects/{tenant}/{name}/", own=True)


def _moment(name: str, questions: Mapping[str, str]) -> int | None:
    text = questions.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise Failed(f"The question {name} must be a time in milliseconds since the epoch, not {text[:200]!r}.")
    return int(text)


def _function(settings: Mapping[str, Any]) -> str:
    prefix = os.environ["WORKFLOW_FUNCTION_PREFIX"]
    name = str(settings.get("function") or f"{prefix}inventory")
    if not name.startswith(prefix) or not _FUNCTION_NAME.fullmatch(name):
        raise Failed(f"The setting function must name a function, beginning with {prefix}, not {name[:200]!r}.")
    return name


def _number(name: str, settings: Mapping[str, Any], usual: float, least: float, most: float) -> float:
    value = settings.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Failed(f"The setting {name} must be a number.")
    if not least <= value <= most:
        raise Failed(f"The setting {name} must be {least:g} to {most:g}, not {value:g}.")
    return float(value)
