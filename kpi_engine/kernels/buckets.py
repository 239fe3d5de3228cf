"""Which interval between two neighbouring edges a timestamp or a date falls into."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.sorting import distinct, is_ascending
from kpi_engine.kernels.spans import Bound
from kpi_engine.kernels.zones import integers

Int64s = npt.NDArray[np.int64]

# A shift table larger than this falls out of the processor's cache and loses to a binary search.
_MAX_TABLE = 1 << 16
# Below this many edges NumPy's binary search is as fast as the table.
_MIN_EDGES = 4
# So many values say whether it is worth looking whether all of them ascend.
_LOOK = 1 << 10


@dataclass(frozen=True)
class Buckets:
    """Sorted edges made ready for many arrays: bucket 0 lies before edges[0], bucket i is [edges[i-1],
    edges[i]).

    >>> buckets = Buckets((Bound(0, 0), Bound(86_400_000_000, 1)))
    >>> buckets.assign(pa.array([-1, 0, None, 2], pa.date32())).tolist()
    [0, 1, -1, 2]
    """

    edges: tuple[Bound, ...]

    def __post_init__(self) -> None:
        if any(later < earlier for earlier, later in pairwise(self.edges)):
            raise ValueError("edges must ascend")

    def assign(self, values: pa.Array) -> Int64s:
        """The bucket of each value of a timestamp[us, UTC] or date32 array, int64; -1 for null."""
        lookup = self._lookup(values.type)
        found = lookup.find(integers(values))
        if values.null_count:
            found = np.where(np.asarray(pc.is_valid(values)), found, np.int64(-1))
        return found

    def constant(self, low: pa.Scalar, high: pa.Scalar) -> int | None:
        """The one bucket that holds everything from `low` to `high` (a block's statistics), or None.

        >>> Buckets((Bound(0, 0),)).constant(pa.scalar(3, pa.date32()), pa.scalar(9, pa.date32()))
        1
        """
        if not low.is_valid or not high.is_valid:
            return None
        lookup = self._lookup(low.type)
        ends = np.array([low.value, high.value], dtype=np.int64)
        first, last = np.searchsorted(lookup.edges, ends, side="right")
        return int(first) if first == last else None

    def _lookup(self, kind: pa.DataType) -> _Lookup:
        if pa.types.is_date32(kind):
            return self._by_day
        if kind == pa.timestamp("us", tz="UTC"):
            return self._by_instant
        raise TypeMismatch("a bucket", kind)

    @cached_property
    def _by_instant(self) -> _Lookup:
        return _make_lookup([edge.us for edge in self.edges])

    @cached_property
    def _by_day(self) -> _Lookup:
        return _make_lookup([edge.day for edge in self.edges])


def assign(values: pa.Array, edges: Sequence[Bound] | Buckets) -> Int64s:
    """The bucket 0..len(edges) of each value of a timestamp[us, UTC] or date32 array; -1 for null.

    Bucket 0 lies before the first edge, bucket i is [edges[i-1], edges[i]), the last one has no end. Two
    edges at one instant (a day that a zone skipped) enclose no timestamp, but may enclose a date. Pass
    `Buckets` for many arrays.

    >>> assign(pa.array([5, -5, None], pa.timestamp("us", tz="UTC")), [Bound(0, 0)]).tolist()
    [1, 0, -1]
    """
    return (edges if isinstance(edges, Buckets) else _made(edges)).assign(values)


_RECENT: dict[int, tuple[Sequence[Bound], Buckets]] = {}
_MOST_RECENT = 64


def _made(edges: Sequence[Bound]) -> Buckets:
    """Edges made ready; the same tuple is asked for batch after batch, and kept so that its number stays its own."""
    if not isinstance(edges, tuple):
        return Buckets(tuple(edges))
    known = _RECENT.get(id(edges))
    if known is None:
        if len(_RECENT) >= _MOST_RECENT:
            _RECENT.clear()
        known = _RECENT[id(edges)] = (edges, Buckets(edges))
    return known[1]


@dataclass(frozen=True, eq=False, slots=True)
class _Lookup:
    """Edges as integers, with a table of the bucket at the start of each 2**shift wide cell.

    Cells are no wider than the nearest two edges lie apart, so that a cell's bucket is off by one at most and
    a single comparison with the next edge corrects it. Without a table (too many cells) the search is binary.
    """

    edges: Int64s
    shift: int
    table: Int64s | None
    next_edge: Int64s

    def find(self, values: Int64s) -> Int64s:
        if not values.size:
            return np.zeros(0, np.int64)
        ascending = is_ascending(values[:_LOOK]) and is_ascending(values)
        low, high = (values[0], values[-1]) if ascending else (values.min(), values.max())
        ends = np.array([low, high], dtype=np.int64)
        first, last = (int(index) for index in np.searchsorted(self.edges, ends, side="right"))
        if first == last:
            return np.full(values.shape, first, np.int64)
        inner = self.edges[first:last]
        if ascending:  # as rows of logs are
            starts = np.searchsorted(values, inner, side="left")
            return np.repeat(np.arange(first, last + 1), np.diff(starts, prepend=0, append=len(values)))
        if self.table is None or len(inner) < _MIN_EDGES:
            return np.searchsorted(inner, values, side="right").astype(np.int64, copy=False) + first
        origin, end = int(self.edges[0]), int(self.edges[-1])
        if int(ends[0]) < origin or int(ends[1]) > end:
            values = np.clip(values, origin - 1, end)
        # The cell before the first edge is cell 0, so that a value just before it needs no case of its own.
        cell = (values - (origin - (1 << self.shift))) >> self.shift
        bucket: Int64s = self.table[cell]
        bucket += values >= self.next_edge[bucket]
        return bucket


def _make_lookup(edges: list[int]) -> _Lookup:
    sorted_edges = np.array(edges, dtype=np.int64)
    next_edge = np.append(sorted_edges, np.iinfo(np.int64).max)
    different = distinct(sorted_edges)
    # Equal edges would need more than one correction in a cell; they are rare (skipped days) and go the
    # binary way.
    if len(different) < _MIN_EDGES or len(different) < len(sorted_edges):
        return _Lookup(sorted_edges, 0, None, next_edge)
    shift = int(np.diff(different).min()).bit_length() - 1
    cells = (int(different[-1] - different[0]) >> shift) + 2
    if cells > _MAX_TABLE:
        return _Lookup(sorted_edges, 0, None, next_edge)
    starts = different[0] + (np.arange(cells, dtype=np.int64) - 1) * (1 << shift)
    table = np.searchsorted(sorted_edges, starts, side="right").astype(np.int64)
    return _Lookup(sorted_edges, shift, table, next_edge)
