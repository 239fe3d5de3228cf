"""A question as hand-written SQL, in a DuckDB that lives in memory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import duckdb
from questions import Question

MEMORY: Final = "BENCHMARK_DUCKDB_MEMORY"
"""How much memory DuckDB is told that it may take."""

_TYPES: Final = {
    **dict.fromkeys(("total", "cost", "price", "amount", "discount"), "decimal(12, 2)"),
    **dict.fromkeys(
        ("ordered_at", "delivered_at", "visited_at", "opened_at", "first_reply_at", "closed_at"), "timestamptz"
    ),
    "registered_at": "timestamptz",
}


def answer(question: Question, data: Path) -> list[tuple[Any, ...]]:
    """The rows of the answer: keys, then metrics in order."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
    if MEMORY in os.environ:
        connection.execute(f"set memory_limit = '{os.environ[MEMORY]}'; set temp_directory = '{data}/spilled'")
    rows: list[tuple[Any, ...]] = connection.execute(sql_of(question, data)).fetchall()
    return rows


def sql_of(question: Question, data: Path) -> str:
    """The question's SQL on this folder: of CSV files the types of money and instants are told."""
    sql = question.sql.read_text(encoding="utf-8").replace("$DATA", str(data))
    if (data / "customers.csv").exists():
        return re.sub(r"'([^']*)\.parquet'", _read_csv, sql)
    return sql


def _read_csv(path: re.Match[str]) -> str:
    file = Path(path.group(1) + ".csv")
    first = min(file.parent.glob("*.csv")) if "*" in file.name else file
    header = first.open(encoding="utf-8").readline().strip().replace('"', "").split(",")
    types = ", ".join(f"'{name}': '{_TYPES[name]}'" for name in header if name in _TYPES)
    return f"read_csv('{file}', types = {{{types}}})"
