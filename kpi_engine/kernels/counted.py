"""Sets of which only the number of values in each cell is asked: most cells lie in one part, and are never united.

A cell is a combination of keys in a bucket. A part that has counted its cells needs its values only where another part
has values of the same cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.frames import StateFrame, group_rows, merge_frames, rows_of
from kpi_engine.kernels.states import State, joined


@dataclass(frozen=True, slots=True)
class CountedPart:
    """Cells of a set, counted and each of them once, and the set itself for whoever needs it."""

    cells: StateFrame
    whole: Callable[[], StateFrame]

    @classmethod
    def of(cls, frame: StateFrame) -> CountedPart:
        """The part of a set that is at hand."""
        return cls(counted(frame), lambda: frame)


def counted(frame: StateFrame) -> StateFrame:
    """The cells of a set: one row each, without items, whose `values` are how many values the cell has.

    >>> items, ones = pa.array([7, 8, None]), np.array([1, 1, 1])
    >>> state = State("distinct", ones, np.array([1, 1, 0]))
    >>> cells = counted(StateFrame((), np.array([1, 1, 1]), items, (state,)))
    >>> cells.states[0].rows.tolist(), cells.states[0].values.tolist()
    ([3], [2])
    """
    (state,) = frame.states
    groups = group_rows([*frame.keys, pa.array(frame.bucket)], len(frame))
    rows = np.bincount(groups.ids, state.rows, groups.size).astype(np.int64)
    values = np.bincount(groups.ids, state.values > 0, groups.size).astype(np.int64)
    first = pa.array(groups.first)
    keys = tuple(key.take(first) for key in frame.keys)
    return StateFrame(keys, frame.bucket[groups.first], None, (State(state.kind, rows, values),))


def merge_counted(parts: Sequence[CountedPart]) -> StateFrame:
    """The counted cells of all parts together. Sets are asked for where several parts have a cell."""
    cells = [part.cells for part in parts]
    keys = [joined([each.keys[number] for each in cells]) for number in range(len(cells[0].keys))]
    bucket = np.concatenate([each.bucket for each in cells])
    groups = group_rows([*keys, pa.array(bucket)], len(bucket))
    is_shared = (np.bincount(groups.ids, minlength=groups.size) > 1)[groups.ids]
    if not bool(is_shared.any()):
        return merge_frames(cells)
    own, united, start = [], [], 0
    for part in parts:
        shared = is_shared[start : start + len(part.cells)]
        start += len(part.cells)
        if not bool(shared.any()):
            own.append(part.cells)
            continue
        own.append(rows_of(part.cells, np.flatnonzero(~shared)))
        wanted = rows_of(part.cells, np.flatnonzero(shared))
        united.append(_in_cells(part.whole(), wanted))
    return merge_frames([*own, counted(merge_frames(united))])


def _in_cells(frame: StateFrame, cells: StateFrame) -> StateFrame:
    """The rows of a set that lie in some cells."""
    keys = [joined([mine, theirs]) for mine, theirs in zip(cells.keys, frame.keys, strict=True)]
    bucket = pa.array(np.concatenate([cells.bucket, frame.bucket]))
    groups = group_rows([*keys, bucket], len(bucket))
    wanted = np.zeros(groups.size, np.bool_)
    wanted[groups.ids[: len(cells)]] = True
    kept = wanted[groups.ids[len(cells) :]]
    return frame if bool(kept.all()) else rows_of(frame, np.flatnonzero(kept))
