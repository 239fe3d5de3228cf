"""Arrow IPC (Feather) files and streams. Every batch is validated in full before anything uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.locate import Located, shown
from kpi_engine.builtin.connectors.requested import check_columns, select
from kpi_engine.builtin.connectors.scan import FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.extend.rows import ColumnRequest, ReadReport, ScanRequest
from kpi_engine.ir.catalog import TableSchema

_FILE_MAGIC = b"ARROW1"
_WHAT = "an Arrow file"


def schema(root: Path, files: Sequence[Path]) -> TableSchema:
    """The columns of all files together."""
    return merged_schema([(shown(root, file), _schema_of(file, shown(root, file))) for file in files])


def scan(root: Path, located: Located, request: ScanRequest, options: Mapping[str, object]) -> FileScan:
    """A scan of Arrow files, one fragment a file; they have no statistics."""

    def open_files() -> Opened:
        opened = [ArrowFile(file, shown(root, file), request.columns) for file in located.files]
        check_columns([(one.name, _schema_of(one.file, one.name)) for one in opened], request.columns)
        return opened, 0

    return FileScan(located, request, options, "none", open_files)


@dataclass(frozen=True)
class ArrowFile:
    """One Arrow file or stream."""

    file: Path
    name: str
    columns: tuple[ColumnRequest, ...]

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
            report.bytes += self.file.stat().st_size
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
            yield select(batch, self.columns)


def _schema_of(file: Path, place: str) -> pa.Schema:
    with reading(place, _WHAT), pa.OSFile(str(file)) as stored:
        return _open(stored).schema


def _open(stored: Any) -> Any:
    """A reader of the file or of the stream format, told apart by the first bytes."""
    is_file = stored.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    stored.seek(0)
    return pa.ipc.open_file(stored) if is_file else pa.ipc.open_stream(stored)


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(file)) as stored:
        reader = _open(stored)
        if isinstance(reader, pa.ipc.RecordBatchFileReader):
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)
        else:
            yield from reader
