"""Scans for connectors: of an Arrow Dataset, or of a function that opens a stream of batches.

A stream is read one batch at a time and no further than is asked: a source of few requests an hour is not read ahead.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kpi_engine.extend.arrow_tables import type_of
from kpi_engine.extend.rows import ColumnRequest, Fragment, Predicate, Push, ReadReport, ScanRequest, data_error
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.types import Kind

_BATCH_ROWS = 1 << 17


@dataclass(frozen=True, slots=True)
class OpenedScan:
    """A scan whose fragments are at hand; see `stream_scan` and `dataset_scan`."""

    request: ScanRequest
    parts: tuple[Fragment, ...]
    pushed: tuple[Push, ...]
    pruned: int = 0
    notes: tuple[str, ...] = ()

    @property
    def options(self) -> Mapping[str, object]:
        """The table's options."""
        return dict(self.request.table.options)

    def fragments(self) -> Sequence[Fragment]:
        """All of them."""
        return self.parts


def stream_scan(
    request: ScanRequest,
    schema: pa.Schema,
    open: Callable[[], Iterable[pa.RecordBatch]],
    *,
    pushed: Sequence[Push] = (),
    notes: Sequence[str] = (),
) -> OpenedScan:
    """A scan of one stream: `open` gives a RecordBatchReader, or any iterator of batches, when rows are first wanted.

    `schema` is what the batches must have (in the table's names; more columns than requested may come). A batch with
    another one is KpiError E606. `pushed` answers each predicate (none given: nothing was done with any). Whoever stops
    reading early closes the stream (its `close`).
    """
    nothing: Push = "none"
    answers = tuple(pushed) or (nothing,) * len(request.predicates)
    name = ", ".join(request.table.names) or request.table.source
    _check_names(name, schema, request.columns)
    return OpenedScan(request, (_Stream(name, schema, open, request.columns),), answers, 0, (*notes,))


@dataclass(frozen=True, slots=True)
class _Stream:
    name: str
    schema: pa.Schema
    open: Callable[[], Iterable[pa.RecordBatch]]
    columns: tuple[ColumnRequest, ...]

    def bounds(self, column: str) -> tuple[object, object] | None:
        return None

    def place(self, row: int) -> str:
        return f"{self.name}, row {row + 1}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        source = self.open()
        try:
            report.fragments_read += 1
            for number, batch in enumerate(source, 1):
                _check_batch(self.name, number, batch, self.schema)
                report.rows += batch.num_rows
                report.bytes += batch.nbytes
                yield requested(batch, self.columns)
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()


def dataset_scan(request: ScanRequest, dataset: Any) -> OpenedScan:
    """A scan of a `pyarrow.dataset.Dataset`: columns and predicates go to it, and its fragments are read one by one."""
    name = ", ".join(request.table.names) or request.table.source
    _check_names(name, dataset.schema, request.columns)
    found = [dataset_filter(each, dataset.schema) for each in request.predicates]
    condition = None
    for each in found:
        if each is not None:
            condition = each if condition is None else condition & each
    parts = list(dataset.get_fragments(filter=condition))
    every = len(parts) if condition is None else sum(1 for _ in dataset.get_fragments())
    fragments = tuple(
        _DatasetFragment(f"{name} (fragment {number})", part, dataset.schema, request.columns, condition)
        for number, part in enumerate(parts, 1)
    )
    pushed: tuple[Push, ...] = tuple("none" if each is None else "inexact" for each in found)
    return OpenedScan(request, fragments, pushed, every - len(parts))


@dataclass(frozen=True, slots=True)
class _DatasetFragment:
    name: str
    part: Any
    schema: pa.Schema
    columns: tuple[ColumnRequest, ...]
    condition: Any = field(repr=False)

    def bounds(self, column: str) -> tuple[object, object] | None:
        return None

    def place(self, row: int) -> str:
        return self.name  # rows that the filter left out are not counted, so that no row has a number

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        report.fragments_read += 1
        names = list(dict.fromkeys(column.physical or column.name for column in self.columns))
        for batch in self.part.to_batches(
            schema=self.schema, columns=names, filter=self.condition, batch_size=_BATCH_ROWS, use_threads=False
        ):
            report.rows += batch.num_rows
            report.bytes += batch.nbytes
            yield requested(batch, self.columns)


