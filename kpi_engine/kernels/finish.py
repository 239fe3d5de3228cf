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
from kpi_engine.kernels.cover import covered_cells, distinct_at, rows_by_id
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.exact import divide_by_counts, range_sums, take, to_array, variance
from kpi_engine.kernels.frames import StateFrame, group_rows
from kpi_engine.kernels.group import key_codes
from kpi_engine.kernels.ranges import range_extreme
from kpi_engine.kernels.sketches_hll import hll_counts
from kpi_engine.kernels.sorting import distinct, sorted_with_order
from kpi_engine.kernels.states import State, decoded
from kpi_engine.kernels.vectors import Ints, Mask, int64_view
from kpi_engine.kernels.window_values import Blocks, percentile_over
from kpi_engine.kernels.windows import BucketWindows

MAX_EXPANDED = 20_000_000
"""The most (value, period) pairs that an exact percentile over overlapping windows may look at."""

MAX_SKETCHED = 1_000_000_000
"""The same for an estimated percentile, whose values are those of sketches."""

_MANY = 1 << 22
"""From so many pairs on windows are made of blocks of sketches instead of the sketches of all their buckets."""

_TABLE = 1 << 16
"""A table of so many places costs nothing."""

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
        self._width = int(frame.bucket.max(initial=0)) + 2
        self._frame = frame
        if frame.keys:
            groups = group_rows(frame.keys, len(frame))
            self._ids, self.size = groups.ids, groups.size
            self.keys = tuple(decoded(key.take(pa.array(groups.first))) for key in frame.keys)
            places = groups.ids * self._width
            places += frame.bucket
        else:
            self._ids, self.size = np.broadcast_to(np.int64(0), len(frame)), min(len(frame), 1)
            self.keys, places = (), frame.bucket
        self._table = PlaceTable(places, (self.size + 1) * self._width, are_distinct=frame.item is None)

    @cached_property
    def _order(self) -> Ints:
        """The states sorted by group and bucket."""
        return sorted_with_order(self._table.places)[1]

    @cached_property
    def _group(self) -> Ints:
        return self._ids[self._order]

    @cached_property
    def _bucket(self) -> Ints:
        return self._frame.bucket[self._order]

    @cached_property
    def _places(self) -> Ints:
        return self._table.places[self._order]

    def _count(self, counts: Ints, windows: BucketWindows, cells: Cells) -> Ints:
        """The sum of the states' counts inside the window of each cell."""
        running = self._table.running(counts)
        if running is None:
            return _between(counts[self._order], *self._ranges(windows, cells))
        top = self._width - 1
        base = cells.group * self._width
        low = np.minimum(windows.low, top)
        found: Ints = running[base + np.maximum(low, np.minimum(windows.high, top))[cells.period]]
        return found - running[base + low[cells.period]]

    def _ranges(self, windows: BucketWindows, cells: Cells) -> tuple[Ints, Ints]:
        """For each cell the range of sorted states inside its window."""
        top = self._width - 1
        base = cells.group * self._width
        starts = np.searchsorted(self._places, base + np.minimum(windows.low, top)[cells.period])
        stops = np.searchsorted(self._places, base + np.minimum(windows.high, top)[cells.period])
        return starts, np.maximum(starts, stops)

    def rows(self, state: int, windows: BucketWindows, cells: Cells) -> Ints:
        """Rows of the state inside the window of each cell."""
        return self._count(self._frame.states[state].rows, windows, cells)

    def occupied(self, state: int) -> list[int]:
        """The buckets in which any group has a row of the state, ascending."""
        kept = self._frame.states[state].rows[self._order] > 0
        return [int(bucket) for bucket in distinct(self._bucket[kept])]

    def covered(self, state: int, windows: BucketWindows) -> tuple[Ints, Ints]:
        """Groups and periods of all cells with a row of the state inside their window."""
        places = self._table.occupied(self._frame.states[state].rows)
        owner = places // self._width
        bucket = places - owner * self._width
        periods = windows.period_of_buckets(self._width)
        if periods is not None:
            period = periods[bucket]
            return (owner, period) if bool((periods >= 0).all()) else (owner[period >= 0], period[period >= 0])
        first, last, order = windows.periods_of(bucket)
        group, place = covered_cells(owner, first, last)
        return group, order[place]

    def presence(self, state: int, windows: BucketWindows, owners: Ints, size: int) -> Ints:
        """For each owner in [0, size) and period how many states of the owner's groups lie inside the window and have
        rows. `owners` says whose each group is, -1 for nobody's."""
        owner, bucket = owners[self._ids], self._frame.bucket
        kept = (owner >= 0) & (self._frame.states[state].rows > 0)
        if not bool(kept.all()):
            owner, bucket = owner[kept], bucket[kept]
        found = np.bincount(owner * self._width + bucket, minlength=size * self._width)
        running = np.zeros((size, self._width + 1), np.int64)
        np.cumsum(found.reshape(size, self._width), axis=1, out=running[:, 1:])
        low = np.minimum(windows.low, self._width)
        inside = running[:, np.maximum(low, np.minimum(windows.high, self._width))] - running[:, low]
        return np.where(windows.is_open, inside, 0)

    def finish(self, state: int, how: Finish, windows: BucketWindows, cells: Cells) -> pa.Array:
        """One value a cell. Raises `TooMuchWork` for a percentile over windows that overlap too much."""
        chosen = self._frame.states[state]
        rows = self._count(chosen.rows, windows, cells)
        values = rows if chosen.values is chosen.rows else self._count(chosen.values, windows, cells)
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
        starts, stops = self._ranges(windows, cells)
        match how.kind:
            case "percentile":
                return keep_where(self._percentile(windows, cells, starts, stops, Fraction(how.parameter)), valid)
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
        values, item = self._frame.states[0].values, self._frame.item
        if item is None:  # counted already
            return self._count(values, windows, cells)
        known = values > 0
        if windows.are_single_buckets:  # an id is there once in each bucket, so nothing needs to be united
            return self._estimated(self._count(known.view(np.uint8), windows, cells), windows, cells)
        codes = key_codes(item)[0]
        _, _, order = windows.periods_of(self._frame.bucket[:0])
        place = np.full(len(windows), -1, np.int64)
        place[order] = np.arange(len(order))
        asked = np.flatnonzero(place[cells.period] >= 0)
        wanted = Cells(cells.group[asked], place[cells.period[asked]], max(len(order), 1))
        counts = np.zeros(len(cells), np.int64)
        for rows in rows_by_id(codes, known):
            first, last, _ = windows.periods_of(self._frame.bucket[rows])
            counts[asked] += distinct_at(self._ids[rows], codes[rows], first, last, wanted)
        return self._estimated(counts, windows, cells)

    def _estimated(self, counts: Ints, windows: BucketWindows, cells: Cells) -> Ints:
        """Distinct counts as they are, or estimates where the items are those of a sketch and too many."""
        (state,) = self._frame.states
        if state.kind != "hll":
            return counts
        assert self._frame.item is not None
        known = self._order[state.values[self._order] > 0]
        item = int64_view(self._frame.item)[known]
        kept = state.values[self._order] > 0
        asked = (cells.group, windows.low[cells.period], windows.high[cells.period])
        return hll_counts(item, self._group[kept], self._bucket[kept], asked, counts)

    def _percentile(
        self, windows: BucketWindows, cells: Cells, starts: Ints, stops: Ints, percent: Fraction
    ) -> pa.Array:
        (state,) = self._frame.states
        assert self._frame.item is not None
        kept = np.flatnonzero(state.values[self._order] > 0)
        item = self._frame.item.take(pa.array(self._order[kept]))
        counts = state.values[self._order[kept]]
        starts, stops = np.searchsorted(kept, starts), np.searchsorted(kept, stops)
        total = int((stops - starts).sum())
        number = np.arange(len(cells))
        if state.kind == "kll" and total > max(_MANY, 4 * len(kept)):
            low, high = windows.low[cells.period], windows.high[cells.period]
            blocks = Blocks(self._group[kept], self._bucket[kept], item, counts, int((high - low).max(initial=1)))
            number, starts, stops = blocks.ranges(cells.group, low, high)
            item, counts = item.take(pa.array(blocks.rows)), blocks.weights
            total = int((stops - starts).sum())
        most = MAX_SKETCHED if state.kind == "kll" else MAX_EXPANDED
        if total > max(most, 2 * len(kept)):
            raise TooMuchWork("percentile", total)
        return percentile_over(item, counts, number, starts, stops, len(cells), percent)


