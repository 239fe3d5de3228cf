"""The engine's own kit for connectors, on all three."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kpi_sql.duckdb import DuckdbConnector
from kpi_sql.postgres import PostgresConnector
from kpi_sql.sqlite import SqliteConnector

from kpi_engine.extend.rows import ConnectionSettings, Connector
from kpi_engine.testing.connectors import ConnectorKit

from . import databases


class Shop(ConnectorKit):
    """Four tables of every type, with nulls, and one without rows."""

    tables = ("orders", "customers", "payments", "nothing")
    empty_table = "nothing"
    money = ("orders.total", "payments.amount")
    examples = 40


class TestDuckdb(Shop):
    def settings(self, folder: Path) -> ConnectionSettings:
        databases.duckdb_file(folder / "shop.duckdb")
        return ConnectionSettings("default", "duckdb", folder=str(folder / "shop.duckdb"))

    def make(self, settings: ConnectionSettings) -> Connector:
        return DuckdbConnector(settings)


class TestSqlite(Shop):
    def settings(self, folder: Path) -> ConnectionSettings:
        databases.sqlite_file(folder / "shop.sqlite")
        return ConnectionSettings("default", "sqlite", folder=str(folder / "shop.sqlite"))

    def make(self, settings: ConnectionSettings) -> Connector:
        return SqliteConnector(settings)


class TestPostgres(Shop):
    secrets = ("password",)
    _port = "0"

    @pytest.fixture(autouse=True)
    def _server(self, connection_text: Callable[[str], str]) -> None:
        text = connection_text("postgres")
        type(self)._port = next(line.split(" = ")[1] for line in text.splitlines() if line.startswith("port"))

    def settings(self, folder: Path) -> ConnectionSettings:
        options = {"host": "127.0.0.1", "port": int(self._port), "database": "postgres", "user": "shop"}
        given = (*options.items(), ("password", "env:KPI_SQL_PASSWORD"))
        return ConnectionSettings("default", "postgres", given)

    def make(self, settings: ConnectionSettings) -> Connector:
        return PostgresConnector(settings)


del Shop, ConnectorKit  # pytest would run them as tests of their own
