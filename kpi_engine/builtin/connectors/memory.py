"""Tables that are already in memory: what a program binds to a source instead of its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.requested import check_columns, physical, select
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.extend.rows import ColumnRequest, Push, ReadReport, ScanRequest, TableRequest, data_error
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass

_LARGEST_BATCH = 1 << 20


class MemoryConnector:
    """One table: a pyarrow Table, RecordBatch, Dataset or RecordBatchReader, or what has `__arrow_c_stream__`.

    A reader or another stream can be read once only, so that its rows are kept from the first question on. A
    Dataset is scanned anew for every question.

    >>> connector = MemoryConnector("orders", pa.table({"total": [1, 2]}))
    >>> [column.name for column in connector.schema(TableRequest(("orders",))).columns]
    ['total']
    """

    def __init__(self, name: str, data: Any) -> None:
        self._name = name
        self._data = data

    def tables(self) -> tuple[str, ...]:
        """The one."""
        return (self._name,)

    def schema(self, table: TableRequest) -> TableSchema:
        """The columns of the object, whatever the request's names are."""
        return merged_schema([(self._name, self._readable().schema)])

    def scan(self, request: ScanRequest) -> MemoryScan:
        """The object's rows. KpiError E607 for a column that it does not have."""
        data = self._readable()
        check_columns([(self._name, data.schema)], request.columns)
        return MemoryScan(self._name, data, request)

    def _readable(self) -> Any:
        """A Table or a Dataset; KpiError E622 for anything else that was bound."""
        data = self._data
        if isinstance(data, pa.Table) or _is_dataset(data):
            return data
        if isinstance(data, pa.RecordBatch):
            self._data = pa.Table.from_batches([data])
        elif hasattr(data, "__arrow_c_stream__"):
            try:
                self._data = pa.RecordBatchReader.from_stream(data).read_all()
            except (pa.ArrowException, ValueError) as error:
                message = f"the object that was bound cannot be read as a table: {error}"
                raise data_error("E622", self._name, message, "bind a stream before anything reads it") from error
        else:
            help = "bind a pyarrow Table or Dataset, or a pandas, polars or DuckDB table"
            message = f"an object of type {type(data).__name__} was bound, which is no table of Arrow's"
            raise data_error("E622", self._name, message, help)
        return self._data


def _is_dataset(data: Any) -> bool:
    """Whether an object is a pyarrow Dataset; pyarrow.dataset, slow to import, is not imported to find out."""
    return any(one.__module__ == "pyarrow._dataset" and one.__name__ == "Dataset" for one in type(data).__mro__)


@dataclass(frozen=True)
class MemoryScan:
    """An opened request on an object."""

    name: str
    data: Any
    request: ScanRequest

    @property
    def options(self) -> Mapping[str, object]:
        """The table's options."""
        return dict(self.request.table.options)

    @property
    def notes(self) -> Sequence[str]:
        """None."""
        return ()

    @property
    def pushed(self) -> Sequence[Push]:
        """Nothing is ruled out."""
        return ["none"] * len(self.request.predicates)

    @property
    def pruned(self) -> int:
        """None."""
        return 0

    def fragments(self) -> Sequence[MemoryFragment]:
        """The whole table, or the fragments of a Dataset."""
        if isinstance(self.data, pa.Table):
            return [MemoryFragment(self.name, self.data, self.data.schema, self.request.columns)]
        parts = list(self.data.get_fragments())
        return [
            MemoryFragment(f"{self.name} (fragment {number})", part, self.data.schema, self.request.columns)
            for number, part in enumerate(parts, 1)
        ]


@dataclass(frozen=True)
class MemoryFragment:
    """A table, or one fragment of a Dataset."""

    name: str
    data: Any
    schema: pa.Schema
    columns: tuple[ColumnRequest, ...]

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders, row 18`."""
        return f"{self.name}, row {row + 1}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, by the chunks that there are."""
        report.fragments_read += 1
        names = list(dict.fromkeys(physical(column) for column in self.columns))
        for batch in self._parts(names):
            report.rows += batch.num_rows
            report.bytes += batch.nbytes
            yield select(batch, self.columns)

    def _parts(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        if isinstance(self.data, pa.Table):
            yield from self.data.select(names or self.schema.names[:1]).to_batches(max_chunksize=_LARGEST_BATCH)
        else:
            yield from self.data.to_batches(
                schema=self.schema, columns=names, batch_size=_LARGEST_BATCH, use_threads=False
            )
