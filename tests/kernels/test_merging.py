"""Sorting, packing and merging, and work done in parts, against the plainest loops."""

from __future__ import annotations

from collections import defaultdict
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels import cells as cells_module
from kpi_engine.kernels import counted, cover, frames
from kpi_engine.kernels.cells import all_cells
from kpi_engine.kernels.extremes import group_extreme
from kpi_engine.kernels.finish import Finish, GroupedStates
from kpi_engine.kernels.frames import StateInput, key_as_item, merge_frames, partial_frames
from kpi_engine.kernels.group import group, key_codes, pack, unpack
from kpi_engine.kernels.ids import texts
from kpi_engine.kernels.sorting import sorted_with_order
from kpi_engine.kernels.states import decoded
from kpi_engine.kernels.windows import BucketWindows

few = settings(max_examples=60, deadline=None)
whole = st.integers(-(2**62), 2**62 - 1)
close = st.builds(lambda base, low: base * 2**50 + low, st.integers(-3, 3), st.integers(0, 3))
numbers = st.lists(whole | close | st.sampled_from([0, 1, 2**62 - 1, -(2**62)]), max_size=40)


@few
@given(values=numbers)
def test_keys_of_any_width_are_sorted_with_their_rows(values: list[int]) -> None:
    keys, rows = sorted_with_order(np.array(values, np.int64))
    expected = sorted(range(len(values)), key=lambda row: (values[row], row))
    assert rows.tolist() == expected
    assert keys.tolist() == [values[row] for row in expected]


@few
@given(values=numbers | numbers.map(sorted))
def test_groups_have_ids_first_rows_and_counts(values: list[int]) -> None:
    groups = group(np.array(values, np.int64))
    known = sorted(set(values))
    if values:
        assert groups.keys.tolist() == known
    assert groups.ids.tolist() == [known.index(value) for value in values]
    assert groups.counts.tolist()[: len(known)] == [values.count(each) for each in known]
    assert groups.first.tolist()[: len(known)] == [values.index(each) for each in known]


@few
@given(st.lists(st.none() | whole | close, max_size=30))
def test_codes_are_equal_where_values_are(values: list[int | None]) -> None:
    codes, size = key_codes(pa.array(values, pa.int64()))
    assert all(0 <= code < size for code in codes.tolist())
    for left, code in zip(values, codes.tolist(), strict=True):
        assert [other == code for other in codes.tolist()] == [right == left for right in values]


@pytest.mark.parametrize("cardinalities", [(2**61, 40), (40, 2**61), (2**61, 2**61 + 1, 5), (2**40, 2**40, 2**40)])
@few
@given(data=st.data())
def test_keys_are_taken_apart_again(cardinalities: tuple[int, ...], data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 8))
    columns = [
        np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=rows, max_size=rows)), np.int64)
        for size in cardinalities
    ]
    keys, packing = pack(list(zip(columns, cardinalities, strict=True)))
    assert [each.tolist() for each in unpack(keys, packing)] == [column.tolist() for column in columns]
    whole_rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(set(keys.tolist())) == len(set(whole_rows))
    assert sorted(range(rows), key=lambda row: (keys[row], row)) == sorted(
        range(rows), key=lambda row: (whole_rows[row], row)
    )


names = st.none() | st.sampled_from(["web", "app", "a channel with a long name", "C0012"])
Row = tuple[str | None, int, str | None, int | None]
rows_of = st.lists(st.tuples(names, st.integers(0, 4), names, st.none() | st.integers(-9, 9)), max_size=8)


def column(values: list[str | None], *, coded: bool) -> pa.Array:
    array = pa.array(values, pa.string())
    return array.dictionary_encode() if coded else array


@few
@given(
    parts=st.lists(st.tuples(rows_of, st.booleans(), st.sampled_from([None, 0, 3])), min_size=1, max_size=5),
    few_states=st.sampled_from([0, 512]),
)
def test_merged_frames_hold_each_state_once(parts: list[tuple[list[Row], bool, int | None]], few_states: int) -> None:
    """Parts have all buckets, or one of their own; keys as texts, as ids or as dictionaries."""
    plain, sets = [], []
    sums: dict[tuple[str | None, int], list[int]] = defaultdict(lambda: [0, 0])
    items: dict[tuple[str | None, int, str | None], int] = defaultdict(int)
    for rows, coded, own in parts:
        rows = [(key, bucket if own is None else own, item, value) for key, bucket, item, value in rows]
        keys, values = [column([row[0] for row in rows], coded=coded)], pa.array([row[3] for row in rows], pa.int64())
        inputs = [
            StateInput("sum", values, None),
            StateInput("distinct", column([row[2] for row in rows], coded=coded), None),
        ]
        found = partial_frames(keys, np.array([row[1] for row in rows], np.int64), inputs)
        plain.append(found[0])
        sets.append(found[1])
        for key, bucket, item, value in rows:
            sums[key, bucket][0] += 1
            sums[key, bucket][1] += value or 0
            items[key, bucket, item] += 1
    with mock.patch.object(frames, "_FEW", few_states):
        merged, united = merge_frames(plain), merge_frames(sets)
    keys_found = texts(decoded(merged.keys[0])).to_pylist()
    state = merged.states[0]
    assert state.sums is not None
    totals = [int(words[0]) for words in state.sums.words.tolist()]
    found_sums = zip(keys_found, merged.bucket.tolist(), state.rows.tolist(), totals, strict=True)
    assert {(key, bucket): [count, total] for key, bucket, count, total in found_sums} == dict(sums)
    assert len(merged) == len(sums)
    assert united.item is not None
    cells = zip(
        texts(decoded(united.keys[0])).to_pylist(),
        united.bucket.tolist(),
        texts(decoded(united.item)).to_pylist(),
        strict=True,
    )
    assert dict(zip(cells, united.states[0].rows.tolist(), strict=True)) == dict(items)
    assert len(united) == len(items)


