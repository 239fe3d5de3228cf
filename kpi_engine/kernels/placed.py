"""The rows of a batch by the cell in which they lie: found once for all states that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.group import coded, group, pack, unpack
from kpi_engine.kernels.sorting import key_range
from kpi_engine.kernels.vectors import Ints, Mask, row_numbers


@dataclass(frozen=True, slots=True)
class Cells:
    """Some cells, one or several times each: their keys, a column each, and their buckets."""

    keys: tuple[pa.Array, ...]
    bucket: Ints

    def take(self, cells: Ints) -> Cells:
        """The cells with these numbers."""
        chosen = row_numbers(cells)
        return Cells(tuple(key.take(chosen) for key in self.keys), self.bucket[cells])


class Placed:
    """A cell is a combination of keys and bucket that some row has. Rows with bucket -1 (no time) lie in none.

    >>> placed = Placed([pa.array(["b", "a", "b"])], np.array([3, 3, -1]))
    >>> placed.size, placed.ids.tolist(), placed.cells.bucket.tolist(), placed.cells.keys[0].to_pylist()
    (2, [0, 1, -1], [3, 3], ['b', 'a'])
    """

    def __init__(self, keys: Sequence[pa.Array], bucket: Ints) -> None:
        low, high = key_range(bucket)
        found = [coded(key) for key in keys]
        columns = [(each.codes, each.size) for each in found]
        cells, self._packing = pack([*columns, (bucket - low if low else bucket, high - low + 1)])
        self._decode = [each.decode for each in found]
        self._low = low
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
    def cells(self) -> Cells:
        """The keys and the bucket of each cell."""
        *codes, bucket = unpack(self.groups.keys[self._skipped :], self._packing)
        keys = tuple(decode(own) for decode, own in zip(self._decode, codes, strict=True))
        return Cells(keys, bucket + self._low)

    @cached_property
    def ids(self) -> Ints:
        """The cell of each row, -1 for none."""
        return self.groups.ids - 1 if self._skipped else self.groups.ids
