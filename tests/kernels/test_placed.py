"""Cells of a batch: the keys that are read off their codes are those of the rows, for every type of key."""

from __future__ import annotations

import datetime
from decimal import Decimal
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels import group, window_values
from kpi_engine.kernels.cells import all_cells
from kpi_engine.kernels.finish import Finish, GroupedStates
from kpi_engine.kernels.frames import StateInput, merge_frames, partial_frames
from kpi_engine.kernels.ids import shortened
from kpi_engine.kernels.limbs import to_python_ints
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.selection import select
from kpi_engine.kernels.spans import Bound
from kpi_engine.kernels.windows import BucketWindows

UUID = "{:08x}-0000-4000-8000-00000000000{:x}"
KEYS: dict[str, tuple[list[object], pa.DataType]] = {
    "integer": ([5, -3, 2**62, -(2**62), 2**63 - 1, -(2**63)], pa.int64()),
    "boolean": ([True, False], pa.bool_()),
    "date": ([datetime.date(1969, 12, 31), datetime.date(2026, 1, 1)], pa.date32()),
    "time": ([datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)], pa.timestamp("us", "UTC")),
    "text": (["a text that is no id", "", "another of them"], pa.string()),
    "decimal": ([Decimal("1.50"), Decimal("-0.25")], pa.decimal128(38, 2)),
    "float": ([0.5, -1e300], pa.float64()),
    "null": ([], pa.null()),
    "number of an id": (["C0012", "C0001", "C0999"], pa.string()),
    "wide id": ([UUID.format(number, number) for number in range(4)], pa.string()),
}


def array(kind: str, places: list[int], *, coded: bool) -> pa.Array:
    values, type = KEYS[kind]
    found = pa.array([values[place % len(values)] if place >= 0 and values else None for place in places], type)
    return shortened(found.dictionary_encode() if coded and type == pa.string() else found)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5), st.integers(-1, 40)), max_size=12),
    kinds=st.lists(st.sampled_from(sorted(KEYS)), max_size=2),
    coded=st.booleans(),
    largest=st.sampled_from([2**62, 2**6]),
)
def test_a_cell_has_the_keys_and_the_bucket_of_its_rows(
    rows: list[tuple[int, int, int]], kinds: list[str], coded: bool, largest: int
) -> None:
    keys = [array(kind, [row[number] for row in rows], coded=coded) for number, kind in enumerate(kinds)]
    bucket = [row[2] for row in rows]
    with mock.patch.object(group, "_LARGEST_KEY", largest):  # codes that do not fit one key are renumbered
        placed = Placed(keys, np.array(bucket, np.int64))
        cells = placed.cells
    assert [key.type for key in cells.keys] == [key.type for key in keys]
    shown, of_rows = ([key.to_pylist() for key in each] for each in (cells.keys, keys))
    for row, cell in enumerate(placed.ids.tolist()):
        assert (cell < 0) == (bucket[row] < 0)
        if cell >= 0:
            assert [key[cell] for key in shown] == [key[row] for key in of_rows]
            assert cells.bucket[cell] == bucket[row]
    assert len(cells.bucket) == placed.size == len({place for place in placed.ids.tolist() if place >= 0})


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("kind", KEYS)
def test_each_value_of_a_key_and_null_are_cells(kind: str, coded: bool) -> None:
    key = array(kind, [*range(len(KEYS[kind][0])), -1, -1, 0], coded=coded)
    (found,) = Placed([key], np.full(len(key), 7, np.int64)).cells.keys
    assert found.type == key.type
    assert len(found) == len(set(key.to_pylist()))
    assert set(found.to_pylist()) == set(key.to_pylist())