def dataset_filter(predicate: Predicate, schema: pa.Schema) -> Any:
    """A predicate as an expression of pyarrow's; None where a Dataset could answer it otherwise than the engine does.

    >>> str(dataset_filter(Predicate("n", ">", 3), pa.schema([("n", pa.int64())])))
    '(n > 3)'
    >>> dataset_filter(Predicate("n", ">", 3), pa.schema([("n", pa.string())])) is None
    True
    """
    import pyarrow.dataset as ds

    if predicate.column not in schema.names:
        return None
    column, stored = ds.field(predicate.column), schema.field(predicate.column).type
    if predicate.operator == "is_null":
        return column.is_null() if type_of(stored) is not None and not pa.types.is_floating(stored) else None
    values = predicate.value if isinstance(predicate.value, tuple) else (predicate.value,)
    if not all(_comparable(value, stored) for value in values):
        return None
    operators: Mapping[str, Callable[[Any], Any]] = {
        "=": column.__eq__,
        "!=": column.__ne__,
        "<": column.__lt__,
        "<=": column.__le__,
        ">": column.__gt__,
        ">=": column.__ge__,
    }
    if predicate.operator == "in":
        condition = ds.scalar(False)
        for value in values:
            condition = condition | (column == value)
        return condition
    return operators[predicate.operator](values[0])


def _comparable(value: object, stored: pa.DataType) -> bool:
    """Whether a value is of the stored kind, so that no conversion lies between them."""
    found = type_of(stored)
    if found is None:
        return False
    if isinstance(value, bool):
        return found.kind is Kind.BOOLEAN
    if isinstance(value, int):
        return found.kind is Kind.INTEGER and not pa.types.is_duration(stored) and abs(value) < 2**63
    if isinstance(value, Decimal):
        return found.kind is Kind.DECIMAL
    if isinstance(value, datetime.datetime):
        # Nanoseconds do not reach as far as other instants; what they are compared with may lie beyond.
        zoned = pa.types.is_timestamp(stored) and stored.tz is not None and stored.unit != "ns"
        return zoned and value.tzinfo is not None
    if isinstance(value, datetime.date):
        return bool(pa.types.is_date32(stored))
    return isinstance(value, str) and bool(pa.types.is_string(stored) or pa.types.is_large_string(stored))


def requested(batch: pa.RecordBatch, columns: Sequence[ColumnRequest]) -> pa.RecordBatch:
    """The requested columns of a batch under their own names and in their order.

    Without any, the batch keeps its row count.

    >>> requested(pa.record_batch({"b": [1], "a": [2]}), [ColumnRequest("x", "a"), ColumnRequest("b", "b")]).to_pylist()
    [{'x': 2, 'b': 1}]
    """
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), batch.num_rows, [None]))
    arrays = [batch.column(column.physical or column.name) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def _check_names(name: str, schema: pa.Schema, columns: Sequence[ColumnRequest]) -> None:
    for column in columns:
        wanted = column.physical or column.name
        if schema.names.count(wanted) != 1:
            help = did_you_mean(wanted, schema.names) or f"the columns are: {', '.join(schema.names[:12])}"
            times = "there is no column" if wanted not in schema.names else "there are several columns"
            raise data_error("E607", name, f"{times} `{wanted}`", help)


def _check_batch(name: str, number: int, batch: pa.RecordBatch, schema: pa.Schema) -> None:
    """KpiError E606 for a batch that is not of the schema: drifted types would be read as something else."""
    given = {each.name: each.type for each in batch.schema}
    for each in schema:
        if given.get(each.name) != each.type:
            found = str(given.get(each.name, "missing"))
            message = f"the column `{each.name}` is {found} in batch {number}, and {each.type} by the table's schema"
            raise data_error("E606", name, message, "the connector must give what its schema says")
