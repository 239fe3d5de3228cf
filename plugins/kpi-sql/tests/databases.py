"""The shop in a DuckDB file, a SQLite file, and a PostgreSQL server."""

from __future__ import annotations

import datetime
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from . import shop
from .server import Server

DATABASES = ("duckdb", "sqlite", "postgres")


def duckdb_file(path: Path) -> str:
    """Write the shop; the settings of a connection to it."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in shop.tables().items():
            connection.execute(shop.create(name))
            connection.register("given", table)
            connection.execute(f'INSERT INTO "{name}" SELECT * FROM given')
            connection.unregister("given")
    return f'[connections.default]\nconnector = "duckdb"\npath = "{path}"\n'


def sqlite_file(path: Path) -> str:
    """Write the shop as Python's own module stores it: decimals as numbers, times as texts."""
    with sqlite3.connect(path) as connection:
        for name, table in shop.tables().items():
            connection.execute(shop.create(name))
            places = ", ".join("?" for _ in table.schema.names)
            rows = [tuple(_stored(value) for value in row) for row in shop.rows(table)]
            connection.executemany(f'INSERT INTO "{name}" VALUES ({places})', rows)
    return f'[connections.default]\nconnector = "sqlite"\npath = "{path}"\n'


def postgres_server(server: Server) -> str:
    """Write the shop."""
    with server.connect() as connection, connection.cursor() as cursor:
        for name, table in shop.tables().items():
            cursor.execute(shop.create(name))
            texts = [[None if value is None else _text(value) for value in row] for row in shop.rows(table)]
            names = [f"c{place}" for place in range(table.num_columns)]
            columns = [pa.array(list(each), pa.string()) for each in zip(*texts, strict=True)]
            if not table.num_rows:
                continue
            given = pa.table(columns, names=names)
            cursor.adbc_ingest(f"raw_{name}", given, mode="create")
            casts = ", ".join(f"{each}::{type}" for each, type in zip(names, shop.COLUMNS[name].values(), strict=True))
            cursor.execute(f'INSERT INTO "{name}" SELECT {casts} FROM raw_{name}')
            cursor.execute(f"DROP TABLE raw_{name}")
    return server.settings


def _text(value: Any) -> str:
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
