"""The one question of the benchmark, answered three ways, and whether two answers are equal."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
METRICS: Final = (
    "revenue",
    "order_count",
    "average_order_value",
    "gross_margin",
    "margin_rate",
    "average_margin",
    "active_customers",
    "order_fulfilment_rate",
    "order_fulfilment_time",
    "cancelled_orders",
    "largest_order",
    "items_sold",
)
AS_OF: Final = "2027-01-01"
COLUMNS: Final = ("ordered_at", "delivered_at", "customer_id", "channel", "status", "items", "total", "cost")

Rows = dict[tuple[object, ...], tuple[Any, ...]]


# Each way imports only what it needs, so that a process of its own pays for nothing else.


def by_engine(data: Path) -> Any:
    """kpi_engine's answer, an Arrow table; a project opened anew has nothing in memory from earlier runs."""
    import kpi_engine

    project = kpi_engine.open(definitions=[HERE / "scorecard.kpi"], data=data)
    return project.eval(list(METRICS), by=["channel"], grain="month", as_of=AS_OF).table


def by_duckdb(data: Path) -> list[tuple[Any, ...]]:
    """DuckDB's answer: period, channel, then the metrics in order."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    sql = (HERE / "scorecard.sql").read_text(encoding="utf-8").replace("$DATA", str(data))
    rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    return rows


def by_reading(data: Path) -> int:
    """The floor: only decode the columns that the question needs, file by file, and return the number of rows."""
    import pyarrow.parquet as pq

    rows = 0
    for path in sorted((data / "orders").glob("*.parquet")):
        table = pq.read_table(path, columns=list(COLUMNS), read_dictionary=["channel", "status"])
        rows += table.num_rows
    return rows


WAYS: Final = {"pyarrow, only reading": by_reading, "DuckDB": by_duckdb, "kpi_engine": by_engine}


def rows_of_engine(table: Any) -> Rows:
    """The engine's table by period and channel."""
    columns = [table.column(name).to_pylist() for name in ("period", "channel", *METRICS)]
    return {row[:2]: row[2:] for row in zip(*columns, strict=True)}


def rows_of_duckdb(rows: list[tuple[Any, ...]]) -> Rows:
    """DuckDB's rows by period and channel."""
    return {row[:2]: row[2:] for row in rows}


def differences(engine: Rows, duckdb: Rows) -> list[str]:
    """What differs, one line a value: nothing, if counts and decimals are equal and floats are to 12 digits."""
    found = [f"only one answer has the row {key}" for key in engine.keys() ^ duckdb.keys()]
    for key in engine.keys() & duckdb.keys():
        for metric, ours, theirs in zip(METRICS, engine[key], duckdb[key], strict=True):
            if not _same(ours, theirs):
                found.append(f"{metric} of {key}: kpi_engine {ours}, DuckDB {theirs}")
    return found


def _same(ours: object, theirs: object) -> bool:
    if isinstance(ours, dt.timedelta) and isinstance(theirs, float):
        return abs(ours // dt.timedelta(microseconds=1) - theirs) <= 1
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-12)
    if isinstance(ours, int | Decimal) and isinstance(theirs, int | Decimal):
        return ours == theirs
    return ours is None and theirs is None
