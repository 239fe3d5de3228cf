"""Arrow IPC (Feather) files and streams. Every batch is validated in full before anything uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.locate import Located, shown
from kpi_engine.builtin.connectors.requested import check_columns, select
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.extend.rows import ColumnRequest, Push, ReadReport, ScanRequest
from kpi_engine.ir.catalog import TableSchema

_FILE_MAGIC = b"ARROW1"
_WHAT = "an Arrow file"


def schema(root: Path, files: Sequence[Path]) -> TableSchema:
    """The columns of all files together."""
    return merged_schema([(shown(root, file), _schema_of(file, shown(root, file))) for file in files])


class ArrowScan:
    """An opened request on Arrow files."""

    def __init__(self, root: Path, located: Located, request: ScanRequest, options: Mapping[str, object]) -> None:
        self._root = root
        self._located = located
        self._request = request
        self._options = options

    @property
    def options(self) -> Mapping[str, object]:
        """The table's options, completed by the connection's."""
        return self._options

    @property
    def notes(self) -> Sequence[str]:
        """Files that were passed over."""
        return self._located.notes

    @property
    def pushed(self) -> Sequence[Push]:
        """Arrow files have no statistics."""
        return ["none"] * len(self._request.predicates)

    @property
    def pruned(self) -> int:
        """None."""
        return 0

    def fragments(self) -> Sequence[ArrowFile]:
        """One fragment a file. KpiError E605 to E607."""
        return self._opened

    @cached_property
    def _opened(self) -> Sequence[ArrowFile]:
        opened = [ArrowFile(file, shown(self._root, file), self._request.columns) for file in self._located.files]
        check_columns([(one.name, _schema_of(one.file, one.name)) for one in opened], self._request.columns)
        return opened


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
