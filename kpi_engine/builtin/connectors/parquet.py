"""Parquet files: schemas compared, one fragment a row group, only the columns asked, fragments pruned."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine.builtin.connectors.footers import Footer, FooterCache
from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.parquet_form import Part, Wanted
from kpi_engine.builtin.connectors.pruning import Statistics, excludes, one_place
from kpi_engine.builtin.connectors.requested import physical, select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.builtin.connectors.stored_file import RemoteFile, StoredFile
from kpi_engine.extend.rows import ColumnRequest, ReadReport
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass

_LARGEST_BATCH = 1 << 21
_LARGE = 1 << 19
_BATCH = 1 << 19
_SMALL_DICTIONARY = 4096
_ROWS_PER_DICTIONARY_BYTE = 16
_INSTANT = pa.timestamp("us", "UTC")
_DAY = pa.date32()


def schema(files: Sequence[StoredFile], footers: FooterCache) -> TableSchema:
    """The columns of all files together. A column whose types do not go together has none, and says so."""
    read = [footers.read(file) for file in files]
    return merged_schema([(footer.shown, footer.schema) for footer in read])


def scan(asked: Asked, footers: FooterCache) -> FileScan:
    """A scan of Parquet files, one fragment a row group, without those that the predicates rule out by statistics.

    Predicates only rule out whole row groups, so that each is applied again on rows.
    """
    return FileScan(asked, "inexact", lambda: _row_groups(asked, footers))


def _row_groups(asked: Asked, footers: FooterCache) -> Opened:
    read = [footers.read(file) for file in asked.located.files]
    notes = asked.check([(footer.shown, footer.schema) for footer in read])
    dictionaries = _low_cardinality(read, asked.columns)
    forms: dict[int, Wanted] = {}
    groups = []
    pruned = 0
    for footer in read:
        wanted = forms.get(id(footer.columns))
        if wanted is None:
            wanted = forms[id(footer.columns)] = Wanted.of(asked.request, footer, dictionaries)
        first = 0
        for index in range(footer.metadata.num_row_groups):
            rows = footer.metadata.row_group(index).num_rows
            group = RowGroup(footer, index, first, rows, wanted)
            first += rows
            if rows == 0:
                continue
            if any(excludes(group.statistics(predicate.column), predicate) for predicate in asked.request.predicates):
                pruned += 1
            else:
                groups.append(group)
    return Opened(groups, pruned, notes)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of one file: its number, the file's rows before it, its own rows, and what is wanted of them."""

    footer: Footer
    index: int
    first: int
    rows: int
    wanted: Wanted

    @property
    def file(self) -> StoredFile:
        """The file that it is in."""
        return self.footer.file

    @property
    def name(self) -> str:
        """The file, and the row group's number (from 1) where there are several."""
        if self.footer.metadata.num_row_groups == 1:
            return self.footer.shown
        return f"{self.footer.shown} (row group {self.index + 1})"

    @property
    def row_count(self) -> int:
        """Its own rows."""
        return self.rows

    def place(self, row: int) -> str:
        """`orders.parquet, row 18`."""
        return f"{self.footer.shown}, row {self.first + row + 1}"

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Bounds of a requested column from the footer; they hold for its non-null values."""
        stored = self.wanted.stored.get(column)
        return None if stored is None else self.statistics(stored).bounds

    def statistics(self, stored_name: str) -> Statistics:
        """What the footer says of a stored column in this row group."""
        judged = self.wanted.judged.get(stored_name)
        return Statistics(self.rows, None) if judged is None else self.footer.statistics(self.index, *judged)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, in few batches."""
        constant = self._constant()
        part = self.wanted.part(constant)
        report.fragments_read += 1
        report.bytes += self._stored_bytes(part)
        for batch in self._read(part):
            report.rows += batch.num_rows
            yield select(batch, self.wanted.columns, self.file.partitions, constant)

    def _constant(self) -> dict[str, pa.Scalar]:
        """A value that stands for all of a column, for columns of which only the place among edges is looked at."""
        found: dict[str, pa.Scalar] = {}
        for name, edges in self.wanted.placed.items():
            value = one_place(self.statistics(name), edges)
            if value is not None:
                found[name] = pa.scalar(value, _INSTANT if isinstance(value, datetime.datetime) else _DAY)
        return found

    def _read(self, part: Part) -> Iterator[pa.RecordBatch]:
        with reading(self.name, "Parquet"):
            file = pq.ParquetFile(
                self.file.open(),
                metadata=self.footer.metadata,
                read_dictionary=part.dictionaries,
                page_checksum_verification=True,
                pre_buffer=isinstance(self.file, RemoteFile),
            )
        with file:
            size = self._batch_size()
            if size >= self.rows:
                with reading(self.name, "Parquet"):
                    batches = self._whole(file, part)
                yield from batches
                return
            beside = self.rows >= _LARGE
            parts = file.iter_batches(size, row_groups=[self.index], columns=part.names, use_threads=beside)
            while True:
                with reading(self.name, "Parquet"):
                    batch = next(parts, None)
                if batch is None:
                    return
                yield batch

    def _batch_size(self) -> int:
        """How many rows are decoded at a time, so that batches are nearly of one size: all of them, or about as many as
        are wanted."""
        wanted = self.wanted.batch_rows or _LARGEST_BATCH
        return -(-self.rows // max(round(self.rows / wanted), 1))

    def _whole(self, file: Any, part: Part) -> list[pa.RecordBatch]:
        """All rows, in batches of which what is computed stays in the cache. The columns of a large row group, of which
        a file has few, are decoded beside each other."""
        table = file.read_row_group(self.index, columns=part.names, use_threads=self.rows >= _LARGE)
        batches: list[pa.RecordBatch] = table.combine_chunks().to_batches(max_chunksize=_BATCH)
        return batches

    def _stored_bytes(self, part: Part) -> int:
        group = self.footer.metadata.row_group(self.index)
        return sum(group.column(leaf).total_compressed_size for leaf in part.leaves)


def _low_cardinality(footers: Sequence[Footer], columns: Sequence[ColumnRequest]) -> tuple[str, ...]:
    """Text columns to be read as dictionaries: those whose dictionary pages are small beside their rows.

    Reading ids with many different values as a dictionary costs two to three times as much as reading them plainly,
    so one decision is made for the whole table.
    """
    chosen = []
    for name in dict.fromkeys(physical(column) for column in columns):
        holders = [footer for footer in footers if name in footer.columns.names]
        if holders and all(_is_text(footer, name) for footer in holders) and _dictionary_is_small(holders, name):
            chosen.append(name)
    return tuple(chosen)


def _is_text(footer: Footer, name: str) -> bool:
    type = footer.schema.field(name).type
    return name in footer.columns.leaves and bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def _dictionary_is_small(footers: Sequence[Footer], name: str) -> bool:
    rows = size = 0
    for footer in footers:
        for index in range(footer.metadata.num_row_groups):
            chunk = footer.chunk(index, name)
            if not chunk.has_dictionary_page or chunk.dictionary_page_offset is None:
                return False
            rows += chunk.num_values
            size += max(chunk.data_page_offset - chunk.dictionary_page_offset - _SMALL_DICTIONARY, 0)
    return size * _ROWS_PER_DICTIONARY_BYTE <= rows
