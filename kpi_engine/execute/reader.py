"""What execution needs of whoever reads rows; the pipeline hands one in."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from kpi_engine.extend.rows import Scan
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.expression import Expression

if TYPE_CHECKING:
    from kpi_engine.extend.measures import Aggregating, SourceTable

NO_EDGES: Mapping[str, tuple[datetime.date, ...]] = MappingProxyType({})


class SourceReader(Protocol):
    """Opens sources of the catalogue; batches carry the catalogue's column names in the engine's physical types."""

    def open(
        self,
        source: Source,
        columns: Sequence[str],
        predicates: Sequence[Expression] = (),
        edges: Mapping[str, tuple[datetime.date, ...]] = NO_EDGES,
        batch_rows: int | None = None,
    ) -> Scan:
        """A scan of some stored columns. `predicates` (on stored columns) may rule fragments out. Of columns in `edges`
        only the place among these is looked at (see `ColumnRequest`). `batch_rows`: see `ScanRequest`."""

    def aggregating(self, source: Source) -> Aggregating | None:
        """The connector of a source, if it can answer measure queries."""

    def source_table(self, source: Source, columns: Sequence[str], where: Expression | None) -> SourceTable:
        """A source as its connector sees it, with some stored columns and its own condition on them."""
