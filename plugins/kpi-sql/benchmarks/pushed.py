"""A million rows in PostgreSQL, SQLite and DuckDB: seconds and rows fetched, with states made there and with rows read.

python -m benchmarks.pushed [DATABASE...]      (in this folder; the best of three runs)
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
from tests.server import PASSWORD, running

import kpi_engine

ROWS = 1_000_000
RUNS = 3
DEFINITIONS = """\
source orders
  time: at
  column at: timestamp
  column total: decimal
  column channel: text
  column customer: integer

revenue = sum(orders.total)
many = count(orders)
buyers = count(distinct orders.customer)
"""
WHOLE = {"by": "channel", "grain": "month", "start": "2026-01", "end": "2026-06"}
QUESTIONS: tuple[tuple[list[str], Mapping[str, Any]], ...] = (
    (["revenue", "many"], WHOLE),
    (["buyers"], WHOLE),
    (["revenue", "many"], {**WHOLE, "start": "2026-06"}),
)
_SELECT = """\
SELECT {start} + {step} AS "at",
  CAST(CAST(n % 9973 AS DECIMAL(14, 2)) / 4 AS DECIMAL(12, 2)) AS total, 'c' || n % 5 AS channel, n % 20000 AS customer
FROM {numbers}"""
_DUCKDB = _SELECT.format(
    start="TIMESTAMP '2026-01-01'", step="to_seconds((n * 7919) % 15552000)", numbers=f"range({ROWS}) AS r(n)"
)
_POSTGRES = _SELECT.format(
    start="TIMESTAMP '2026-01-01'",
    step="make_interval(secs => (n * 7919) % 15552000)",
    numbers=f"generate_series(0::bigint, {ROWS - 1}) AS r(n)",
)


@contextmanager
def in_duckdb(folder: Path) -> Iterator[str]:
    """A file; the settings of a connection to it."""
    with duckdb.connect(str(folder / "x.duckdb")) as connection:
        connection.execute(f"CREATE TABLE orders AS {_DUCKDB}")
    yield f'connector = "duckdb"\npath = "{folder / "x.duckdb"}"\n'


@contextmanager
def in_sqlite(folder: Path) -> Iterator[str]:
    """The same."""
    with duckdb.connect() as made:
        rows = made.execute(f'SELECT CAST("at" AS TEXT), total::DOUBLE, channel, customer FROM ({_DUCKDB})').fetchall()
    with closing(sqlite3.connect(folder / "x.sqlite")) as lite, lite:
        lite.execute("CREATE TABLE orders (at TIMESTAMP, total DECIMAL(12,2), channel TEXT, customer INTEGER)")
        lite.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    yield f'connector = "sqlite"\npath = "{folder / "x.sqlite"}"\n'


@contextmanager
def in_postgres(folder: Path) -> Iterator[str]:
    """A server on loopback, its times with an index."""
    os.environ["KPI_SQL_PASSWORD"] = PASSWORD
    with running() as server:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE orders AS {_POSTGRES}")
            cursor.execute('CREATE INDEX orders_at ON orders ("at")')
            cursor.execute("VACUUM ANALYZE orders")
        yield server.settings.partition("\n")[2]


DATABASES: Mapping[str, Callable[[Path], Any]] = {"postgres": in_postgres, "sqlite": in_sqlite, "duckdb": in_duckdb}


def measured(folder: Path, connection: str, metrics: list[str], question: Mapping[str, Any]) -> tuple[float, int]:
    """Seconds of the best run, and the rows that were fetched."""
    (folder / "kpi.toml").write_text(f"[connections.default]\n{connection}")
    (folder / "m.kpi").write_text(DEFINITIONS)
    project = kpi_engine.open(folder, store=False)
    seconds = []
    for _ in range(RUNS + 1):  # the first opens the database, and imports the driver
        started = time.perf_counter()
        result = project.eval(metrics, as_of="2026-07-01", **question)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:]), result.report()["sources"]["orders"]["rows"]


def main(names: list[str]) -> None:
    """One line a database and question."""
    for name in names or DATABASES:
        with tempfile.TemporaryDirectory() as folder, DATABASES[name](Path(folder)) as text:
            for metrics, question in QUESTIONS:
                there, states = measured(Path(folder), text, metrics, question)
                here, rows = measured(Path(folder), f"{text}aggregate = false\n", metrics, question)
                asked = f"{name} {' '.join(metrics)} from {question['start']}"
                line = (
                    f"{asked}: {states} rows in {there:.2f} s; {rows} rows in {here:.2f} s; {here / there:.1f} times\n"
                )
                sys.stdout.write(line)


if __name__ == "__main__":
    main(sys.argv[1:])
