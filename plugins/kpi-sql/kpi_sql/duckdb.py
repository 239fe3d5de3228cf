"""DuckDB files through DuckDB's own Arrow interface, opened for reading and closed to everything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Timer

import duckdb
import pyarrow as pa
from sqlglot import exp

from kpi_engine.extend.arrow_tables import table_schema
from kpi_engine.extend.rows import ConnectionSettings, data_error
from kpi_engine.ir.catalog import TableSchema
from kpi_sql.conform import overflow_help
from kpi_sql.connector import Session, SqlConnector
from kpi_sql.dialect import MOST_DIGITS, TIMES, Dialect
from kpi_sql.relations import table_node
from kpi_sql.stored import SqlKind, StoredColumn, StoredTable, StoredType
from kpi_sql.values import Plain, Value, call, cast, named, operator

_BATCH_ROWS = 1 << 16
_LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_KINDS: Mapping[str, SqlKind] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), SqlKind.INTEGER),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), SqlKind.INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE"), SqlKind.FLOAT),
    "VARCHAR": SqlKind.TEXT,
    "BOOLEAN": SqlKind.BOOLEAN,
    "DATE": SqlKind.DATE,
    "TIMESTAMP": SqlKind.LOCAL,
    "TIMESTAMP WITH TIME ZONE": SqlKind.INSTANT,
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_TABLES = """\
SELECT c.schema_name, c.table_name, c.column_name, c.data_type,
  EXISTS (FROM duckdb_tables() AS t WHERE t.sql ILIKE '%collate%') AS collated
FROM duckdb_columns() AS c WHERE NOT c.internal AND c.database_name = current_database()
ORDER BY c.schema_name, c.table_name, c.column_index"""


class DuckdbDialect(Dialect):
    """Decimals of 38 digits, integers of 128 bits, and exact enough sums of floats (Kahan's)."""

    name = "duckdb"
    writer = "duckdb"
    wide_type = "INT128"
    float_sum = "fsum"
    endless = TIMES

    def elapsed(self, left: Value, right: Value) -> Value:
        """From microseconds since 1970."""
        node = operator(exp.Sub, call("epoch_us", left.node), call("epoch_us", right.node))
        return Value(node, SqlKind.INTEGER)

    def as_instant(self, node: exp.Expr) -> exp.Expr:
        """The session's zone is UTC."""
        return cast(node, "TIMESTAMPTZ")

    def contains(self, text: exp.Expr, part: exp.Expr) -> exp.Expr:
        """By bytes."""
        return call("contains", text, part)


class DuckdbSession:
    """One transaction of a connection of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout

    def batches(self, text: str, parameters: Sequence[Plain]) -> Iterator[pa.RecordBatch]:
        """As DuckDB makes them."""
        with self._limited():
            yield from self._connection.sql(text, params=list(parameters)).to_arrow_reader(_BATCH_ROWS)

    def table(self, text: str, parameters: Sequence[Plain]) -> pa.Table:
        """All of them."""
        with self._limited():
            return self._connection.sql(text, params=list(parameters)).to_arrow_table()

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """DuckDB has no timeout: a statement that takes too long is interrupted from another thread."""
        timer = Timer(self._timeout, self._connection.interrupt) if self._timeout else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()


class DuckdbConnector(SqlConnector):
    """`connector = "duckdb"` with the `path` of a database file."""

    dialect = DuckdbDialect()
    default_schema = "main"

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings)
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._opening = Lock()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction; the file is opened for reading by the first one, and stays open, which takes longest."""
        place = f"connection {self.settings.name}"
        try:
            connection = self._root(place).cursor()
            try:
                connection.execute("BEGIN TRANSACTION READ ONLY")
                yield DuckdbSession(connection, self.settings.timeout)
            finally:
                connection.close()
        except duckdb.Error as error:
            message = f"DuckDB refuses: {_first_line(error)}"
            raise data_error("E605", place, message, overflow_help(message)) from error

    def _root(self, place: str) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._opened is None:
                self._opened = _open(self.settings.folder, place)
            return self._opened

    def introspect(self, session: Session) -> Mapping[tuple[str, str], StoredTable]:
        """Tables and views."""
        found: dict[tuple[str, str], dict[str, StoredColumn]] = {}
        for row in session.table(_TABLES, ()).to_pylist():
            key, name = (row["schema_name"], row["table_name"]), row["column_name"]
            type = _stored_type(row["data_type"])
            found.setdefault(key, {})[name] = StoredColumn(name, type, row["data_type"], not row["collated"])
        return {key: StoredTable(*key, columns) for key, columns in found.items()}

    def row_schema(self, session: Session, table: StoredTable, names: Sequence[str]) -> pa.Schema:
        """As DuckDB says for no rows."""
        columns = [self.dialect.row_column(table.columns[name], named(name)) for name in names]
        node = exp.Select(expressions=columns or [exp.alias_(exp.Literal.number(1), "row", quoted=True)])
        node.set("from_", exp.From(this=table_node(table)))
        node.set("limit", exp.Limit(expression=exp.Literal.number(0)))
        return session.table(self.dialect.text(node), ()).schema

    def table_schema(self, session: Session, table: StoredTable) -> TableSchema:
        """Structs, lists and maps with their parts."""
        return table_schema(self.row_schema(session, table, list(table.columns)))


def _open(path: str, place: str) -> duckdb.DuckDBPyConnection:
    """A database that reads its own file and nothing else. KpiError E605 where there is none."""
    if not Path(path).is_file():
        raise data_error("E605", place, f"there is no file {path}", "correct `path` in kpi.toml")
    try:
        connection = duckdb.connect(path, read_only=True, config=dict(_LOCKED))
    except duckdb.Error as error:
        message = f"{path} cannot be opened: {_first_line(error)}"
        raise data_error("E605", place, message, "whoever writes the file must close it first") from error
    # All connections of a process to one file share its settings, which only the first one can still change.
    locked = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
    if locked is None or not locked[0]:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET lock_configuration = true")
    return connection


def _stored_type(name: str) -> StoredType:
    decimal = _DECIMAL.fullmatch(name)
    if decimal is not None:
        return StoredType(SqlKind.DECIMAL, int(decimal[1]), int(decimal[2]))
    if name in ("HUGEINT", "UBIGINT"):
        return StoredType(SqlKind.DECIMAL, MOST_DIGITS if name == "HUGEINT" else 20, 0)
    return StoredType(_KINDS.get(name, SqlKind.OTHER))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
