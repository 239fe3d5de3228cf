"""What connections refuse: writing, unknown settings, keys written out, values and references that do not fit."""

from __future__ import annotations

import math
import sqlite3
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kpi_sql.duckdb import DuckdbConnector
from kpi_sql.edges import NotLocal, local_text
from kpi_sql.postgres import PostgresConnector
from kpi_sql.sqlite import SqliteConnector

import kpi_engine
from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.ir.diagnostic import KpiError

from . import databases, shop
from .server import connected


def opened(kind: str, text: str, **more: Any) -> Any:
    """The connector of a connection's settings, with some more."""
    given = {**tomllib.loads(text)["connections"]["default"], **more}
    make = {"duckdb": DuckdbConnector, "sqlite": SqliteConnector, "postgres": PostgresConnector}[kind]
    del given["connector"]
    folder = given.pop("path", ".")
    return make(ConnectionSettings("db", kind, tuple(given.items()), folder=folder))


@pytest.mark.parametrize("kind", ["duckdb", "sqlite", "postgres"])
def test_a_session_cannot_write(kind: str, connection_text: Callable[[str], str]) -> None:
    connector = opened(kind, connection_text(kind))
    with pytest.raises(KpiError, match=r"E605.*read.?only"), connector.session() as session:
        session.table("INSERT INTO regions VALUES (7, 'x')", ())


def test_duckdb_reads_no_files_and_keeps_its_settings(connection_text: Callable[[str], str]) -> None:
    connector = opened("duckdb", connection_text("duckdb"))
    for text in ("SELECT * FROM read_csv('/etc/hostname')", "SET enable_external_access = true"):
        with pytest.raises(KpiError, match="E605"), connector.session() as session:
            session.table(text, ())


def test_a_statement_that_takes_too_long_is_stopped(tmp_path: Path, connection_text: Callable[[str], str]) -> None:
    slow = opened("postgres", connection_text("postgres"), timeout=0.2)
    with pytest.raises(KpiError, match="statement timeout"), slow.session() as session:
        session.table("SELECT pg_sleep(20)::text", ())
    databases.duckdb_file(tmp_path / "x.duckdb")
    settings = ConnectionSettings("db", "duckdb", (("timeout", 0.2),), folder=str(tmp_path / "x.duckdb"))
    with pytest.raises(KpiError, match=r"(?i)interrupt"), DuckdbConnector(settings).session() as session:
        session.table("SELECT sum(a.range * b.range) FROM range(1000000) AS a, range(1000000) AS b", ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hots": "x"}, "there is no setting `hots`"),
        ({"timeout": "long"}, "`timeout` must be a number of seconds"),
        ({"aggregate": "no"}, "`aggregate` must be true or false"),
        ({"float_sums": "fast"}, "`float_sums` must be"),
        ({"options": "-c x=y"}, "there is no setting `options`"),
    ],
)
def test_settings_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(KpiError, match=rf"E612.*{message}"):
        PostgresConnector(ConnectionSettings("db", "postgres", tuple(options.items())))


def test_a_password_is_a_reference(connection_text: Callable[[str], str]) -> None:
    connection_text("postgres")
    connector = PostgresConnector(ConnectionSettings("db", "postgres", (("password", "hunter2"),)))
    with pytest.raises(KpiError, match=r"E624.*must be a reference") as error:
        connector.tables()
    assert "hunter2" not in str(error.value)


def test_a_reference_to_several_rows_is_an_error(tmp_path: Path) -> None:
    text = databases.sqlite_file(tmp_path / "shop.sqlite")
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("INSERT INTO customers VALUES ('C1', 'PL', 1, 1)")
    project = kpi_engine.open(shop.project(tmp_path / "p", text))
    with pytest.raises(KpiError, match=r'E641: 2 rows of customers have the customer "C1"'):
        project.eval("abroad", grain="month", start="2026-03", end="2026-03")


@pytest.mark.parametrize(
    ("column", "value"),
    [("total", "'a lot'"), ("total", "0.005"), ("pieces", "1.5"), ("day", "'2026-02-30'"), ("at", "'yesterday'")],
)
def test_sqlite_values_must_be_of_the_declared_type(tmp_path: Path, column: str, value: str) -> None:
    text = databases.sqlite_file(tmp_path / "shop.sqlite")
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute(f'UPDATE orders SET "{column}" = {value} WHERE id = 1')
    for more in ("", "aggregate = false\n"):
        project = kpi_engine.open(shop.project(tmp_path / f"p{len(more)}", text + more))
        with pytest.raises(KpiError, match=f"E608: `{column}` holds"):
            project.eval(["revenue", "many", "last_day", "mean"], grain="month", start="2026-03", end="2026-03")


