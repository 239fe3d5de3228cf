"""Percentiles of windows: the values of each window gathered from sorted states, some windows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.quantile import Ranked, order_keys
from kpi_engine.kernels.sketches_kll import compact_levels
from kpi_engine.kernels.vectors import Ints, row_numbers

_AT_ONCE = 1 << 22
"""Values gathered at once, so that memory does not grow with the overlap of windows."""


def percentile_over(
    item: pa.Array, counts: Ints, cells: Ints, starts: Ints, stops: Ints, size: int, percent: Fraction
) -> pa.Array:
    """The percentile of each cell in [0, size) over ranges of values; null for a cell without values.

    item, counts: values, and how many rows each stands for. cells: ascending; the cell of each range [start, stop).

    >>> ranges = (np.array([0, 1]), np.array([0, 1]), np.array([2, 3]))
    >>> percentile_over(pa.array([1, 2, 6]), np.ones(3, np.int64), *ranges, 2, Fraction(50)).to_pylist()
    [1.5, 4.0]
    """
    results = [each.percentile(percent) for each in ranked_windows(item, counts, cells, starts, stops, size)]
    return pa.concat_arrays(results) if results else pa.nulls(0, pa.float64())


def ranked_windows(item: pa.Array, counts: Ints, cells: Ints, starts: Ints, stops: Ints, size: int) -> Iterator[Ranked]:
    """The values of `percentile_over` put in order, some cells after the other."""
    lengths = np.maximum(stops - starts, 0)
    running = np.cumsum(lengths)
    begin = done = 0
    while done < size:
        # Whole cells, at least one of them.
        reach = int(running[begin - 1] if begin else 0) + _AT_ONCE
        last = int(np.searchsorted(running, reach, "right"))
        until = int(cells[last]) if last < len(cells) else size
        until = max(until, done + 1)
        last = int(np.searchsorted(cells, until))
        part = slice(begin, last)
        rows = expanded(starts[part], lengths[part])
        place = np.repeat(cells[part] - done, lengths[part])
        yield Ranked(place, item.take(row_numbers(rows)), counts[rows], until - done)
        begin, done = last, until


def expanded(starts: Ints, lengths: Ints) -> Ints:
    """All numbers of ranges, one range after the other.

    >>> expanded(np.array([5, 1]), np.array([2, 1])).tolist()
    [5, 6, 1]
    """
    ends = np.cumsum(lengths)
    return np.repeat(starts - ends + lengths, lengths) + np.arange(int(ends[-1]) if len(ends) else 0)


class Blocks:
    """Sketches of 1, 2, 4, 8, ... neighbouring buckets, so that a window is the union of a few of them.

    group, bucket: sorted together; item, counts: the values of each state and the rows that they stand for; longest:
    the most buckets that a window has. `rows` says which states stand in the blocks, level after level, and `weights`
    how many rows each stands for there.
    """

    def __init__(self, group: Ints, bucket: Ints, item: pa.Array, counts: Ints, longest: int) -> None:
        self._width = int(bucket.max(initial=0)) + 2
        keys = order_keys(item)
        rows, weights, places = np.arange(len(bucket)), counts, group * self._width + bucket
        levels = [(rows, weights, places)]
        while 1 << len(levels) <= min(longest, self._width):
            places = group[rows] * self._width + (places % self._width >> 1)
            rows, weights, places = _merged(rows, weights, places, keys)
            levels.append((rows, weights, places))
        self.rows = np.concatenate([level[0] for level in levels])
        self.weights = np.concatenate([level[1] for level in levels])
        self._places = [level[2] for level in levels]

    def ranges(self, group: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints, Ints]:
        """For each window, buckets [low, high) of a group, the ranges of `rows` that make it up.

        Gives the number of the window, ascending, the starts and the stops of all ranges.
        """
        low = np.minimum(low, self._width - 1)
        high = np.maximum(low, np.minimum(high, self._width - 1))
        found: list[tuple[Ints, Ints, Ints]] = []
        offset = 0
        for level, places in enumerate(self._places):
            # A block that begins or ends in the middle of one of the next level is taken here.
            is_last = level == len(self._places) - 1
            begin = high if is_last else np.minimum(low + (low & 1), high)
            end = high if is_last else np.maximum(high - (high & 1), begin)
            for first, last in ((low, begin), (end, high)):
                windows = np.flatnonzero(first < last)
                base = group[windows] * self._width
                starts = np.searchsorted(places, base + first[windows]) + offset
                stops = np.searchsorted(places, base + last[windows]) + offset
                found.append((windows, starts, stops))
            low, high = begin >> 1, end >> 1
            offset += len(places)
        windows, starts, stops = (np.concatenate([part[column] for part in found]) for column in range(3))
        order = np.argsort(windows, kind="stable")
        return windows[order], starts[order], stops[order]


def _merged(rows: Ints, weights: Ints, places: Ints, keys: Ints) -> tuple[Ints, Ints, Ints]:
    """States of equal places united: equal values become one, and sets that are too large smaller."""
    order = np.lexsort((keys[rows], places))
    rows, weights, places = rows[order], weights[order], places[order]
    starts = np.ones(len(rows), np.bool_)
    starts[1:] = (places[1:] != places[:-1]) | (keys[rows[1:]] != keys[rows[:-1]])
    begin = np.flatnonzero(starts)
    if not len(begin):
        return rows, weights, places
    rows, places, weights = rows[begin], places[begin], np.add.reduceat(weights, begin)
    cells = np.cumsum(np.append(True, places[1:] != places[:-1])) - 1
    kept, weights = compact_levels(cells, keys[rows], weights)
    return rows[kept], weights, places[kept]
