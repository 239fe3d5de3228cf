"""SQLite files through ADBC. SQLite's columns hold what they like: they are read as declared, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import adbc_driver_manager.dbapi as dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_sqlite import StatementOptions
from sqlglot import exp

from kpi_engine.extend.arrow_tables import type_of
from kpi_engine.extend.rows import ConnectionSettings, data_error
from kpi_engine.ir.catalog import TableColumn, TableSchema
from kpi_sql.adbc import AdbcSession
from kpi_sql.conform import overflow_help, typed
from kpi_sql.connector import Session, SqlConnector
from kpi_sql.measures import Column, Statement
from kpi_sql.pool import Pool
from kpi_sql.relations import table_node
from kpi_sql.sqlite_dialect import SqliteDialect
from kpi_sql.sqlite_values import SURE_DIGITS, misfit
from kpi_sql.stored import SqlKind, StoredColumn, StoredTable, StoredType, arrow_type
from kpi_sql.values import case, named, number

_BATCH_ROWS = 1 << 16
_DECLARED = re.compile(r"\s*([A-Za-z ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*")
_KINDS: Mapping[str, SqlKind] = {
    "DATE": SqlKind.DATE,
    **dict.fromkeys(("DATETIME", "TIMESTAMP"), SqlKind.LOCAL),
    **dict.fromkeys(("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), SqlKind.INSTANT),
    **dict.fromkeys(("BOOLEAN", "BOOL"), SqlKind.BOOLEAN),
}
_AFFINITIES = (
    ("INT", SqlKind.INTEGER),
    ("CHAR", SqlKind.TEXT),
    ("CLOB", SqlKind.TEXT),
    ("TEXT", SqlKind.TEXT),
    ("REAL", SqlKind.FLOAT),
    ("FLOA", SqlKind.FLOAT),
    ("DOUB", SqlKind.FLOAT),
    ("DECIMAL", SqlKind.FLOAT),
    ("NUM", SqlKind.FLOAT),
)
"""Parts of declared types by which SQLite itself goes, in its order; decimals of no known scale are floats."""
_TABLES = """\
SELECT m.name AS "table", c.name AS "column", c.type AS "type"
FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid"""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A connection, and the file that it was opened on."""

    file: tuple[int, int]
    connection: dbapi.Connection

    def close(self) -> None:
        self.connection.close()


