"""A column that has another type in another file: what is said of it helps, and is said once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine.ir.diagnostic import KpiError

DEFINITIONS = """
source orders
  table: "orders/*.parquet"
  time: at
{column}
asked = count(orders)
"""
NAIVE, ZONED, DAY = pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.date32()


def answer(folder: Path, definitions: str, metric: str = "asked") -> list[object]:
    (folder / "shop.kpi").write_text(definitions, encoding="utf-8")
    project = kpi_engine.open(definitions=[folder / "shop.kpi"], data=folder)
    return project.eval([metric], as_of="2026-02-01").table.column(metric).to_pylist()


def write(folder: Path, *columns: pa.Array) -> None:
    (folder / "orders").mkdir()
    for number, column in enumerate(columns):
        pq.write_table(pa.table({"at": column}), folder / "orders" / f"{number}.parquet")


@pytest.mark.parametrize(("types", "proposed"), [((NAIVE, ZONED), "timestamp"), ((NAIVE, DAY), "date")])
def test_times_of_several_types_can_be_read_as_proposed(
    types: tuple[pa.DataType, pa.DataType], proposed: str, tmp_path: Path
) -> None:
    at = dt.datetime(2026, 1, 5, 12)
    write(tmp_path, *(pa.array([at if each != DAY else at.date()], each) for each in types))
    with pytest.raises(KpiError) as caught:
        answer(tmp_path, DEFINITIONS.format(column=""))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E682"
    assert diagnostic.help == f"say which type it is to be read as: `column at: {proposed}`"
    assert answer(tmp_path, DEFINITIONS.format(column=f"  column at: {proposed}\n")) == [2]


def test_a_reference_that_cannot_be_read_is_no_missing_reference(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    for number, customer in enumerate([pa.array([7]), pa.array(["7"])]):
        table = pa.table({"customer": customer, "at": pa.array([dt.date(2026, 1, 5)])})
        pq.write_table(table, tmp_path / "orders" / f"{number}.parquet")
    pq.write_table(pa.table({"id": ["7"]}), tmp_path / "customers.parquet")
    definitions = (
        'source customers\n  table: "customers.parquet"\n  key: id\n\n'
        'source orders\n  table: "orders/*.parquet"\n  time: at\n  column customer -> customers\n\n'
        "asked = count(customers having count(orders) > 1)\n"
    )
    with pytest.raises(KpiError) as caught:
        answer(tmp_path, definitions)
    assert [each.code for each in caught.value.diagnostics if each.code.startswith("E")] == ["E682"]
