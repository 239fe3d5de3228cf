"""Sources of the catalogue through their connectors: requests, predicates, schemas and what is said when they fail."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi_engine.builtin.connectors import make_connector
from kpi_engine.builtin.connectors.memory import MemoryConnector
from kpi_engine.connect import CatalogReader, source_schema
from kpi_engine.extend.rows import ConnectionSettings, ReadReport
from kpi_engine.ir.catalog import Column, Source, TableSpec
from kpi_engine.ir.codes import CODES
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.ir.types import BOOLEAN, DATE, INTEGER, TEXT, TIMESTAMP

ROOT = Path(__file__).parents[2]
DAY = datetime.date(2027, 1, 1)
COLUMNS = {
    "number": Column("number", INTEGER, "n"),
    "day": Column("day", DATE, "day"),
    "at": Column("at", TIMESTAMP, "at"),
}
ORDERS = Source("orders", "order", ("orders",), COLUMNS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    days = [DAY + datetime.timedelta(days=n) for n in range(30)]
    at = [datetime.datetime.combine(day, datetime.time(12)) for day in days]
    table = pa.table({"n": pa.array(range(30), pa.int32()), "day": days, "at": pa.array(at, pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "orders.parquet", row_group_size=10)
    return tmp_path


def reader(folder: Path, zone: str = "UTC", **bound: Any) -> CatalogReader:
    connectors = {"default": make_connector(ConnectionSettings("default", folder=str(folder)))}
    return CatalogReader(connectors, {name: MemoryConnector(name, data) for name, data in bound.items()}, zone)


def rows(scan: Any) -> list[dict[str, Any]]:
    return [row for part in scan.fragments() for batch in part.batches(ReadReport()) for row in batch.to_pylist()]


def compare(operation: str, column: str, *values: Any) -> Expression:
    type = COLUMNS[column].type
    return Apply(operation, (Field(column, type), *(Constant(value, type) for value in values)), BOOLEAN)


CONDITIONS: list[tuple[Sequence[Expression], int]] = [
    ([compare("less", "number", 10)], 2),
    ([compare("less_equal", "number", 10)], 1),
    ([compare("greater_equal", "day", DAY + datetime.timedelta(days=20))], 2),
    ([compare("equal", "number", 15), compare("equal", "day", DAY)], 3),
    ([compare("in", "number", 1, 25)], 1),
    ([compare("equal", "number", 99)], 3),
    ([], 0),
]


@pytest.mark.parametrize(("conditions", "pruned"), CONDITIONS)
def test_conditions_rule_out_row_groups(folder: Path, conditions: Sequence[Expression], pruned: int) -> None:
    scan = reader(folder).open(ORDERS, ["number", "day"], conditions)
    assert scan.pruned == pruned and len(scan.fragments()) == 3 - pruned


def test_columns_have_the_names_of_the_catalogue(folder: Path) -> None:
    first = rows(reader(folder, "Asia/Shanghai").open(ORDERS, ["at", "number"]))[0]
    assert first == {"at": datetime.datetime(2027, 1, 1, 4, tzinfo=datetime.UTC), "number": 0}


def test_the_zone_of_the_source_comes_first(folder: Path) -> None:
    source = replace(ORDERS, timezone="America/New_York")
    first = rows(reader(folder, "Asia/Shanghai").open(source, ["at"]))[0]
    assert first["at"] == datetime.datetime(2027, 1, 1, 17, tzinfo=datetime.UTC)


def test_bound_objects_come_before_the_connection(folder: Path) -> None:
    data = pa.table({"n": [7]})
    assert rows(reader(folder, orders=data).open(ORDERS, ["number"])) == [{"number": 7}]


def test_no_such_connection(folder: Path) -> None:
    with pytest.raises(KpiError, match="E620: there is no connection `defalt`"):
        reader(folder).open(replace(ORDERS, connection="defalt"), ["number"])


def test_schema_of_a_source(folder: Path) -> None:
    connectors = reader(folder).connectors
    schema, problems = source_schema(TableSpec("orders", ("orders",)), connectors, {})
    assert schema is not None and [column.name for column in schema.columns] == ["n", "day", "at"] and not problems


def test_a_schema_out_of_reach_is_told_at_the_source(folder: Path) -> None:
    text = SourceText("shop.kpi", "source orders\n")
    spec = TableSpec("orders", ("ordrs",), span=Span(text, 7, 13))
    schema, (problem,) = source_schema(spec, reader(folder).connectors, {})
    assert schema is None
    assert (problem.location, problem.code) == ("shop.kpi:1:8", "E601")
    assert (problem.message, problem.help) == ("there is no table `ordrs`", "did you mean `orders`?")


def test_a_damaged_file_is_named_where_the_source_is_told(folder: Path) -> None:
    (folder / "orders.parquet").write_bytes(b"")
    spec = TableSpec("orders", ("orders",), span=Span(SourceText("shop.kpi", "source orders\n"), 7, 13))
    _, (problem,) = source_schema(spec, reader(folder).connectors, {})
    assert problem.message == "orders.parquet: the file is empty (0 bytes), not Parquet"


def test_nulls_on_request(folder: Path) -> None:
    text = replace(ORDERS, columns={"word": Column("word", INTEGER, "w")}, on_error="null")
    opened = reader(folder, orders=pa.table({"w": ["1", "x"]})).open(text, ["word"])
    report = ReadReport()
    (part,) = opened.fragments()
    assert [row["word"] for batch in part.batches(report) for row in batch.to_pylist()] == [1, None]
    assert report.failed_casts == 1
    assert part.place(1) == "orders, row 2"


def test_rows_are_counted_through_all_batches(folder: Path) -> None:
    data = pa.concat_tables([pa.table({"w": ["1", "2"]}), pa.table({"w": ["3", "x"]})])
    source = replace(ORDERS, columns={"word": Column("word", INTEGER, "w")})
    with pytest.raises(KpiError, match="orders, row 4: E608: `w` holds `x`, which is not a whole number"):
        rows(reader(folder, orders=data).open(source, ["word"]))


def test_text_columns_stay_text(folder: Path) -> None:
    source = replace(ORDERS, columns={"word": Column("word", TEXT, "n")})
    assert rows(reader(folder).open(source, ["word"]))[0] == {"word": "0"}


def test_every_code_is_listed() -> None:
    used: set[str] = set()
    for part in ("connect", "builtin"):
        for file in (ROOT / "kpi_engine" / part).rglob("*.py"):
            used |= set(re.findall(r'"(E6\d\d)"', file.read_text(encoding="utf-8")))
    assert len(used) >= 19
    assert used <= set(CODES)
    assert {code for code in CODES if code.startswith(("E60", "E61"))} <= used
