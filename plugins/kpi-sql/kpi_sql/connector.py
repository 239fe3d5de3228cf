"""A database as a source of rows and of states: what all three connectors share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

import pyarrow as pa

from kpi_engine.extend.measures import MeasureRequest, PartialStates, Support
from kpi_engine.extend.rows import ConnectionSettings, ScanRequest, TableRequest, data_error
from kpi_engine.extend.scans import OpenedScan
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_sql.conform import conform
from kpi_sql.dialect import Dialect
from kpi_sql.measures import Choices, Measured, Statement, measured
from kpi_sql.rows import RowFragment, row_statement
from kpi_sql.settings import settings_of
from kpi_sql.stored import StoredTable
from kpi_sql.values import NotPushed, Plain


class Session(Protocol):
    """A connection that only reads, in one transaction."""

    def batches(self, text: str, parameters: Sequence[Plain]) -> Iterator[pa.RecordBatch]:
        """The rows of a statement, as they come."""

    def table(self, text: str, parameters: Sequence[Plain]) -> pa.Table:
        """All rows of a statement."""


class SqlConnector(ABC):
    """Tables of one database. Subclasses open sessions, and say what tables there are."""

    dialect: ClassVar[Dialect]
    known: ClassVar[tuple[str, ...]] = ()
    """Settings beside those that all databases have."""
    default_schema: ClassVar[str] = ""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.connection = settings
        self.settings = settings_of(settings, self.known, self.default_schema)
        self._tables: Mapping[tuple[str, str], StoredTable] | None = None
        self._made: tuple[MeasureRequest, Measured] | None = None

    @abstractmethod
    def session(self) -> AbstractContextManager[Session]:
        """A new session, closed at the end. KpiError E605 if the database cannot be had."""

    @abstractmethod
    def introspect(self, session: Session) -> Mapping[tuple[str, str], StoredTable]:
        """Every table and view that can be read, by schema and name."""

    @abstractmethod
    def row_schema(self, session: Session, table: StoredTable, names: Sequence[str]) -> pa.Schema:
        """The Arrow schema of some columns. KpiError E610 for one that cannot be read."""

    def row_batches(
        self, session: Session, table: StoredTable, statement: Statement, schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a scan of some columns of a table, in its schema."""
        yield from session.batches(self.dialect.text(statement.node), statement.parameters)

    def state_table(self, session: Session, statement: Statement) -> pa.Table:
        """The answer to a statement of a measure query, as the database gives it."""
        return session.table(self.dialect.text(statement.node), statement.parameters)

    def check_stored(self, session: Session, table: StoredTable, names: Sequence[str]) -> None:
        """KpiError E608 for values of other types than the database declares; most databases see to it themselves."""
        del session, table, names

    @abstractmethod
    def table_schema(self, session: Session, table: StoredTable) -> TableSchema:
        """What `schema` answers."""

    # The protocol of connectors

    def tables(self) -> Sequence[str]:
        """Tables of the connection's schema by name, others as `schema.name`."""
        return tuple(
            name if schema == self.settings.schema else f"{schema}.{name}" for schema, name in sorted(self._all())
        )

    def schema(self, table: TableRequest) -> TableSchema:
        """Columns and types of a table."""
        found = self._found(table)
        with self.session() as session:
            return self.table_schema(session, found)

    def scan(self, request: ScanRequest) -> OpenedScan:
        """Rows, with projection and predicates in the statement."""
        table = self._found(request.table)
        names = list(dict.fromkeys(column.physical or column.name for column in request.columns))
        for name in names:
            if name not in table.columns:
                help = did_you_mean(name, table.columns) or f"the columns are: {', '.join(list(table.columns)[:12])}"
                raise data_error("E607", request.table.source or table.name, f"there is no column `{name}`", help)
        statement, pushed = row_statement(request, table, self.dialect, names)
        with self.session() as session:
            schema = self.row_schema(session, table, names)
        if statement.columns:  # how many values of a row are none
            schema = schema.append(pa.field(statement.columns[0].name, pa.int64()))

        def opened() -> Iterator[pa.RecordBatch]:
            with self.session() as session:
                yield from self.row_batches(session, table, statement, schema)

        fragment = RowFragment(request, schema, opened, counted=bool(statement.columns))
        return OpenedScan(request, (fragment,), pushed)

    def supports(self, request: MeasureRequest) -> Support:
        """Whether the request can be put in SQL that means the same."""
        if not self.settings.aggregate:
            return Support.no("the connection has `aggregate = false`")
        try:
            made = self._measured(request)
        except NotPushed as refusal:
            return Support.no(refusal.reason)
        return Support.yes(";\n".join(self.dialect.text(each.node, pretty=True) for each in made.states))

    def partial_states(self, request: MeasureRequest) -> PartialStates:
        """States, from one transaction; KpiError E641 where a reference leads to several rows."""
        made = self._measured(request)
        source = request.query.source
        with self.session() as session:
            for table in request.tables.values():
                names = [each.physical or each.name for each in table.columns.values()]
                self.check_stored(session, self._found(table.table), names)
            self._check_keys(session, made)
            tables = [conform(source, each.columns, self.state_table(session, each)) for each in made.states]
            left_out = {name: self._counts(session, each) for name, each in made.left_out.items()}
        own = left_out.pop(source, {})
        times = own.pop("rows_untimed", 0), own.pop("rows_late", 0)
        return PartialStates(tables, *times, nan_values=_values(own), notes=_notes(left_out))

    # What they are made of

    def _counts(self, session: Session, statement: Statement) -> dict[str, int]:
        (row,) = conform("", statement.columns, self.state_table(session, statement)).to_pylist()
        return {name: int(value) for name, value in row.items()}

    def _all(self) -> Mapping[tuple[str, str], StoredTable]:
        if self._tables is None:
            with self.session() as session:
                self._tables = self.introspect(session)
        return self._tables

    def _found(self, request: TableRequest) -> StoredTable:
        place = request.source or ", ".join(request.names)
        if len(request.names) != 1:
            raise data_error("E601", place, "a source of a database is one table", "make a view of several tables")
        (name,) = request.names
        for key in ((self.settings.schema, name), tuple(name.split(".", 1))):
            if len(key) == 2 and key in self._all():
                return self._all()[key]
        listed = self.tables()
        help = did_you_mean(name, listed) or f"the tables are: {', '.join(listed[:12])}"
        raise data_error("E601", place, f"there is no table `{name}` in the connection {self.settings.name}", help)

    def _measured(self, request: MeasureRequest) -> Measured:
        """The statements of a request; those of the last one are kept, since it is asked for after it was shown."""
        made = self._made
        if made is not None and made[0] is request:
            return made[1]
        stored = {name: self._found(table.table) for name, table in request.tables.items()}
        found = measured(request, stored, self.dialect, Choices(self.settings.inexact_sums))
        self._made = (request, found)
        return found

    def _check_keys(self, session: Session, made: Measured) -> None:
        for check in made.keys:
            for row in self.state_table(session, check.statement).to_pylist():
                shown = f'"{row["item"]}"' if isinstance(row["item"], str) else str(row["item"])
                rows = f"{row['rows']} rows of {check.source} have the {check.column} {shown}"
                help = "remove the duplicates, or declare which row counts: `on_duplicate: latest(...)` on the source"
                raise data_error("E641", check.source, f"{rows}: a reference must lead to one row", help)


def _values(counts: Mapping[str, int]) -> dict[str, int]:
    """By column how many values are no number, where there are some."""
    return {name.removeprefix("values_"): count for name, count in counts.items() if count}


def _notes(left_out: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The same of the tables that the source refers to, in words."""
    return [
        f"{count} values of {source}.{name} are no number and count as null"
        for source, counts in left_out.items()
        for name, count in _values(counts).items()
    ]
