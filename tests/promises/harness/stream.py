"""The table's own stream, read as Lambda's poller reads it."""

from __future__ import annotations

from typing import Any


class Stream:
    """From now on: what the table told before is not read."""

    held_back = False
    """Whether there is more that the next read will tell."""

    def __init__(self, streams: Any, table: str) -> None:
        self._streams = streams
        (found,) = streams.list_streams(TableName=table)["Streams"]
        self._arn = found["StreamArn"]
        self._iterators: dict[str, str | None] = {}
        self.told: list[dict[str, Any]] = []
        """All records that were read so far."""
        for shard in self._shards():
            self._open(shard, "LATEST")

    def read(self) -> list[dict[str, Any]]:
        """All records that were not read yet, each item's in their order; as the event of Lambda has them."""
        records = []
        due = list(self._iterators)
        while due:
            for shard in due:
                records += self._read(shard)
            # There are new ones only once one has ended.
            due = self._opened() if None in self._iterators.values() else []
        self.told += records
        return records

    def _opened(self) -> list[str]:
        """Shards that were not known yet."""
        new = [shard for shard in self._shards() if shard not in self._iterators]
        for shard in new:
            self._open(shard, "TRIM_HORIZON")
        return new

    def _shards(self) -> list[str]:
        told = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        return [shard["ShardId"] for shard in told]

    def _open(self, shard: str, place: str) -> None:
        began = self._streams.get_shard_iterator(StreamArn=self._arn, ShardId=shard, ShardIteratorType=place)
        self._iterators[shard] = began["ShardIterator"]

    def _read(self, shard: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        while iterator := self._iterators[shard]:
            page = self._streams.get_records(ShardIterator=iterator)
            self._iterators[shard] = page.get("NextShardIterator")
            if not page["Records"]:
                break
            records += [_as_event(record) for record in page["Records"]]
        return records


def _as_event(record: dict[str, Any]) -> dict[str, Any]:
    change = record["dynamodb"]
    change["ApproximateCreationDateTime"] = int(change["ApproximateCreationDateTime"])
    return record | {"eventSource": "aws:dynamodb"}
