"""From states to values: for each group and period the states inside that period's window, finished to one value.

Everything works on bucket states; rows are never read again. Windows may overlap (`rolling`), reach back for ever
(`cumulative`, `before`) or skip (`previous`); additive states are differences of running sums, extremes come from a
sparse table, distinct counts from interval coverage, so the cost does not grow with a window's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.plan import FinishKind
from kpi_engine.kernels.cover import distinct_over
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.exact import divide_by_counts, range_sums, take, to_array, variance
from kpi_engine.kernels.frames import StateFrame, group_rows
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.quantile import percentile
from kpi_engine.kernels.ranges import range_extreme
from kpi_engine.kernels.states import State
from kpi_engine.kernels.vectors import Ints, Mask

MAX_EXPANDED = 50_000_000
"""The most (value, period) pairs that a percentile over overlapping windows may look at."""

NumberKind = Literal["integer", "decimal", "float"]
_ZERO_WHEN_EMPTY = frozenset({"rows", "count", "sum", "distinct"})


@dataclass(frozen=True, slots=True)
class BucketWindows:
    """For each period the half-open range [low, high) of buckets that its window covers; `open_` False: no window."""

    low: Ints
    high: Ints
    open_: Mask

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int] | None]) -> BucketWindows:
        """Windows from a list of ranges, None where there is none."""
        low = np.array([0 if each is None else each[0] for each in ranges], np.int64)
        high = np.array([0 if each is None else each[1] for each in ranges], np.int64)
        return cls(low, high, np.array([each is not None for each in ranges], np.bool_))

    def __len__(self) -> int:
        return len(self.low)

    def periods_of(self, bucket: Ints) -> tuple[Ints, Ints, Ints]:
        """For states in these buckets the range [first, last) of periods whose windows hold them.

        Periods are numbered in the order of the third array, which sorts windows by their ends: a later window never
        begins earlier, so that the periods of a bucket are neighbours.
        """
        order = np.flatnonzero(self.open_)
        order = order[np.lexsort((self.low[order], self.high[order]))]
        low, high = self.low[order], self.high[order]
        if np.any(low[1:] < low[:-1]):
            raise AssertionError("windows of one leaf must not enclose each other")
        return np.searchsorted(high, bucket, "right"), np.searchsorted(low, bucket, "right"), order


class GroupedStates:
    """A merged frame with its groups: distinct combinations of keys, one more than there are at the end.

    The last group has no states; its values are what a group without rows gets. Values are laid out group by group,
    one element a period.
    """

    def __init__(self, frame: StateFrame) -> None:
        groups = group_rows(frame.keys, len(frame))
        order = np.lexsort((frame.bucket, groups.ids))
        self.size = groups.size
        self.keys = tuple(key.take(pa.array(groups.first)) for key in frame.keys)
        self._frame = frame
        self._order = order
        self._group = groups.ids[order]
        self._bucket = frame.bucket[order]

    @cached_property
    def _cells(self) -> Ints:
        return self._group * self._width + self._bucket

    @property
    def _width(self) -> int:
        return int(self._bucket.max(initial=0)) + 2

    def _ranges(self, windows: BucketWindows) -> tuple[Ints, Ints]:
        """For each (group, period) the range of sorted states inside the window."""
        top = self._width - 1
        base = np.arange(self.size + 1, dtype=np.int64)[:, None] * self._width
        low, high = np.minimum(windows.low, top), np.minimum(windows.high, top)
        starts = np.searchsorted(self._cells, (base + low[None, :]).ravel())
        stops = np.searchsorted(self._cells, (base + high[None, :]).ravel())
        return starts, np.maximum(starts, stops)

    def rows(self, state: int, windows: BucketWindows) -> Ints:
        """Rows of the state inside each (group, period)."""
        starts, stops = self._ranges(windows)
        return _between(self._frame.states[state].rows[self._order], starts, stops)

    def finish(
        self,
        state: int,
        kind: FinishKind,
        windows: BucketWindows,
        number: NumberKind,
        parameter: str,
        outside_is_zero: bool,
    ) -> pa.Array:
        """One value for each (group, period), for the group without rows too.

        Where the window is closed (outside coverage) the value is null, or 0 if `outside_is_zero`. Raises
        `TooMuchWork` for a percentile over windows that overlap too much.
        """
        starts, stops = self._ranges(windows)
        chosen = self._frame.states[state]
        rows = _between(chosen.rows[self._order], starts, stops)
        values = _between(chosen.values[self._order], starts, stops)
        is_open = np.tile(windows.open_, self.size + 1)
        if kind in _ZERO_WHEN_EMPTY:
            counts_nulls = kind != "sum"
            valid = (is_open | outside_is_zero) & ((rows == 0) | (values > 0) | counts_nulls)
        else:
            valid = is_open & (values > 0)
        match kind:
            case "rows":
                return pa.array(rows, mask=~valid)
            case "count":
                return pa.array(values, mask=~valid)
            case "distinct":
                return pa.array(self._distinct(windows), mask=~valid)
            case "percentile":
                return _where(self._percentile(windows, Fraction(parameter)), valid)
            case "minimum" | "maximum":
                return self._extreme(chosen, starts, stops)
        return _where(self._additive(chosen, kind, starts, stops, values, number), valid)

    def _additive(
        self, state: State, kind: FinishKind, starts: Ints, stops: Ints, values: Ints, number: NumberKind
    ) -> pa.Array:
        assert state.sums is not None
        sums = range_sums(take(state.sums, self._order), starts, stops)
        match kind:
            case "sum":
                return to_array(sums, None, number)
            case "avg":
                return divide_by_counts(sums, values)
            case "variance" | "stddev":
                assert state.squares is not None
                squares = range_sums(take(state.squares, self._order), starts, stops)
                return variance(values, sums, squares, stddev=kind == "stddev")
        raise AssertionError(f"no state finishes as {kind}")

    def _extreme(self, state: State, starts: Ints, stops: Ints) -> pa.Array:
        assert state.extreme is not None
        sorted_values = state.extreme.take(pa.array(self._order))
        return range_extreme(sorted_values, starts, stops, "min" if state.kind == "minimum" else "max")

    def _distinct(self, windows: BucketWindows) -> Ints:
        """Ids counted once a window: each id's buckets become intervals of periods, their union is counted."""
        item = self._frame.item
        assert item is not None
        codes = encode(item)[0][self._order]
        first, last, order = windows.periods_of(self._bucket)
        present = self._frame.states[0].values[self._order] > 0
        kept = np.flatnonzero(present & (first < last))
        counted = distinct_over(
            self._group[kept], codes[kept], first[kept], last[kept], self.size + 1, len(order)
        )
        dense = np.zeros((self.size + 1, len(windows)), np.int64)
        dense[:, order] = counted
        return dense.ravel()

    def _percentile(self, windows: BucketWindows, percent: Fraction) -> pa.Array:
        item = self._frame.item
        assert item is not None
        first, last, order = windows.periods_of(self._bucket)
        counts = self._frame.states[0].values[self._order]
        lengths = np.where(counts > 0, np.maximum(last - first, 0), 0)
        total = int(lengths.sum())
        if total > max(MAX_EXPANDED, 2 * len(lengths)):
            raise TooMuchWork("percentile", total)
        state = np.repeat(np.arange(len(lengths)), lengths)
        within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        period = order[first[state] + within] if total else np.zeros(0, np.int64)
        cells = self._group[state] * len(windows) + period
        sorted_items = item.take(pa.array(self._order[state]))
        return percentile(cells, sorted_items, counts[state], percent, (self.size + 1) * len(windows))


def _between(counts: Ints, starts: Ints, stops: Ints) -> Ints:
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return running[stops] - running[starts]


def _where(values: pa.Array, valid: Mask) -> pa.Array:
    """The values, null where not valid."""
    if bool(valid.all()):
        return values
    positions = np.where(valid, np.arange(len(values)), -1)
    return values.take(pa.array(positions, mask=positions < 0))
