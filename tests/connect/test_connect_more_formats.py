"""ORC and spreadsheets: the same table as in every other format."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from malformed.workbook import workbook
from pyarrow import orc

from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, INTEGER, TEXT, TIMESTAMP

from .test_connect_formats import TYPES, combined, sales

UTC = datetime.UTC


def test_orc_agrees(read: Any) -> None:
    table = sales()
    orc.write_table(table, str(read.folder / "t.orc"))
    assert combined(read("t.orc", TYPES).batches) == table.to_pylist()
    assert read.schema("t.orc")["total"][0] == DECIMAL


def test_stripes_are_fragments(read: Any) -> None:
    table = pa.table({"n": list(range(200_000)), "s": [f"{n * 7919 % 200_000:020}" for n in range(200_000)]})
    orc.write_table(table, str(read.folder / "t.orc"), stripe_size=100_000, compression="uncompressed")
    found = read("t.orc", {"n": INTEGER})
    assert len(found.scan.fragments()) > 1
    assert found.column("n") == list(range(200_000))
    assert found.scan.fragments()[1].place(0) == "t.orc (stripe 2), row 1"
    assert sum(batch.num_rows for batch in read("t.orc", {}).batches) == 200_000


def test_times_that_orc_does_not_give(read: Any) -> None:
    orc.write_table(pa.table({"at": [datetime.datetime(9999, 12, 31)], "n": [1]}), str(read.folder / "t.orc"))
    assert read("t.orc", {"n": INTEGER}).column("n") == [1]
    assert read.problem(lambda: read("t.orc", {"at": TIMESTAMP})) == (
        "t.orc: E609: a timestamp lies outside of the years 1677 to 2262, and others are not read from ORC"
        " (write the table as Parquet, or leave the column out)"
    )


def test_spreadsheets_agree(read: Any) -> None:
    rows = [{**row, "at": row["at"].replace(tzinfo=None)} for row in sales().to_pylist()]
    names = list(TYPES)
    content = workbook({"sales": [names, *([row[name] for name in names] for row in rows)], "more": [["x"], [1]]})
    read.write("t.xlsx", content)
    local = datetime.timedelta(hours=8)
    expected = [{**row, "at": row["at"].replace(tzinfo=UTC) - local} for row in rows]
    assert combined(read("t.xlsx", TYPES).batches) == expected
    assert read("t.xlsx", {"x": INTEGER}, options={"sheet": "more"}).column("x") == [1]


def test_types_of_spreadsheets(read: Any) -> None:
    day, noon = datetime.date(2027, 3, 15), datetime.datetime(2027, 3, 15, 12)
    cells = [
        ["id", "n", "x", "day", "at", "ok", "mixed"],
        ["00005", 1, 1, day, noon, True, "a"],
        ["b", 17850.0, 2.5, None, day, False, 5],
    ]
    read.write("t.xlsx", workbook({"1": cells}))
    types = {name: (type and type.kind.value) for name, (type, _) in read.schema("t.xlsx").items()}
    assert types == {
        "id": "text", "n": "integer", "x": "float", "day": "date", "at": "timestamp", "ok": "boolean", "mixed": None,
    }  # fmt: skip
    columns = {"id": TEXT, "n": TEXT, "x": DECIMAL, "day": DATE, "at": TIMESTAMP, "ok": BOOLEAN, "mixed": TEXT}
    found = read("t.xlsx", columns)
    assert found.column("mixed") == ["a", "5"] and found.column("n") == ["1", "17850"]
    assert found.column("x") == [Decimal("1.0"), Decimal("2.5")]
    assert found.column("at")[1] == datetime.datetime(2027, 3, 14, 16, tzinfo=UTC)  # midnight in Shanghai


def test_lines_above_and_below_a_table_of_cells(read: Any) -> None:
    read.write("t.xlsx", workbook({"1": [["made by hand"], ["Order ID", "Total"], ["a", 5], [], ["b", 6], [], []]}))
    options = {"skip": 1, "names": "snake_case"}
    found = read("t.xlsx", {"order_id": TEXT, "total": INTEGER}, options=options)
    assert found.rows == [
        {"order_id": "a", "total": 5}, {"order_id": None, "total": None}, {"order_id": "b", "total": 6},
    ]  # fmt: skip
    read.write("u.xlsx", workbook({"1": [["a", 5]]}))
    assert read("u.xlsx", {"column2": INTEGER}, options={"header": False}).column("column2") == [5]


def test_without_the_package_for_spreadsheets(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read.write("t.xlsx", workbook({"1": [["a"], [1]]}))
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    assert read.problem(lambda: read("t.xlsx", {"a": INTEGER})) == (
        "t.xlsx: E623: reading spreadsheets needs the package python-calamine"
        ' (install it: `pip install "kpi-engine[xlsx]"`)'
    )
