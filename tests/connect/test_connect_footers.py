"""Parquet footers that contradict themselves are refused before Arrow hands out what they say."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi_engine.builtin.connectors.footer_check import DamagedFooter, Leaf, check_footer
from kpi_engine.ir.types import INTEGER

INT64 = Leaf(2, 8, 0, 1)
TEXT = Leaf(6, None, 0, 1)


def footer(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    content = sink.getvalue()
    return content[-8 - int.from_bytes(content[-8:-4], "little") : -8]


NUMBERS = pa.table({"n": [1, 2, 3], "t": ["a", "b" * 200, None]})


def test_good_footers_pass() -> None:
    for options in ({}, {"row_group_size": 1}, {"version": "1.0"}, {"write_statistics": False}):
        check_footer(footer(NUMBERS, **options), [INT64, TEXT])
    check_footer(footer(NUMBERS.slice(0, 0)), [INT64, TEXT])


@pytest.mark.parametrize(
    ("leaves", "message"),
    [
        ([INT64], "a row group has more columns than the file"),
        ([INT64, TEXT, TEXT], "a row group has 2 columns, and the file 3"),
        ([TEXT, TEXT], "a column chunk is of another type than its column"),
        ([Leaf(2, 4, 0, 1), TEXT], "a bound of a column is not as long as its values are"),
        ([INT64, Leaf(6, None, 0, 0)], "a list of sizes does not fit its column"),
    ],
)
def test_footers_of_other_columns_do_not(leaves: list[Leaf], message: str) -> None:
    with pytest.raises(DamagedFooter, match=message):
        check_footer(footer(NUMBERS), leaves)


def test_footers_that_end_too_early() -> None:
    whole = footer(NUMBERS)
    for size in range(len(whole) - 2):
        with pytest.raises(DamagedFooter):
            check_footer(whole[:size], [INT64, TEXT])


def test_what_ends_the_process_inside_arrow_is_refused(read: Any) -> None:
    """A column that may be null becomes one that may not: its list of sizes has an entry too many."""
    whole = footer(NUMBERS)
    name = whole.index(b"\x01n")
    optional = whole.rindex(b"\x02", 0, name)
    bad = whole[:optional] + b"\x00" + whole[optional + 1 :]
    read.write("t.parquet", b"PAR1" + bytes(4096) + bad + len(bad).to_bytes(4, "little") + b"PAR1")
    assert read.problem(lambda: read("t.parquet", {"n": INTEGER})).startswith(
        "t.parquet: E605: this cannot be read as Parquet: a list of sizes does not fit its column"
    )
