"""What execution needs of whoever reads rows; the pipeline hands one in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kpi_engine.extend.rows import Scan
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.expression import Expression


class SourceReader(Protocol):
    """Opens sources of the catalogue; batches carry the catalogue's column names in the engine's physical types."""

    def open(self, source: Source, columns: Sequence[str], predicates: Sequence[Expression] = ()) -> Scan:
        """A scan of some stored columns. `predicates` (on stored columns) may rule fragments out."""
