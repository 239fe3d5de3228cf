"""Parquet footers, read once for as long as a file does not change."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine.builtin.connectors.footer_check import TYPES, Leaf, check_footer
from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.parquet_tail import footer_of, read_tail
from kpi_engine.builtin.connectors.stored_file import Stamp, StoredFile
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's footer: the file, pyarrow's metadata, the Arrow schema, its flat columns.

    `paths` are those of the file's leaf columns; `leaves` gives the position among them of each column that is no
    list, struct or map.
    """

    file: StoredFile
    metadata: Any
    schema: pa.Schema
    paths: tuple[str, ...]
    leaves: dict[str, int]

    @property
    def shown(self) -> str:
        """The file as messages show it."""
        return self.file.shown

    def chunk(self, group: int, name: str) -> Any:
        """What is known of one flat column in one row group."""
        return self.leaf_chunk(group, self.leaves[name])

    def leaf_chunk(self, group: int, leaf: int) -> Any:
        """What is known of a leaf column by its number; `check_footer` saw to it that Arrow can say it."""
        return self.metadata.row_group(group).column(leaf)


class FooterCache:
    """Footers by file, kept while size, time of change and identity stay the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp, Footer]] = {}

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
            check_footer(footer_of(tail), [_leaf(metadata.schema.column(i)) for i in range(metadata.num_columns)])
            schema = metadata.schema.to_arrow_schema()
            paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
        leaves = {path: index for index, path in enumerate(paths) if path in schema.names}
        footer = Footer(file, metadata, schema, tuple(paths), leaves)
        self._known[file.shown] = (stamp, footer)
        return footer


def _leaf(column: Any) -> Leaf:
    """What a column of pyarrow's Parquet schema says of the chunks that hold it."""
    type, width = TYPES[column.physical_type]
    return Leaf(type, column.length if width == 0 else width, column.max_repetition_level, column.max_definition_level)