class PlaceTable:
    """Tables of all places in [0, `size`), where they are no larger than what lies at `places`.

    `are_distinct`: nothing else lies at the same place.
    """

    def __init__(self, places: Ints, size: int, *, are_distinct: bool) -> None:
        self.places = places
        self._size = size
        self._are_distinct = are_distinct
        self._fits = size <= max(_TABLE, 4 * len(places))
        self._running: dict[int, tuple[Ints, Ints]] = {}

    def running(self, counts: Ints) -> Ints | None:
        """For each place from 0 on the sum of the counts at the places before it; None if that table is too large.

        >>> PlaceTable(np.array([1, 3, 1]), 4, are_distinct=False).running(np.array([1, 5, 2])).tolist()
        [0, 0, 3, 3, 8]
        """
        if not self._fits:
            return None
        found = self._running.get(id(counts))
        if found is None:  # the counts are kept with their table, so that their number is not given to others
            table = np.zeros(self._size + 1, np.int64)
            if self._are_distinct:
                table[1:][self.places] = counts
            else:
                table[1:] = np.bincount(self.places, counts, self._size)
            np.cumsum(table, out=table)
            found = self._running[id(counts)] = (counts, table)
        return found[1]

    def occupied(self, counts: Ints) -> Ints:
        """The places with a positive count, ascending.

        >>> PlaceTable(np.array([3, 1, 3]), 4, are_distinct=False).occupied(np.array([0, 5, 2])).tolist()
        [1, 3]
        """
        some = counts > 0
        chosen = self.places if bool(some.all()) else self.places[some]
        if not self._fits:
            return distinct(chosen)
        table = np.zeros(self._size, np.bool_)
        table[chosen] = True
        return np.flatnonzero(table)


def _between(counts: Ints, starts: Ints, stops: Ints) -> Ints:
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    found: Ints = running[stops] - running[starts]
    return found


def keep_where(values: pa.Array, valid: Mask) -> pa.Array:
    """The values, null where not valid."""
    if bool(valid.all()):
        return values
    positions = np.where(valid, np.arange(len(values)), -1)
    return values.take(pa.array(positions, mask=positions < 0))
