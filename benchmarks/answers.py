"""A question answered three ways, and whether two answers are equal."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from questions import AS_OF, HERE, Question

Rows = dict[tuple[object, ...], tuple[Any, ...]]


# Each way imports only what it needs, so that a process of its own pays for nothing else.


def by_engine(question: Question, data: Path) -> Any:
    """kpi_engine's answer, an Arrow table; a project opened anew has nothing in memory from earlier runs."""
    import kpi_engine

    project = kpi_engine.open(definitions=[HERE / "shop.kpi"], data=data)
    return project.eval(list(question.metrics), by=list(question.by), grain=question.grain, as_of=AS_OF).table


def by_duckdb(question: Question, data: Path) -> list[tuple[Any, ...]]:
    """DuckDB's answer: keys, then the metrics in order."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    sql = question.sql.read_text(encoding="utf-8").replace("$DATA", str(data))
    rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    return rows


def by_reading(question: Question, data: Path) -> int:
    """The floor: only decode the columns that the question needs, file by file, and return the number of rows."""
    import pyarrow.parquet as pq

    rows = 0
    for folder, columns in question.reads.items():
        coded = [name for name in columns if name in ("channel", "status")]
        for path in sorted((data / folder).glob("*.parquet")):
            with pq.ParquetFile(path, read_dictionary=coded) as file:
                for group in range(file.num_row_groups):
                    rows += file.read_row_group(group, columns=list(columns)).num_rows
    return rows


WAYS: Final = {"pyarrow, only reading": by_reading, "DuckDB": by_duckdb, "kpi_engine": by_engine}


def rows_of_engine(question: Question, table: Any) -> Rows:
    """The engine's table by its keys."""
    columns = [table.column(name).to_pylist() for name in (*question.keys, *question.metrics)]
    return _by_key(question, list(zip(*columns, strict=True)))


def rows_of_duckdb(question: Question, rows: list[tuple[Any, ...]]) -> Rows:
    """DuckDB's rows by their keys."""
    return _by_key(question, rows)


def _by_key(question: Question, rows: list[tuple[Any, ...]]) -> Rows:
    width = len(question.keys)
    found = {row[:width]: row[width:] for row in rows}
    assert len(found) == len(rows), f"an answer to {question.name} repeats rows"
    return found


def differences(question: Question, engine: Rows, duckdb: Rows) -> list[str]:
    """What differs, one line a value: nothing, if counts and decimals are equal and floats are to 12 digits."""
    found = [f"only one answer has the row {key}" for key in engine.keys() ^ duckdb.keys()]
    for key in engine.keys() & duckdb.keys():
        for metric, ours, theirs in zip(question.metrics, engine[key], duckdb[key], strict=True):
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
