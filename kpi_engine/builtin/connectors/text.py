"""Text files of fields (CSV, TSV): every column is read as text; declared types are given to it afterwards.

An empty field without quotes is null, an empty field in quotes is an empty text. Rows must have as many fields as
the header. One fragment is one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.requested import names_held, select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.stored_file import StoredFile, decompressed
from kpi_engine.builtin.connectors.text_encoding import has_plain_bytes, nul_problem
from kpi_engine.builtin.connectors.text_lines import Header, explain, place_of_row, read_header
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import ColumnRequest, ReadReport
from kpi_engine.ir.catalog import TableColumn, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import TEXT


def schema(files: Sequence[StoredFile], options: TextOptions) -> TableSchema:
    """The columns that the headers name, all of them texts."""
    names = dict.fromkeys(name for file in files for name in read_header(file, options).names)
    return TableSchema(tuple(TableColumn(name, TEXT, "text") for name in names), text=True)


def scan(asked: Asked, text: TextOptions) -> FileScan:
    """A scan of text files, one fragment a file; nothing is known of one before it is read."""

    def open_files() -> Opened:
        opened = [TextFile(file, read_header(file, text), text, asked.columns) for file in asked.located.files]
        headers = [(one.name, pa.schema([(name, pa.string()) for name in one.header.names])) for one in opened]
        return Opened(opened, notes=asked.check(headers))

    return FileScan(asked, "none", open_files)


@dataclass(frozen=True)
class TextFile:
    """One text file."""

    file: StoredFile
    header: Header
    text: TextOptions
    columns: tuple[ColumnRequest, ...]

    @property
    def name(self) -> str:
        """The file."""
        return self.file.shown

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders.csv:17`: the line on which a row begins."""
        return place_of_row(self.file, self.text, row)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, some megabytes at a time, all columns as text."""
        report.fragments_read += 1
        with reading(self.name, "a text file"):
            report.bytes += self.file.stamp()[0]
        if not self.header.has_rows:
            return
        parts = self._parts()
        while True:
            batch = self._next(parts)
            if batch is None:
                return
            report.rows += batch.num_rows
            yield select(self._trimmed(batch), self.columns, self.file.partitions)

    def _parts(self) -> Iterator[pa.RecordBatch]:
        names = names_held(self.columns, self.file, self.header.names)
        convert = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(self.header.names, pa.string()),
            include_columns=names or [self.header.names[0]],
            null_values=["", *self.text.null_values],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with reading(self.name, "a text file"), decompressed(self.file) as stored:
            stream = _WatchedStream(stored, self.text.quote.encode(), watch_nuls=has_plain_bytes(self.text.encoding))
            yield from pa_csv.open_csv(
                stream,
                read_options=self.text.read_options(list(self.header.names), self.header.lines),
                parse_options=self.text.parse_options(self.file.name),
                convert_options=convert,
            )
        if stream.nuls:
            raise nul_problem(self.file, self.text.encoding)
        if stream.odd:  # pyarrow takes a quote that is never closed for a value up to the end of the file
            found = explain(self.file, self.header, self.text)
            if found is not None:
                raise found

    def _next(self, parts: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        try:
            return next(parts, None)
        except KpiError as error:
            found = explain(self.file, self.header, self.text)
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


class _WatchedStream:
    """A stream of bytes that knows whether an odd number of quotes, or a NUL byte, went through it."""

    def __init__(self, stored: Any, quote: bytes, *, watch_nuls: bool) -> None:
        self._stored = stored
        self._quote = quote
        self._count = 0
        self._watch_nuls = watch_nuls
        self.nuls = False

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
        if self._watch_nuls and b"\0" in found:
            self.nuls = True
        return found
