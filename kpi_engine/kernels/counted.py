"""Sets of which only the number of values in each cell is asked: most cells lie in one part, and are never united.

A cell is a combination of keys in a bucket. A part that has counted its cells needs its values only where another part
has values of the same cell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import ITEM_KINDS
from kpi_engine.kernels.cell_sets import CellSets, united
from kpi_engine.kernels.frames import (
    StateFrame,
    StateInput,
    frame_bytes,
    group_rows,
    item_frame,
    item_values,
    merge_frames,
    plain_frame,
    rows_of,
)
from kpi_engine.kernels.group import Groups, group, key_codes
from kpi_engine.kernels.item_sets import packed_items
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.sorting import starts_of_runs
from kpi_engine.kernels.states import State, joined, true_rows
from kpi_engine.kernels.vectors import Ints, Mask, row_numbers, validity

_BLOCK = 1 << 16
"""Rows looked at together: what is computed of them stays in the cache."""


@dataclass(frozen=True, slots=True)
class CountedPart:
    """Cells of a set, counted and each of them once, and the set itself for whoever needs it.

    `sets` are the values by cell, where they are whole numbers that are at hand. `items` and `nbytes` say how many
    values are at hand, and what memory they take.
    """

    cells: StateFrame
    whole: Callable[[], StateFrame]
    sets: CellSets | None = None
    items: int = 0
    nbytes: int = 0

    @classmethod
    def of(cls, frame: StateFrame) -> CountedPart:
        """The part of a set that is at hand."""
        return cls(counted(frame), lambda: frame, None, len(frame), frame_bytes(frame))

    @classmethod
    def of_sets(cls, cells: StateFrame, sets: CellSets) -> CountedPart:
        """The part of a set of whole numbers."""
        return cls(cells, partial(_frame, cells, sets), sets, len(sets.numbers), frame_bytes(cells) + sets.nbytes)


Partial = StateFrame | CountedPart
"""What a batch gives for a state, or for all states that are no sets."""


def partial_states(placed: Placed, inputs: Sequence[StateInput], wanted: Collection[int]) -> list[Partial]:
    """`frames_of` a batch, with the parts of those sets, by the number of their frame, that are only counted."""
    plain = [each for each in inputs if each.kind not in ITEM_KINDS]
    sets = [each for each in inputs if each.kind in ITEM_KINDS]
    found: list[Partial] = [plain_frame(placed, plain)]
    for number, each in enumerate(sets, 1):
        found.append(counted_part(placed, each) if number in wanted else item_frame(placed, each))
    return found


def counted_part(placed: Placed, wanted: StateInput) -> CountedPart:
    """The set of one state of one batch.

    >>> placed = Placed([], np.array([1, 1, 1]))
    >>> part = counted_part(placed, StateInput("distinct", pa.array([7, 8, 7]), None))
    >>> part.cells.states[0].rows.tolist(), part.cells.states[0].values.tolist()
    ([3], [2])
    """
    values = item_values(wanted)
    packed = packed_items(placed, values, None if wanted.condition is None else true_rows(wanted.condition))
    if packed is None:
        return CountedPart.of(item_frame(placed, replace(wanted, values=values)))
    sets = CellSets.of(packed, placed.size, values.type)
    rows = np.bincount(packed.cell, packed.rows, placed.size).astype(np.int64)
    chosen = np.flatnonzero(rows)
    if len(chosen) < placed.size:
        sets = sets.of_cells(chosen)
    cells = placed.cells.take(chosen)
    state = State(wanted.kind, rows[chosen], sets.counts)
    return CountedPart.of_sets(StateFrame(cells.keys, cells.bucket, None, (state,)), sets)


def _frame(cells: StateFrame, sets: CellSets) -> StateFrame:
    """Sets as a frame. In how many rows a value is was not kept: the first one of a cell stands for all of its rows."""
    cell, item = sets.items()
    (state,) = cells.states
    rows = np.zeros(len(cell), np.int64)
    filled = sets.counts > 0
    rows[sets.starts[:-1][filled]] = state.rows[filled]
    if sets.nulls is not None:
        with_null = np.flatnonzero(sets.nulls)
        rows[len(sets.numbers) :] = np.where(filled, 0, state.rows)[with_null]
    known = validity(item)
    values = np.ones(len(cell), np.int64) if known is None else known.astype(np.int64)
    chosen = row_numbers(cell)
    keys = tuple(key.take(chosen) for key in cells.keys)
    return StateFrame(keys, cells.bucket[cell], item, (State(state.kind, rows, values),))


def counted(frame: StateFrame) -> StateFrame:
    """The cells of a set: one row each, without items, whose `values` are how many values the cell has.

    >>> items, ones = pa.array([7, 8, None]), np.array([1, 1, 1])
    >>> state = State("distinct", ones, np.array([1, 1, 0]))
    >>> cells = counted(StateFrame((), np.array([1, 1, 1]), items, (state,)))
    >>> cells.states[0].rows.tolist(), cells.states[0].values.tolist()
    ([3], [2])
    """
    (state,) = frame.states
    # Most frames have the values of a cell one after the other: these are added up before cells are looked for.
    runs = np.flatnonzero(_starts_of_cells(frame))
    rows = np.add.reduceat(state.rows, runs) if len(runs) else state.rows
    values = np.add.reduceat((state.values > 0).astype(np.int64), runs) if len(runs) else state.values
    chosen = row_numbers(runs)
    keys, bucket = [key.take(chosen) for key in frame.keys], frame.bucket[runs]
    groups = group_rows([*keys, row_numbers(bucket)], len(runs))
    rows = np.bincount(groups.ids, rows, groups.size).astype(np.int64)
    values = np.bincount(groups.ids, values, groups.size).astype(np.int64)
    first = row_numbers(groups.first)
    own = tuple(key.take(first) for key in keys)
    return StateFrame(own, bucket[groups.first], None, (State(state.kind, rows, values),))


def counted_key(frame: StateFrame, keys: Sequence[int], item: int, state: int) -> StateFrame:
    """The set that one key makes for each combination of some others, as `key_as_item` says, counted.

    The frame has no keys but these.

    >>> from kpi_engine.kernels.frames import partial_frames
    >>> keys = [pa.array(["x", "x", "x"]), pa.array([7, None, 8])]
    >>> (frame,) = partial_frames(keys, np.zeros(3, np.int64), [StateInput("count", None, None)])
    >>> (found,) = counted_key(frame, [0], 1, 0).states
    >>> found.rows.tolist(), found.values.tolist()
    ([3], [2])
    """
    kept = [frame.keys[key] for key in keys]
    groups = group_rows([*kept, row_numbers(frame.bucket)], len(frame)) if kept else group(frame.bucket)
    rows, values = _sums_by_group(groups, frame.states[state].rows, validity(frame.keys[item]))
    first = row_numbers(groups.first)
    own = tuple(key.take(first) for key in kept)
    return StateFrame(own, frame.bucket[groups.first], None, (State("distinct", rows, values),))


def _sums_by_group(groups: Groups, rows: Ints, present: Mask | None) -> tuple[Ints, Ints]:
    """For each group the sum of `rows`, and how many of them are positive where a value is `present`."""
    sums, counts, ids = np.zeros(groups.size), np.zeros(groups.size, np.int64), groups.ids
    block = max(_BLOCK, 4 * groups.size)
    for start in range(0, len(ids), block):
        own = slice(start, start + block)
        known = rows[own] > 0
        if present is not None:
            known &= present[own]
        sums += np.bincount(ids[own], rows[own], groups.size)
        counts += np.bincount(ids[own][known], minlength=groups.size)
    return sums.astype(np.int64), counts


def _starts_of_cells(frame: StateFrame) -> Mask:
    """Where a row of a frame has another key or bucket than the row before it."""
    starts = starts_of_runs(frame.bucket)
    for key in frame.keys:
        starts |= starts_of_runs(key_codes(key)[0])
    return starts


def merge_counted(parts: Sequence[CountedPart]) -> StateFrame:
    """The counted cells of all parts together. Sets are asked for where several parts have a cell."""
    cells = [part.cells for part in parts]
    union = _union(cells)
    is_shared = np.bincount(np.concatenate(union.ids), minlength=union.size) > 1
    if not bool(is_shared.any()):
        return merge_frames(cells)
    own, met = [], []
    for part, ids in zip(parts, union.ids, strict=True):
        shared = is_shared[ids]
        if not bool(shared.any()):
            own.append(part.cells)
            continue
        own.append(rows_of(part.cells, np.flatnonzero(~shared)))
        met.append((part, np.flatnonzero(shared)))
    return merge_frames([*own, _counted_together(met)])


def united_parts(parts: Sequence[CountedPart]) -> list[CountedPart]:
    """All parts as one, so that values which several of them have are kept once; as they are if no cell is in two."""
    filled = [part for part in parts if len(part.cells)]
    if len(filled) < 2 or _union([part.cells for part in filled]).size == sum(len(part.cells) for part in filled):
        return list(parts)
    found = _united([(part, np.arange(len(part.cells))) for part in filled])
    return [CountedPart.of(merge_frames([part.whole() for part in parts])) if found is None else found]


def _counted_together(met: Sequence[tuple[CountedPart, Ints]]) -> StateFrame:
    """Some cells of parts, counted."""
    found = _united(met)
    if found is not None:
        return found.cells
    frames = [_in_cells(part.whole(), rows_of(part.cells, shared)) for part, shared in met]
    return counted(merge_frames(frames))


def _united(met: Sequence[tuple[CountedPart, Ints]]) -> CountedPart | None:
    """Some cells of parts as one part, if their sets are numbers that go together."""
    sets = [_chosen(part.sets, rows) for part, rows in met if part.sets is not None]
    if len(sets) < len(met):
        return None
    cells = [rows_of(part.cells, rows) for part, rows in met]
    union = _union(cells)
    whole = united(sets, union.ids, union.size)
    if whole is None:
        return None
    rows = np.concatenate([each.states[0].rows for each in cells])
    rows = np.bincount(np.concatenate(union.ids), rows, union.size).astype(np.int64)
    state = State(cells[0].states[0].kind, rows, whole.counts)
    return CountedPart.of_sets(StateFrame(union.keys, union.bucket, None, (state,)), whole)


def _chosen(sets: CellSets, cells: Ints) -> CellSets:
    return sets if len(cells) == len(sets) else sets.of_cells(cells)


@dataclass(frozen=True, slots=True)
class _Union:
    """The cells that some frames have: their keys and buckets, and for each frame which of them its cells are."""

    keys: tuple[pa.Array, ...]
    bucket: Ints
    ids: Sequence[Ints]

    @property
    def size(self) -> int:
        return len(self.bucket)


def _union(cells: Sequence[StateFrame]) -> _Union:
    keys = [joined([each.keys[number] for each in cells]) for number in range(len(cells[0].keys))]
    bucket = np.concatenate([each.bucket for each in cells])
    groups = group_rows([*keys, row_numbers(bucket)], len(bucket))
    first = row_numbers(groups.first)
    ends = np.cumsum([len(each) for each in cells])[:-1]
    return _Union(tuple(key.take(first) for key in keys), bucket[groups.first], np.split(groups.ids, ends))


def _in_cells(frame: StateFrame, cells: StateFrame) -> StateFrame:
    """The rows of a set that lie in some cells."""
    keys = [joined([mine, theirs]) for mine, theirs in zip(cells.keys, frame.keys, strict=True)]
    bucket = row_numbers(np.concatenate([cells.bucket, frame.bucket]))
    groups = group_rows([*keys, bucket], len(bucket))
    wanted = np.zeros(groups.size, np.bool_)
    wanted[groups.ids[: len(cells)]] = True
    kept = wanted[groups.ids[len(cells) :]]
    return frame if bool(kept.all()) else rows_of(frame, np.flatnonzero(kept))
