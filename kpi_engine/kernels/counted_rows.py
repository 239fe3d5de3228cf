"""Which rows of a batch count, and in which group: found once for all states that take the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kpi_engine.kernels.bins import count_rows
from kpi_engine.kernels.group import Groups, RunGroups
from kpi_engine.kernels.vectors import Ints, Mask


class CountedRows:
    """`rows`: positions of the rows that count, None if all do; `ids`: the group of each; `counts`: rows of each group.

    >>> counted = CountedRows.of(np.array([1, -1, 0, 1]), 2)
    >>> counted.rows.tolist(), counted.ids.tolist(), counted.counts.tolist()
    ([0, 2, 3], [1, 0, 1], [1, 2])
    """

    def __init__(self, rows: Ints | None, ids: Ints | Groups, counts: Ints) -> None:
        self.rows = rows
        self.counts = counts
        self._ids = ids

    @classmethod
    def of(cls, groups: Ints, size: int) -> CountedRows:
        """Rows by their groups in [0, size), -1 for a row that does not count."""
        if len(groups) and int(groups.min()) < 0:
            rows = np.flatnonzero(groups >= 0)
            return cls._of(rows, groups[rows], size)
        return cls._of(None, groups, size)

    @classmethod
    def all_of(cls, groups: Groups) -> CountedRows:
        """All rows of some groups; which row is in which is not asked before somebody wants to know."""
        return cls(None, groups, groups.counts)

    @classmethod
    def _of(cls, rows: Ints | None, ids: Ints, size: int) -> CountedRows:
        # A single group needs no look at its rows.
        counts = np.full(1, len(ids), np.int64) if size == 1 else count_rows(ids, size)
        return cls(rows, ids, counts)

    @property
    def ids(self) -> Ints:
        """The group of each row that counts."""
        return self._ids.ids if isinstance(self._ids, Groups) else self._ids

    @property
    def starts(self) -> Ints | None:
        """Where the rows of each group begin, if all rows count and those of a group lie in one piece."""
        return self._ids.starts if isinstance(self._ids, RunGroups) else None

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.counts)

    def having(self, valid: Mask | None) -> CountedRows:
        """Those of the rows at which `valid`, a mask over the batch, is true; None is true everywhere."""
        if valid is None:
            return self
        kept = np.flatnonzero(valid if self.rows is None else valid[self.rows])
        if len(kept) == len(self.ids):
            return self
        return self._of(kept if self.rows is None else self.rows[kept], self.ids[kept], self.size)

    def among(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values, an element a row of the batch, of the rows that count."""
        return values if self.rows is None else values[self.rows]
