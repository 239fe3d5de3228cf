"""Interval coverage: how many distinct ids count in each period.

An id that was seen on day d counts in every rolling, to-date or cumulative window that holds d: in a range of
periods. The ranges of one id in one key are united, each united range opens with +1 and closes with -1, and
a running sum over the periods gives the counts. The cost does not grow with the length of the ranges.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kpi_engine.kernels.cells import Cells
from kpi_engine.kernels.group import group, pack, unpack
from kpi_engine.kernels.sorting import distinct, key_range, starts_of_runs
from kpi_engine.kernels.vectors import Ints, Mask

_TABLE = 1 << 16
"""A table of so many places costs nothing."""

_BITS = 63

_AT_ONCE = 1 << 20
"""Rows of ids that are counted together, so that their ranges take little memory."""

_MIXED = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without a pattern: the upper bits of its multiples are those of a hash."""


def rows_by_id(id: Ints, known: Mask) -> Iterator[Ints | slice]:
    """The known rows, those of an id together, some ids after the other: what they count adds up.

    >>> [rows.tolist() for rows in rows_by_id(np.array([5, 6]), np.array([True, False]))]
    [[0]]
    """
    if len(id) <= _AT_ONCE:
        yield slice(None) if bool(known.all()) else np.flatnonzero(known)
        return
    bits = (len(id) // _AT_ONCE).bit_length()
    part = ((id.view(np.uint64) * _MIXED) >> np.uint64(64 - bits)).astype(np.uint16)
    for number in range(1 << bits):
        yield np.flatnonzero((part == number) & known)


def distinct_over(key: Ints, id: Ints, lo: Ints, hi: Ints, n_keys: int, n_periods: int) -> Ints:
    """The number of distinct ids with a range over each period, as (n_keys, n_periods).

    key: in [0, n_keys). id: any int64. lo, hi: the half-open range of periods in which a row counts; what
    lies outside [0, n_periods) is cut off, and empty ranges count nowhere.

    >>> key, id = np.zeros(3, np.int64), np.array([5, 5, 6])
    >>> distinct_over(key, id, np.array([0, 1, 2]), np.array([2, 3, 3]), 1, 3).tolist()
    [[1, 1, 2]]
    """
    key, id, lo, hi = _inside(key, id, lo, hi, n_periods)
    if len(key) == 0:
        return np.zeros((n_keys, n_periods), np.int64)
    ids = _dense(id)
    if bool((hi - lo == 1).all()):
        cells, packing = pack([(ids, int(ids.max()) + 1), (key * n_periods + lo, n_keys * n_periods)])
        seen = unpack(distinct(cells), packing)[1]
        counts = np.bincount(seen, minlength=n_keys * n_periods)
        return counts.reshape(n_keys, n_periods).astype(np.int64, copy=False)
    owner, packing = pack([(key, n_keys), (ids, int(ids.max()) + 1)])
    owner, starts, stops = _united(owner, lo, hi, n_periods)
    return count_over(unpack(owner, packing)[0], starts, stops, n_keys, n_periods)


def distinct_at(key: Ints, id: Ints, lo: Ints, hi: Ints, cells: Cells) -> Ints:
    """The number of distinct ids with a range over each of some cells; periods lie in [0, `cells.periods`).

    >>> cells = Cells(np.array([0, 7]), np.array([2, 0]), 3)
    >>> distinct_at(np.zeros(2, np.int64), np.array([5, 6]), np.array([0, 2]), np.array([3, 3]), cells).tolist()
    [2, 0]
    """
    key, id, lo, hi = _inside(key, id, lo, hi, cells.periods)
    if len(key) == 0:
        return np.zeros(len(cells), np.int64)
    ids = _dense(id)
    owner, packing = pack([(key, int(key.max()) + 1), (ids, int(ids.max()) + 1)])
    owner, starts, stops = _united(owner, lo, hi, cells.periods)
    width = cells.periods + 1
    base, asked = unpack(owner, packing)[0] * width, cells.group * width + cells.period
    opened, closed = base + starts, base + stops
    # Ranges of smaller keys have opened and closed alike, so that only those of the cell's own key remain.
    size = max(int(asked.max(initial=0)), int(closed.max(initial=0))) + 1
    if size <= max(_TABLE, 4 * len(opened)):
        alive: Ints = np.cumsum(np.bincount(opened, minlength=size) - np.bincount(closed, minlength=size))
        counts: Ints = alive[asked]
        return counts
    opened.sort()
    closed.sort()
    found: Ints = np.searchsorted(opened, asked, "right") - np.searchsorted(closed, asked, "right")
    return found


def count_over(key: Ints, lo: Ints, hi: Ints, n_keys: int, n_periods: int) -> Ints:
    """The number of ranges over each period, as (n_keys, n_periods); distinct ids if no id's ranges overlap.

    >>> count_over(np.zeros(2, np.int64), np.array([0, 1]), np.array([2, 9]), 1, 3).tolist()
    [[1, 2, 1]]
    """
    lo, hi = np.clip(lo, 0, n_periods), np.clip(hi, 0, n_periods)
    hi = np.maximum(lo, hi)
    width = n_periods + 1
    events = np.bincount(key * width + lo, minlength=n_keys * width)
    events -= np.bincount(key * width + hi, minlength=n_keys * width)
    return np.cumsum(events.reshape(n_keys, width)[:, :n_periods], axis=1)


def covered_cells(key: Ints, lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
    """Every (key, period) that some range covers, once, sorted by key and period.

    >>> cells = covered_cells(np.array([4, 4, 2]), np.array([0, 1, 7]), np.array([2, 3, 8]))
    >>> [column.tolist() for column in cells]
    [[2, 4, 4, 4], [7, 0, 1, 2]]
    """
    kept = lo < hi
    if not bool(kept.all()):
        key, lo, hi = key[kept], lo[kept], hi[kept]
    if len(key) == 0:
        return key, lo
    if int((hi - lo).max()) == 1 and _are_distinct(key, lo):
        return key, lo
    first = int(lo.min())
    groups = group(key)
    owner, starts, stops = _united(groups.ids, lo - first, hi - first, int(hi.max()) - first)
    lengths = stops - starts
    ends = np.cumsum(lengths)
    steps = np.arange(int(ends[-1])) - np.repeat(ends - lengths, lengths)
    return np.repeat(groups.keys[owner], lengths), np.repeat(starts + first, lengths) + steps


def _are_distinct(key: Ints, place: Ints) -> bool:
    """Whether pairs ascend without repeating."""
    same = key[1:] == key[:-1]
    return bool(((key[1:] > key[:-1]) | (same & (place[1:] > place[:-1]))).all())


def _inside(key: Ints, id: Ints, lo: Ints, hi: Ints, n_periods: int) -> tuple[Ints, Ints, Ints, Ints]:
    if len(lo) and (int(lo.min()) < 0 or int(hi.max()) > n_periods):
        lo, hi = np.maximum(lo, 0), np.minimum(hi, n_periods)
    kept = lo < hi
    return (key, id, lo, hi) if bool(kept.all()) else (key[kept], id[kept], lo[kept], hi[kept])


def _dense(id: Ints) -> Ints:
    """Ids from 0, renumbered only where their range would not pack well."""
    low, high = key_range(id)
    return group(id).ids if high - low > 2**40 else id - low


def _united(owner: Ints, lo: Ints, hi: Ints, n_periods: int) -> tuple[Ints, Ints, Ints]:
    """Disjoint ranges that cover the same periods of each owner, sorted by owner and start.

    Gives owner, start and stop of each. owner >= 0 and 0 <= lo < hi <= n_periods. A range that overlaps earlier ones of
    its owner keeps only what they leave over, so that no search for the union is needed.
    """
    if not _ascend(owner, lo):
        owner, lo, hi = _sorted_ranges(owner, lo, hi, n_periods.bit_length())
    same = owner[1:] == owner[:-1]
    reach = hi  # how far this owner's ranges go, up to each row
    if bool((same & (hi[1:] < hi[:-1])).any()):
        run = np.cumsum(starts_of_runs(owner)) * np.int64(n_periods + 1)
        reach = np.maximum.accumulate(run + hi) - run
    before = np.zeros(len(lo), np.int64)
    np.multiply(reach[:-1], same, out=before[1:])
    lo = np.maximum(lo, before)
    kept = lo < hi
    return (owner, lo, hi) if bool(kept.all()) else (owner[kept], lo[kept], hi[kept])


def _sorted_ranges(owner: Ints, lo: Ints, hi: Ints, bits: int) -> tuple[Ints, Ints, Ints]:
    """Ranges by owner and start; `bits` are those that a start or a stop takes."""
    if int(owner.max()).bit_length() + 2 * bits > _BITS:
        rows = np.lexsort((lo, owner))
        return owner[rows], lo[rows], hi[rows]
    # A range as one number is sorted as a whole, which is much faster than to find the order and to follow it.
    ranges = owner << bits
    ranges |= lo
    ranges <<= bits
    ranges |= hi
    ranges.sort()
    mask = (1 << bits) - 1
    hi = ranges & mask
    ranges >>= bits
    lo = ranges & mask
    ranges >>= bits
    return ranges, lo, hi


def _ascend(key: Ints, place: Ints) -> bool:
    """Whether pairs ascend; some may be equal."""
    same = key[1:] == key[:-1]
    return bool(((key[1:] > key[:-1]) | (same & (place[1:] >= place[:-1]))).all())