@few
@given(rows=rows_of)
def test_a_key_makes_the_set_of_its_values(rows: list[Row]) -> None:
    keys = [column([row[number] for row in rows], coded=False) for number in (0, 2)]
    bucket = np.array([row[1] for row in rows], np.int64)
    (frame,) = partial_frames(keys, bucket, [StateInput("count", None, None)])
    _, wanted = partial_frames(keys[:1], bucket, [StateInput("distinct", keys[1], None)])
    windows = BucketWindows.of([(low, low + 2) for low in range(5)])
    answers = []
    for each in (key_as_item(frame, [0], 1, 0), wanted):
        grouped = GroupedStates(merge_frames([each]))
        counts = grouped.finish(0, Finish("distinct"), windows, all_cells(grouped.size, 5)).to_pylist()
        shown = texts(grouped.keys[0]).to_pylist()
        answers.append({key: counts[place * 5 : place * 5 + 5] for place, key in enumerate(shown)})
    assert answers[0] == answers[1]


@few
@given(rows=rows_of.filter(bool), with_key=st.booleans(), at_once=st.integers(1, 3))
def test_a_key_that_is_only_counted_counts_its_values(rows: list[Row], with_key: bool, at_once: int) -> None:
    keys = [column([row[number] for row in rows], coded=False) for number in (0, 2)]
    keys, item = (keys, 1) if with_key else (keys[1:], 0)
    bucket = np.array([row[1] for row in rows], np.int64)
    (frame,) = partial_frames(keys, bucket, [StateInput("count", None, None)])
    with mock.patch.object(counted, "_BLOCK", at_once):
        found = counted.counted_key(frame, [0] if with_key else [], item, 0)
    shown = texts(decoded(found.keys[0])).to_pylist() if with_key else [None] * len(found)
    state = found.states[0]
    cells = zip(shown, found.bucket.tolist(), zip(state.rows.tolist(), state.values.tolist(), strict=True), strict=True)
    expected: dict[tuple[object, int], list[object]] = {}
    for row in rows:
        expected.setdefault((row[0] if with_key else None, row[1]), []).append(row[2])
    assert {(key, place): counts for key, place, counts in cells} == {
        cell: (len(values), len({value for value in values if value is not None})) for cell, values in expected.items()
    }


@few
@given(rows=rows_of.filter(bool), at_once=st.integers(1, 3))
def test_ids_in_parts_count_as_together(rows: list[Row], at_once: int) -> None:
    keys = [column([row[0] for row in rows], coded=False)]
    bucket, values = np.array([row[1] for row in rows], np.int64), pa.array([row[3] for row in rows], pa.int64())
    _, frame = partial_frames(keys, bucket, [StateInput("distinct", values, None)])
    windows = BucketWindows.of([(low, low + 3) for low in range(4)])
    grouped = GroupedStates(frame)
    cells = all_cells(grouped.size, 4)
    with mock.patch.object(cover, "_AT_ONCE", at_once):
        found = grouped.finish(0, Finish("distinct"), windows, cells).to_pylist()
    for group_number, key in enumerate(texts(grouped.keys[0]).to_pylist()):
        for low in range(4):
            inside = {row[3] for row in rows if row[0] == key and low <= row[1] < low + 3 and row[3] is not None}
            assert found[group_number * 4 + low] == len(inside)


def test_cells_come_in_parts() -> None:
    cells = all_cells(3, 2)
    with mock.patch.object(cells_module, "_AT_ONCE", 4):
        parts = list(cells.parts())
    assert [len(part) for part in parts] == [4, 2]
    assert np.concatenate([part.code for part in parts]).tolist() == cells.code.tolist()


@few
@given(
    rows=st.lists(st.tuples(st.integers(-1, 3), st.none() | st.integers(-5, 5) | st.just(2**63 - 1))),
    kind=st.sampled_from(["minimum", "maximum"]),
)
def test_extremes_are_those_of_each_group(rows: list[tuple[int, int | None]], kind: str) -> None:
    ids, values = np.array([row[0] for row in rows], np.int64), pa.array([row[1] for row in rows], pa.int64())
    found = group_extreme(values, ids, 4, "minimum" if kind == "minimum" else "maximum").to_pylist()
    choose = min if kind == "minimum" else max
    for number in range(4):
        mine = [value for group_id, value in rows if group_id == number and value is not None]
        assert found[number] == (choose(mine) if mine else None)
