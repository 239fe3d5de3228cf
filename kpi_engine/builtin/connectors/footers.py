"""Parquet footers, read once for as long as a file does not change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.locate import shown
from kpi_engine.extend.rows import data_error

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's footer: its path and how messages show it, pyarrow's metadata, the Arrow schema, its flat columns.

    `leaves` gives the position of each column that is no list, struct or map among the file's leaf columns.
    """

    file: Path
    shown: str
    metadata: Any
    schema: pa.Schema
    leaves: dict[str, int]

    def chunk(self, group: int, name: str) -> Any:
        """What is known of one flat column in one row group; KpiError E605 if it is of another type than the column.

        Arrow would end the process over the statistics of another type, or read wrong values.
        """
        leaf = self.leaves[name]
        found = self.metadata.row_group(group).column(leaf)
        wanted = self.metadata.schema.column(leaf).physical_type
        if found.physical_type != wanted:
            message = f"the footer is damaged: the column `{name}` is {wanted} in it and {found.physical_type}"
            raise data_error("E605", self.shown, message, "write or copy the file again")
        return found


class FooterCache:
    """Footers by file, kept while size, time of change and inode stay the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp, Footer]] = {}

    def read(self, root: Path, file: Path) -> Footer:
        """The footer of one file; KpiError E605 if it is empty, damaged or no Parquet."""
        place = shown(root, file)
        with reading(place, "Parquet"):
            status = file.stat()
        stamp = (status.st_size, status.st_mtime_ns, status.st_ino)
        known = self._known.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        if status.st_size == 0:
            help = "write the file again: even a table without rows has a footer"
            raise data_error("E605", place, "the file is empty (0 bytes), not Parquet", help)
        with reading(place, "Parquet"):
            metadata = pq.read_metadata(file)
            schema = metadata.schema.to_arrow_schema()
            paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
        leaves = {path: index for index, path in enumerate(paths) if path in schema.names}
        footer = Footer(file, place, metadata, schema, leaves)
        self._known[file] = (stamp, footer)
        return footer
