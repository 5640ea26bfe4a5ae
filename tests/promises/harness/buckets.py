"""S3, by moto, behind the wire: what is put there is there, uploads in parts included."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.models import botocore_stubber

from tests.promises.harness.wire import Call

_HOST = "s3.us-east-1.amazonaws.com"


class Buckets:
    """A service for ``Wire.stand_in``, while ``moto.mock_aws`` is entered; ``client`` reaches it beside the wire."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=f"https://{_HOST}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.client.create_bucket(Bucket=bucket)

    def __call__(self, call: Call) -> AWSResponse:
        asked, sent = urlsplit(str(call.sent.url)), call.sent
        url = urlunsplit(("https", _HOST, asked.path, asked.query, ""))
        moved = AWSPreparedRequest(sent.method, url, sent.headers, sent.body, sent.stream_output)
        answered = botocore_stubber(f"before-send.s3.{call.operation}", moved)
        assert answered is not None
        return answered

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def content(self, key: str) -> bytes:
        """Raises botocore's ClientError where there is nothing."""
        read: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return read

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def uploads(self) -> list[dict[str, Any]]:
        """Those in parts that were begun, and neither completed nor aborted."""
        found: list[dict[str, Any]] = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return found

    def clear(self) -> None:
        for key in self.keys():
            self.client.delete_object(Bucket=self.bucket, Key=key)
        for each in self.uploads():
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=each["Key"], UploadId=each["UploadId"])
