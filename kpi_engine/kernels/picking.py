"""Snapshots that count where each value of some columns has its own: each warehouse's last one in a window.

States come by (keys, values, bucket) and leave by (keys, period): each state goes to the periods in whose windows its
snapshot is the first or the last one of its values, and there the states of all values are merged, exactly. What is
finished afterwards are states like any others, whose buckets are periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.exact import Limbs, take
from kpi_engine.kernels.frames import StateFrame, group_rows, merge_frames
from kpi_engine.kernels.sorting import distinct
from kpi_engine.kernels.states import State, joined
from kpi_engine.kernels.vectors import Ints
from kpi_engine.kernels.windows import BucketWindows

_NEVER = 2**62
"""A bucket after all others."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Snapshots that were taken, each once: codes of values, and the bucket of a frame of states in which rows lie.

    `starts` are the buckets, ascending, in which the snapshots of all values begin.
    """

    value: Ints
    bucket: Ints
    starts: Ints

    def windows(self, windows: BucketWindows) -> BucketWindows:
        """Windows of states by period: a bucket a period, none where a window holds no snapshot of any value."""
        found = distinct(self.bucket)
        held = np.searchsorted(found, windows.high) > np.searchsorted(found, windows.low)
        period = np.arange(len(windows), dtype=np.int64)
        return BucketWindows(period + 1, period + 2, windows.is_open & held)


def states_of_periods(
    frame: StateFrame,
    state: int,
    taken: StateFrame,
    count: int,
    moved: Ints,
    starts: Ints,
    windows: BucketWindows,
    point: Literal["first", "last"],
) -> tuple[StateFrame, BucketWindows]:
    """The frame of one state by period, and the windows that read it.

    The last keys of `frame` are the values whose snapshots count, and are the keys of `taken`, whose state `count`
    counts rows by value and bucket; `moved` gives for each of its buckets that of `frame`, -1 for none. `windows` and
    `starts` are in buckets of `frame`.
    """
    width = len(taken.keys)
    own = frame.keys[len(frame.keys) - width :]
    ids = group_rows([joined([there, here]) for there, here in zip(taken.keys, own, strict=True)], _total(taken, frame))
    there = moved[taken.bucket]
    kept = (taken.states[count].rows > 0) & (there >= 0)
    known = Taken(ids.ids[: len(taken)][kept], there[kept], starts)
    rows, period = _counted(known, ids.ids[len(taken) :], frame.bucket, windows, point)
    return _by_period(frame, state, width, rows, period), known.windows(windows)


def _total(taken: StateFrame, frame: StateFrame) -> int:
    return len(taken) + len(frame)


def _counted(
    taken: Taken, value: Ints, bucket: Ints, windows: BucketWindows, point: Literal["first", "last"]
) -> tuple[Ints, Ints]:
    """Every (state, period) such that the state's snapshot is its value's first or last one in the period's window.

    The periods of a state are neighbours: those whose windows hold it, but not the value's next snapshot (not the one
    before it).
    """
    first, last, order = windows.periods_of(bucket)
    low, high = windows.low[order], windows.high[order]
    width = max(int(bucket.max(initial=0)), int(taken.bucket.max(initial=0))) + 2
    codes = distinct(taken.value * width + taken.bucket)
    snapshot = np.searchsorted(taken.starts, bucket, "right")
    bounds = np.concatenate([np.zeros(1, np.int64), taken.starts, np.full(1, width - 1)])
    begins = np.searchsorted(codes, value * width + bounds[snapshot])
    finishes = np.searchsorted(codes, value * width + bounds[np.minimum(snapshot + 1, len(bounds) - 1)])
    if point == "last":
        following = _bucket_at(codes, finishes, value, width, _NEVER)
        last = np.minimum(last, np.searchsorted(high, following, "right"))
    else:
        earlier = _bucket_at(codes, begins - 1, value, width, -1)
        first = np.maximum(first, np.searchsorted(low, earlier, "right"))
    lengths = np.where(finishes > begins, np.maximum(last - first, 0), 0)
    rows = np.repeat(np.arange(len(bucket), dtype=np.int64), lengths)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return rows, order[first[rows] + within] if len(rows) else rows


def _bucket_at(codes: Ints, place: Ints, value: Ints, width: int, otherwise: int) -> Ints:
    """The bucket of the code at each place if it is one of the value, else `otherwise`."""
    if not len(codes):
        return np.full(len(place), otherwise, np.int64)
    found = codes[np.clip(place, 0, len(codes) - 1)]
    own = (place >= 0) & (place < len(codes)) & (found // width == value)
    return np.where(own, found % width, otherwise)


def _by_period(frame: StateFrame, state: int, width: int, rows: Ints, period: Ints) -> StateFrame:
    chosen = pa.array(rows)
    return merge_frames(
        [
            StateFrame(
                tuple(key.take(chosen) for key in frame.keys[: len(frame.keys) - width]),
                period + 1,
                None if frame.item is None else frame.item.take(chosen),
                (_taken_state(frame.states[state], rows, chosen),),
            )
        ]
    )


def _taken_state(state: State, rows: Ints, chosen: pa.Array) -> State:
    return State(
        state.kind,
        state.rows[rows],
        state.values[rows],
        _taken_limbs(state.sums, rows),
        _taken_limbs(state.squares, rows),
        None if state.extreme is None else state.extreme.take(chosen),
    )


def _taken_limbs(limbs: Limbs | None, rows: Ints) -> Limbs | None:
    return None if limbs is None else take(limbs, rows)


def buckets(numbers: Sequence[int]) -> Ints:
    """Bucket numbers as an array.

    >>> buckets([1, 3]).tolist()
    [1, 3]
    """
    return np.array(numbers, np.int64).reshape(len(numbers))
