"""What a job asks for, checked: where the file is, whether this tenant may read it, and how it is to be read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobyard.runner import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}

# Python's codecs for text as files have it. Others of Python's turn text into something else, or run very slowly.
# By the names that codecs.lookup gives them.
_NAMES = (
    "ascii big5 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp850 cp852 cp866 cp932 cp949 "
    "euc_jp euc_kr gb18030 gbk iso8859-1 iso8859-15 iso8859-2 iso8859-5 iso8859-7 iso8859-9 koi8-r koi8-u mac-roman "
    "shift_jis tis-620 utf-16 utf-16-be utf-16-le utf-32 utf-32-be utf-32-le utf-8 utf-8-sig"
)
ENCODINGS = frozenset(_NAMES.split())


@dataclass(frozen=True, slots=True)
class Request:
    """``delimiter`` and ``encoding`` are None when they are to be found out; ``nulls`` are cells that count as none."""

    bucket: str
    key: str
    delimiter: str | None
    header: bool
    encoding: str | None
    nulls: frozenset[str]

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def read_request(tenant: str, questions: Mapping[str, str], settings: Mapping[str, Any], data_bucket: str) -> Request:
    """Raises Failed, in words for whoever submitted the job."""
    if not questions.get("input"):
        raise Failed("The question input is missing: it names the CSV file, as s3://bucket/key.")
    bucket, key = _split(questions["input"], "The question input")
    allowed = settings.get("inputs", ())
    if not _may_read(tenant, bucket, key, data_bucket, [allowed] if isinstance(allowed, str) else allowed):
        raise Failed(
            f"s3://{bucket}/{key} may not be read by this workflow: an input is under "
            f"s3://{data_bucket}/inputs/{tenant}/, or where the workflow's setting inputs allows it."
        )
    nulls = questions.get("nulls", "")
    return Request(
        bucket,
        key,
        _delimiter(questions.get("delimiter", "")),
        _yes_no("header", questions.get("header") or "yes"),
        _encoding(questions.get("encoding", "")),
        frozenset(null for each in nulls.split(",") if (null := each.strip())),
    )


def _split(uri: str, what: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise Failed(f"{what} must be s3://bucket/key, not {uri[:200]!r}.")
    return bucket, key


def _may_read(tenant: str, bucket: str, key: str, data_bucket: str, allowed: Iterable[str]) -> bool:
    # S3 takes a key as it is, but what lies between may tidy a path up: nobody needs such a key.
    if any(part in {".", ".."} for part in key.split("/")) or not key.isprintable():
        return False
    # In the data bucket, where all tenants' files are, no setting opens another one's folder.
    if bucket == data_bucket:
        return key.startswith(f"inputs/{tenant}/")
    for prefix in allowed:
        allowed_bucket, _, folder = str(prefix).removeprefix("s3://").partition("/")
        if str(prefix).startswith("s3://") and bucket == allowed_bucket:
            folder = folder.rstrip("/")
            if not folder or key == folder or key.startswith(f"{folder}/"):
                return True
    return False


def _delimiter(answer: str) -> str | None:
    if not answer or answer.strip().lower() == "auto":
        return None
    delimiter = _DELIMITERS.get(answer.strip().lower(), answer)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise Failed(f"The question delimiter must be one character, tab or auto, not {answer[:200]!r}.")
    return delimiter


def _yes_no(name: str, answer: str) -> bool:
    try:
        return _YES_NO[answer.strip().lower()]
    except KeyError:
        raise Failed(f"The question {name} must be yes or no, not {answer[:200]!r}.") from None


def _encoding(answer: str) -> str | None:
    if not answer.strip():
        return None
    try:
        name = codecs.lookup(answer.strip()).name
    except (LookupError, ValueError):
        name = ""
    if name not in ENCODINGS:
        raise Failed(f"The question encoding names no encoding that can be read: {answer[:200]!r}.")
    return name
