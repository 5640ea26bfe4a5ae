"""From bytes to rows. What is wrong with the file is reported with its line, and reading goes on where it can."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from jobyard.runner import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

MAX_FIELD = 1024 * 1024
MAX_ROW = 8 * 1024 * 1024
MAX_COLUMNS = 1000

_BUFFER_BYTES = 256 * 1024
_SAMPLE = 64 * 1024
_DELIMITERS = ",;\t|"

# A byte that cannot be decoded becomes this lone surrogate, which no decoder makes of valid input.
_UNDECODED = "\udc80"
_ERRORS = "csvprofile"
codecs.register_error(_ERRORS, lambda error: (_UNDECODED, error.end))  # type: ignore[attr-defined]

type Report = Callable[[str, str], None]
"""Called with the kind of a problem and a sentence that names its line."""


class Row(NamedTuple):
    """``line`` is where it begins, from 1; ``size`` is in characters."""

    line: int
    size: int
    cells: list[str]


class Rows:
    """The rows of a CSV file, blank lines left out; iterate once.

    Memory is bounded by MAX_ROW characters whatever the file holds. Raises Failed for a file that cannot be read on.
    """

    def __init__(self, file: io.RawIOBase, encoding: str | None, delimiter: str | None, report: Report) -> None:
        self._report = report
        self._line = self._row_size = 0
        self._at_end = False
        self.encoding = encoding or "utf-8"
        self._sample: list[str] = []
        with self._readable():
            start, binary = _start(file)
            if start.startswith(b"\x1f\x8b"):
                start, binary = _start(gzip.GzipFile(fileobj=binary))
            if encoding is None:
                self.encoding = _encoding_by_mark(start)
            codec = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
            self._text = io.TextIOWrapper(binary, codec, _ERRORS, newline="")
            self.delimiter = delimiter or self._sniff()

    def __iter__(self) -> Iterator[Row]:
        csv.field_size_limit(MAX_FIELD)
        reader = csv.reader(self._lines(), delimiter=self.delimiter)
        first_line = 1
        with self._readable():
            while True:
                self._row_size = 0
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    raise Failed(f"The row at line {first_line:,} cannot be read: {_explained(error)}.") from None
                if cells is None:
                    return
                if cells:
                    if self._at_end:
                        # The reader asked for a line after the last one: it was in a quote.
                        text = f"The quote in the row at line {first_line:,} is not closed; the file ends in it."
                        self._report("quote", text)
                    yield Row(first_line, self._row_size, cells)
                first_line = reader.line_num + 1

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:
            raise Failed(f"The file is not {self.encoding} after line {self._line:,}: {error}.") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Failed(f"The file is damaged after line {self._line:,}: {error}.") from None

    def _lines(self) -> Iterator[str]:
        for line in chain(self._sample, iter(self._read_line, "")):
            self._line += 1
            self._row_size += len(line)
            if self._row_size > MAX_ROW:
                raise Failed(
                    f"The row that ends at line {self._line:,} or after it has more than {MAX_ROW:,} characters: "
                    "the delimiter, the encoding or a quote that is not closed may be the reason."
                )
            if _UNDECODED in line:
                yield self._marked(line)
            else:
                yield line if self._line > 1 else line.removeprefix("\ufeff")
        self._at_end = True

    def _read_line(self) -> str:
        return self._text.readline(MAX_ROW + 1)

    def _marked(self, line: str) -> str:
        count = line.count(_UNDECODED)
        places = "1 place is" if count == 1 else f"{count:,} places are"
        self._report("encoding", f"Line {self._line:,}: {places} not {self.encoding}, read as \ufffd.")
        return line.replace(_UNDECODED, "\ufffd")

    def _sniff(self) -> str:
        size = 0
        while size < _SAMPLE and (line := self._text.readline(_SAMPLE)):
            self._sample.append(line)
            size += len(line)
            if not line.endswith(("\n", "\r")):
                # A line longer than the sample: its rest belongs to it.
                self._sample[-1] += self._text.readline(MAX_ROW + 1)
                break
        return sniff(self._sample)


def sniff(lines: list[str]) -> str:
    """The delimiter that cuts ``lines``, the first ones of a file, into rows of one width; a comma if none does."""
    best, best_score = _DELIMITERS[0], (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
        except csv.Error:
            continue
        width = max(set(widths), key=lambda w: (widths.count(w), w), default=1)
        score = (widths.count(width) / len(widths), width) if width > 1 else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


class _Again(io.RawIOBase):
    """``start``, and then what is left of ``rest``."""

    def __init__(self, start: bytes, rest: io.BufferedIOBase) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._start:
            return self._rest.readinto1(buffer)
        view = memoryview(buffer).cast("B")
        piece, self._start = self._start[: len(view)], self._start[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


def _start(file: io.RawIOBase | gzip.GzipFile) -> tuple[bytes, io.BufferedReader]:
    """The first bytes of ``file``, enough to know it by, and all of it. A mere peek may see one byte of a network's."""
    rest = file if isinstance(file, gzip.GzipFile) else io.BufferedReader(file, _BUFFER_BYTES)
    start = rest.read(4)
    return start, io.BufferedReader(_Again(start, rest), _BUFFER_BYTES)


def _encoding_by_mark(start: bytes) -> str:
    """UTF-8, with or without a byte order mark, unless the mark is another's."""
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8"


def _explained(error: csv.Error) -> str:
    if "field larger than field limit" in str(error):
        return f"a cell has more than {MAX_FIELD:,} characters; a quote that is not closed may be the reason"
    return str(error)
