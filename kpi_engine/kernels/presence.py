"""Which groups of the outer keys have any row in which period, without a look at every cell of the inner ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.cells import Cells
from kpi_engine.kernels.frames import group_rows
from kpi_engine.kernels.vectors import Ints, validity

_TABLE = 1 << 16
"""A table of so many places costs nothing."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Groups of (outer keys, inner keys) by their outer group: `of` is its number, -1 where an inner key is null;
    `first` is a group of each outer one."""

    of: Ints
    first: Ints

    @classmethod
    def make(cls, outer: Sequence[pa.Array], inner: Sequence[pa.Array], size: int) -> Owners:
        """The owners of `size` groups with these keys.

        >>> Owners.make([], [pa.array(["x", None])], 2).of.tolist()
        [0, -1]
        """
        groups = group_rows(outer, size)
        owner = groups.ids.copy()
        for key in inner:
            present = validity(key)
            if present is not None:
                owner[~present] = -1
        return cls(owner, groups.first)

    @property
    def size(self) -> int:
        """How many outer groups there are."""
        return len(self.first)

    def are_few(self, periods: int) -> bool:
        """Whether a table of all outer groups and periods is no larger than what it is made of."""
        return self.size * periods <= max(_TABLE, 4 * len(self.of))

    def of_leaf(self, places: Ints, groups: int) -> Ints:
        """The owners of a leaf's own groups; `places` says where each of the common groups stands among them."""
        found = np.full(groups + 1, -1, np.int64)
        found[places] = self.of
        return found[:groups]

    def cells(self, tables: Sequence[Ints], periods: int) -> Cells:
        """The outer groups and periods in which any of some tables is positive."""
        found = np.zeros((self.size, periods), np.bool_)
        for table in tables:
            found |= table > 0
        group, period = np.nonzero(found)
        return Cells(group, period, periods)

    def keys(self, outer: Sequence[pa.Array], cells: Cells) -> list[pa.Array]:
        """The outer keys of each cell."""
        rows = pa.array(self.first[cells.group])
        return [key.take(rows) for key in outer]
