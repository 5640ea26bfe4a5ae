"""The profile as two files: one for programs and one for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from csvprofile.kinds import DECIMAL, INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from csvprofile.column import Column


def as_dict(column: Column) -> dict[str, Any]:
    numeric = column.type in {INTEGER, DECIMAL}
    distinct = column.distinct
    low, high = column.range
    return {
        "position": column.position,
        "name": column.name,
        "type": column.type,
        "count": column.count,
        "nulls": column.nulls,
        "distinct": distinct.count,
        "distinctExact": distinct.exact,
        "min": low,
        "max": high,
        "mean": column.numbers.mean if numeric else None,
        "stddev": column.numbers.stddev if numeric else None,
        "minLength": column.lengths.low,
        "maxLength": column.lengths.high,
        "topValues": [{"value": value, "count": count} for value, count in column.top],
        "topValuesExact": column.top_exact,
    }


def to_json(file: Mapping[str, Any], columns: Iterable[Column]) -> str:
    whole = {**file, "columns": [as_dict(column) for column in columns]}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(columns: Iterable[Column]) -> str:
    """A row for each column, as RFC 4180 has it; an absent value is an empty cell, top values are JSON."""
    out = io.StringIO()
    writer = csv.writer(out)
    for number, column in enumerate(columns):
        record = as_dict(column)
        record["topValues"] = json.dumps(column.top, ensure_ascii=False)
        for flag in ("distinctExact", "topValuesExact"):
            record[flag] = "yes" if record[flag] else "no"
        if not number:
            writer.writerow(record)
        writer.writerow(record.values())
    return out.getvalue()
