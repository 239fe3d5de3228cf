"""NaN and infinity, of numbers and of times: null as everywhere, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

import kpi_engine
from kpi_engine.extend.rows import ColumnRequest, Predicate, ReadReport, ScanRequest, TableRequest

from . import shop
from .server import connected
from .test_guards import opened

_DAYS = ("2026-03-01", "2026-03-02", "2026-04-01")
_ROWS = (
    # at, day, total, weight
    (f"'{_DAYS[0]} 12:00:00+00'", f"'{_DAYS[0]}'", "1.25", "0.5"),
    (f"'{_DAYS[1]} 12:00:00+00'", "'infinity'", "2.50", "'NaN'"),
    (f"'{_DAYS[2]} 12:00:00+00'", f"'{_DAYS[2]}'", "NULL", "'infinity'"),
    ("'infinity'", f"'{_DAYS[0]}'", "8", "'-infinity'"),
    ("'-infinity'", "'-infinity'", "16", "1"),
    ("NULL", f"'{_DAYS[1]}'", "32", "2"),
)
_POSTGRES_ROWS = (*_ROWS, (f"'{_DAYS[2]} 13:00:00+00'", f"'{_DAYS[2]}'", "'NaN'", "0.25"))
_CREATE = 'CREATE TABLE measured ("at" TIMESTAMPTZ, day DATE, total NUMERIC(8,2), weight DOUBLE PRECISION)'
DEFINITIONS = """\
source measured
  time: at
  column at: timestamp
  column day: date
  column total: decimal
  column weight

amount = sum(measured.total)
running = cumulative(count(measured))
weighed = count(measured.weight)
heaviest = max(measured.weight)
first_day = min(measured.day)
last_day = max(measured.day)
days = count(distinct measured.day)
"""
METRICS = ["amount", "running", "weighed", "heaviest", "first_day", "last_day", "days"]


def written(kind: str, folder: Path, text: Callable[[str], str]) -> str:
    """A table with such values; the settings of a connection to it."""
    if kind == "duckdb":
        with duckdb.connect(str(folder / "x.duckdb")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(_CREATE)
            for row in _ROWS:
                connection.execute(f"INSERT INTO measured VALUES ({', '.join(row)})")
        return f'[connections.default]\nconnector = "duckdb"\npath = "{folder / "x.duckdb"}"\n'
    settings = text("postgres")
    with connected(settings) as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS odd")
        cursor.execute("DROP TABLE IF EXISTS odd.measured")
        cursor.execute(_CREATE.replace("measured", "odd.measured"))
        for row in _POSTGRES_ROWS:
            cursor.execute(f"INSERT INTO odd.measured VALUES ({', '.join(row)})")
    return settings + 'schema = "odd"\n'


EXPECTED: Mapping[str, list[tuple[Any, ...]]] = {
    "duckdb": [
        ("2026-03", Decimal("3.75"), 2, 1, 0.5, "2026-03-01", "2026-03-01", 1),
        ("2026-04", None, 3, 0, None, "2026-04-01", "2026-04-01", 1),
    ],
    "postgres": [
        ("2026-03", Decimal("3.75"), 2, 1, 0.5, "2026-03-01", "2026-03-01", 1),
        ("2026-04", None, 4, 1, 0.25, "2026-04-01", "2026-04-01", 1),
    ],
}
"""By hand: only rows at a time count, and of them the values that are some."""


@pytest.mark.parametrize("aggregate", ["true", "false"])
@pytest.mark.parametrize("kind", EXPECTED)
def test_they_are_null_and_counted(
    kind: str, aggregate: str, tmp_path: Path, connection_text: Callable[[str], str]
) -> None:
    settings = written(kind, tmp_path, connection_text) + f"aggregate = {aggregate}\n"
    result = kpi_engine.open(shop.project(tmp_path / "p", settings, DEFINITIONS)).eval(
        METRICS, grain="month", start="2026-03", end="2026-04"
    )
    found = [
        tuple(str(value) if hasattr(value, "year") else value for value in row) for row in shop.values(result.table)
    ]
    assert [(row[0][:7], *row[1:]) for row in found] == EXPECTED[kind]
    source = result.report()["sources"]["measured"]
    assert ("states made by" in source["pushdown"][0]) == (aggregate == "true")
    rows = _POSTGRES_ROWS if kind == "postgres" else _ROWS
    if aggregate == "true":
        # Two infinite times, two days, three weights, and PostgreSQL's decimal.
        assert source["values_not_finite"] == 2 + 2 + 3 + (kind == "postgres")
        assert source["rows_without_time"] == 3
    else:
        # The cumulative count reads all of history that lies in periods, and no time before or after all of them.
        fetched = [row for row in rows if row[0] not in ("NULL", "'infinity'", "'-infinity'")]
        assert source["rows"] == len(fetched)
        odd = sum(value in ("'NaN'", "'infinity'", "'-infinity'") for row in fetched for value in row)
        assert source["values_not_finite"] == odd


@pytest.mark.parametrize("kind", EXPECTED)
def test_rows_and_predicates(kind: str, tmp_path: Path, connection_text: Callable[[str], str]) -> None:
    settings = written(kind, tmp_path, connection_text)
    connector = opened(kind, settings)
    table = TableRequest(("measured",), source="measured")
    columns = tuple(ColumnRequest(name, name) for name in ("total", "at", "day"))

    def fetched(*predicates: Predicate) -> tuple[list[tuple[Any, ...]], int]:
        report = ReadReport()
        (fragment,) = connector.scan(ScanRequest(table, columns, predicates)).fragments()
        batches = list(fragment.batches(report))
        assert all(batch.schema.names == ["total", "at", "day"] for batch in batches)
        return [tuple(row.values()) for batch in batches for row in batch.to_pylist()], report.nan_values

    rows, odd = fetched()
    assert len(rows) == 6 + (kind == "postgres") and odd == 4 + (kind == "postgres")
    assert sum(row[1] is None for row in rows) == 3
    nothing, _ = fetched(Predicate("at", "is_null"))
    assert len(nothing) == 3
    later, _ = fetched(Predicate("at", ">=", shop.at("2026-04-01T00:00:00")))
    assert {row[1] for row in later} == {None, *(row[1] for row in rows if row[1] and row[1].month == 4)}


def test_they_are_told_of_tables_that_are_referred_to(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute("CREATE TABLE sold AS SELECT DATE '2026-03-01' AS day, 'a' AS item")
        connection.execute("CREATE TABLE items AS SELECT 'a' AS item, 'NaN'::DOUBLE AS weight")
    definitions = (
        "source items\n  key: item\n  column item: text\n  column weight\n\n"
        "source sold\n  time: day\n  column day: date\n  column item -> items.item\n\n"
        "light = count(sold where item.weight < 1)\n"
    )
    settings = f'[connections.default]\nconnector = "duckdb"\npath = "{tmp_path / "x.duckdb"}"\n'
    result = kpi_engine.open(shop.project(tmp_path / "p", settings, definitions)).eval(
        "light", start="2026-03", end="2026-03"
    )
    assert "1 values of items.weight are no number and count as null" in result.report()["notes"]
    assert result.report()["sources"]["sold"]["values_not_finite"] == 0
