"""Folders that are named after values: columns, types, and files that need not be opened."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi_engine.extend.rows import Predicate
from kpi_engine.ir.types import DATE, INTEGER, TEXT


def write(read: Any, place: str, value: int) -> None:
    path = read.folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if place.endswith(".csv"):
        path.write_text(f"n\n{value}\n")
    else:
        pq.write_table(pa.table({"n": [value]}), path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("table", ["t", "t/*/*/*.{}", "t/**/*.{}"])
def test_values_of_folders_are_columns(read: Any, ending: str, table: str) -> None:
    for number, place in enumerate(("year=2025/month=12", "year=2026/month=01", "year=2026/month=02")):
        write(read, f"t/{place}/x.{ending}", number)
    table = table.format(ending)
    schema = read.schema(table)
    assert (schema["year"][0], schema["month"][0]) == (INTEGER, TEXT)
    found = read(table, {"year": INTEGER, "n": INTEGER, "month": TEXT})
    assert [list(row.values()) for row in found.rows] == [[2025, 0, "12"], [2026, 1, "01"], [2026, 2, "02"]]


def test_files_are_ruled_out_before_they_are_opened(read: Any) -> None:
    write(read, "t/year=2025/x.parquet", 1)
    write(read, "t/year=2026/x.parquet", 2)
    read.write("t/year=2024/x.parquet", b"not Parquet")
    columns = {"year": INTEGER, "n": INTEGER}
    for predicate, expected in (
        (Predicate("year", "=", 2026), [2]),
        (Predicate("year", ">", 2024), [1, 2]),
        (Predicate("year", "in", (2025, 2030)), [1]),
        (Predicate("year", ">", 2030), []),
    ):
        found = read("t", columns, predicates=[predicate])
        assert found.column("n") == expected
        assert found.scan.pruned == 3 - len(expected)
    assert "t/year=2024/x.parquet: E605" in read.problem(lambda: read("t", columns))


def test_days_are_bounds(read: Any) -> None:
    for day in (1, 2):
        write(read, f"t/day=2026-01-0{day}/x.csv", day)
    assert read.schema("t")["day"][0] == DATE
    fragments = read("t", {"day": DATE}).scan.fragments()
    days = [datetime.date(2026, 1, day) for day in (1, 2)]
    assert [fragment.bounds("day") for fragment in fragments] == [(day, day) for day in days]


def test_days_by_a_format(read: Any) -> None:
    write(read, "t/day=20260102/x.csv", 1)
    found = read("t", {"day": DATE}, options={"date_format": "%Y%m%d"})
    assert found.column("day") == [datetime.date(2026, 1, 2)]
    assert found.scan.fragments()[0].bounds("day") == (datetime.date(2026, 1, 2),) * 2


def test_names_that_are_escaped_or_missing(read: Any) -> None:
    write(read, "t/city=S%C3%A3o%20Paulo/x.csv", 1)
    write(read, "t/city=__HIVE_DEFAULT_PARTITION__/x.csv", 2)
    assert sorted(read("t", {"city": TEXT, "n": INTEGER}).column("city"), key=str) == [None, "São Paulo"]
    assert read("t", {"city": TEXT}, predicates=[Predicate("city", "=", "x")]).rows == []


def test_the_folder_says_more_than_the_file(read: Any) -> None:
    write(read, "t/n=7/x.parquet", 1)
    assert read("t", {"n": INTEGER}).column("n") == [7]
