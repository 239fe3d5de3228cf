"""Statements for databases that no connector is for yet. They are rendered, not run: nothing proves that they work."""

from __future__ import annotations

from pathlib import Path

import pytest
from kpi_sql.dialect import Dialect
from kpi_sql.duckdb import DuckdbDialect
from kpi_sql.measures import Choices, measured
from kpi_sql.postgres_dialect import PostgresDialect
from kpi_sql.sqlite_dialect import SqliteDialect
from kpi_sql.stored import SqlKind, StoredColumn, StoredTable, StoredType

from kpi_engine.extend.measures import MeasureRequest, SourceTable
from kpi_engine.extend.rows import ColumnRequest, TableRequest
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.expression import Apply, Constant, Field, Step
from kpi_engine.ir.plan import KeyColumn, MeasureQuery, StateRequest
from kpi_engine.ir.types import BOOLEAN, DECIMAL, TEXT, TIMESTAMP

FOLDER = Path(__file__).parent / "rendered"
RUN = {"duckdb": DuckdbDialect, "sqlite": SqliteDialect, "postgres": PostgresDialect}
NOT_RUN = ("spark", "trino", "bigquery", "snowflake")


def request() -> MeasureRequest:
    """Revenue of the app by country, in two months, and its buyers."""
    step = Step("orders", "customer", "customers", "customer")
    app = Apply("equal", (Field("channel", TEXT), Constant("app'; --", TEXT)), BOOLEAN)
    states = (StateRequest("sum", Field("total", DECIMAL), app), StateRequest("distinct", Field("customer", TEXT)))
    march, april, may = (Bound(day * 86_400_000_000, day) for day in (20513, 20544, 20574))
    key = KeyColumn("country", Field("country", TEXT, (step,)), TEXT)
    query = MeasureQuery("orders", (key,), "at", (march, april, may), states, complete_from=march)
    columns = {name: ColumnRequest(name, name) for name in ("at", "total", "channel", "customer", "country")}
    tables = {name: SourceTable(TableRequest((name,), source=name), columns) for name in ("orders", "customers")}
    return MeasureRequest(query, tables, Field("at", TIMESTAMP))


def stored() -> dict[str, StoredTable]:
    types = {
        "at": StoredType(SqlKind.INSTANT),
        "total": StoredType(SqlKind.DECIMAL, 12, 2),
        **dict.fromkeys(("channel", "customer", "country"), StoredType(SqlKind.TEXT)),
    }
    columns = {name: StoredColumn(name, type, type.kind.value) for name, type in types.items()}
    return {name: StoredTable("", name, columns) for name in ("orders", "customers")}


@pytest.mark.parametrize("name", [*RUN, *NOT_RUN])
def test_statements_are_those_of_the_file(name: str) -> None:
    dialect = RUN[name]() if name in RUN else type("Other", (Dialect,), {"name": name, "writer": name})()
    made = measured(request(), stored(), dialect, Choices())
    label = "run by the other tests" if name in RUN else "rendered, not run"
    text = f"-- {name}: {label}\n" + ";\n\n".join(dialect.text(each.node, pretty=True) for each in made.states) + ";\n"
    assert "--;" not in text and "app'" not in text, "texts are parameters"
    assert "app'; --" in made.states[0].parameters
    assert (FOLDER / f"{name}.sql").read_text() == text
