"""Arrow IPC (Feather) files and streams. Every batch is validated in full before anything uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.requested import select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.builtin.connectors.stored_file import StoredFile
from kpi_engine.extend.rows import ColumnRequest, ReadReport
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass

_FILE_MAGIC = b"ARROW1"
_WHAT = "an Arrow file"


def schema(files: Sequence[StoredFile]) -> TableSchema:
    """The columns of all files together."""
    return merged_schema([(file.shown, _schema_of(file)) for file in files])


def scan(asked: Asked) -> FileScan:
    """A scan of Arrow files, one fragment a file; they have no statistics."""

    def open_files() -> Opened:
        notes = asked.check([(file.shown, _schema_of(file)) for file in asked.located.files])
        return Opened([ArrowFile(file, asked.columns) for file in asked.located.files], notes=notes)

    return FileScan(asked, "none", open_files)


@dataclass(frozen=True)
class ArrowFile:
    """One Arrow file or stream."""

    file: StoredFile
    columns: tuple[ColumnRequest, ...]

    @property
    def name(self) -> str:
        """The file."""
        return self.file.shown

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders.arrow, row 18`."""
        return f"{self.name}, row {row + 1}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The record batches as written, each validated."""
        report.fragments_read += 1
        with reading(self.name, _WHAT):
            report.bytes += self.file.stamp()[0]
        parts = _batches(self.file)
        while True:
            # Damaged offsets crash kernels; a full validation refuses them.
            with reading(self.name, _WHAT):
                batch = next(parts, None)
                if batch is not None:
                    batch.validate(full=True)
            if batch is None:
                return
            report.rows += batch.num_rows
            yield select(batch, self.columns, self.file.partitions)


def _schema_of(file: StoredFile) -> pa.Schema:
    with reading(file.shown, _WHAT), file.open() as stored:
        if stored.size() == 0:
            raise ValueError("the file is empty (0 bytes)")
        return _open(stored).schema


def _open(stored: Any) -> Any:
    """A reader of the file or of the stream format, told apart by the first bytes."""
    is_file = stored.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    stored.seek(0)
    return pa.ipc.open_file(stored) if is_file else pa.ipc.open_stream(stored)


def _batches(file: StoredFile) -> Iterator[pa.RecordBatch]:
    with file.open() as stored:
        reader = _open(stored)
        if isinstance(reader, pa.ipc.RecordBatchFileReader):
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)
        else:
            yield from reader
