"""The rows of a batch by the cell in which they lie: found once for all states that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.group import group, key_codes, pack
from kpi_engine.kernels.sorting import key_range
from kpi_engine.kernels.vectors import Ints, Mask, row_numbers


class Placed:
    """A cell is a combination of keys and bucket that some row has. Rows with bucket -1 (no time) lie in none.

    >>> placed = Placed([pa.array(["b", "a", "b"])], np.array([3, 3, -1]))
    >>> placed.size, placed.ids.tolist(), placed.bucket[placed.first].tolist()
    (2, [0, 1, -1], [3, 3])
    """

    def __init__(self, keys: Sequence[pa.Array], bucket: Ints) -> None:
        low, high = key_range(bucket)
        cells, _ = pack([*map(key_codes, keys), (bucket - low if low else bucket, high - low + 1)])
        self.keys = tuple(keys)
        self.bucket = bucket
        self.counted: Mask | None = None if low >= 0 else bucket >= 0
        """Which rows lie in a cell; None if all do."""
        self.groups = group(cells if self.counted is None else np.where(self.counted, cells, -1))
        """Rows by their cell; those that lie in none, if there are any, may be the first group."""
        # Groups come in ascending order: rows that do not count are the first.
        skips = self.counted is not None and self.groups.size > 0 and int(self.groups.keys[0]) < 0
        self._skipped = int(skips)

    @property
    def size(self) -> int:
        """The number of cells."""
        return self.groups.size - self._skipped

    @property
    def whole(self) -> bool:
        """Whether all rows lie in a cell."""
        return not self._skipped

    @cached_property
    def first(self) -> Ints:
        """The first row of each cell."""
        return self.groups.first[self._skipped :]

    @cached_property
    def ids(self) -> Ints:
        """The cell of each row, -1 for none."""
        return self.groups.ids - 1 if self._skipped else self.groups.ids

    def keys_of(self, rows: Ints) -> tuple[pa.Array, ...]:
        """The keys of some rows."""
        chosen = row_numbers(rows)
        return tuple(key.take(chosen) for key in self.keys)
