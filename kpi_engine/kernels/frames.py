"""Frames of partial states: the table that a measure query answers with, and how frames merge.

A frame has one row for each combination of keys and bucket (and item, for states that are sets). Keys travel as values
and never as codes of one run, so that frames of other runs, files or machines merge just so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from kpi_engine.ir.approximation import KLL_EXACT
from kpi_engine.ir.plan import ITEM_KINDS, StateKind
from kpi_engine.kernels.group import Groups, encode, group, pack
from kpi_engine.kernels.ids import shortened
from kpi_engine.kernels.sketches_hll import hll_compact, hll_items
from kpi_engine.kernels.sketches_kll import kll_compact
from kpi_engine.kernels.sorting import sorted_with_order, starts_of_runs
from kpi_engine.kernels.states import State, chosen_states, decoded, joined, merge_states, partial_state, true_rows
from kpi_engine.kernels.vectors import Ints, validity


@dataclass(frozen=True, slots=True)
class StateFrame:
    """Partial states by key and bucket.

    `keys`: one Arrow array a key column; `bucket`: int64; `item`: a set's values, or None; `states`: one a measure.
    All have n elements. Rows are unique by (keys, bucket, item).
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
    keys = [shortened(key) for key in keys]
    width = int(bucket.max(initial=-1)) + 2
    cells = packed([*(_codes(key) for key in keys), (bucket + 1, width)])
    plain = [each for each in inputs if each.kind not in ITEM_KINDS]
    frames = [_plain_frame(keys, bucket, cells, plain)]
    frames += [_item_frame(keys, bucket, cells, each) for each in inputs if each.kind in ITEM_KINDS]
    return frames


def _plain_frame(keys: Sequence[pa.Array], bucket: Ints, cells: Ints, inputs: Sequence[StateInput]) -> StateFrame:
    groups = group(np.where(bucket >= 0, cells, -1))
    ids, first = groups.ids, groups.first
    if len(first) and bucket[first[0]] < 0:  # groups come in ascending order: rows that do not count are the first
        ids, first = ids - 1, first[1:]
    size = len(first)
    states = []
    for each in inputs:
        rows = ids if each.condition is None else np.where(true_rows(each.condition), ids, -1)
        states.append(partial_state(each.kind, each.values, rows, size))
    return StateFrame(_take(keys, first), bucket[first], None, tuple(states))


def _item_frame(keys: Sequence[pa.Array], bucket: Ints, cells: Ints, wanted: StateInput) -> StateFrame:
    counted = bucket >= 0
    if wanted.condition is not None:
        counted = counted & true_rows(wanted.condition)
    rows = np.flatnonzero(counted)
    values = wanted.values
    assert values is not None
    # An estimate hashes the texts themselves; an exact set may keep them as integers.
    codes, dictionary = encode(values if wanted.kind == "hll" else shortened(values))
    if wanted.kind == "hll":
        dictionary = hll_items(dictionary)
    codes, chosen = codes[rows], cells[rows]
    groups = group(packed([(chosen, int(chosen.max(initial=-1)) + 1), (codes, len(dictionary))]))
    first = rows[groups.first]
    item = _coded(codes[groups.first], dictionary)
    present = validity(values)
    known = None if present is None else pa.array(present[rows], mask=~present[rows])
    state = replace(partial_state("count", known, groups.ids, groups.size), kind=wanted.kind)
    return _bounded(StateFrame(_take(keys, first), bucket[first], item, (state,)))


_SKETCHES = {"hll": (hll_compact, 0), "kll": (kll_compact, KLL_EXACT)}
"""For each kind of bounded sets how they are made smaller, and a number of rows that never needs it."""


def _bounded(frame: StateFrame) -> StateFrame:
    """The frame with the sets of a sketch made smaller where they are too large."""
    (state,) = frame.states
    compact, few = _SKETCHES.get(state.kind, (None, 0))
    if compact is None or frame.item is None or len(frame) <= few:
        return frame
    width = int(frame.bucket.max()) + 1
    cells = group(packed([*(_codes(key) for key in frame.keys), (frame.bucket, width)])).ids
    smaller = compact(cells, frame.item, state.rows)
    if smaller is None:
        return frame
    rows, item, counts = smaller
    known = validity(item)
    values = counts if known is None else np.where(known, counts, 0)
    keys = tuple(key.take(pa.array(rows)) for key in frame.keys)
    return StateFrame(keys, frame.bucket[rows], item, (State(state.kind, counts, values),))


def _coded(codes: Ints, dictionary: pa.Array) -> pa.Array:
    """The values of some codes; texts stay codes, so that none is copied before it is shown."""
    if not pa.types.is_string(dictionary.type):
        return dictionary.take(pa.array(codes))
    last = len(dictionary) - 1
    if last >= 0 and not dictionary[last].is_valid:
        indices = pa.array(codes.astype(np.int32), mask=codes == last)
        return pa.DictionaryArray.from_arrays(indices, dictionary.slice(0, last))
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), dictionary)


def _take(keys: Sequence[pa.Array], rows: Ints) -> tuple[pa.Array, ...]:
    """Keys of some rows, as plain values."""
    chosen = pa.array(rows)
    return tuple(decoded(key.take(chosen)) for key in keys)


def _codes(array: pa.Array) -> tuple[Ints, int]:
    """Codes of an array and how many there are."""
    codes, dictionary = encode(array)
    return codes, len(dictionary)


def packed(columns: Sequence[tuple[Ints, int]]) -> Ints:
    """One key a row from (codes, cardinality) columns; see `group.pack`."""
    return pack(columns)[0]


def group_rows(keys: Sequence[pa.Array], length: int) -> Groups:
    """Rows grouped by the values of key columns; without keys all are one group.

    >>> group_rows([pa.array(["b", None, "b"])], 3).size
    2
    """
    return group(packed([_codes(key) for key in keys]) if keys else np.zeros(length, np.int64))


def merge_frames(frames: Sequence[StateFrame]) -> StateFrame:
    """Frames of the same measures as one, unique by (keys, bucket, item) and sorted by keys' codes, then bucket."""
    first = frames[0]
    bucket = np.concatenate([frame.bucket for frame in frames])
    keys = tuple(joined([frame.keys[number] for frame in frames]) for number in range(len(first.keys)))
    parts = [_codes(key) for key in keys]
    width = int(bucket.max(initial=0)) + 1
    if first.item is not None:
        codes, dictionary = encode(joined([frame.item for frame in frames if frame.item is not None]))
        parts.append((codes, len(dictionary)))
    cells, rows = sorted_with_order(packed([*parts, (bucket, width)]))
    starts = starts_of_runs(cells)
    chosen = rows[starts]
    by_measure = [[frame.states[number] for frame in frames] for number in range(len(first.states))]
    if len(chosen) == len(rows):
        states = tuple(chosen_states(each, rows) for each in by_measure)
    else:
        ids = np.empty(len(rows), np.int64)
        ids[rows] = np.cumsum(starts) - 1
        states = tuple(merge_states(each, ids, len(chosen)) for each in by_measure)
    if first.item is None:
        return StateFrame(_take(keys, chosen), bucket[chosen], None, states)
    item = _coded(codes[chosen], dictionary)
    return _bounded(StateFrame(_take(keys, chosen), bucket[chosen], item, states))
