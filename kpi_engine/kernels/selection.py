"""Which rows of a batch a measure query counts, and where they lie in time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.buckets import Buckets, assign
from kpi_engine.kernels.sorting import key_range
from kpi_engine.kernels.states import true_rows
from kpi_engine.kernels.vectors import Ints, from_booleans, from_int64, validity

_WORTH_SELECTING = 0.9
"""Below this share of rows kept, columns are filtered before anything is computed from them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`bucket`: of each row kept, -1 for rows to ignore; `mask`: the rows kept, None if all; `rows`: how many."""

    bucket: Ints
    mask: pa.Array | None
    rows: int


def select(
    times: pa.Array | None,
    edges: Sequence[Bound],
    reads_all_history: bool,
    condition: pa.Array | None,
    length: int,
    always: bool = False,
    whole: bool = False,
) -> Selection:
    """Place rows in buckets and drop those that no window reads or that fail the condition.

    `times` is timestamp[us, UTC] or date32; None puts all rows in bucket 0. Rows after the last edge are never read;
    rows before the first one only where some window reaches back for ever. `whole` keeps the rows of all buckets.
    `always` selects however few rows go.
    """
    bucket = np.zeros(length, np.int64) if times is None else assign(times, edges)
    least = 0 if times is None or whole or reads_all_history else 1
    most = len(edges) if whole or times is None else len(edges) - 1
    low, high = key_range(bucket)
    if low >= least and high <= most:  # most files lie within the windows
        if condition is None:
            return Selection(bucket, None, length)
        kept = true_rows(condition)
    else:
        kept = (bucket >= least) & (bucket <= most)
        if condition is not None:
            kept &= true_rows(condition)
    count = int(np.count_nonzero(kept))
    if count == length:
        return Selection(bucket, None, length)
    if count > _WORTH_SELECTING * length and not always:
        return Selection(np.where(kept, bucket, -1), None, length)
    return Selection(bucket[kept], from_booleans(kept, None), count)


def count_excluded(times: pa.Array, earliest: Bound, watermark: Bound) -> tuple[int, int, int]:
    """How many rows have no time, how many lie before the first period of all, and how many at or past a watermark.

    >>> count_excluded(pa.array([None, 5, 3, 1], pa.date32()), Bound(0, 2), Bound(0, 5))
    (1, 1, 1)
    """
    edges = _between(earliest, watermark)
    place = edges.constant(*pc.min_max(times).values())
    if place is not None:
        rows = len(times) - times.null_count
        return times.null_count, rows * (place == 0), rows * (place == 2)
    places = assign(times, edges)
    return times.null_count, int(np.count_nonzero(places == 0)), int(np.count_nonzero(places == 2))


@lru_cache(maxsize=16)
def _between(earliest: Bound, watermark: Bound) -> Buckets:
    """The edges between which rows count; the same for all batches of a scan."""
    return Buckets((min(earliest, watermark), watermark))


def lifetime_ends(ends: pa.Array, edges: Sequence[Bound]) -> pa.Array:
    """The bucket in which each life ends, int64; past all buckets if it has not ended.

    >>> lifetime_ends(pa.array([3, None], pa.date32()), (Bound(0, 5),)).to_pylist()
    [0, 2]
    """
    bucket = assign(ends, edges)
    return from_int64(np.where(bucket < 0, len(edges) + 1, bucket), None, None)


def has_lifetime(begins: pa.Array, ends: pa.Array) -> pa.Array:
    """Which rows have a life: a beginning, and no end before it (two instants, or two dates).

    >>> has_lifetime(pa.array([1, None, 5]), pa.array([None, 3, 4])).to_pylist()
    [True, False, False]
    """
    first, last = (np.asarray(times.cast(_plain(times.type)).fill_null(0)) for times in (begins, ends))
    begun, ended = validity(begins), validity(ends)
    alive = np.ones(len(first), np.bool_) if begun is None else begun
    backwards = last < first if ended is None else (last < first) & ended
    return from_booleans(alive & ~backwards, None)


def _plain(type: pa.DataType) -> pa.DataType:
    return pa.int32() if pa.types.is_date32(type) else pa.int64()


def before(times: pa.Array, bound: Bound) -> pa.Array:
    """Which times lie before a bound; false where there is none.

    >>> before(pa.array([3, None, 7], pa.date32()), Bound(0, 5)).to_pylist()
    [True, False, False]
    """
    return from_booleans(assign(times, (bound,)) == 0, None)