def test_sums_that_a_database_cannot_hold_are_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.sqlite") as connection:
        connection.execute("CREATE TABLE t (day DATE, n INTEGER, price DECIMAL(12,2))")
        connection.execute("INSERT INTO t VALUES ('2026-03-01', 4000000000, 90000000.01)")
    text = f'[connections.default]\nconnector = "sqlite"\npath = "{tmp_path / "x.sqlite"}"\n'
    definitions = "source t\n  time: day\n  column day: date\n  column n: integer\n  column price: decimal\n\n"
    definitions += "odd = sum(t.n * t.n)\npaid = sum(t.n * t.price)\n"
    question = {"grain": "month", "start": "2026-03", "end": "2026-03"}
    there = kpi_engine.open(shop.project(tmp_path / "p", text, definitions))
    for metric in ("odd", "paid"):
        with pytest.raises(KpiError, match=r"E609.*out of the range"):
            there.eval(metric, **question)
    rows = kpi_engine.open(shop.project(tmp_path / "q", text + "aggregate = false\n", definitions))
    assert rows.eval("odd", **question).table.column("odd").to_pylist() == [4000000000**2]
    assert rows.eval("paid", **question).table.column("paid").to_pylist() == [4000000000 * Decimal("90000000.01")]


def test_types_that_postgres_alone_has(connection_text: Callable[[str], str]) -> None:
    connector = opened("postgres", connection_text("postgres"), schema="more")
    with connected(connection_text("postgres")) as cursor:
        cursor.execute("CREATE SCHEMA more")
        cursor.execute("CREATE TYPE more.mood AS ENUM ('good', 'bad')")
        cursor.execute(
            "CREATE TABLE more.odd (j jsonb, m more.mood, n numeric, c char(4), tags text[], u uuid, f real, "
            "w numeric(5,2))"
        )
        cursor.execute(
            "INSERT INTO more.odd VALUES ('{\"a\": 1}', 'bad', 1.25, 'ab', '{x}', "
            "'00000000-0000-0000-0000-000000000001', 'NaN', 'NaN')"
        )
    from kpi_engine.extend.rows import ColumnRequest, ReadReport, ScanRequest, TableRequest

    assert connector.tables() == ("odd", *[each for each in connector.tables() if each != "odd"])
    request = TableRequest(("odd",), source="odd")
    types = {column.name: str(column.type) for column in connector.schema(request).columns}
    assert types["n"] == "decimal" and types["m"] == "text" and types["tags"] == "None"
    names = ["j", "m", "n", "c", "u", "f", "w"]
    scan = connector.scan(ScanRequest(request, tuple(ColumnRequest(name, name) for name in names)))
    (batch,) = scan.fragments()[0].batches(ReadReport())
    row = [*batch.to_pylist()[0].values()]
    assert [row[0], row[1], str(row[2]), row[3], row[6]] == ['{"a": 1}', "bad", "1.25", "ab", None]
    assert math.isnan(row[5]), "the engine counts it, and takes it for null"
    with pytest.raises(KpiError, match=r"E610.*`tags` is text\[\]"):
        connector.scan(ScanRequest(request, (ColumnRequest("tags", "tags"),)))


def test_local_times_next_to_a_change_of_clocks_are_not_edges() -> None:
    """Against the definition: of all local times, those that are before an instant are those before one local time."""
    import datetime
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    for day in (datetime.datetime(2026, 3, 28, 12), datetime.datetime(2026, 10, 24, 12)):
        locals_ = [day + datetime.timedelta(minutes=15 * step) for step in range(150)]
        for minutes in range(0, 36 * 60, 20):
            edge = day.replace(tzinfo=datetime.UTC) + datetime.timedelta(minutes=minutes)
            us = (edge - epoch) // datetime.timedelta(microseconds=1)
            before = [each.replace(tzinfo=zone).astimezone(datetime.UTC) < edge for each in locals_]
            try:
                text = local_text(us, "Europe/Berlin")
            except NotLocal:
                continue
            assert before == [each < datetime.datetime.fromisoformat(text) for each in locals_], edge


def test_duckdb_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(KpiError, match=r"E605: there is no file"):
        DuckdbConnector(ConnectionSettings("db", "duckdb", folder=str(tmp_path / "none"))).tables()
    (tmp_path / "text").write_text("no database")
    with pytest.raises(KpiError, match=r"E605.*cannot be opened"):
        DuckdbConnector(ConnectionSettings("db", "duckdb", folder=str(tmp_path / "text"))).tables()
