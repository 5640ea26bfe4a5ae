"""The whole job: from the questions to the two outputs."""

from __future__ import annotations

import os
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from csvprofile import report
from csvprofile.column import Column
from csvprofile.request import read_request
from csvprofile.rows import MAX_COLUMNS, Rows
from csvprofile.source import S3File
from jobyard.aws import client
from jobyard.runner import Failed, Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from csvprofile.request import Request
    from csvprofile.rows import Row

type Cells = Sequence[str | None]
"""The cells of a row; None is one that the row does not have."""

MAX_REPORTED = 20
# Enough for a read from S3 that hangs and is taken up again, and to write the reason.
RESERVE_SECONDS = 30.0
_BATCH_ROWS = 1000
_BATCH_CELLS = 50_000
_BATCH_CHARACTERS = 1_000_000
_READING = 0.98

_MORE = {
    "encoding": "Lines with bytes that are not of the encoding, besides these: {:,}.",
    "cells": "Rows with a wrong number of cells, besides these: {:,}.",
}


def profile(job: Job) -> None:
    request = read_request(job.tenant, job.questions, job.settings, os.environ["BUCKET_NAME"])
    with S3File(client("s3"), request.bucket, request.key) as file:
        job.log(f"Reading {request.uri}, {file.size:,} bytes.")
        problems = Problems(job)
        rows = Rows(file, request.encoding, request.delimiter, problems.report)
        table = Table(request, iter(rows), problems)
        for batch in table.batches():
            table.add(batch)
            done = file.position / file.size if file.size else 1.0
            job.progress(_READING * done)
            if job.seconds_left < RESERVE_SECONDS:
                raise Failed(f"The file is too large: {done:.0%} of it was read in the time that a function has.")
        problems.close()
    about = {
        "input": request.uri,
        "bytes": file.size,
        "encoding": rows.encoding,
        "delimiter": rows.delimiter,
        "header": request.header,
        "rows": table.count,
        "problems": {"encoding": problems.counts["encoding"], "cells": problems.counts["cells"]},
    }
    job.attach("profile.csv", report.to_csv(table.columns))
    job.attach("profile.json", report.to_json(about, table.columns))
    job.progress(1.0)
    job.log(f"{table.count:,} rows of {len(table.columns):,} columns were profiled.")


class Problems:
    """Tells of the first MAX_REPORTED of each kind, and how many more there were."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.counts: Counter[str] = Counter()

    def report(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= MAX_REPORTED:
            self._job.warn(text)

    def close(self) -> None:
        for kind, text in _MORE.items():
            if self.counts[kind] > MAX_REPORTED:
                self._job.warn(text.format(self.counts[kind] - MAX_REPORTED))


class Table:
    """Rows made as wide as the first one, and the columns that they fill."""

    def __init__(self, request: Request, rows: Iterator[Row], problems: Problems) -> None:
        """Raises Failed for a file without a row, or with too many columns."""
        first = next(rows, None)
        if first is None:
            raise Failed("The file is empty.")
        self._width = width = len(first.cells)
        if width > MAX_COLUMNS:
            raise Failed(f"The file has {width:,} columns; at most {MAX_COLUMNS:,} can be profiled.")
        names = first.cells if request.header else [f"column {number}" for number in range(1, width + 1)]
        self.columns = [Column(number, name.strip(), width, request.nulls) for number, name in enumerate(names, 1)]
        self.count = 0
        self._rows = rows
        self._first = None if request.header else first
        self._problems = problems

    def batches(self) -> Iterator[list[Cells]]:
        """Rows together, for cells that are alike are faster counted at once; bounded in every measure."""
        batch: list[Cells] = []
        size = 0
        for row in chain([self._first] if self._first else [], self._rows):
            batch.append(self._as_wide(row))
            size += row.size
            if len(batch) * self._width >= _BATCH_CELLS or len(batch) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _as_wide(self, row: Row) -> Cells:
        width = self._width
        if len(row.cells) == width:
            return row.cells
        self._problems.report(
            "cells", f"The row at line {row.line:,} has a wrong number of cells: {len(row.cells):,}, not {width:,}."
        )
        return [*row.cells[:width], *[None] * (width - len(row.cells))]

    def add(self, batch: list[Cells]) -> None:
        self.count += len(batch)
        for column, cells in zip(self.columns, zip(*batch, strict=True), strict=True):
            column.add(cells)
