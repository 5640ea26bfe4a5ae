"""Reading from S3 over connections that break."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError
from csvprofile import source
from csvprofile.source import S3File

from jobyard.runner import Failed

CONTENT = bytes(range(256)) * 40


class Body:
    def __init__(self, content: bytes, breaks_after: int | None) -> None:
        self._file = io.BytesIO(content)
        self._left = breaks_after

    def read(self, size: int) -> bytes:
        if self._left is None:
            return self._file.read(size)
        if self._left <= 0:
            raise ReadTimeoutError(endpoint_url="s3")
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()


class S3:
    """Each connection breaks after so many bytes as ``breaks`` says; None never."""

    def __init__(self, *breaks: int | None) -> None:
        self._breaks = list(breaks)
        self.asked: list[str | None] = []
        self.etag = '"one"'

    def get_object(self, Bucket: str, Key: str, Range: str | None = None, IfMatch: str | None = None) -> dict[str, Any]:  # noqa: N803
        self.asked.append(Range)
        if IfMatch not in {None, self.etag}:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "GetObject")
        start = int(Range.removeprefix("bytes=").removesuffix("-")) if Range else 0
        body = Body(CONTENT[start:], self._breaks.pop(0))
        return {"Body": body, "ContentLength": len(CONTENT) - start, "ETag": self.etag}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_BACKOFF_SECONDS", 0)


def test_a_broken_connection_is_taken_up_where_it_ended() -> None:
    s3 = S3(1000, 0, 0, 5000, None)
    with S3File(s3, "data", "k") as file:
        assert file.readall() == CONTENT
        assert file.position == file.size == len(CONTENT)
    assert s3.asked == [None, "bytes=1000-", "bytes=1000-", "bytes=1000-", "bytes=6000-"]


def test_a_connection_that_only_breaks_ends_the_job() -> None:
    with S3File(S3(10, 0, 0, 0, 0), "data", "k") as file, pytest.raises(ReadTimeoutError):
        file.readall()


def test_a_file_that_changes_meanwhile_is_not_mixed_with_the_new_one() -> None:
    s3 = S3(1000, None)
    with S3File(s3, "data", "k") as file:
        s3.etag = '"two"'
        with pytest.raises(Failed, match="s3://data/k was changed while it was read"):
            file.readall()


def test_a_check_that_fails_at_the_end_is_not_repeated() -> None:
    class Wrong(Body):
        def read(self, size: int) -> bytes:
            piece = super().read(size)
            if not piece:
                raise IncompleteReadError(actual_bytes=1, expected_bytes=2)
            return piece

    with S3File(S3(None), "data", "k") as file:
        file._body = Wrong(CONTENT, None)
        with pytest.raises(IncompleteReadError):
            file.readall()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("NoSuchKey", "There is no file s3://data/k"),
        ("AccessDenied", "is not there, or may not be read"),
        ("InvalidObjectState", "must be restored first"),
    ],
)
def test_what_s3_refuses_is_said_in_plain_words(code: str, text: str) -> None:
    class Refusing:
        def get_object(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")

    with pytest.raises(Failed, match=text):
        S3File(Refusing(), "data", "k")


def test_another_error_of_s3_is_left_as_it_is() -> None:
    class Broken:
        def get_object(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "GetObject")

    with pytest.raises(ClientError):
        S3File(Broken(), "data", "k")
