"""ORC files: one fragment a stripe, only the columns asked; decoded by a process of its own, and validated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.orc_process import stored_schema, stored_stripe
from kpi_engine.builtin.connectors.requested import names_held, select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.builtin.connectors.stored_file import StoredFile
from kpi_engine.extend.rows import ColumnRequest, ReadReport, data_error
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass

_WHAT = "ORC"


def schema(files: Sequence[StoredFile]) -> TableSchema:
    """The columns of all files together."""
    return merged_schema([(file.shown, _open(file)[0]) for file in files])


def scan(asked: Asked) -> FileScan:
    """A scan of ORC files, one fragment a stripe; nothing is ruled out."""

    def open_files() -> Opened:
        opened = [(file, *_open(file)) for file in asked.located.files]
        notes = asked.check([(file.shown, stored) for file, stored, _ in opened])
        stripes: list[Stripe] = []
        for file, stored, count in opened:
            # A column is needed to know the number of rows.
            names = tuple(names_held(asked.columns, file, stored.names)) or tuple(stored.names[:1])
            stripes += [Stripe(file, index, count, names, asked.columns) for index in range(count)]
        return Opened(stripes, notes=notes)

    return FileScan(asked, "none", open_files)


@dataclass(frozen=True)
class Stripe:
    """One stripe of one ORC file that has `stripes` of them."""

    file: StoredFile
    index: int
    stripes: int
    names: tuple[str, ...]
    columns: tuple[ColumnRequest, ...]

    @property
    def name(self) -> str:
        """The file, and the stripe's number (from 1) where there are several."""
        return self.file.shown if self.stripes == 1 else f"{self.file.shown} (stripe {self.index + 1})"

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders.orc, row 18`, counted in the stripe where there are several."""
        return f"{self.name}, row {row + 1}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows of the stripe."""
        report.fragments_read += 1
        with reading(self.name, _WHAT):
            batch = self._read()
            report.bytes += self.file.stamp()[0] // max(self.stripes, 1)
        report.rows += batch.num_rows
        yield select(batch, self.columns, self.file.partitions)

    def _read(self) -> pa.RecordBatch:
        try:
            return stored_stripe(self.file, self.index, self.names)
        except pa.ArrowInvalid as error:
            if "nanosecond resolution" not in str(error):
                raise
            message = "a timestamp lies outside of the years 1677 to 2262, and others are not read from ORC"
            raise data_error(
                "E609", self.name, message, "write the table as Parquet, or leave the column out"
            ) from error


def _open(file: StoredFile) -> tuple[pa.Schema, int]:
    """The columns of a file and the number of its stripes."""
    with reading(file.shown, _WHAT):
        if file.stamp()[0] == 0:
            raise ValueError("the file is empty (0 bytes)")
        return stored_schema(file)
