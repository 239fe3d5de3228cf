"""What is alive at an instant: rows that began before it and have not ended.

A row counts in a range of periods: those whose instant lies in (begin, end]. So open tickets, active members and the
sums over them are running sums of what opens less what closes, distinct ids the union of ranges; opening + begun
- ended = closing holds exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyarrow as pa

from kpi_engine.ir.plan import FinishKind
from kpi_engine.kernels.cells import Cells
from kpi_engine.kernels.cover import count_over, covered_cells, distinct_at
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.exact import Limbs, concat, divide_by_counts, range_sums, regroup, take, to_array, variance
from kpi_engine.kernels.extremes import group_extreme
from kpi_engine.kernels.finish import MAX_EXPANDED, ZERO_WHEN_EMPTY, Finish, keep_where
from kpi_engine.kernels.frames import StateFrame, group_rows
from kpi_engine.kernels.group import key_codes
from kpi_engine.kernels.quantile import percentile
from kpi_engine.kernels.states import decoded
from kpi_engine.kernels.vectors import Ints, int64_view
from kpi_engine.kernels.windows import BucketWindows


class LifetimeStates:
    """As `GroupedStates`, for a frame whose last key is the bucket in which a row's life ends."""

    def __init__(self, frame: StateFrame) -> None:
        *keys, until = frame.keys
        groups = group_rows(keys, len(frame))
        self.size = groups.size
        self.keys = tuple(decoded(key.take(pa.array(groups.first))) for key in keys)
        self._frame = frame
        self._group = groups.ids
        self._bucket = frame.bucket
        self._until = int64_view(until)

    def rows(self, state: int, windows: BucketWindows, cells: Cells) -> Ints:
        """Rows of the state alive at the instant of each cell."""
        return _Alive(self, windows, cells).count(self._frame.states[state].rows)

    def covered(self, state: int, windows: BucketWindows) -> tuple[Ints, Ints]:
        """Groups and periods of all cells with a row of the state alive."""
        kept = self._frame.states[state].rows > 0
        first, last, order = windows.instants_of(self._bucket[kept], self._until[kept])
        group, place = covered_cells(self._group[kept], first, last)
        return group, order[place]

    def presence(self, state: int, windows: BucketWindows, owners: Ints, size: int) -> Ints:
        """As `GroupedStates.presence`, of states alive at the instants of periods."""
        kept = np.flatnonzero((self._frame.states[state].rows > 0) & (owners[self._group] >= 0))
        first, last, order = windows.instants_of(self._bucket[kept], self._until[kept])
        found = np.zeros((size, len(windows)), np.int64)
        found[:, order] = count_over(owners[self._group[kept]], first, np.maximum(first, last), size, len(order))
        return found

    def finish(self, state: int, how: Finish, windows: BucketWindows, cells: Cells) -> pa.Array:
        """One value a cell. Raises `TooMuchWork` where a percentile or an extreme would look at too much."""
        alive = _Alive(self, windows, cells)
        chosen = self._frame.states[state]
        rows, values = alive.count(chosen.rows), alive.count(chosen.values)
        is_open = windows.is_open[cells.period]
        if how.kind in ZERO_WHEN_EMPTY:
            valid = (is_open | how.outside_is_zero) & ((rows == 0) | (values > 0) | (how.kind != "sum"))
        else:
            valid = is_open & (values > 0)
        match how.kind:
            case "rows":
                return pa.array(rows, mask=~valid)
            case "count":
                return pa.array(values, mask=~valid)
            case "distinct":
                return pa.array(self._distinct(alive), mask=~valid)
            case "percentile" | "minimum" | "maximum":
                return keep_where(self._expanded(state, how, alive), valid)
        assert chosen.sums is not None
        sums = alive.total(chosen.sums)
        match how.kind:
            case "sum":
                return keep_where(to_array(sums, None, how.number), valid)
            case "avg":
                return keep_where(divide_by_counts(sums, values), valid)
        assert chosen.squares is not None
        return keep_where(variance(values, sums, alive.total(chosen.squares), stddev=how.kind == "stddev"), valid)

    def _distinct(self, alive: _Alive) -> Ints:
        item = self._frame.item
        assert item is not None
        codes = key_codes(item)[0]
        kept = np.flatnonzero((self._frame.states[0].values > 0) & (alive.first < alive.last))
        wanted, asked = alive.ordered_cells()
        counts = np.zeros(len(alive.cells), np.int64)
        counts[asked] = distinct_at(self._group[kept], codes[kept], alive.first[kept], alive.last[kept], wanted)
        return counts

    def _expanded(self, state: int, how: Finish, alive: _Alive) -> pa.Array:
        chosen = self._frame.states[state]
        rows, place = alive.expand(chosen.values > 0, how.kind)
        if how.kind == "percentile":
            assert self._frame.item is not None
            items = self._frame.item.take(pa.array(rows))
            return percentile(place, items, chosen.values[rows], Fraction(how.parameter), len(alive.cells))
        assert chosen.extreme is not None
        lives = chosen.extreme.take(pa.array(rows))
        return group_extreme(lives, place, len(alive.cells), "minimum" if how.kind == "minimum" else "maximum")


