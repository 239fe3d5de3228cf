"""Text files of fields (CSV, TSV): every column is read as text; declared types are given to it afterwards.

An empty field without quotes is null, an empty field in quotes is an empty text. Rows must have as many fields as
the header. One fragment is one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.locate import Located, shown
from kpi_engine.builtin.connectors.requested import check_columns, physical, select
from kpi_engine.builtin.connectors.scan import FileScan, Opened
from kpi_engine.builtin.connectors.text_lines import Header, explain, place_of_row, read_header
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import ColumnRequest, ReadReport, ScanRequest
from kpi_engine.ir.catalog import TableColumn, TableSchema
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import TEXT


def schema(root: Path, files: Sequence[Path], options: TextOptions) -> TableSchema:
    """The columns that the headers name, all of them texts."""
    names = dict.fromkeys(name for file in files for name in read_header(file, shown(root, file), options).names)
    return TableSchema(tuple(TableColumn(name, TEXT, "text") for name in names), text=True)


def scan(
    root: Path, located: Located, request: ScanRequest, text: TextOptions, options: Mapping[str, object]
) -> FileScan:
    """A scan of text files, one fragment a file; nothing is known of one before it is read."""

    def open_files() -> Opened:
        opened = []
        for file in located.files:
            place = shown(root, file)
            opened.append(TextFile(file, place, read_header(file, place, text), text, request.columns))
        headers = [(one.name, pa.schema([(name, pa.string()) for name in one.header.names])) for one in opened]
        check_columns(headers, request.columns)
        return opened, 0

    return FileScan(located, request, options, "none", open_files)


@dataclass(frozen=True)
class TextFile:
    """One text file."""

    file: Path
    name: str
    header: Header
    text: TextOptions
    columns: tuple[ColumnRequest, ...]

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders.csv:17`: the line on which a row begins."""
        return place_of_row(self.file, self.name, self.text, row)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, some megabytes at a time, all columns as text."""
        report.fragments_read += 1
        with reading(self.name, "a text file"):
            report.bytes += self.file.stat().st_size
        parts = self._parts()
        while True:
            batch = self._next(parts)
            if batch is None:
                return
            report.rows += batch.num_rows
            yield select(self._trimmed(batch), self.columns)

    def _parts(self) -> Iterator[pa.RecordBatch]:
        names = list(dict.fromkeys(physical(column) for column in self.columns))
        convert = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(self.header.names, pa.string()),
            include_columns=names or [self.header.names[0]],
            null_values=["", *self.text.null_values],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with reading(self.name, "a text file"), _opened(self.file) as stored:
            stream = _QuoteCounter(stored, self.text.quote.encode())
            yield from pa_csv.open_csv(
                stream,
                read_options=self.text.read_options(list(self.header.names), self.header.lines),
                parse_options=self.text.parse_options(self.file.name),
                convert_options=convert,
            )
        if stream.odd:  # pyarrow takes a quote that is never closed for a value up to the end of the file
            found = explain(self.file, self.name, self.header, self.text)
            if found is not None:
                raise found

    def _next(self, parts: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(parts, None)
        except KpiError as error:
            found = explain(self.file, self.name, self.header, self.text)
            raise found if found is not None else error from error

    def _trimmed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Without white space around values, if asked; what then is empty, or a mark of null, is null."""
        if not self.text.trim:
            return batch
        columns = []
        empty, null = pa.scalar("", pa.string()), pa.scalar(None, pa.string())
        for column in batch.columns:
            trimmed = pc.utf8_trim_whitespace(column)
            blank = pc.and_(pc.equal(trimmed, empty), pc.not_equal(column, empty))
            marked = pc.is_in(trimmed, pa.array(self.text.null_values, pa.string()))
            columns.append(pc.if_else(pc.or_(blank, marked), null, trimmed))
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _opened(file: Path) -> Any:
    """The bytes of a file, decompressed if its ending says so."""
    return pa.input_stream(str(file), compression="detect")


class _QuoteCounter:
    """A stream of bytes that knows whether an odd number of quotes went through it."""

    def __init__(self, stored: Any, quote: bytes) -> None:
        self._stored = stored
        self._quote = quote
        self._count = 0

    @property
    def odd(self) -> bool:
        """Whether some quote has no partner among the bytes read."""
        return self._count % 2 == 1

    @property
    def closed(self) -> bool:
        """Whether the stream can no longer be read."""
        return bool(self._stored.closed)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        found: bytes = self._stored.read(size)
        if self._quote:
            self._count += found.count(self._quote)
        return found
