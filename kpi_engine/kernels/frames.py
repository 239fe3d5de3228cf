"""Frames of partial states: the table that a measure query answers with, and how frames merge.

A frame has one row for each combination of keys and bucket (and item, for states that are sets). Keys travel as values
and never as codes of one run, so that frames of other runs, files or machines merge just so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.approximation import KLL_EXACT
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.plan import ITEM_KINDS, StateKind
from kpi_engine.kernels.counted_rows import CountedRows
from kpi_engine.kernels.group import Groups, encode, group, key_codes, pack
from kpi_engine.kernels.ids import shortened
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.sorting import sorted_with_order, starts_of_runs
from kpi_engine.kernels.states import (
    State,
    chosen_states,
    joined,
    merge_states,
    partial_state,
    state_between,
    true_rows,
)
from kpi_engine.kernels.vectors import Ints, Mask, row_numbers, validity


@dataclass(frozen=True, slots=True)
class StateFrame:
    """Partial states by key and bucket.

    `keys`: one Arrow array a key column, texts plain or as a dictionary; `bucket`: int64; `item`: a set's values, or
    None; `states`: one a measure. All have n elements. Rows are unique by (keys, bucket, item).
    """

    keys: tuple[pa.Array, ...]
    bucket: Ints
    item: pa.Array | None
    states: tuple[State, ...]

    def __len__(self) -> int:
        return len(self.bucket)


@dataclass(frozen=True, slots=True)
class StateInput:
    """One state wanted of a batch: its kind, the values (None: rows), the condition (None: every row)."""

    kind: StateKind
    values: pa.Array | None
    condition: pa.Array | None


def partial_frames(keys: Sequence[pa.Array], bucket: Ints, inputs: Sequence[StateInput]) -> list[StateFrame]:
    """The states of one batch: a frame for all states that are not sets, then one for each set, in order.

    Rows with bucket -1 (no time) count nowhere.
    """
    return frames_of(Placed([shortened(key) for key in keys], bucket), inputs)


def frames_of(placed: Placed, inputs: Sequence[StateInput]) -> list[StateFrame]:
    """`partial_frames` of rows whose cells are known."""
    plain = [each for each in inputs if each.kind not in ITEM_KINDS]
    return [plain_frame(placed, plain), *(item_frame(placed, each) for each in inputs if each.kind in ITEM_KINDS)]


def plain_frame(placed: Placed, inputs: Sequence[StateInput]) -> StateFrame:
    """The states of one batch that are no sets."""
    counted_rows: dict[int, CountedRows] = {}
    states = []
    for each in inputs:
        rows = counted_rows.get(id(each.condition))
        if rows is None:
            if each.condition is None and placed.whole:
                rows = CountedRows.all_of(placed.groups)
            else:
                rows = CountedRows.of(_that_meet(each.condition, placed.ids), placed.size)
            counted_rows[id(each.condition)] = rows
        states.append(partial_state(each.kind, each.values, rows))
    return StateFrame(placed.cells.keys, placed.cells.bucket, None, tuple(states))


def _that_meet(condition: pa.Array | None, ids: Ints) -> Ints:
    """The groups of rows, -1 for those that do not meet a condition."""
    return ids if condition is None else np.where(true_rows(condition), ids, -1)


def item_frame(placed: Placed, wanted: StateInput) -> StateFrame:
    """The set of one state of one batch."""
    from kpi_engine.kernels.item_sets import items_of

    found = items_of(placed, item_values(wanted), None if wanted.condition is None else true_rows(wanted.condition))
    known = validity(found.item)
    state = State(wanted.kind, found.rows, found.rows if known is None else np.where(known, found.rows, 0))
    cells = placed.cells.take(found.cell)
    return _bounded(StateFrame(cells.keys, cells.bucket, found.item, (state,)))


def item_values(wanted: StateInput) -> pa.Array:
    """The values of a set as they are kept."""
    values = wanted.values
    assert values is not None
    # An estimate hashes the texts themselves; an exact set may keep them as integers.
    values = _hashed(values) if wanted.kind == "hll" else shortened(values)
    # As a dictionary no text is copied before it is shown.
    return values.dictionary_encode() if pa.types.is_string(values.type) else values


def _hashed(values: pa.Array) -> pa.Array:
    """The items of values in a sketch; each different value is hashed once."""
    from kpi_engine.kernels.sketches_hll import hll_items

    codes, dictionary = encode(values)
    return hll_items(dictionary).take(row_numbers(codes))


_Compact = Callable[[Ints, pa.Array, Ints], tuple[Ints, pa.Array, Ints] | None]


def _compacting(kind: StateKind, rows: int) -> _Compact | None:
    """How bounded sets of a kind are made smaller; None for other kinds, and where so many rows never need it."""
    if kind == "hll" and rows:
        from kpi_engine.kernels.sketches_hll import hll_compact

        return hll_compact
    if kind == "kll" and rows > KLL_EXACT:
        from kpi_engine.kernels.sketches_kll import kll_compact

        return kll_compact
    return None


def _bounded(frame: StateFrame) -> StateFrame:
    """The frame with the sets of a sketch made smaller where they are too large."""
    (state,) = frame.states
    compact = _compacting(state.kind, len(frame))
    if compact is None or frame.item is None:
        return frame
    width = int(frame.bucket.max()) + 1
    cells = group(packed([*(key_codes(key) for key in frame.keys), (frame.bucket, width)])).ids
    smaller = compact(cells, frame.item, state.rows)
    if smaller is None:
        return frame
    rows, item, counts = smaller
    known = validity(item)
    values = counts if known is None else np.where(known, counts, 0)
    keys = tuple(key.take(row_numbers(rows)) for key in frame.keys)
    return StateFrame(keys, frame.bucket[rows], item, (State(state.kind, counts, values),))


def _take(keys: Sequence[pa.Array], rows: Ints) -> tuple[pa.Array, ...]:
    """Keys of some rows."""
    chosen = row_numbers(rows)
    return tuple(key.take(chosen) for key in keys)


def packed(columns: Sequence[tuple[Ints, int]]) -> Ints:
    """One key a row from (codes, cardinality) columns; see `group.pack`."""
    return pack(columns)[0]


def group_rows(keys: Sequence[pa.Array], length: int) -> Groups:
    """Rows grouped by the values of key columns; without keys all are one group.

    >>> group_rows([pa.array(["b", None, "b"])], 3).size
    2
    """
    return group(packed([key_codes(key) for key in keys]) if keys else np.zeros(length, np.int64))


def key_as_item(frame: StateFrame, keys: Sequence[int], item: int, state: int) -> StateFrame:
    """The set that one key of a frame makes for each combination of some others: of its values those that have rows of
    a state.

    >>> keys = [pa.array(["x", "x"]), pa.array([7, None])]
    >>> (frame,) = partial_frames(keys, np.zeros(2, np.int64), [StateInput("count", None, None)])
    >>> found = key_as_item(frame, [0], 1, 0)
    >>> found.item.to_pylist(), found.states[0].values.tolist()
    ([7, None], [1, 0])
    """
    rows, present = frame.states[state].rows, validity(frame.keys[item])
    values = rows if present is None else np.where(present, rows, 0)
    return StateFrame(
        tuple(frame.keys[key] for key in keys), frame.bucket, frame.keys[item], (State("distinct", rows, values),)
    )


def merge_frames(frames: Sequence[StateFrame]) -> StateFrame:
    """Frames of the same measures as one, unique by (keys, bucket, item), in no particular order.

    Each of several frames is unique in itself; a single one need not be. So the states of a bucket that only one of
    them has are taken as they are: files of different months are not sorted again.
    """
    found = disjoint(frames)
    return found[0] if len(found) == 1 else end_to_end(found)


def disjoint(frames: Sequence[StateFrame]) -> Sequence[StateFrame]:
    """The same, in frames that have no row in common."""
    if len(frames) == 1:
        return [_united(frames)]
    shared = _shared_buckets(frames)
    met = sum(int(np.count_nonzero(shared[frame.bucket])) for frame in frames) if bool(shared.any()) else 0
    states = sum(map(len, frames))
    if met and (met > _MOST_SET_ASIDE * states or states <= _FEW * len(frames)):
        return [_united(frames)]
    if met:
        both = [_divided(frame, shared[frame.bucket]) for frame in frames]
        return [*(each for alone, _ in both for each in alone), _united([others for _, others in both])]
    return frames


_MOST_SET_ASIDE = 0.5
"""The share of states in buckets of several frames up to which it is worth to look at these alone."""

_FEW = 1 << 9
"""So many states of a frame are sorted before it is divided."""


def _shared_buckets(frames: Sequence[StateFrame]) -> Mask:
    """Which buckets several frames have."""
    width = max(int(frame.bucket.max(initial=-1)) for frame in frames) + 1
    times = np.zeros(width, np.int32)
    for frame in frames:
        present = np.zeros(width, np.bool_)
        present[frame.bucket] = True
        times += present
    shared: Mask = times > 1
    return shared


def share_buckets(frames: Sequence[StateFrame]) -> bool:
    """Whether several of some frames have states of one bucket: else nothing becomes less when they are merged."""
    return bool(_shared_buckets(frames).any())


def _divided(frame: StateFrame, chosen: Mask) -> tuple[list[StateFrame], StateFrame]:
    """The states that are not chosen, in pieces, and those that are. What lies side by side is not copied."""
    places = np.flatnonzero(chosen)
    first, stop = (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)
    if stop - first > len(places):
        return [rows_of(frame, np.flatnonzero(~chosen))], rows_of(frame, places)
    return [rows_between(frame, 0, first), rows_between(frame, stop, len(frame))], rows_between(frame, first, stop)


def rows_between(frame: StateFrame, start: int, stop: int) -> StateFrame:
    """The rows of a frame from `start` up to `stop`, without a copy."""
    own = slice(start, stop)
    item = None if frame.item is None else frame.item.slice(start, stop - start)
    keys = tuple(key.slice(start, stop - start) for key in frame.keys)
    return StateFrame(keys, frame.bucket[own], item, tuple(state_between(state, start, stop) for state in frame.states))


def rows_of(frame: StateFrame, rows: Ints) -> StateFrame:
    """Some rows of a frame."""
    item = None if frame.item is None else frame.item.take(row_numbers(rows))
    states = tuple(chosen_states([state], rows) for state in frame.states)
    return StateFrame(_take(frame.keys, rows), frame.bucket[rows], item, states)


def end_to_end(frames: Sequence[StateFrame]) -> StateFrame:
    """Frames without a common row as one."""
    return StateFrame(
        _joined_keys(frames),
        np.concatenate([frame.bucket for frame in frames]),
        _joined_items(frames),
        tuple(chosen_states(each, None) for each in _by_measure(frames)),
    )


def _united(frames: Sequence[StateFrame]) -> StateFrame:
    """All states sorted by keys, item and bucket, and equal ones merged."""
    bucket = np.concatenate([frame.bucket for frame in frames])
    keys, item = _joined_keys(frames), _joined_items(frames)
    parts = [key_codes(values) for values in (*keys, item) if values is not None]
    cells, rows = sorted_with_order(packed([*parts, (bucket, int(bucket.max(initial=0)) + 1)]))
    del parts
    starts = starts_of_runs(cells)
    del cells
    chosen = rows[starts]
    if len(chosen) == len(rows):
        states = tuple(chosen_states(each, rows) for each in _by_measure(frames))
    else:
        ids = np.empty(len(rows), np.int64)
        ids[rows] = np.cumsum(starts) - 1
        states = tuple(merge_states(each, ids, len(chosen)) for each in _by_measure(frames))
    if item is None:
        return StateFrame(_take(keys, chosen), bucket[chosen], None, states)
    return _bounded(StateFrame(_take(keys, chosen), bucket[chosen], item.take(row_numbers(chosen)), states))


def _joined_keys(frames: Sequence[StateFrame]) -> tuple[pa.Array, ...]:
    return tuple(joined([frame.keys[number] for frame in frames]) for number in range(len(frames[0].keys)))


def _joined_items(frames: Sequence[StateFrame]) -> pa.Array | None:
    items = [frame.item for frame in frames if frame.item is not None]
    return joined(items) if items else None


def _by_measure(frames: Sequence[StateFrame]) -> list[list[State]]:
    return [[frame.states[number] for frame in frames] for number in range(len(frames[0].states))]


def frame_bytes(frame: StateFrame) -> int:
    """The memory that a frame takes; what it shares with others is counted in each."""
    arrays = [frame.bucket.nbytes, *(key.nbytes for key in frame.keys)]
    if frame.item is not None:
        arrays.append(frame.item.nbytes)
    for state in frame.states:
        arrays.append(state.rows.nbytes if state.values is state.rows else state.rows.nbytes + state.values.nbytes)
        arrays += [limbs.words.nbytes for limbs in (state.sums, state.squares) if limbs is not None]
        if state.extreme is not None:
            arrays.append(state.extreme.nbytes)
    return sum(arrays)
