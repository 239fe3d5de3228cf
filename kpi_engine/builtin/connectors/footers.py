"""Parquet footers, read once for as long as a file does not change."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine.builtin.connectors.footer_check import TYPES, Leaf, check_footer
from kpi_engine.builtin.connectors.footer_forms import FooterForm, form_of
from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.parquet_tail import footer_of, read_tail
from kpi_engine.builtin.connectors.pruning import BoundsOf, Statistics, bounds_of, statistics
from kpi_engine.builtin.connectors.stored_file import Stamp, StoredFile
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Type

_CHECKED_BEFORE_LEARNING = 8
"""To learn a form takes as long as to check some five footers."""

_MOST_LEARNT = 8
"""A table whose files have more forms than that has a new one in each."""

_MOST_FORMS = 32


@dataclass(frozen=True, slots=True)
class Columns:
    """What a footer says of columns, shared by footers of one form: the Arrow schema, its names, the flat columns.

    `paths` are those of the leaf columns; `leaves` gives the position among them of each column that is no list, struct
    or map. `bounds` keeps how the bounds of columns are read.
    """

    schema: pa.Schema
    names: frozenset[str]
    paths: tuple[str, ...]
    leaves: dict[str, int]
    bounds: dict[tuple[str, Type | None], BoundsOf] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's footer: the file, pyarrow's metadata, its columns, and the statistics that were asked for."""

    file: StoredFile
    metadata: Any
    columns: Columns
    known: dict[tuple[int, int, bool], Statistics] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The file as messages show it."""
        return self.file.shown

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema."""
        return self.columns.schema

    def chunk(self, group: int, name: str) -> Any:
        """What is known of one flat column in one row group."""
        return self.leaf_chunk(group, self.columns.leaves[name])

    def statistics(self, group: int, leaf: int, how: BoundsOf) -> Statistics:
        """What is known of a flat column in one row group, its bounds read in one of two ways: kept in order or not."""
        found = self.known.get((group, leaf, how.ordered))
        if found is None:
            found = self.known[group, leaf, how.ordered] = statistics(self.leaf_chunk(group, leaf), how)
        return found

    def bounds_of(self, name: str, wanted: Type | None) -> BoundsOf:
        """How the bounds of a flat column are read as values of a type."""
        known = self.columns.bounds.get((name, wanted))
        if known is None:
            described = self.metadata.schema.column(self.columns.leaves[name])
            known = bounds_of(described, self.schema.field(name).type, wanted)
            self.columns.bounds[name, wanted] = known
        return known

    def leaf_chunk(self, group: int, leaf: int) -> Any:
        """What is known of a leaf column by its number; `check_footer` saw to it that Arrow can say it."""
        return self.metadata.row_group(group).column(leaf)


_forms: tuple[tuple[FooterForm, Columns], ...] = ()
"""The forms that this process has learnt, the latest first. They say nothing of any file, so that all caches share
them; replaced as a whole, so that threads need no lock."""


class FooterCache:
    """Footers by file, kept while size, time of change and identity stay the same.

    Where many files have been found to be sound, the form of one is learnt, and those of the same form are known to be.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp, Footer]] = {}
        self._checked = 0

    def read(self, file: StoredFile) -> Footer:
        """The footer of one file; KpiError E605 if it is empty, damaged or no Parquet."""
        with reading(file.shown, "Parquet"):
            stamp = file.stamp()
        known = self._known.get(file.shown)
        if known is not None and known[0] == stamp:
            return known[1]
        if stamp[0] == 0:
            help = "write the file again: even a table without rows has a footer"
            raise data_error("E605", file.shown, "the file is empty (0 bytes), not Parquet", help)
        with reading(file.shown, "Parquet"):
            tail = read_tail(file, stamp[0])
            metadata = pq.read_metadata(pa.BufferReader(tail))
            columns = self._columns(footer_of(tail), metadata)
        footer = Footer(file, metadata, columns)
        self._known[file.shown] = (stamp, footer)
        return footer

    def _columns(self, footer: bytes, metadata: Any) -> Columns:
        """The columns of a footer that is sound; DamagedFooter of one that is not."""
        for form, columns in _forms:
            if form.fits(footer):
                return columns
        described = [metadata.schema.column(index) for index in range(metadata.num_columns)]
        leaves = [leaf_of(column) for column in described]
        check_footer(footer, leaves)
        schema = metadata.schema.to_arrow_schema()
        paths = tuple(column.path for column in described)
        names = frozenset(schema.names)
        columns = Columns(schema, names, paths, {path: index for index, path in enumerate(paths) if path in names})
        self._checked += 1
        often, left = divmod(self._checked, _CHECKED_BEFORE_LEARNING)
        if left == 0 and often <= _MOST_LEARNT:
            _learn(form_of(footer, leaves), columns)
        return columns


def _learn(form: FooterForm | None, columns: Columns) -> None:
    global _forms
    if form is not None:
        _forms = ((form, columns), *_forms)[:_MOST_FORMS]


def leaf_of(column: Any) -> Leaf:
    """What a column of pyarrow's Parquet schema says of the chunks that hold it."""
    type, width = TYPES[column.physical_type]
    return Leaf(type, column.length if width == 0 else width, column.max_repetition_level, column.max_definition_level)