SMALL = st.integers(-(10**6), 10**6)
LARGE = st.sampled_from([2**62, -(2**62), 2**63 - 1, -(2**63)])


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.none() | SMALL)) | st.lists(st.tuples(st.integers(0, 4), LARGE)),
    ordered=st.booleans(),
    scale=st.sampled_from([None, 2]),
)
def test_sums_of_rows_in_the_order_of_their_buckets_are_exact(
    rows: list[tuple[int, int | None]], ordered: bool, scale: int | None
) -> None:
    if ordered:
        rows = sorted(rows, key=lambda row: row[0])
    numbers = [row[1] for row in rows]
    values = (
        pa.array(numbers, pa.int64())
        if scale is None
        else pa.array(
            [None if each is None else Decimal(each).scaleb(-scale) for each in numbers], pa.decimal128(38, scale)
        )
    )
    inputs = [StateInput("sum", values, None), StateInput("count", None, None)]
    (frame,) = partial_frames([], np.array([row[0] for row in rows], np.int64), inputs)
    total, count = frame.states
    assert total.sums is not None
    assert frame.bucket.tolist() == sorted({bucket for bucket, _ in rows})
    for place, bucket in enumerate(frame.bucket.tolist()):
        known = [value for own, value in rows if own == bucket]
        assert to_python_ints(total.sums)[place] == sum(value or 0 for value in known)
        assert total.values[place] == sum(value is not None for value in known)
        assert total.rows[place] == count.rows[place] == len(known)


EDGES = tuple(Bound(day * 86_400_000_000, day) for day in (3, 5, 9))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("reads_all_history", [False, True])
@settings(max_examples=60)
@given(
    days=st.lists(st.none() | st.integers(0, 12), max_size=14) | st.lists(st.integers(3, 8), max_size=14),
    data=st.data(),
)
def test_rows_of_windows_are_kept_whatever_lies_beside_them(
    reads_all_history: bool, whole: bool, days: list[int | None], data: st.DataObject
) -> None:
    condition = data.draw(st.none() | st.lists(st.sampled_from([True, True, False, None]), min_size=len(days),
                                               max_size=len(days)))  # fmt: skip
    chosen = select(
        pa.array(days, pa.date32()),
        EDGES,
        reads_all_history,
        None if condition is None else pa.array(condition, pa.bool_()),
        len(days),
        whole=whole,
    )
    expected = []
    for row, day in enumerate(days):
        bucket = -1 if day is None else sum(edge.day <= day for edge in EDGES)
        inside = bucket >= (0 if reads_all_history or whole else 1) and (whole or bucket < len(EDGES))
        if day is not None and inside and (condition is None or condition[row] is True):
            expected.append((row, bucket))
    assert chosen.rows == len(chosen.bucket)
    rows = range(len(days)) if chosen.mask is None else np.flatnonzero(chosen.mask.to_numpy(zero_copy_only=False))
    kept = [(int(row), bucket) for row, bucket in zip(rows, chosen.bucket.tolist(), strict=True) if bucket >= 0]
    assert kept == expected


def test_values_in_windows_are_put_in_order_once_for_several_percentiles() -> None:
    numbers = [9, 1, 5, 5, 7, 2]
    bucket = np.array([1, 1, 1, 2, 2, 2], np.int64)
    frames = partial_frames([], bucket, [StateInput("values", pa.array(numbers), None)])
    grouped = GroupedStates(merge_frames([frames[1]]))
    cells = all_cells(1, 2)
    single = [(1, 2), (2, 3)]
    both = [(1, 3), (2, 3)]
    made = mock.Mock(side_effect=window_values.ranked_windows)
    with mock.patch.object(window_values, "ranked_windows", made):
        answers = [
            grouped.finish(0, Finish("percentile", parameter=percent), BucketWindows.of(windows), cells).to_pylist()
            for windows in (single, both)
            for percent in ("50", "100", "0")
        ]
    assert made.call_count == 2, "once for each set of windows"
    assert answers == [[5.0, 5.0], [9.0, 7.0], [1.0, 2.0], [5.0, 5.0], [9.0, 7.0], [1.0, 2.0]]
