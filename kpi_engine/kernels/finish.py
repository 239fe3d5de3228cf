"""From states to values: for each group and period the states inside that period's window, finished to one value.

Everything works on bucket states; rows are never read again. Windows may overlap (`rolling`), reach back for ever
(`cumulative`, `before`) or skip (`previous`); additive states are differences of running sums, extremes come from a
sparse table, distinct counts from interval coverage, so the cost does not grow with a window's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import FinishKind
from kpi_engine.kernels.bucket_sums import running_sums
from kpi_engine.kernels.cells import Cells
from kpi_engine.kernels.errors import TooMuchWork
from kpi_engine.kernels.exact import divide_by_counts, range_sums, take, to_array, variance
from kpi_engine.kernels.frames import StateFrame, group_rows
from kpi_engine.kernels.group import key_codes
from kpi_engine.kernels.places import Places
from kpi_engine.kernels.sorting import distinct
from kpi_engine.kernels.states import State, decoded
from kpi_engine.kernels.vectors import Ints, Mask, from_int64, int64_view, row_numbers
from kpi_engine.kernels.windows import BucketWindows

if TYPE_CHECKING:
    from kpi_engine.kernels.quantile import Ranked

MAX_EXPANDED = 20_000_000
"""The most (value, period) pairs that an exact percentile over overlapping windows may look at."""

MAX_SKETCHED = 1_000_000_000
"""The same for an estimated percentile, whose values are those of sketches."""

_MANY = 1 << 22
"""From so many pairs on windows are made of blocks of sketches instead of the sketches of all their buckets."""

_REMEMBERED = 1 << 18
"""So many values in windows stay in order for the next percentile of the same windows."""

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
        self._bits = (int(frame.bucket.max(initial=0)) + 1).bit_length()
        self._frame = frame
        if frame.keys:
            groups = group_rows(frame.keys, len(frame))
            self._ids, self.size = groups.ids, groups.size
            self.keys = tuple(decoded(key.take(row_numbers(groups.first))) for key in frame.keys)
        else:
            self._ids, self.size = np.broadcast_to(np.int64(0), len(frame)), min(len(frame), 1)
            self.keys = ()
        self._last_ranges: tuple[BucketWindows, Cells, tuple[Ints, Ints]] | None = None
        self._running: dict[int, tuple[Ints, Ints]] = {}
        self._inside: dict[tuple[int, int], tuple[Ints, BucketWindows, Ints]] = {}
        self._ranked: tuple[Ints, Ints, list[Ranked]] | None = None

    @cached_property
    def _places(self) -> Places:
        """Where the states lie: group by group, and in each bucket by bucket."""
        places = self._frame.bucket
        if self._frame.keys:
            places = self._ids << self._bits
            places |= self._frame.bucket
        return Places(places, (self.size + 1) << self._bits, are_distinct=self._frame.item is None)

    @cached_property
    def _order(self) -> Ints:
        """The states sorted by group and bucket."""
        return self._places.order()

    @cached_property
    def _group(self) -> Ints:
        return self._ids[self._order]

    @cached_property
    def _bucket(self) -> Ints:
        return self._frame.bucket[self._order]

    def _ranges(self, windows: BucketWindows, cells: Cells) -> tuple[Ints, Ints]:
        """For each cell the range of distinct places of states inside its window.

        The last ones are kept: rows and values of a leaf are asked one after the other.
        """
        known = self._last_ranges
        if known is not None and known[0] is windows and known[1] is cells:
            return known[2]
        top = (1 << self._bits) - 1
        base = cells.group << self._bits
        low = np.minimum(windows.low, top)
        high = np.maximum(low, np.minimum(windows.high, top))
        starts = base | low[cells.period]
        if bool((high <= low + 1).all()):
            found = self._places.around(starts, (high > low)[cells.period])
        else:
            found = self._places.before(starts), self._places.before(base | high[cells.period])
        self._last_ranges = windows, cells, found
        return found

    def rows(self, state: int, windows: BucketWindows, cells: Cells) -> Ints:
        """Rows of the state inside the window of each cell."""
        return self._total(self._frame.states[state].rows, windows, cells)

    def _total(self, counts: Ints, windows: BucketWindows, cells: Cells) -> Ints:
        """The sum of the states' counts inside the window of each cell."""
        if self._is_dense:
            return self._difference(counts, windows, cells)
        ranges = windows.few_ranges
        if ranges is None:
            return self._places.total(counts, *self._ranges(windows, cells))
        place = id(counts), id(windows)
        known = self._inside.get(place)
        if known is None:  # both are kept, so that their numbers are not given to others
            known = self._inside[place] = (counts, windows, self._by_group(counts, ranges.bounds))
        found: Ints = known[2][ranges.of_period[cells.period], cells.group]
        return found

    @cached_property
    def _is_dense(self) -> bool:
        """Whether a table of all groups and buckets is small beside the states."""
        return (self.size + 1) << self._bits <= max(_TABLE, len(self._frame) // 4)

    def _difference(self, counts: Ints, windows: BucketWindows, cells: Cells) -> Ints:
        width = 1 << self._bits
        known = self._running.get(id(counts))
        if known is None:
            sums = running_sums(self._ids, self._frame.bucket, counts, self.size + 1, width)
            known = self._running[id(counts)] = (counts, sums)
        low = np.minimum(windows.low, width)
        high = np.maximum(low, np.minimum(windows.high, width))
        found: Ints = known[1][cells.group, high[cells.period]]
        found -= known[1][cells.group, low[cells.period]]
        return found

    def _by_group(self, counts: Ints, bounds: Sequence[tuple[int, int]]) -> Ints:
        """For each range of buckets the sum of the counts of each group, and of one more without states."""
        found = np.zeros((len(bounds), self.size + 1), np.int64)
        for number, (low, high) in enumerate(bounds):
            inside = self._frame.bucket >= low
            inside &= self._frame.bucket < high
            found[number] = np.bincount(self._ids[inside], counts[inside], self.size + 1)
        return found

    def occupied(self, state: int) -> list[int]:
        """The buckets in which any group has a row of the state, ascending."""
        kept = self._frame.states[state].rows[self._order] > 0
        return [int(bucket) for bucket in distinct(self._bucket[kept])]

    def covered(self, state: int, windows: BucketWindows) -> tuple[Ints, Ints]:
        """Groups and periods of all cells with a row of the state inside their window."""
        periods = windows.period_of_buckets(1 << self._bits)
        if periods is not None and windows.few_ranges is not None and self._frame.item is None:
            period = np.where(self._frame.states[state].rows > 0, periods[self._frame.bucket], -1)
            kept = np.flatnonzero(period >= 0)
            return self._ids[kept], period[kept]
        places = self._places.occupied(self._frame.states[state].rows)
        owner = places >> self._bits
        places &= (1 << self._bits) - 1
        bucket = places
        if periods is not None:
            period = periods[bucket]
            inside = period >= 0
            return (owner, period) if bool(inside.all()) else (owner[inside], period[inside])
        from kpi_engine.kernels.cover import covered_cells

        first, last, order = windows.periods_of(bucket)
        group, place = covered_cells(owner, first, last)
        return group, order[place]

    def presence(self, state: int, windows: BucketWindows, owners: Ints, size: int) -> Ints:
        """For each owner in [0, size) and period how many states of the owner's groups lie inside the window and have
        rows. `owners` says whose each group is, -1 for nobody's."""
        owner, bucket = owners[self._ids], self._frame.bucket
        kept = owner >= 0
        kept &= self._frame.states[state].rows > 0
        if not bool(kept.all()):
            owner, bucket = owner[kept], bucket[kept]
        width = 1 << self._bits
        places = bucket if size == 1 else (owner << self._bits) | bucket
        found = np.bincount(places, minlength=size * width)
        running = np.zeros((size, width + 1), np.int64)
        np.cumsum(found.reshape(size, width), axis=1, out=running[:, 1:])
        low = np.minimum(windows.low, width)
        inside = running[:, np.maximum(low, np.minimum(windows.high, width))] - running[:, low]
        return np.where(windows.is_open, inside, 0)

    def finish(self, state: int, how: Finish, windows: BucketWindows, cells: Cells) -> pa.Array:
        """One value a cell. Raises `TooMuchWork` for a percentile over windows that overlap too much."""
        chosen = self._frame.states[state]
        rows = self._total(chosen.rows, windows, cells)
        values = rows if chosen.values is chosen.rows else self._total(chosen.values, windows, cells)
        is_open = windows.is_open[cells.period]
        if how.kind in ZERO_WHEN_EMPTY:
            valid = (is_open | how.outside_is_zero) & ((rows == 0) | (values > 0) | (how.kind != "sum"))
        else:
            valid = is_open & ((rows if how.kind in ("first", "last") else values) > 0)
        match how.kind:
            case "rows":
                return from_int64(rows, valid, None)
            case "count":
                return from_int64(values, valid, None)
            case "distinct":
                return from_int64(self._distinct(windows, cells), valid, None)
        starts, stops = map(self._places.starts, self._ranges(windows, cells))
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
        from kpi_engine.kernels.ranges import range_extreme

        assert state.extreme is not None
        ordered = state.extreme.take(row_numbers(self._order))
        return range_extreme(ordered, starts, stops, "min" if state.kind == "minimum" else "max")

    def _at_end(self, state: State, kind: FinishKind, starts: Ints, stops: Ints) -> pa.Array:
        """The value, which may be null, of the first or last bucket with a row in each range."""
        assert state.extreme is not None
        known = np.flatnonzero(state.rows[self._order] > 0)
        if not len(known):
            return pa.nulls(len(starts), state.extreme.type)
        place = np.searchsorted(known, starts if kind == "first" else stops) - (kind == "last")
        return state.extreme.take(row_numbers(self._order[known[np.clip(place, 0, len(known) - 1)]]))

    def _distinct(self, windows: BucketWindows, cells: Cells) -> Ints:
        """Ids counted once a window: each id's buckets become ranges of periods, whose union is counted."""
        values, item = self._frame.states[0].values, self._frame.item
        if item is None:  # counted already
            return self._total(values, windows, cells)
        known = values > 0
        if windows.are_single_buckets:  # an id is there once in each bucket, so nothing needs to be united
            counts = self._total(known.view(np.uint8), windows, cells)
            return self._estimated(counts, windows, cells)
        from kpi_engine.kernels.cover import distinct_at, rows_by_id

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
        from kpi_engine.kernels.sketches_hll import hll_counts

        assert self._frame.item is not None
        known = self._order[state.values[self._order] > 0]
        item = int64_view(self._frame.item)[known]
        kept = state.values[self._order] > 0
        asked = (cells.group, windows.low[cells.period], windows.high[cells.period])
        return hll_counts(item, self._group[kept], self._bucket[kept], asked, counts)

    def _percentile(
        self, windows: BucketWindows, cells: Cells, starts: Ints, stops: Ints, percent: Fraction
    ) -> pa.Array:
        known = self._ranked
        if known is not None and np.array_equal(known[0], starts) and np.array_equal(known[1], stops):
            return pa.concat_arrays([each.percentile(percent) for each in known[2]])
        from kpi_engine.kernels.window_values import Blocks, percentile_over, ranked_windows

        (state,) = self._frame.states
        assert self._frame.item is not None
        asked = starts, stops
        kept = np.flatnonzero(state.values[self._order] > 0)
        values = item = self._frame.item.take(row_numbers(self._order[kept]))
        counts = state.values[self._order[kept]]
        starts, stops = np.searchsorted(kept, starts), np.searchsorted(kept, stops)
        total = int((stops - starts).sum())
        number = np.arange(len(cells))
        if state.kind == "kll" and total > max(_MANY, 4 * len(kept)):
            low, high = windows.low[cells.period], windows.high[cells.period]
            blocks = Blocks(self._group[kept], self._bucket[kept], item, counts, int((high - low).max(initial=1)))
            number, starts, stops = blocks.ranges(cells.group, low, high)
            item, counts = item.take(row_numbers(blocks.rows)), blocks.weights
            total = int((stops - starts).sum())
        most = MAX_SKETCHED if state.kind == "kll" else MAX_EXPANDED
        if total > max(most, 2 * len(kept)):
            raise TooMuchWork("percentile", total)
        if total > _REMEMBERED or item is not values or not len(cells):
            return percentile_over(item, counts, number, starts, stops, len(cells), percent)
        ranked = list(ranked_windows(item, counts, number, starts, stops, len(cells)))
        self._ranked = (*asked, ranked)
        return pa.concat_arrays([each.percentile(percent) for each in ranked])


def keep_where(values: pa.Array, valid: Mask) -> pa.Array:
    """The values, null where not valid."""
    if bool(valid.all()):
        return values
    positions = np.where(valid, np.arange(len(values)), -1)
    return values.take(from_int64(positions, positions >= 0, None))