class SqliteConnector(SqlConnector):
    """`connector = "sqlite"` with the `path` of a database file."""

    dialect = SqliteDialect()

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings)
        self._pool = Pool(self._open, self._begin, _end, (dbapi.Error, OSError))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """The file opened for reading, in a transaction."""
        place = f"connection {self.settings.name}"
        if not Path(self.settings.folder).is_file():
            raise data_error("E605", place, f"there is no file {self.settings.folder}", "correct `path` in kpi.toml")
        try:
            with self._pool.session() as opened:
                yield AdbcSession(opened.connection, {StatementOptions.BATCH_ROWS.value: str(_BATCH_ROWS)})
        except (dbapi.Error, OSError) as error:
            message = f"SQLite refuses: {str(error).partition(chr(10))[0]}"
            raise data_error("E605", place, message, overflow_help(message)) from error

    def _open(self) -> _Opened:
        uri = f"file:{quote(self.settings.folder)}?mode=ro"
        opened = _Opened(self._file(), adbc_driver_sqlite.dbapi.connect(uri, autocommit=True))
        try:
            with opened.connection.cursor() as cursor:
                cursor.execute("PRAGMA query_only = ON")
                cursor.execute(f"PRAGMA busy_timeout = {int(self.settings.timeout * 1000)}")
        except BaseException:
            opened.close()
            raise
        return opened

    def _begin(self, opened: _Opened) -> None:
        if opened.file != self._file():
            raise OSError("another file has taken its place")
        with opened.connection.cursor() as cursor:
            cursor.execute("BEGIN")

    def _file(self) -> tuple[int, int]:
        """Which file it is, whatever its name."""
        found = Path(self.settings.folder).stat()
        return found.st_dev, found.st_ino

    def introspect(self, session: Session) -> Mapping[tuple[str, str], StoredTable]:
        """Tables and views, by what they declare."""
        found: dict[str, dict[str, StoredColumn]] = {}
        for row in session.table(_TABLES, ()).to_pylist():
            name = row["column"]
            found.setdefault(row["table"], {})[name] = StoredColumn(name, stored_type(row["type"]), row["type"])
        return {("", name): StoredTable("", name, columns) for name, columns in found.items()}

    def table_schema(self, session: Session, table: StoredTable) -> TableSchema:
        """As declared."""
        columns = []
        for each in table.columns.values():
            arrow = arrow_type(each.type)
            columns.append(
                TableColumn(each.name, None if arrow is None else type_of(arrow), each.physical or "nothing")
            )
        return TableSchema(tuple(columns))

    def row_schema(self, session: Session, table: StoredTable, names: Sequence[str]) -> pa.Schema:
        """As declared; a column of no type is read by nobody."""
        fields = []
        for name in names:
            arrow = arrow_type(table.columns[name].type)
            if arrow is None:
                message = f"the column `{name}` is declared as {table.columns[name].physical or 'nothing'}"
                raise data_error("E610", table.name, message, "declare its type in the database, or in a view")
            fields.append(pa.field(name, arrow))
        return pa.schema(fields or [pa.field("row", pa.int64())])

    def row_batches(
        self, session: Session, table: StoredTable, statement: Statement, schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """Decimals from their units, days and times from their texts."""
        names = [name for name in schema.names if name in table.columns]
        self.check_stored(session, table, names)
        kinds = [table.columns[name].type.kind if name in table.columns else SqlKind.INTEGER for name in schema.names]
        samples = [_ROW_SAMPLES.get(kind, "0") for kind in kinds]
        for batch in self._led(session, statement, samples):
            arrays = []
            for array, kind, field in zip(batch.columns, kinds, schema, strict=True):
                if kind is SqlKind.DECIMAL:
                    array = typed(array, Column(field.name, kind, field.type.scale))
                arrays.append(pc.cast(array, field.type))
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def state_table(self, session: Session, statement: Statement) -> pa.Table:
        """The answer, its columns typed also where they begin with nulls."""
        samples = [_STATE_SAMPLES.get(column.kind, "0") for column in statement.columns]
        batches = list(self._led(session, statement, samples))
        return pa.Table.from_batches(batches).rename_columns([column.name for column in statement.columns])

    def _led(self, session: Session, statement: Statement, samples: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a statement, led by one of samples, which is taken away again.

        The driver takes the types of a column from the first rows, and fails at a value of another type later on.
        """
        lead = [exp.alias_(number(1), "lead", quoted=True)]
        lead += [exp.alias_(_literal(sample), f"c{place}", quoted=True) for place, sample in enumerate(samples)]
        inner = exp.Subquery(this=statement.node, alias=exp.TableAlias(this=exp.to_identifier("s", quoted=True)))
        rows = exp.Select(
            expressions=[number(0), exp.Column(this=exp.Star(), table=exp.to_identifier("s", quoted=True))]
        )
        rows.set("from_", exp.From(this=inner))
        whole = exp.Union(this=exp.Select(expressions=lead), expression=rows, distinct=False)
        first = True
        for batch in session.batches(self.dialect.text(whole), statement.parameters):
            if first and (not batch.num_rows or batch.column(0)[0].as_py() != 1):
                raise data_error("E606", f"connection {self.settings.name}", "SQLite gives rows in another order")
            yield pa.RecordBatch.from_arrays(
                [each[int(first) :] for each in batch.columns[1:]], names=batch.schema.names[1:]
            )
            first = False

    def check_stored(self, session: Session, table: StoredTable, names: Sequence[str]) -> None:
        """One pass over the table that looks at the types of its values; nothing is fetched."""
        columns = [table.columns[name] for name in dict.fromkeys(names)]
        tests = [(column, misfit(column, named(column.name))) for column in columns]
        conditions = [(column, test) for column, test in tests if test is not None]
        if not conditions:
            return
        node = exp.Select(
            expressions=[
                exp.alias_(exp.Max(this=case([(test, _shown(column))])), column.name, quoted=True)
                for column, test in conditions
            ]
        )
        node.set("from_", exp.From(this=table_node(table)))
        (row,) = session.table(self.dialect.text(node), ()).to_pylist()
        for column, value in zip((column for column, _ in conditions), row.values(), strict=True):
            if value is not None:
                message = f"`{column.name}` holds `{value}`, and is declared as {column.physical}"
                raise data_error("E608", table.name, message, "correct the value, or declare the column as TEXT")


def _end(opened: _Opened) -> None:
    with opened.connection.cursor() as cursor:
        cursor.execute("ROLLBACK")


_ROW_SAMPLES: Mapping[SqlKind, str] = {
    SqlKind.FLOAT: "0.0",
    **dict.fromkeys((SqlKind.TEXT, SqlKind.DATE, SqlKind.LOCAL, SqlKind.INSTANT), "''"),
}
_STATE_SAMPLES: Mapping[SqlKind, str] = {
    SqlKind.FLOAT: "0.0",
    **dict.fromkeys((SqlKind.TEXT, SqlKind.DATE, SqlKind.OTHER), "''"),
}
"""What stands in the leading row for each kind."""


def _literal(sample: str) -> exp.Expr:
    return exp.Literal.string(sample[1:-1]) if sample.startswith("'") else exp.Literal(this=sample, is_string=False)


def _shown(column: StoredColumn) -> exp.Expr:
    return exp.Cast(this=named(column.name), to=exp.DataType.build("TEXT"))


def stored_type(declared: str) -> StoredType:
    """What a declared type says.

    >>> stored_type("DECIMAL(12, 2)").scale, stored_type("varchar(20)").kind.value
    (2, 'text')
    """
    found = _DECLARED.fullmatch(declared)
    if found is None:
        return StoredType(SqlKind.OTHER)
    name = found[1].upper()
    if name in _KINDS:
        return StoredType(_KINDS[name])
    if name in ("DECIMAL", "NUMERIC") and found[2] is not None and int(found[2]) <= SURE_DIGITS:
        return StoredType(SqlKind.DECIMAL, int(found[2]), int(found[3] or 0))
    return StoredType(next((kind for part, kind in _AFFINITIES if part in name), SqlKind.OTHER))
