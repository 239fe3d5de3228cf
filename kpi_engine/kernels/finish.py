"""From states to values: for each group and period the states inside that period's window, finished to one value.

Everything works on bucket states; rows are never read again. Windows may overlap (`rolling`), reach back for ever
(`cumulative`, `before`) or skip (`previous`); additive states are differences of running sums, extremes come from a
sparse table, distinct counts from interval coverage, so the cost does not grow with a window's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.plan import FinishKind
from kpi_engine.kernels.cells import Cells
from kpi_engine.kernels.cover import covered_cells, distinct_at
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.exact import divide_by_counts, range_sums, take, to_array, variance
from kpi_engine.kernels.frames import StateFrame, group_rows
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.quantile import percentile
from kpi_engine.kernels.ranges import range_extreme
from kpi_engine.kernels.sorting import distinct, sorted_with_order
from kpi_engine.kernels.states import State
from kpi_engine.kernels.vectors import Ints, Mask
from kpi_engine.kernels.windows import BucketWindows

MAX_EXPANDED = 50_000_000
"""The most (value, period) pairs that a percentile over overlapping windows may look at."""

NumberKind = Literal["integer", "decimal", "float"]
ZERO_WHEN_EMPTY = frozenset({"rows", "count", "sum", "distinct"})


@dataclass(frozen=True, slots=True)
class Finish:
    """How a state becomes a value.

    `number` is what a sum is, `parameter` the percentile. Outside coverage the value is null, or 0 with
    `outside_is_zero`.
    """

    kind: FinishKind
    number: NumberKind = "integer"
    parameter: str = ""
    outside_is_zero: bool = False


class GroupedStates:
    """A merged frame with its groups: the `size` distinct combinations of `keys`, numbered from 0.

    The group with the number `size` has no states; its values are what a group without rows gets.
    """

    def __init__(self, frame: StateFrame) -> None:
        groups = group_rows(frame.keys, len(frame))
        self._width = int(frame.bucket.max(initial=0)) + 2
        order = sorted_with_order(groups.ids * self._width + frame.bucket)[1]
        self.size = groups.size
        self.keys = tuple(key.take(pa.array(groups.first)) for key in frame.keys)
        self._frame = frame
        self._order = order
        self._group = groups.ids[order]
        self._bucket = frame.bucket[order]

    @cached_property
    def _places(self) -> Ints:
        return self._group * self._width + self._bucket

    def _ranges(self, windows: BucketWindows, cells: Cells) -> tuple[Ints, Ints]:
        """For each cell the range of sorted states inside its window."""
        top = self._width - 1
        base = cells.group * self._width
        starts = np.searchsorted(self._places, base + np.minimum(windows.low, top)[cells.period])
        stops = np.searchsorted(self._places, base + np.minimum(windows.high, top)[cells.period])
        return starts, np.maximum(starts, stops)

    def rows(self, state: int, windows: BucketWindows, cells: Cells) -> Ints:
        """Rows of the state inside the window of each cell."""
        starts, stops = self._ranges(windows, cells)
        return _between(self._frame.states[state].rows[self._order], starts, stops)

    def occupied(self, state: int) -> list[int]:
        """The buckets in which any group has a row of the state, ascending."""
        kept = self._frame.states[state].rows[self._order] > 0
        return [int(bucket) for bucket in distinct(self._bucket[kept])]

    def covered(self, state: int, windows: BucketWindows) -> tuple[Ints, Ints]:
        """Groups and periods of all cells with a row of the state inside their window."""
        kept = self._frame.states[state].rows[self._order] > 0
        first, last, order = windows.periods_of(self._bucket[kept])
        group, place = covered_cells(self._group[kept], first, last)
        return group, order[place]

    def finish(self, state: int, how: Finish, windows: BucketWindows, cells: Cells) -> pa.Array:
        """One value a cell. Raises `TooMuchWork` for a percentile over windows that overlap too much."""
        starts, stops = self._ranges(windows, cells)
        chosen = self._frame.states[state]
        rows = _between(chosen.rows[self._order], starts, stops)
        values = _between(chosen.values[self._order], starts, stops)
        is_open = windows.is_open[cells.period]
        if how.kind in ZERO_WHEN_EMPTY:
            valid = (is_open | how.outside_is_zero) & ((rows == 0) | (values > 0) | (how.kind != "sum"))
        else:
            valid = is_open & ((rows if how.kind in ("first", "last") else values) > 0)
        match how.kind:
            case "rows":
                return pa.array(rows, mask=~valid)
            case "count":
                return pa.array(values, mask=~valid)
            case "distinct":
                return pa.array(self._distinct(windows, cells), mask=~valid)
            case "percentile":
                return keep_where(self._percentile(windows, cells, Fraction(how.parameter)), valid)
            case "minimum" | "maximum":
                return self._extreme(chosen, starts, stops)
            case "first" | "last":
                return keep_where(self._at_end(chosen, how.kind, starts, stops), valid)
        return keep_where(self._additive(chosen, how, starts, stops, values), valid)

    def _additive(self, state: State, how: Finish, starts: Ints, stops: Ints, values: Ints) -> pa.Array:
        assert state.sums is not None
        sums = range_sums(take(state.sums, self._order), starts, stops)
        match how.kind:
            case "sum":
                return to_array(sums, None, how.number)
            case "avg":
                return divide_by_counts(sums, values)
            case "variance" | "stddev":
                assert state.squares is not None
                squares = range_sums(take(state.squares, self._order), starts, stops)
                return variance(values, sums, squares, stddev=how.kind == "stddev")
        raise AssertionError(f"no state finishes as {how.kind}")

    def _extreme(self, state: State, starts: Ints, stops: Ints) -> pa.Array:
        assert state.extreme is not None
        ordered = state.extreme.take(pa.array(self._order))
        return range_extreme(ordered, starts, stops, "min" if state.kind == "minimum" else "max")

    def _at_end(self, state: State, kind: FinishKind, starts: Ints, stops: Ints) -> pa.Array:
        """The value, which may be null, of the first or last bucket with a row in each range."""
        assert state.extreme is not None
        known = np.flatnonzero(state.rows[self._order] > 0)
        if not len(known):
            return pa.nulls(len(starts), state.extreme.type)
        place = np.searchsorted(known, starts if kind == "first" else stops) - (kind == "last")
        return state.extreme.take(pa.array(self._order[known[np.clip(place, 0, len(known) - 1)]]))

    def _distinct(self, windows: BucketWindows, cells: Cells) -> Ints:
        """Ids counted once a window: each id's buckets become ranges of periods, whose union is counted."""
        known = self._frame.states[0].values[self._order] > 0
        if windows.are_single_buckets:  # an id is there once in each bucket, so nothing needs to be united
            return _between(known.astype(np.int64), *self._ranges(windows, cells))
        item = self._frame.item
        assert item is not None
        codes = encode(item)[0][self._order]
        first, last, order = windows.periods_of(self._bucket)
        kept = np.flatnonzero(known & (first < last))
        place = np.full(len(windows), -1, np.int64)
        place[order] = np.arange(len(order))
        asked = np.flatnonzero(place[cells.period] >= 0)
        wanted = Cells(cells.group[asked], place[cells.period[asked]], max(len(order), 1))
        counts = np.zeros(len(cells), np.int64)
        counts[asked] = distinct_at(self._group[kept], codes[kept], first[kept], last[kept], wanted)
        return counts

    def _percentile(self, windows: BucketWindows, cells: Cells, percent: Fraction) -> pa.Array:
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
        place = cells.positions(self._group[state], period)
        ordered = item.take(pa.array(self._order[state]))
        return percentile(place, ordered, counts[state], percent, len(cells))


def _between(counts: Ints, starts: Ints, stops: Ints) -> Ints:
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    found: Ints = running[stops] - running[starts]
    return found


def keep_where(values: pa.Array, valid: Mask) -> pa.Array:
    """The values, null where not valid."""
    if bool(valid.all()):
        return values
    positions = np.where(valid, np.arange(len(values)), -1)
    return values.take(pa.array(positions, mask=positions < 0))
