"""The shop in a DuckDB file, a SQLite file, and a PostgreSQL server."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from . import shop
from .server import Server

DATABASES = ("duckdb", "sqlite", "postgres")


Tables = Mapping[str, pa.Table]
Declared = Mapping[str, Mapping[str, str]]
"""The types of columns, by table."""


def duckdb_file(path: Path, tables: Tables | None = None, declared: Declared = shop.COLUMNS) -> str:
    """Write tables (those of the shop unless others are given); the settings of a connection to them."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in (tables or shop.tables()).items():
            connection.execute(create(name, declared[name]))
            connection.register("given", table)
            connection.execute(f'INSERT INTO "{name}" SELECT * FROM given')
            connection.unregister("given")
    return f'[connections.default]\nconnector = "duckdb"\npath = "{path}"\n'


def sqlite_file(path: Path, tables: Tables | None = None, declared: Declared = shop.COLUMNS) -> str:
    """The same as Python's own module stores it: decimals as numbers, times as texts."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, table in (tables or shop.tables()).items():
            connection.execute(create(name, declared[name]))
            places = ", ".join("?" for _ in table.schema.names)
            rows = zip(*([_stored(value) for value in column.to_pylist()] for column in table.columns), strict=True)
            connection.executemany(f'INSERT INTO "{name}" VALUES ({places})', rows)
    return f'[connections.default]\nconnector = "sqlite"\npath = "{path}"\n'


def postgres_tables(
    server: Server, tables: Tables | None = None, declared: Declared = shop.COLUMNS, schema: str = "public"
) -> str:
    """The same in a schema of a server."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        cursor.execute(f"SET search_path = {schema}")
        for name, table in (tables or shop.tables()).items():
            cursor.execute(create(name, declared[name]))
            if not table.num_rows:
                continue
            names = [f"c{place}" for place in range(table.num_columns)]
            texts = [pa.array([_text(value) for value in column.to_pylist()], pa.string()) for column in table.columns]
            cursor.adbc_ingest(f"raw_{name}", pa.table(texts, names=names), mode="create")
            casts = ", ".join(f"{each}::{type}" for each, type in zip(names, declared[name].values(), strict=True))
            cursor.execute(f'INSERT INTO "{name}" SELECT {casts} FROM raw_{name}')
            cursor.execute(f"DROP TABLE raw_{name}")
    return server.settings + (f'schema = "{schema}"\n' if schema != "public" else "")


def create(name: str, columns: Mapping[str, str]) -> str:
    """The statement that makes a table."""
    listed = ", ".join(f'"{column}" {type}' for column, type in columns.items())
    return f'CREATE TABLE "{name}" ({listed})'


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else str(value)


def _stored(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case datetime.datetime():
            text = value.replace(tzinfo=None).isoformat(" ")
            return text if value.tzinfo is None else f"{text}Z"
        case datetime.date():
            return value.isoformat()
        case bool():
            return int(value)
    return value
