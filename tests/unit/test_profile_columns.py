"""The figures of a column against a plain computation that keeps everything."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
import tracemalloc
from collections import Counter
from typing import Any

import csvprofile.column as column_module
import pytest
from csvprofile.column import Column
from csvprofile.kinds import classify, combined
from csvprofile.report import as_dict, to_csv, to_json
from csvprofile.request import Request
from csvprofile.rows import Rows
from csvprofile.sketch import Distinct, Frequent
from csvprofile.work import Problems, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_profile_rows import Pieces


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "integer"), ("-12", "integer"), ("+7", "integer"), ("9" * 38, "integer"),
        ("007", "string"), ("9" * 39, "string"), ("1_000", "string"), ("١٢", "string"), ("-", "string"),
        ("0.5", "decimal"), (".5", "decimal"), ("5.", "decimal"), ("-1.5e-3", "decimal"), ("1e5", "decimal"),
        ("1e999", "string"), ("1,5", "string"), ("nan", "string"), ("inf", "string"), ("00.5", "string"),
        ("true", "boolean"), ("No", "boolean"), ("YES", "boolean"), ("y", "string"),
        ("2024-02-29", "date"), ("2023-02-29", "string"), ("2024-2-9", "string"), ("02/03/2024", "string"),
        ("2024-02-29T10:00", "datetime"), ("2024-02-29 10:00:59.123456789Z", "datetime"),
        ("2024-02-29T10:00:00+0200", "datetime"), ("2024-02-29T25:00", "string"), ("0000-01-01", "string"),
        ("0001-01-01T00:00+14:00", "datetime"), ("x" * 101, "string"), ("1" + "0" * 101, "string"),
    ],
)  # fmt: skip
def test_kinds(text: str, kind: str) -> None:
    assert classify(text).kind == kind


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        (set(), "empty"),
        ({"date"}, "date"),
        ({"integer", "decimal"}, "decimal"),
        ({"date", "datetime"}, "datetime"),
        ({"integer", "boolean"}, "string"),
        ({"integer", "string"}, "string"),
    ],
)
def test_a_columns_type_is_the_narrowest_that_holds_all(kinds: set[str], kind: str) -> None:
    assert combined(kinds) == kind


cells = st.one_of(
    st.sampled_from(["", " ", "NA", "true", "No", "2024-01-02", "2023-12-31", "2024-01-02T03:04:05Z", "0.1", "1e3"]),
    st.integers(-(10**20), 10**20).map(str),
    st.integers(-3, 3).map(str),
    st.floats(-1e6, 1e6).map(repr),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)
numbers = st.one_of(st.integers(-1000, 1000).map(str), st.decimals(-100, 100, places=2).map(str), st.just(""))
dates = st.one_of(st.dates().map(str), st.datetimes().map(lambda t: t.isoformat(" ", "seconds")))


def profile_of(content: bytes, pieces: int, batch: int, *, header: bool = True) -> list[dict[str, Any]]:
    class Job:
        def warn(self, text: str) -> None:
            pass

    problems = Problems(Job())  # type: ignore[arg-type]
    rows = Rows(Pieces(content, pieces), "utf-8-sig", ",", problems.report)
    table = Table(Request("b", "k", ",", header, None, frozenset({"NA"})), iter(rows), problems)
    waiting: list[Any] = []
    for each in table.batches():
        waiting += each
    for start in range(0, len(waiting), batch):
        table.add(waiting[start : start + batch])
    return json.loads(to_json({}, table.columns))["columns"]  # type: ignore[no-any-return]


def model(name: str, position: int, values: list[str | None]) -> dict[str, Any]:
    present = [v for v in values if v is not None and v.strip() and v.strip() != "NA"]
    kinds = {classify(v.strip()).kind for v in present}
    kind = combined(kinds)
    low: Any = min((v[:100] for v in present), default=None)
    high: Any = max((v[:100] for v in present), default=None)
    mean = stddev = None
    if kind in {"integer", "decimal"}:
        figures: Any = [classify(v.strip()).value for v in present]
        low, high = min(figures), max(figures)
        mean = statistics.fmean(figures)
        stddev = statistics.stdev([float(f) for f in figures]) if len(figures) > 1 else None
    elif kind in {"date", "datetime"}:
        times: Any = [(classify(v.strip()).value, v.strip()) for v in present]
        low, high = min(times)[1], max(times)[1]
    counted = Counter(v for v in present if len(v) <= 100)
    return {
        "position": position,
        "name": name.strip(),
        "type": kind,
        "count": len(present),
        "nulls": len(values) - len(present),
        "distinct": len(set(present)),
        "distinctExact": True,
        "min": low,
        "max": high,
        "mean": mean,
        "stddev": stddev,
        "minLength": min(map(len, present), default=None),
        "maxLength": max(map(len, present), default=None),
        "topValues": [
            {"value": v, "count": n} for v, n in sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:10]
        ],
        "topValuesExact": True,
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)
    return bool(a == b)


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    width=st.integers(1, 4),
    header=st.booleans(),
    pieces=st.integers(1, 50),
    batch=st.integers(1, 9),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_profile_is_what_a_plain_computation_says(
    *, data: st.DataObject, width: int, header: bool, pieces: int, batch: int, quoting: Any, end: str
) -> None:
    kinds = [data.draw(st.sampled_from([cells, numbers, dates])) for _ in range(width)]
    rows = data.draw(st.lists(st.tuples(*kinds).map(list), min_size=1, max_size=25))
    for row in data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=3)):
        if row:  # the first one says how wide the table is
            rows[row] = rows[row][: data.draw(st.integers(1, width))] + data.draw(st.lists(cells, max_size=1))
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator=end).writerows(rows)
    found = profile_of(out.getvalue().encode(), pieces, batch, header=header)

    body = rows[1:] if header else rows
    names = rows[0] if header else [f"column {n + 1}" for n in range(width)]
    for n in range(width):
        expected = model(names[n], n + 1, [row[n] if n < len(row) else None for row in body])
        for figure, value in expected.items():
            assert same(found[n][figure], value), (figure, found[n][figure], value)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60).map(str), st.integers(1, 9)), max_size=300), st.integers(1, 30))
def test_frequent_values_err_by_no_more_than_they_say(added: list[tuple[str, int]], limit: int) -> None:
    frequent = Frequent(limit)
    truth: Counter[str] = Counter()
    for value, times in added:
        frequent.add(value, times)
        truth[value] += times
    assert frequent.missed <= truth.total() / limit
    top = dict(frequent.top(1000))
    for value, count in truth.items():
        assert top.get(value, 0) <= count
        if count > 2 * frequent.missed:
            assert top[value] >= count - frequent.missed
    if len(truth) <= limit:
        assert top == truth


@pytest.mark.parametrize("count", [0, 1, 999, 1000])
def test_distinct_is_exact_up_to_its_limit(count: int) -> None:
    distinct = Distinct(1000)
    for number in [*range(count), *range(count)]:
        distinct.add(str(number))
    assert (distinct.estimate().count, distinct.estimate().exact) == (count, True)


@pytest.mark.parametrize("count", [1001, 20_000, 200_000])
def test_distinct_is_near_beyond_its_limit(count: int) -> None:
    distinct = Distinct(1000)
    for number in range(count):
        distinct.add(str(number))
    estimate = distinct.estimate()
    assert not estimate.exact
    assert abs(estimate.count - count) / count < 4 / math.sqrt(998)


def test_no_estimate_is_more_than_there_are_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_module, "_HASHES", (3, 3))
    column = Column(1, "c", 1)
    column.add([str(number) for number in range(50)])
    assert column.distinct.count <= 50


def test_values_too_long_to_show_are_counted_but_not_shown() -> None:
    column = Column(1, "c", 1)
    column.add(["x" * 101 + "a", "x" * 101 + "b", "y"])
    found = as_dict(column)
    assert (found["distinct"], found["maxLength"], found["max"], found["min"]) == (3, 102, "y", "x" * 100)
    assert found["topValues"] == [{"value": "y", "count": 1}]
    assert found["topValuesExact"] is False


def test_the_deviation_of_huge_numbers_is_left_out_rather_than_wrong() -> None:
    column = Column(1, "c", 1)
    column.add(["1e308", "-1e308", "1e308"])
    found = as_dict(column)
    assert found["stddev"] is None
    json.loads(to_json({}, [column]))


def test_the_spreadsheet_has_a_row_for_each_column() -> None:
    first, second = Column(1, 'a "b"', 2), Column(2, "", 2)
    first.add(["1", "2", "2", "3"])
    second.add([None, "", " "])
    rows = list(csv.DictReader(io.StringIO(to_csv([first, second]))))
    assert rows[0]["name"] == 'a "b"'
    assert (rows[0]["type"], rows[0]["mean"], rows[0]["distinctExact"]) == ("integer", "2.0", "yes")
    assert json.loads(rows[0]["topValues"]) == [["2", 2], ["1", 1], ["3", 1]]
    assert (rows[1]["type"], rows[1]["nulls"], rows[1]["min"]) == ("empty", "3", "")


def test_memory_does_not_grow_with_the_file() -> None:
    """Four columns of values that are all different: the worst there is."""
    column = [Column(n, str(n), 500) for n in range(4)]
    tracemalloc.start()
    try:
        peaks = []
        for part in range(4):
            for start in range(part * 10_000, part * 10_000 + 10_000, 500):
                for n, each in enumerate(column):
                    each.add([f"value {n} {number * 7919}" for number in range(start, start + 500)])
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[3] < peaks[1] * 1.05
    assert peaks[3] < 4_000_000
