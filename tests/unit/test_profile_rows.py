"""From bytes to rows: encodings, quotes, line ends, damage."""

from __future__ import annotations

import gzip
import io

import pytest
from csvprofile.rows import MAX_FIELD, MAX_ROW, Rows, sniff
from hypothesis import example, given
from hypothesis import strategies as st

from jobyard.runner import Failed


class Pieces(io.RawIOBase):
    """``content`` in pieces of at most ``size`` bytes, as a network gives it."""

    def __init__(self, content: bytes, size: int = 1 << 20) -> None:
        self._file = io.BytesIO(content)
        self._size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._file.read(min(len(buffer), self._size))
        buffer[: len(piece)] = piece
        return len(piece)


def read(
    content: bytes, encoding: str | None = None, delimiter: str | None = None, pieces: int = 1 << 20
) -> tuple[list[list[str]], list[str], Rows]:
    problems: list[str] = []
    rows = Rows(Pieces(content, pieces), encoding, delimiter, lambda _kind, text: problems.append(text))
    return [row.cells for row in rows], problems, rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pieces", [1, 2, 3, 1000])
def test_line_ends_and_quoted_line_ends(end: str, pieces: int) -> None:
    content = f'a,b{end}"x{end}y","say ""hi"""{end}{end}1,é{end}'.encode()
    cells, problems, _ = read(content, pieces=pieces)
    assert cells == [["a", "b"], [f"x{end}y", 'say "hi"'], ["1", "é"]]
    assert problems == []


def test_rows_know_the_line_on_which_they_begin() -> None:
    rows = Rows(Pieces(b'a,b\n"x\ny",2\n\n3,4'), None, None, lambda *_: None)
    assert [(row.line, row.size) for row in rows] == [(1, 4), (2, 8), (5, 3)]


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        (None, "utf-8"),
        (None, "utf-8-sig"),
        (None, "utf-16"),
        (None, "utf-32"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
        ("gb18030", "gb18030"),
        ("shift_jis", "shift_jis"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 7])
def test_encodings(encoding: str | None, written: str, pieces: int) -> None:
    word = "日本" if "j" in written else "é"
    cells, problems, _ = read(f"a,b\n1,{word}\n".encode(written), encoding, pieces=pieces)
    assert cells == [["a", "b"], ["1", word]]
    assert problems == []


def test_a_mark_of_byte_order_is_no_part_of_the_first_name() -> None:
    assert read("\ufeffa,b\n".encode("utf-16-le"), "utf-16-le")[0] == [["a", "b"]]


@pytest.mark.parametrize("pieces", [1, 5, 1000])
def test_bytes_that_are_not_of_the_encoding_are_reported_with_their_line(pieces: int) -> None:
    cells, problems, _ = read(b"a,b\n1,\xff\xfe\n2,ok\n\xc3,4\xc3", pieces=pieces)
    assert cells == [["a", "b"], ["1", "\ufffd\ufffd"], ["2", "ok"], ["\ufffd", "4\ufffd"]]
    assert problems == [
        "Line 2: 2 places are not utf-8, read as \ufffd.",
        "Line 4: 2 places are not utf-8, read as \ufffd.",
    ]


def test_a_file_that_is_of_another_encoding_altogether_fails_or_is_reported() -> None:
    with pytest.raises(Failed, match="The file is not utf-16"):
        read(b"a,b\n1,2\n", "utf-16")
    assert len(read("a,é\n".encode("cp1252"))[1]) == 1
    assert read(b"a,\x81\n", "cp1252")[0] == [["a", "\ufffd"]]


def test_a_compressed_file_is_read() -> None:
    assert read(gzip.compress(b"a;b\n1;2\n"))[0] == [["a", "b"], ["1", "2"]]


@pytest.mark.parametrize("damage", ["cut", "changed", "only the mark"])
def test_a_damaged_compressed_file_fails(damage: str) -> None:
    content = gzip.compress(b"".join(b"%d,%d\n" % (n, n * n) for n in range(50_000)), mtime=0)
    half = len(content) // 2
    content = {
        "cut": content[:half],
        "changed": content[:half] + bytes(64) + content[half + 64 :],
        "only the mark": content[:2],
    }[damage]
    with pytest.raises(Failed, match="The file is damaged"):
        read(content)


def test_a_quote_that_is_not_closed_is_reported() -> None:
    cells, problems, _ = read(b'a,b\n1,2\n3,"4\n5,6\n')
    assert cells[-1] == ["3", "4\n5,6\n"]
    assert problems == ["The quote in the row at line 3 is not closed; the file ends in it."]


def test_a_cell_that_is_too_long_fails_with_its_line() -> None:
    with pytest.raises(Failed, match=r"line 2 cannot be read: a cell has more than 1,048,576 characters"):
        read(b'a,b\n1,"' + b"x\n" * MAX_FIELD)


@pytest.mark.parametrize("content", [b"x" * (MAX_ROW + 2), b'"a\n",' * (MAX_ROW // 4), b"," * (MAX_ROW + 2)])
def test_a_row_that_never_ends_fails(content: bytes) -> None:
    with pytest.raises(Failed, match=r"cannot be read|more than"):
        read(content, delimiter=",")


def test_nothing_gives_no_rows() -> None:
    assert read(b"")[0] == []
    assert read(b"\n\r\n\n")[0] == []
    assert read("\ufeff".encode())[0] == []


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b\n1,5;2\n3,5;4\n", ";"),
        ("a\tb\nx, y\tz\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ("only\none\ncolumn\n", ","),
        ('"a;b",c\n"d;e",f\n', ","),
        ("name;text\nx;hello, you\ny;a, b, c\n", ";"),
        ("", ","),
    ],
)
def test_the_delimiter_is_found_out(text: str, delimiter: str) -> None:
    assert sniff(text.splitlines(keepends=True)) == delimiter
    assert read(text.encode())[2].delimiter == delimiter


def test_finding_the_delimiter_loses_nothing_of_a_long_line() -> None:
    line = ";".join("x" * 1000 for _ in range(200))
    cells, _, rows = read(f"{line}\n1;2\n".encode())
    assert rows.delimiter == ";"
    assert cells == [line.split(";"), ["1", "2"]]


@given(st.binary(max_size=300), st.integers(1, 40))
@example(b"\x1f\x8b", 1)
@example(b"\xff\xfe\x00", 2)
@example(b'"\r', 1)
def test_no_bytes_do_anything_but_be_read_or_fail_clearly(content: bytes, pieces: int) -> None:
    try:
        read(content, pieces=pieces)
    except Failed as failed:
        assert str(failed).startswith("The ")  # noqa: PT017 - most inputs are read, and that is right too