class _Alive:
    """For each state the range [first, last) of periods at whose instant its rows are alive; sums over cells."""

    def __init__(self, states: LifetimeStates, windows: BucketWindows, cells: Cells) -> None:
        self.first, last, self.order = windows.instants_of(states._bucket, states._until)
        self.last = np.maximum(self.first, last)
        self.cells = cells
        self._group = states._group
        width = len(self.order) + 2
        self._place = np.full(len(windows), -1, np.int64)
        self._place[self.order] = np.arange(len(self.order))
        asked = cells.group * width + self._place[cells.period]
        self._opening = np.argsort(states._group * width + self.first, kind="stable")
        self._closing = np.argsort(states._group * width + self.last, kind="stable")
        # What smaller groups opened they have closed as well, so that only the cell's own group remains.
        self._opened = np.searchsorted((states._group * width + self.first)[self._opening], asked, "right")
        self._closed = np.searchsorted((states._group * width + self.last)[self._closing], asked, "right")
        closed_window = self._place[cells.period] < 0
        self._opened[closed_window] = 0
        self._closed[closed_window] = 0

    def count(self, counts: Ints) -> Ints:
        """The sum of counts over the states alive in each cell."""
        zero = np.zeros(1, np.int64)
        opened = np.concatenate([zero, np.cumsum(counts[self._opening])])[self._opened]
        closed = np.concatenate([zero, np.cumsum(counts[self._closing])])[self._closed]
        found: Ints = opened - closed
        return found

    def total(self, sums: Limbs) -> Limbs:
        """The exact sum over the states alive in each cell."""
        start = np.zeros(len(self.cells), np.int64)
        opened = range_sums(take(sums, self._opening), start, self._opened)
        closed = range_sums(take(sums, self._closing), start, self._closed)
        both = concat([opened, Limbs(-closed.words, closed.exponent, closed.scale)])
        cell = np.arange(len(self.cells), dtype=np.int64)
        return regroup(both, np.concatenate([cell, cell]), len(self.cells))

    def ordered_cells(self) -> tuple[Cells, Ints]:
        """The cells whose window is open, with their places in the order of instants, and which cells those are."""
        place = self._place[self.cells.period]
        asked = np.flatnonzero(place >= 0)
        return Cells(self.cells.group[asked], place[asked], max(len(self.order), 1)), asked

    def expand(self, wanted: np.ndarray, kind: FinishKind) -> tuple[Ints, Ints]:
        """Every (state, cell) pair in which a wanted state is alive."""
        lengths = np.where(wanted, self.last - self.first, 0)
        total = int(lengths.sum())
        if total > MAX_EXPANDED:
            raise TooMuchWork(kind, total)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        period = self.order[self.first[rows] + within] if total else np.zeros(0, np.int64)
        return rows, self.cells.positions(self._group[rows], period)
