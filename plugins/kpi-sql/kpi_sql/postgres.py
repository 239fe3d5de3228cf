"""PostgreSQL through ADBC, in a session that the server itself keeps from writing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import adbc_driver_manager.dbapi as dbapi
import adbc_driver_postgresql.dbapi
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from kpi_engine.extend.arrow_tables import type_of
from kpi_engine.extend.rows import ConnectionSettings, data_error
from kpi_engine.extend.secrets import cleared
from kpi_engine.ir.catalog import TableColumn, TableSchema
from kpi_engine.ir.types import DECIMAL
from kpi_sql.adbc import AdbcSession
from kpi_sql.conform import overflow_help
from kpi_sql.connector import Session, SqlConnector
from kpi_sql.measures import Statement
from kpi_sql.pool import Pool
from kpi_sql.postgres_dialect import PostgresDialect
from kpi_sql.relations import table_node
from kpi_sql.stored import SqlKind, StoredColumn, StoredTable, StoredType, arrow_type
from kpi_sql.values import named

_KINDS: Mapping[str, SqlKind] = {
    **dict.fromkeys(("smallint", "integer", "bigint"), SqlKind.INTEGER),
    **dict.fromkeys(("real", "double precision"), SqlKind.FLOAT),
    **dict.fromkeys(("text", "citext", "uuid", "json", "jsonb", "name"), SqlKind.TEXT),
    "boolean": SqlKind.BOOLEAN,
    "date": SqlKind.DATE,
}
_PATTERNS = (
    (re.compile(r"character( varying)?(\(\d+\))?"), SqlKind.TEXT),
    (re.compile(r"timestamp(\(\d\))? without time zone"), SqlKind.LOCAL),
    (re.compile(r"timestamp(\(\d\))? with time zone"), SqlKind.INSTANT),
)
_NUMERIC = re.compile(r"numeric(?:\((\d+),(\d+)\))?")
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TABLES = """\
SELECT n.nspname::text AS "schema", r.relname::text AS "table", a.attname::text AS "column",
  format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, CASE t.typtype WHEN 'd' THEN t.typtypmod
  ELSE a.atttypmod END) AS "type", t.typtype::text AS "form", coalesce(c.collisdeterministic, true) AS "bytewise"
