"""Sources of the catalogue read through their connectors: requests in physical names, answers in declared types."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from kpi_engine.connect.conform import Conformer, conformer
from kpi_engine.connect.joined import Joining
from kpi_engine.extend.contained import aggregating
from kpi_engine.extend.rows import (
    ColumnRequest,
    Connector,
    Fragment,
    Operator,
    Predicate,
    Push,
    ReadReport,
    Scan,
    ScanRequest,
    TableRequest,
    data_error,
    fingerprint_of,
    rows_in,
)
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Apply, Constant, Expression, Field, Value
from kpi_engine.ir.types import Kind

if TYPE_CHECKING:
    from kpi_engine.extend.measures import Aggregating, SourceTable

_OPERATORS: Mapping[str, Operator] = {
    "equal": "=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "in": "in",
}


@dataclass(frozen=True, slots=True)
class CatalogReader:
    """Opens sources: `connectors` by connection name, `tables` by source name where they were bound from Python."""

    connectors: Mapping[str, Connector]
    bound: Mapping[str, Connector]
    timezone: str

    def open(
        self,
        source: Source,
        columns: Sequence[str],
        predicates: Sequence[Expression] = (),
        edges: Mapping[str, tuple[datetime.date, ...]] = MappingProxyType({}),
        batch_rows: int | None = None,
    ) -> Scan:
        """A scan of stored columns of a source; KpiError E6xx if its table cannot be read."""
        connector = connector_of(source.name, source.connection, self.connectors, self.bound)
        requests = tuple(_request(source, name, edges.get(name)) for name in columns)
        table = table_request(source, self.timezone)
        scan = connector.scan(ScanRequest(table, requests, tuple(_predicates(source, predicates)), batch_rows))
        timezone = source.timezone or scan.options.get("timezone") or self.timezone
        return ConformedScan(scan, conformer(requests, scan.options, str(timezone), source.on_error))

    def aggregating(self, source: Source) -> Aggregating | None:
        """The connector of a source, if it can answer measure queries; what was bound from Python gives rows."""
        if source.name in self.bound:
            return None
        return aggregating(connector_of(source.name, source.connection, self.connectors, self.bound))

    def source_table(self, source: Source, columns: Sequence[str], where: Expression | None) -> SourceTable:
        """A source as its connector sees it: some stored columns, and its own condition on them."""
        requests = {name: _request(source, name) for name in columns}
        from kpi_engine.extend.measures import SourceTable

        return SourceTable(table_request(source, self.timezone), requests, source.key, where)


def connector_of(
    source: str, connection: str, connectors: Mapping[str, Connector], bound: Mapping[str, Connector]
) -> Connector:
    """The connector of a source: what was bound to it from Python, else that of its connection (E620)."""
    found = bound.get(source) or connectors.get(connection)
    if found is None:
        help = did_you_mean(connection, connectors) or f"add `[connections.{connection}]` to kpi.toml"
        raise data_error("E620", source, f"there is no connection `{connection}`", help)
    return found


def table_request(source: Source, timezone: str) -> TableRequest:
    """What a connector is told of a source's table."""
    return TableRequest(
        source.table, tuple(source.options.items()), source.timezone or timezone, source.on_error, source.name
    )


def _request(source: Source, name: str, edges: tuple[datetime.date, ...] | None = None) -> ColumnRequest:
    column = source.lists[name] if name in source.lists else source.columns[name]
    return ColumnRequest(name, column.physical or name, column.type, column.format, column.options, column.path, edges)


def _predicates(source: Source, conditions: Sequence[Expression]) -> Iterator[Predicate]:
    """Conditions on a stored column. A value goes along if it is of the declared kind; times are instants in UTC."""
    for condition in conditions:
        if not isinstance(condition, Apply) or not isinstance(condition.arguments[0], Field):
            continue
        column = source.columns[condition.arguments[0].column]
        constants = [each for each in condition.arguments[1:] if isinstance(each, Constant)]
        values = tuple(constant.value for constant in constants)
        if column.path or len(constants) < len(condition.arguments) - 1 or not _are_moments(values, column.type.kind):
            continue
        yield Predicate(
            column.physical or column.name,
            _OPERATORS[condition.operation],
            values if condition.operation == "in" else values[0],
        )


def _are_moments(values: Sequence[Value], kind: Kind) -> bool:
    """Whether values are as precise as a column of times: a day is no instant, and an instant no day."""
    if kind is Kind.TIMESTAMP:
        return all(isinstance(value, datetime.datetime) and value.tzinfo is not None for value in values)
    return kind is not Kind.DATE or not any(isinstance(value, datetime.datetime) for value in values)


@dataclass(frozen=True, slots=True)
class ConformedScan:
    """A scan whose batches carry declared types."""

    scan: Scan
    conformer: Conformer

    @property
    def pushed(self) -> Sequence[Push]:
        return self.scan.pushed

    @property
    def pruned(self) -> int:
        return self.scan.pruned

    @property
    def options(self) -> Mapping[str, object]:
        return self.scan.options

    @property
    def notes(self) -> Sequence[str]:
        return self.scan.notes

    def fragments(self) -> Sequence[Fragment]:
        return [ConformedFragment(fragment, self.conformer) for fragment in self.scan.fragments()]


@dataclass(frozen=True, slots=True)
class ConformedFragment:
    fragment: Fragment
    conformer: Conformer

    @property
    def name(self) -> str:
        return self.fragment.name

    def bounds(self, column: str) -> tuple[object, object] | None:
        return self.fragment.bounds(column)

    def place(self, row: int) -> str:
        return self.fragment.place(row)

    def fingerprint(self) -> str | None:
        return fingerprint_of(self.fragment)

    @property
    def row_count(self) -> int | None:
        return rows_in(self.fragment)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in self.fragment.batches(report):
            yield self.conformer.conform(batch, self.fragment, first, report)
            first += batch.num_rows

    def with_following(self, following: Iterable[Fragment], report: ReadReport) -> Iterator[pa.RecordBatch]:
        every = chain((self,), following)
        return Joining(self.conformer, report).read(_bare(every))


def _bare(fragments: Iterable[Fragment]) -> Iterator[Fragment]:
    """The fragments of one scan as its connector gave them."""
    for each in fragments:
        assert isinstance(each, ConformedFragment)
        yield each.fragment
