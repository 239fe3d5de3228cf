"""A million rows in DuckDB and SQLite: seconds and rows fetched, with states made there and with rows read.

python benchmarks/pushed.py
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import duckdb

import kpi_engine

ROWS = 1_000_000
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
_MADE = f"""\
CREATE TABLE orders AS SELECT
  (TIMESTAMP '2026-01-01' + to_seconds((n * 7919) % 15552000)) AS "at",
  CAST(CAST(n % 9973 AS DECIMAL(14, 2)) / 4 AS DECIMAL(12, 2)) AS total, 'c' || n % 5 AS channel, n % 20000 AS customer
FROM range({ROWS}) AS r(n)"""


def databases(folder: Path) -> dict[str, str]:
    """Both files with the same rows."""
    with duckdb.connect(str(folder / "x.duckdb")) as connection:
        connection.execute(_MADE)
        rows = connection.execute('SELECT CAST("at" AS TEXT), total::DOUBLE, channel, customer FROM orders').fetchall()
    with sqlite3.connect(folder / "x.sqlite") as lite:
        lite.execute("CREATE TABLE orders (at TIMESTAMP, total DECIMAL(12,2), channel TEXT, customer INTEGER)")
        lite.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    return {kind: f'connector = "{kind}"\npath = "{folder / f"x.{kind}"}"\n' for kind in ("duckdb", "sqlite")}


def main() -> None:
    """One line a database, question and way."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, text in databases(folder).items():
            for metrics in (["revenue", "many"], ["buyers"]):
                seconds, fetched = {}, {}
                for more in ("true", "false"):
                    (folder / "kpi.toml").write_text(f"[connections.default]\n{text}aggregate = {more}\n")
                    (folder / "m.kpi").write_text(DEFINITIONS)
                    project = kpi_engine.open(folder)
                    question = {"by": "channel", "grain": "month", "start": "2026-01", "end": "2026-06"}
                    project.eval(metrics, as_of="2026-07-01", **question)  # opens the database, imports the driver
                    started = time.perf_counter()
                    result = project.eval(metrics, as_of="2026-07-01", **question)
                    seconds[more] = time.perf_counter() - started
                    fetched[more] = result.report()["sources"]["orders"]["rows"]
                ratio = seconds["false"] / seconds["true"]
                line = f"{kind} {' '.join(metrics)}: {fetched['true']} rows, {seconds['true']:.2f} s; "
                line += f"{fetched['false']} rows, {seconds['false']:.2f} s; {ratio:.1f}x\n"
                sys.stdout.write(line)


if __name__ == "__main__":
    main()
