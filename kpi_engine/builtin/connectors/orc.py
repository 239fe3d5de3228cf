"""ORC files: one fragment a stripe, only the columns asked; every batch is validated before anything uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.requested import names_held, select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.builtin.connectors.stored_file import StoredFile
from kpi_engine.extend.rows import ColumnRequest, ReadReport, data_error
from kpi_engine.ir.catalog import TableSchema

_WHAT = "ORC"


def schema(files: Sequence[StoredFile]) -> TableSchema:
    """The columns of all files together."""
    return merged_schema([(file.shown, _open(file).schema) for file in files])


def scan(asked: Asked) -> FileScan:
    """A scan of ORC files, one fragment a stripe; nothing is ruled out."""

    def open_files() -> Opened:
        opened = [(file, _open(file)) for file in asked.located.files]
        notes = asked.check([(file.shown, stored.schema) for file, stored in opened])
        stripes: list[Stripe] = []
        for file, stored in opened:
            names = tuple(names_held(asked.columns, file, stored.schema.names))
            stripes += [Stripe(file, index, stored.nstripes, names, asked.columns) for index in range(stored.nstripes)]
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
        stored = _open(self.file)
        with reading(self.name, _WHAT):
            # A column is needed to know the number of rows.
            batch = self._read(stored, list(self.names) or stored.schema.names[:1])
            batch.validate(full=True)
            report.bytes += self.file.stamp()[0] // max(self.stripes, 1)
        report.rows += batch.num_rows
        yield select(batch, self.columns, self.file.partitions)

    def _read(self, stored: OrcFile, names: list[str]) -> pa.RecordBatch:
        try:
            return stored.reader.read_stripe(self.index, columns=names)
        except pa.ArrowInvalid as error:
            if "nanosecond resolution" not in str(error):
                raise
            message = "a timestamp lies outside of the years 1677 to 2262, and others are not read from ORC"
            raise data_error(
                "E609", self.name, message, "write the table as Parquet, or leave the column out"
            ) from error


@dataclass(frozen=True)
class OrcFile:
    """An opened file, its schema, the number of its stripes."""

    reader: Any
    schema: pa.Schema
    nstripes: int


def _open(file: StoredFile) -> OrcFile:
    # Only those who read ORC pay for loading its reader.
    from pyarrow import orc

    with reading(file.shown, _WHAT):
        if file.stamp()[0] == 0:
            raise ValueError("the file is empty (0 bytes)")
        opened = orc.ORCFile(file.open())
        # What the footer says is only looked at now; a damaged one shows here.
        return OrcFile(opened, opened.schema, opened.nstripes)
