"""States in pieces, some of which are not read yet, against plain lists of states."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.frames import StateFrame, StateInput, partial_frames
from kpi_engine.kernels.pieces import Pieces, Unread
from kpi_engine.kernels.recut import united_buckets
from kpi_engine.kernels.unassigned import Unassigned, unassigned, united

Rows = list[tuple[int | None, int]]
"""Keys and buckets."""

BUCKETS = 6
rows = st.lists(st.tuples(st.none() | st.integers(0, 3), st.integers(0, BUCKETS - 1)), min_size=1, max_size=8)
ranges = st.tuples(st.integers(0, BUCKETS), st.integers(0, BUCKETS)).map(sorted)


def frame(found: Rows) -> StateFrame:
    keys, buckets = pa.array([key for key, _ in found], pa.int64()), np.array([bucket for _, bucket in found])
    return partial_frames([keys], buckets, [StateInput("count", None, None)])[0]


def counts(frames: Sequence[StateFrame]) -> dict[tuple[int | None, int], int]:
    """Rows by key and bucket; each pair is there once."""
    listed = [
        ((key, bucket), count)
        for each in frames
        for key, bucket, count in zip(
            each.keys[0].to_pylist(), each.bucket.tolist(), each.states[0].rows.tolist(), strict=True
        )
    ]
    assert len({cell for cell, _ in listed}) == len(listed)
    return dict(listed)


class Elsewhere:
    """Frames that say when they are read."""

    def __init__(self, parts: Sequence[Rows]) -> None:
        self.read: list[int] = []
        self.unread = []
        for number, part in enumerate(parts):
            buckets = [bucket for _, bucket in part]
            without = {0: unassigned(frame(part), 0)}
            low, high = min(buckets), max(buckets) + 1
            self.unread.append(Unread(low, high, partial(self._frames, number, part), without))

    def _frames(self, number: int, part: Rows) -> list[StateFrame]:
        self.read.append(number)
        return [frame(part)]


@settings(max_examples=80, deadline=None)
@given(st.lists(rows, max_size=2), st.lists(rows, min_size=1, max_size=4), ranges)
def test_what_is_read_of_a_range_is_all_of_it_and_no_more_is_read(
    there: list[Rows], elsewhere: list[Rows], span: list[int]
) -> None:
    low, high = span
    source = Elsewhere(elsewhere)
    pieces = Pieces(Pieces.merged([frame(part) for part in there]).frames if there else (), source.unread)
    expected = Counter(cell for part in (*there, *elsewhere) for cell in part if low <= cell[1] < high)
    assert counts(pieces.exactly(low, high).frames) == dict(expected)
    inside = [n for n, part in enumerate(elsewhere) if any(low <= bucket < high for _, bucket in part)]
    spanned = [n for n, each in enumerate(source.unread) if each.low < high and each.high > low]
    assert set(inside) <= set(source.read) <= set(spanned) | ({0} if not there else set())
    found = counts(pieces.between(low, high).frames)
    assert {cell: count for cell, count in found.items() if low <= cell[1] < high} == dict(expected)
    every = Counter(cell for part in (*there, *elsewhere) for cell in part)
    assert counts(pieces.frames) == dict(every) == counts([pieces.whole])
    assert len(source.read) == len(set(source.read))


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=2), st.lists(rows, min_size=1, max_size=3), st.integers(0, BUCKETS))
def test_rows_without_a_key_are_known_unread(there: list[Rows], elsewhere: list[Rows], first: int) -> None:
    source = Elsewhere(elsewhere)
    pieces = Pieces([frame(part) for part in there], source.unread)
    expected = sum(key is None and bucket >= first for part in (*there, *elsewhere) for key, bucket in part)
    assert pieces.rows_without(0, first) == expected
    assert source.read == []


def test_of_several_states_the_one_with_most_rows_without_a_key_counts() -> None:
    keys = pa.array([None, None, 7], pa.int64())
    flags = pa.array([True, False, True])
    inputs = [StateInput("count", None, flags), StateInput("count", None, None)]
    (found,) = partial_frames([keys], np.array([0, 1, 1]), inputs)
    assert unassigned(found, 0) == Unassigned((0, 1), ((1, 1), (0, 1)))
    assert Pieces([found]).rows_without(0, 0) == 2 and Pieces([found]).rows_without(0, 1) == 1
    assert unassigned(found, 0).among([0]).by_state == ((1,), (0,))


def test_rows_without_a_key_move_with_their_buckets() -> None:
    found = Unassigned((0, 1, 2), ((1,), (2,), (4,)))
    assert found.moved([0, 3, 3], 4, drops_first=False) == Unassigned((0, 3, 3), ((1,), (2,), (4,)))
    assert found.moved([0, 3, 3], 4, drops_first=True).rows(0).tolist() == [6]
    assert found.moved([0, 3, 4], 4, drops_first=True) == Unassigned((3,), ((2,),))
    assert united([found, found]).rows(2).tolist() == [8]


@settings(max_examples=40, deadline=None)
@given(rows)
def test_all_buckets_become_one(part: Rows) -> None:
    expected: dict[int | None, int] = defaultdict(int)
    for key, _ in part:
        expected[key] += 1
    assert counts([united_buckets(frame(part))]) == {(key, 0): count for key, count in expected.items()}
