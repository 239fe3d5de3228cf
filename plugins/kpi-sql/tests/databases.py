"""The shop in a DuckDB and a SQLite file."""

from __future__ import annotations

import datetime
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import shop


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
