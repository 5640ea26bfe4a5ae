"""Files to S3. Every kind of data is read in parts, so that a file larger than the memory can be attached."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
from contextlib import suppress
from pathlib import Path, PurePath
from typing import IO, Any

from jobyard.model.job import Output

# S3 wants parts of at least 5 MiB and at most 10,000 of them: 80 GB.
PART_BYTES = 8 * 1024 * 1024

type Data = bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes] | IO[str]


def describe(tenant: str, job_id: str, name: str) -> Output:
    """The output called ``name`` of a job, of size 0 as yet.

    The id follows from job and name: a function that is run twice replaces its files and doubles none.
    Raises ValueError for a name that cannot be a file's.
    """
    if not name or name in {".", ".."} or len(name.encode("utf-8", "replace")) > 255:
        raise ValueError(f"{name!r} cannot name an output: give a file name of 1 to 255 bytes")
    if any(c in "/\\" or not c.isprintable() for c in name):
        raise ValueError(f"{name!r} cannot name an output: no slashes and no control characters")
    output_id = hashlib.sha256(f"{tenant}/{job_id}/{name}".encode()).hexdigest()[:24]
    extension = PurePath(name).suffix.lstrip(".").lower()
    return Output(output_id, name, name, extension, f"outputs/{tenant}/{job_id}/{output_id}/{name}", 0)


def upload(s3: Any, bucket: str, key: str, data: Data) -> int:
    """Writes ``data`` to S3 and returns its size in bytes. Nothing is seen at ``key`` before all is there.

    Raises TypeError for data of another type, and what reading it or S3 raises.
    """
    content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
    if isinstance(data, os.PathLike):
        with Path(data).open("rb") as file:
            return _send(s3, bucket, key, content_type, file)
    return _send(s3, bucket, key, content_type, _opened(data))


def _opened(data: Data) -> Any:
    if isinstance(data, str):
        return io.BytesIO(data.encode())
    if isinstance(data, bytes | bytearray | memoryview):
        return io.BytesIO(data)
    if callable(getattr(data, "read", None)):
        return data
    raise TypeError(f"attach() takes bytes, str, a path or an open file, not {type(data).__name__}")


def _send(s3: Any, bucket: str, key: str, content_type: str, file: Any) -> int:
    first = _part(file)
    if len(first) < PART_BYTES:
        s3.put_object(Bucket=bucket, Key=key, Body=first, ContentType=content_type)
        return len(first)
    place = {"Bucket": bucket, "Key": key}
    place["UploadId"] = s3.create_multipart_upload(**place, ContentType=content_type)["UploadId"]
    try:
        parts: list[dict[str, Any]] = []
        size, body = 0, first
        while body:
            number = len(parts) + 1
            part = s3.upload_part(**place, PartNumber=number, Body=body)
            parts.append({"ETag": part["ETag"], "PartNumber": number})
            size += len(body)
            body = _part(file)
        s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
        return size
    except BaseException:
        # The bucket's lifecycle removes what cannot be removed now; the first failure is the one to tell.
        with suppress(Exception):
            s3.abort_multipart_upload(**place)
        raise


def _part(file: Any) -> bytes:
    """PART_BYTES of ``file``, fewer only at its end: a pipe or a socket gives less than was asked for."""
    part = bytearray()
    while len(part) < PART_BYTES:
        piece = file.read(PART_BYTES - len(part))
        if not piece:
            break
        part += piece.encode() if isinstance(piece, str) else piece
    return bytes(part)
