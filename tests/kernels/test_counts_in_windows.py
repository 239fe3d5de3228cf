"""Counts in windows are those of the rows inside, however they are found: by a table, range by range, by places."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.kernels import finish
from kpi_engine.kernels import windows as windows_module
from kpi_engine.kernels.cells import all_cells
from kpi_engine.kernels.finish import Finish, GroupedStates
from kpi_engine.kernels.frames import StateInput, partial_frames
from kpi_engine.kernels.windows import BucketWindows

Row = tuple[int, int, int | None]
"""A key, a bucket, a value."""

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.none() | st.integers(0, 3)), max_size=40)
LOWS = st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=6)
OF_ONE_LENGTH = st.tuples(LOWS, st.integers(1, 4)).map(
    lambda drawn: [None if low is None else (low, low + drawn[1]) for low in drawn[0]]
)
ALL_BEFORE = LOWS.map(lambda highs: [None if high is None else (0, high) for high in highs])
RANGES = OF_ONE_LENGTH | ALL_BEFORE


@pytest.mark.parametrize(("few", "table"), [(-1, -1), (2, -1), (100, -1), (2, 1 << 16)])
@given(rows=ROWS, ranges=RANGES)
def test_counts_are_those_of_the_rows_inside(
    few: int, table: int, rows: list[Row], ranges: list[tuple[int, int] | None]
) -> None:
    keys, buckets = pa.array([row[0] for row in rows], pa.int64()), np.array([row[1] for row in rows], np.int64)
    values = pa.array([row[2] for row in rows], pa.int64())
    inputs = [StateInput("sum", values, None), StateInput("distinct", values, None)]
    with mock.patch.object(windows_module, "_FEW", few), mock.patch.object(finish, "_TABLE", table):
        read = BucketWindows.of(ranges)
        plain, items = (GroupedStates(frame) for frame in partial_frames([keys], buckets, inputs))
        cells = all_cells(plain.size, len(ranges))
        counts = plain.finish(0, Finish("count"), read, cells).to_pylist()
        later = BucketWindows.of([None if each is None else (each[0] + 1, each[1] + 1) for each in ranges])
        rows_later = plain.rows(0, later, cells).tolist()
        found_rows = plain.rows(0, read, cells).tolist()
        covered = set(zip(*(each.tolist() for each in plain.covered(0, read)), strict=True))
        distinct = items.finish(0, Finish("distinct"), read, all_cells(items.size, len(ranges))).to_pylist()
    shown = plain.keys[0].to_pylist()
    inside = [
        [row[2] for row in rows if row[0] == key and window is not None and window[0] <= row[1] < window[1]]
        for key in shown
        for window in ranges
    ]
    is_open = [window is not None for _ in shown for window in ranges]
    assert found_rows == [len(each) for each in inside]
    assert rows_later == [
        sum(row[0] == key and window is not None and window[0] < row[1] <= window[1] for row in rows)
        for key in shown
        for window in ranges
    ]
    assert counts == [
        sum(value is not None for value in each) if shown else None for each, shown in zip(inside, is_open, strict=True)
    ]
    assert covered == {divmod(place, len(ranges)) for place, each in enumerate(inside) if each}
    assert distinct == [len(set(each) - {None}) if shown else None for each, shown in zip(inside, is_open, strict=True)]
