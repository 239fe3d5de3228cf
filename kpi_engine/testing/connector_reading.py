"""Reading through a connector as the engine does, and what rows a predicate means, by plain Python."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kpi_engine.extend.rows import ColumnRequest, Connector, Predicate, ReadReport, Scan, ScanRequest, TableRequest

Row = tuple[Any, ...]
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def columns_of(connector: Connector, table: str) -> list[str]:
    """The names of a table's columns."""
    return [column.name for column in connector.schema(TableRequest((table,), source=table)).columns]


def scan_of(
    connector: Connector,
    table: str,
    columns: Sequence[str],
    predicates: Sequence[Predicate] = (),
) -> Scan:
    """A scan of some columns, each asked for under another name than it has in the table."""
    requests = tuple(ColumnRequest(f"asked_{number}", name) for number, name in enumerate(columns))
    return connector.scan(ScanRequest(TableRequest((table,), source=table), requests, tuple(predicates)))


def batches_of(scan: Scan) -> list[pa.RecordBatch]:
    """All batches of all fragments, in order."""
    return [batch for fragment in scan.fragments() for batch in fragment.batches(ReadReport())]


def rows_of(batches: Sequence[pa.RecordBatch]) -> list[Row]:
    """Rows as Python values."""
    return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]


def read(connector: Connector, table: str, columns: Sequence[str], predicates: Sequence[Predicate] = ()) -> list[Row]:
    """All rows of a scan."""
    return rows_of(batches_of(scan_of(connector, table, columns, predicates)))


def matches(row: Row, columns: Sequence[str], predicate: Predicate) -> bool:
    """Whether a row is meant by a predicate; a null is meant by `is_null` alone.

    >>> row, columns = (3, None), ["a", "b"]
    >>> matches(row, columns, Predicate("a", "in", (1, 3))), matches(row, columns, Predicate("b", "=", 1))
    (True, False)
    """
    value = literal(row[columns.index(predicate.column)])
    if predicate.operator == "is_null":
        return value is None
    if value is None:
        return False
    if predicate.operator == "in":
        assert isinstance(predicate.value, tuple)
        return value in predicate.value
    return _COMPARE[predicate.operator](value, predicate.value)


def literal(value: Any) -> Any:
    """A value of a row as the engine writes it in a predicate: times in UTC, which is the kit's zone."""
    return value.replace(tzinfo=datetime.UTC) if isinstance(value, datetime.datetime) else value


def usable_in_predicates(value: object) -> bool:
    """Whether the engine sends predicates with such values: no floats, and nothing nested."""
    return isinstance(value, bool | int | Decimal | str | datetime.date)


def aggregated(rows: Sequence[Row], position: int) -> tuple[int, int, Any, Any]:
    """Rows, values, least and greatest of a column."""
    values = [row[position] for row in rows if row[position] is not None]
    return len(rows), len(values), min(values, default=None), max(values, default=None)
