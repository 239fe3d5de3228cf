"""An opened request on files: what all file formats answer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Protocol

import pyarrow as pa

from kpi_engine.builtin.connectors.locate import Located
from kpi_engine.builtin.connectors.partition_names import partition_names
from kpi_engine.builtin.connectors.partitions import partition_bounds
from kpi_engine.builtin.connectors.requested import check_columns, physical
from kpi_engine.builtin.connectors.stored_file import StoredFile
from kpi_engine.extend.rows import ColumnRequest, Fragment, Push, ReadReport, ScanRequest, rows_in
from kpi_engine.ir.dataclass import dataclass


class FileFragment(Fragment, Protocol):
    """A fragment that lies in one file."""

    @property
    def file(self) -> StoredFile:
        """The file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on located files, with the table's options."""

    located: Located
    request: ScanRequest
    options: Mapping[str, object]

    @property
    def columns(self) -> tuple[ColumnRequest, ...]:
        """The requested columns."""
        return self.request.columns

    def check(self, schemas: Sequence[tuple[str, pa.Schema]]) -> tuple[str, ...]:
        """Notes on columns that are missing in some files; KpiError E606 or E607 unless the request fits all of them.

        A missing column is refused unless the table has the option `missing_columns: null`.
        """
        given = partition_names(self.located.files)
        fill = self.options.get("missing_columns") == "null"
        check_columns(schemas, self.columns, given, fill=fill)
        return tuple(_missing(schemas, self.columns, given)) if fill else ()


def _missing(
    schemas: Sequence[tuple[str, pa.Schema]], columns: Sequence[ColumnRequest], given: Sequence[str]
) -> Iterator[str]:
    for name in dict.fromkeys(physical(column) for column in columns):
        without = [place for place, schema in schemas if name not in schema.names and name not in given]
        if without:
            yield f"{len(without)} of {len(schemas)} files have no column `{name}`, first {without[0]}: null there"


@dataclass(frozen=True, slots=True)
class Opened:
    """What looking into the files gave: the fragments that are left, how many were ruled out, notes on the files."""

    fragments: Sequence[FileFragment]
    pruned: int = 0
    notes: tuple[str, ...] = field(default=())


class FileScan:
    """A scan of located files. `open_files` looks into them when fragments are first asked for; `push` is what the
    format does with predicates."""

    def __init__(self, asked: Asked, push: Push, open_files: Callable[[], Opened]) -> None:
        self._asked = asked
        self._push = push
        self._open_files = open_files

    @property
    def options(self) -> Mapping[str, object]:
        """The table's options, completed by the connection's."""
        return self._asked.options

    @property
    def notes(self) -> Sequence[str]:
        """Files that were passed over, columns that some files lack."""
        return (*self._asked.located.notes, *self._opened.notes)

    @property
    def pushed(self) -> Sequence[Push]:
        """One answer a predicate."""
        return [self._push] * len(self._asked.request.predicates)

    @property
    def pruned(self) -> int:
        """How many fragments the predicates ruled out; a file that was not opened is one."""
        return self._asked.located.pruned + self._opened.pruned

    def fragments(self) -> Sequence[Fragment]:
        """The fragments that may hold wanted rows, in a fixed order. KpiError E604 to E619."""
        return [OfFile(fragment, self._asked) for fragment in self._opened.fragments]

    @cached_property
    def _opened(self) -> Opened:
        return self._open_files()


@dataclass(frozen=True, slots=True)
class OfFile:
    """A fragment with what its file says of it: values that folders give are its bounds, and it has a fingerprint."""

    fragment: FileFragment
    asked: Asked

    @property
    def name(self) -> str:
        """The fragment's."""
        return self.fragment.name

    def bounds(self, column: str) -> tuple[object, object] | None:
        """The folders' value, else what the fragment knows."""
        given = partition_bounds(self.fragment.file, self.asked.columns, column, self.asked.options)
        return given or self.fragment.bounds(column)

    def fingerprint(self) -> str | None:
        """The file's identity, and the fragment's own name."""
        identity = self.fragment.file.identity()
        return None if identity is None else f"{identity}|{self.name}"

    @property
    def row_count(self) -> int | None:
        """The fragment's."""
        return rows_in(self.fragment)

    def place(self, row: int) -> str:
        """The fragment's."""
        return self.fragment.place(row)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The fragment's."""
        return self.fragment.batches(report)
