"""Expected answers: one SQL statement for DuckDB for each question asked of the demo."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from .formulas import FORMULAS
from .questions import Question, questions
from .statements import statement
from .windows import AS_OF, GRAINS, windows

Value = int | float | Decimal | None
Key = tuple[dt.date | str | None, ...]


@dataclass(frozen=True)
class Query:
    """One question: `sql` answers (period, *by, value); a duration is in microseconds."""

    metric: str
    by: tuple[str, ...]
    grain: str
    where: str | None
    sql: str


def connect(data: Path, as_of: dt.date = AS_OF) -> duckdb.DuckDBPyConnection:
    """DuckDB with the demo's tables, the `windows` of every grain, and the days of each window, as of a date."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    script = (Path(__file__).parent / "queries" / "tables.sql").read_text(encoding="utf-8")
    connection.execute(script.replace("$DATA", str(data)).replace("$AS_OF", as_of.isoformat()))
    spans = [each for grain in GRAINS for each in windows(grain, as_of)]
    table = pa.table(
        {name: [getattr(each, name) for each in spans] for name in ("grain", "period", "kind", "lo", "hi")}
    )
    connection.register("window_rows", table)
    connection.execute("create table windows as from window_rows")
    # The last day of each period with a stock report; a period without one has an empty window of long ago.
    connection.execute(
        "insert into windows select grain, period, 'closing stock', "
        "coalesce(max(day), date '1900-01-01'), coalesce(max(day) + 1, date '1900-01-01') "
        "from windows left join (select distinct day from stock) on day >= lo and day < hi "
        "where kind = 'this' group by grain, period"
    )
    connection.execute(
        "create table window_days as select grain, kind, period, day from windows join "
        "(select unnest(generate_series(date '2024-01-01', date '2027-12-31', interval 1 day))::date as day) "
        "on day >= lo and day < hi"
    )
    connection.execute("create table coverage (source text, first date)")
    for (name,) in connection.execute(
        "select table_name from duckdb_columns() where column_name = 'day' and not starts_with(table_name, 'window')"
    ).fetchall():
        connection.execute(f"insert into coverage select '{name}', min(day) from {name}")
    return connection


def answer(connection: duckdb.DuckDBPyConnection, query: Query) -> dict[Key, Value]:
    """The expected value of every row of the answer, by period and dimensions."""
    rows = connection.execute(query.sql).fetchall()
    result = {tuple(row[:-1]): row[-1] for row in rows}
    assert len(result) == len(rows), f"{query.metric}: the SQL repeats a row"
    return result


def _query(question: Question) -> Query:
    formula = FORMULAS[question.metric] if question.formula is None else question.formula
    sql = statement(formula, question.by, question.grain)
    return Query(question.metric, question.by, question.grain, question.where, sql)


EXPECTED: dict[str, Query] = {str(question): _query(question) for question in questions()}
