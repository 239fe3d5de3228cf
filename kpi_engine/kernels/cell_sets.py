"""Sets of whole numbers by cell, as small as can be: of these sets only the number of values is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.group import whole_numbers
from kpi_engine.kernels.id_codecs import is_ids, is_wide
from kpi_engine.kernels.ids import together
from kpi_engine.kernels.item_sets import PackedItems, distinct_counts, numbers_as
from kpi_engine.kernels.vectors import Ints, Mask

_BITS = 62
_AT_ONCE = 1 << 22
"""So many numbers are sorted at a time, in whole cells."""


@dataclass(frozen=True, slots=True)
class CellSets:
    """One set a cell: `numbers[starts[i]:starts[i + 1]]`, ascending, are the values of cell i that are not null.

    `nulls` says which cells have a null besides (None: none has); `type` is the Arrow type of the values.
    """

    numbers: Ints
    starts: Ints
    nulls: Mask | None
    type: pa.DataType

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def of(cls, packed: PackedItems, cells: int, type: pa.DataType) -> CellSets:
        """The sets that the items of a batch with so many cells make.

        >>> packed = PackedItems(np.array([0, 5, 6]), np.array([1, 1, 2]), low=10, null=2, bits=2)
        >>> sets = CellSets.of(packed, 2, pa.int64())
        >>> sets.numbers.tolist(), sets.starts.tolist(), sets.nulls.tolist()
        ([10, 11], [0, 1, 2], [False, True])
        """
        codes, edges = packed.codes, np.arange(cells + 1) << packed.bits
        starts = np.searchsorted(packed.keys, edges)
        last = np.flatnonzero(codes == packed.null)  # nulls are the last of their cells
        if not len(last):
            return cls(codes + packed.low, starts, None, type)
        nulls = np.zeros(cells, np.bool_)
        nulls[packed.keys[last] >> packed.bits] = True
        before = np.concatenate([[0], np.cumsum(nulls)])
        return cls(np.delete(codes, last) + packed.low, starts - before, nulls, type)

    @property
    def counts(self) -> Ints:
        """How many values each cell has, nulls left out."""
        return np.diff(self.starts)

    @property
    def nbytes(self) -> int:
        """The memory that the sets take."""
        return self.numbers.nbytes + self.starts.nbytes

    def of_cells(self, cells: Ints) -> CellSets:
        """The sets of some cells, in their order."""
        counts = self.counts[cells]
        starts = np.concatenate([[0], np.cumsum(counts)])
        places = np.repeat(self.starts[cells] - starts[:-1], counts) + np.arange(starts[-1])
        return CellSets(self.numbers[places], starts, None if self.nulls is None else self.nulls[cells], self.type)

    def items(self) -> tuple[Ints, pa.Array]:
        """The cell of each value, nulls among them, and the values."""
        cell = np.repeat(np.arange(len(self)), self.counts)
        if self.nulls is None:
            return cell, numbers_as(self.numbers, None, self.type)
        with_null = np.flatnonzero(self.nulls)
        numbers = np.concatenate([self.numbers, np.zeros(len(with_null), np.int64)])
        known = np.arange(len(numbers)) < len(self.numbers)
        return np.concatenate([cell, with_null]), numbers_as(numbers, known, self.type)


def united(parts: Sequence[CellSets], cells: Sequence[Ints], size: int) -> CellSets | None:
    """The sets of `size` cells, each the union of those that parts have; None if their numbers do not go together.

    `cells` says of each part which cells its sets are of; none of them is there twice.

    >>> one = CellSets(np.array([3, 7]), np.array([0, 2]), None, pa.int64())
    >>> two = CellSets(np.array([9, 3]), np.array([0, 1, 2]), None, pa.int64())
    >>> both = united([one, two], [np.array([1]), np.array([0, 1])], 2)
    >>> both.numbers.tolist(), both.starts.tolist()
    ([9, 3, 7], [0, 1, 3])
    """
    alike = _of_one_type(parts)
    if alike is None:
        return None
    parts, type = alike
    present = [part.numbers for part in parts if len(part.numbers)]
    low = min((int(numbers.min()) for numbers in present), default=0)
    bits = (max((int(numbers.max()) for numbers in present), default=0) - low).bit_length()
    if bits + size.bit_length() > _BITS:
        return None
    found, counts = [], np.zeros(size, np.int64)
    for first, stop in _ranges(parts, cells, size):
        keys = np.concatenate(list(_packed(parts, cells, first, stop, low, bits)))
        keys, _ = distinct_counts(keys, (stop - first) << bits)
        counts[first:stop] = np.diff(np.searchsorted(keys, np.arange(stop - first + 1) << bits))
        keys &= (1 << bits) - 1
        keys += low
        found.append(keys)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return CellSets(np.concatenate(found) if found else np.zeros(0, np.int64), starts, _nulls(parts, cells, size), type)


def _nulls(parts: Sequence[CellSets], cells: Sequence[Ints], size: int) -> Mask | None:
    if all(part.nulls is None for part in parts):
        return None
    nulls = np.zeros(size, np.bool_)
    for part, places in zip(parts, cells, strict=True):
        if part.nulls is not None:
            nulls[places[part.nulls]] = True
    return nulls


def _ranges(parts: Sequence[CellSets], cells: Sequence[Ints], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of cells that are looked at together."""
    sizes = np.zeros(size, np.int64)
    for part, places in zip(parts, cells, strict=True):
        sizes[places] += part.counts
    before = np.concatenate([[0], np.cumsum(sizes)])
    first = 0
    while first < size:
        stop = max(first + 1, int(np.searchsorted(before, before[first] + _AT_ONCE, "right")) - 1)
        yield first, stop
        first = stop


def _packed(
    parts: Sequence[CellSets], cells: Sequence[Ints], first: int, stop: int, low: int, bits: int
) -> Iterator[Ints]:
    """The numbers of some cells, less `low`, below their cell."""
    yield np.zeros(0, np.int64)
    for part, places in zip(parts, cells, strict=True):
        inside = (places >= first) & (places < stop)
        if not bool(inside.all()):
            if not bool(inside.any()):
                continue
            part, places = part.of_cells(np.flatnonzero(inside)), places[inside]
        keys = part.numbers - low
        keys |= np.repeat((places - first) << bits, part.counts)
        yield keys


def _of_one_type(parts: Sequence[CellSets]) -> tuple[Sequence[CellSets], pa.DataType] | None:
    """Parts with values of one type; None if there is no such type with whole numbers."""
    types = {part.type for part in parts if len(part.numbers)}
    if len(types) < 2:
        return parts, next(iter(types), parts[0].type)
    if not all(is_ids(type) for type in types):
        return None
    arrays = together([numbers_as(part.numbers, None, part.type) for part in parts if len(part.numbers)])
    if not is_ids(arrays[0].type) or is_wide(arrays[0].type):
        return None
    left = iter(arrays)
    found = []
    for part in parts:
        numbers = whole_numbers(next(left)) if len(part.numbers) else part.numbers
        assert numbers is not None
        found.append(CellSets(numbers, part.starts, part.nulls, arrays[0].type))
    return found, arrays[0].type