FROM pg_attribute AS a
JOIN pg_class AS r ON r.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = r.relnamespace
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!'
  AND has_column_privilege(r.oid, a.attnum, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1, 2, a.attnum"""


class PostgresConnector(SqlConnector):
    """`connector = "postgres"` with `host`, `port`, `database`, `user`, and `password` as a reference."""

    dialect = PostgresDialect()
    known = ("host", "port", "database", "user", "password", "sslmode")
    default_schema = "public"

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings)
        self._pool = Pool(self._open, _begin, _end, (dbapi.Error, OSError))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A read-only transaction that sees one state of the database."""
        place = f"connection {self.settings.name}"
        try:
            with self._pool.session() as connection:
                yield AdbcSession(connection)
        except (dbapi.Error, OSError) as error:
            message = f"PostgreSQL refuses: {' '.join(cleared(str(error)).split())[:300]}"
            help = overflow_help(message) or "look at the connection in kpi.toml"
            raise data_error("E605", place, message, help) from None

    def _open(self) -> dbapi.Connection:
        opened: dbapi.Connection = adbc_driver_postgresql.dbapi.connect(self._uri(), autocommit=True)
        return opened

    def _uri(self) -> str:
        settings = self.settings
        password = self.connection.secret("password")
        user = quote(settings.text("user"), safe="")
        login = user + ("" if password is None else f":{quote(password.reveal(), safe='')}")
        host, port = quote(settings.text("host", "localhost"), safe=""), settings.text("port", "5432")
        if not port.isdigit():
            raise settings.wrong("port", "must be a number")
        sslmode = settings.text("sslmode", "prefer")
        if sslmode not in _SSL_MODES:
            raise settings.wrong("sslmode", f"must be one of {', '.join(_SSL_MODES)}")
        guards = {
            "default_transaction_read_only": "on",
            "statement_timeout": str(int(settings.timeout * 1000)),
            "TimeZone": "UTC",
            "DateStyle": "ISO",
        }
        options = " ".join(f"-c {key}={value}" for key, value in guards.items())
        given = {"sslmode": sslmode, "client_encoding": "UTF8", "application_name": "kpi", "options": options}
        database = quote(settings.text("database", settings.text("user")), safe="")
        return f"postgresql://{login}{'@' if login else ''}{host}:{port}/{database}?{urlencode(given, quote_via=quote)}"

    def introspect(self, session: Session) -> Mapping[tuple[str, str], StoredTable]:
        """Tables and views of every schema, as far as the role may read them."""
        found: dict[tuple[str, str], dict[str, StoredColumn]] = {}
        for row in session.table(_TABLES, ()).to_pylist():
            type = StoredType(SqlKind.TEXT) if row["form"] == "e" else stored_type(row["type"])
            column = StoredColumn(row["column"], type, row["type"], row["bytewise"] and row["type"] != "citext")
            found.setdefault((row["schema"], row["table"]), {})[column.name] = column
        return {key: StoredTable(*key, columns) for key, columns in found.items()}

    def table_schema(self, session: Session, table: StoredTable) -> TableSchema:
        """Columns without a type of ours are named by PostgreSQL's."""
        columns = []
        for each in table.columns.values():
            arrow = arrow_type(each.type)
            known = DECIMAL if each.type.kind is SqlKind.DECIMAL else None if arrow is None else type_of(arrow)
            columns.append(TableColumn(each.name, known, each.physical))
        return TableSchema(tuple(columns))

    def row_schema(self, session: Session, table: StoredTable, names: Sequence[str]) -> pa.Schema:
        """As declared; decimals of no declared scale get that of their values."""
        fields = []
        for name in names:
            column = table.columns[name]
            arrow = arrow_type(column.type)
            if column.type.kind is SqlKind.DECIMAL and arrow is None:
                arrow = self._widest(session, table, name)
            if arrow is None:
                message = f"the column `{name}` is {column.physical}, which the engine has no type for"
                raise data_error("E610", table.name, message, "make a view that casts it")
            fields.append(pa.field(name, arrow))
        return pa.schema(fields or [pa.field("row", pa.int32())])

    def _widest(self, session: Session, table: StoredTable, name: str) -> pa.DataType:
        scale = exp.Max(this=exp.Anonymous(this="scale", expressions=[named(name)]))
        node = exp.Select(
            expressions=[exp.alias_(exp.Coalesce(this=scale, expressions=[exp.Literal.number(0)]), "scale")]
        )
        node.set("from_", exp.From(this=table_node(table)))
        (row,) = session.table(self.dialect.text(node), ()).to_pylist()
        return pa.decimal256(76, int(row["scale"]))

    def row_batches(
        self, session: Session, table: StoredTable, statement: Statement, schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """Decimals come as texts."""
        for batch in session.batches(self.dialect.text(statement.node), statement.parameters):
            arrays = []
            for array, field in zip(batch.columns, schema, strict=True):
                plain = array.storage if isinstance(array, pa.ExtensionArray) else array
                arrays.append(plain if plain.type == field.type else pc.cast(plain, field.type))
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _begin(connection: dbapi.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _end(connection: dbapi.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")


def stored_type(name: str) -> StoredType:
    """What a type of PostgreSQL's is, by the name that it gives it itself.

    >>> stored_type("numeric(12,2)").scale, stored_type("timestamp without time zone").kind.value
    (2, 'local')
    """
    numeric = _NUMERIC.fullmatch(name)
    if numeric is not None:
        return StoredType(SqlKind.DECIMAL, *(int(each) if each else None for each in numeric.groups()))
    kind = next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(name)), SqlKind.OTHER)
    return StoredType(_KINDS.get(name, kind))
