"""Sources of the catalogue read through their connectors: requests in physical names, answers in declared types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kpi_engine.connect.conform import conform
from kpi_engine.extend.rows import (
    ColumnRequest,
    Connector,
    Fragment,
    Predicate,
    Push,
    ReadReport,
    Scan,
    ScanRequest,
    TableRequest,
)
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.types import Kind

_OPERATORS: Mapping[str, str] = {
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

    def open(self, source: Source, columns: Sequence[str], predicates: Sequence[Expression] = ()) -> Scan:
        """A scan of stored columns of a source; KpiError E6xx if its table cannot be read."""
        connector = self.bound.get(source.name) or self.connectors[source.connection]
        requests = tuple(_request(source, name) for name in columns)
        table = table_request(source, self.timezone)
        request = ScanRequest(table, requests, tuple(_predicates(source, predicates)))
        return _Conformed(connector.scan(request), requests, table)


def table_request(source: Source, timezone: str) -> TableRequest:
    """What a connector is told of a source's table."""
    return TableRequest(
        source.table, tuple(source.options.items()), source.timezone or timezone, source.on_error, source.name
    )


def _request(source: Source, name: str) -> ColumnRequest:
    column = source.columns[name]
    return ColumnRequest(name, column.physical or name, column.type, column.format, column.options)


def _predicates(source: Source, conditions: Sequence[Expression]) -> Iterator[Predicate]:
    """Conditions that statistics can judge. Zoned times are left out: files may hold them in another zone."""
    for condition in conditions:
        if not isinstance(condition, Apply) or not isinstance(condition.arguments[0], Field):
            continue
        column = source.columns[condition.arguments[0].column]
        constants = [each for each in condition.arguments[1:] if isinstance(each, Constant)]
        if column.type.kind is Kind.TIMESTAMP or len(constants) < len(condition.arguments) - 1:
            continue
        values = tuple(constant.value for constant in constants)
        yield Predicate(
            column.physical or column.name,
            _OPERATORS[condition.operation],  # type: ignore[arg-type]
            values if condition.operation == "in" else values[0],
        )


@dataclass(frozen=True, slots=True)
class _Conformed:
    """A scan whose batches carry declared types."""

    scan: Scan
    columns: tuple[ColumnRequest, ...]
    table: TableRequest

    @property
    def pushed(self) -> Sequence[Push]:
        return self.scan.pushed

    @property
    def pruned(self) -> int:
        return self.scan.pruned

    def fragments(self) -> Sequence[Fragment]:
        return [_ConformedFragment(fragment, self.columns, self.table) for fragment in self.scan.fragments()]


@dataclass(frozen=True, slots=True)
class _ConformedFragment:
    fragment: Fragment
    columns: tuple[ColumnRequest, ...]
    table: TableRequest

    @property
    def name(self) -> str:
        return self.fragment.name

    def bounds(self, column: str) -> tuple[object, object] | None:
        return self.fragment.bounds(column)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        for batch in self.fragment.batches(report):
            yield conform(batch, self.columns, self.table, self.fragment.name, report)
