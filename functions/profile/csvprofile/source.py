"""An object of S3 as a file that is read once, from its beginning to its end."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jobyard.runner import Failed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ATTEMPTS = 5
_BACKOFF_SECONDS = 0.5

# Without the right to list a bucket, S3 says of what is not there that it is forbidden.
_ABSENT = {
    "NoSuchKey": "There is no file {uri}.",
    "404": "There is no file {uri}.",
    "NoSuchBucket": "There is no bucket for {uri}.",
    "AccessDenied": "The file {uri} is not there, or may not be read.",
    "403": "The file {uri} is not there, or may not be read.",
    "InvalidObjectState": "The file {uri} is in an archive class of S3 and must be restored first.",
    "PreconditionFailed": "The file {uri} was changed while it was read.",
    "412": "The file {uri} was changed while it was read.",
}


class S3File(io.RawIOBase):
    """``size`` and ``position`` are in bytes.

    A connection that breaks, as one does that waits for a slow reader, is taken up where it ended; the object's
    entity tag makes sure that it is still the same object. Raises Failed for what its user can do something about.
    """

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": key}
        self.position = 0
        self._body: Any = None
        self._body = self._open()

    def _open(self, **more: str) -> Any:
        try:
            answer = self._s3.get_object(**self._place, **more)
        except ClientError as error:
            text = _ABSENT.get(error.response["Error"]["Code"])
            if text is None:
                raise
            raise Failed(text.format(uri="s3://{Bucket}/{Key}".format(**self._place))) from None
        if not more:
            self.size: int = answer["ContentLength"]
            self._etag: str = answer["ETag"]
        return answer["Body"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        for attempt in range(_ATTEMPTS):
            try:
                if attempt:
                    self._body.close()
                    self._body = self._open(Range=f"bytes={self.position}-", IfMatch=self._etag)
                piece: bytes = self._body.read(len(view))
            except BotoCoreError:
                # At the end there is nothing to take up: what failed is the check of the whole.
                if attempt + 1 == _ATTEMPTS or self.position >= self.size:
                    raise
                time.sleep(_BACKOFF_SECONDS * 2**attempt)
            else:
                self.position += len(piece)
                view[: len(piece)] = piece
                return len(piece)
        raise AssertionError("unreachable")

    def close(self) -> None:
        if self._body:
            self._body.close()
        super().close()
