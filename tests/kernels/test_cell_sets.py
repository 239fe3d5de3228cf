"""Sets that are only counted have as many values as Python counts, however rows, types and parts are put together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.kernels import cell_sets
from kpi_engine.kernels.counted import CountedPart, Partial, merge_counted, partial_states, united_parts
from kpi_engine.kernels.frames import StateFrame, StateInput, merge_frames
from kpi_engine.kernels.ids import shortened, texts
from kpi_engine.kernels.item_sets import distinct_counts
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.states import decoded

Row = tuple[str | None, int, object, bool | None]

ITEMS: dict[str, tuple[pa.DataType, st.SearchStrategy[object]]] = {
    "integers": (pa.int64(), st.integers(-3, 5) | st.sampled_from([-(2**63), 2**63 - 1, 2**61])),
    "days": (pa.date32(), st.dates()),
    "instants": (pa.timestamp("us", tz="UTC"), st.integers(-5, 5)),
    "numbered": (pa.string(), st.sampled_from(["C1", "C2", "C12", "C012"])),
    "hex": (pa.string(), st.sampled_from(["0" * 12, "9f86d081884c", "f" * 12, "00000000000a"])),
    "hex16": (pa.string(), st.sampled_from(["0" * 16, "f" * 16, "8" + "0" * 15, "7" + "f" * 15])),
    "ids": (
        pa.string(),
        st.sampled_from(["C1", "x", "9f86d081884c", "123456789012", "cus_abcdefghijk", "some text of any length"]),
    ),
    "uuids": (pa.string(), st.uuids().map(str)),
    "booleans": (pa.bool_(), st.booleans()),
}


@st.composite
def batches(draw: st.DrawFn) -> tuple[pa.DataType, list[list[Row]]]:
    """Rows of (key, bucket, item, condition) in several batches, the items of one type."""
    type, items = ITEMS[draw(st.sampled_from(sorted(ITEMS)))]
    row = st.tuples(
        st.sampled_from(["web", "app", None]),
        st.integers(-1, 3),
        st.none() | items,
        st.sampled_from([True, False, None]),
    )
    return type, draw(st.lists(st.lists(row, max_size=8), min_size=1, max_size=5))


def made(rows: Sequence[Row], type: pa.DataType, counted: bool) -> list[Partial]:
    """The states of a batch: its rows, the set of those that meet the condition, and the set of all."""
    key, bucket, item, condition = ([row[column] for row in rows] for column in range(4))
    items = pa.array(item, type)
    inputs = [
        StateInput("count", None, None),
        StateInput("distinct", items, pa.array(condition, pa.bool_())),
        StateInput("distinct", items, None),
    ]
    placed = Placed([shortened(pa.array(key, pa.string()))], np.array(bucket, np.int64))
    return partial_states(placed, inputs, (1, 2) if counted else ())


Cells = dict[tuple[object, int], tuple[int, int]]


def expected(rows: Sequence[Row], everything: bool) -> Cells:
    """By (key, bucket) how many rows there are, and how many different values."""
    count: Counter[tuple[object, int]] = Counter()
    values: dict[tuple[object, int], set[object]] = defaultdict(set)
    for key, bucket, item, condition in rows:
        if bucket >= 0 and (everything or condition):
            count[key, bucket] += 1
            if item is not None:
                values[key, bucket].add(item)
    return {cell: (rows, len(values[cell])) for cell, rows in count.items()}


def shown(cells: StateFrame) -> Cells:
    """Counted cells as Python values."""
    assert cells.item is None
    keys = texts(decoded(cells.keys[0])).to_pylist()
    (state,) = cells.states
    found = zip(keys, cells.bucket.tolist(), state.rows.tolist(), state.values.tolist(), strict=True)
    cells_of = [((key, bucket), (rows, values)) for key, bucket, rows, values in found]
    assert len(dict(cells_of)) == len(cells_of)
    return dict(cells_of)


@given(batches())
def test_counts_are_those_of_python(data: tuple[pa.DataType, list[list[Row]]]) -> None:
    type, parts = data
    rows = [row for part in parts for row in part]
    for number, everything in ((1, False), (2, True)):
        found = [made(part, type, True)[number] for part in parts]
        counted = [each for each in found if isinstance(each, CountedPart)]
        assert len(counted) == len(parts)
        assert shown(merge_counted(counted)) == expected(rows, everything)
        assert shown(merge_counted(united_parts(counted))) == expected(rows, everything)
        for part, each in zip(parts, counted, strict=True):
            assert shown(each.cells) == expected(part, everything)


@given(batches())
def test_sets_that_are_kept_whole_hold_the_same(data: tuple[pa.DataType, list[list[Row]]]) -> None:
    type, parts = data
    for number in (1, 2):
        lean = [made(part, type, True)[number] for part in parts]
        plain = [made(part, type, False)[number] for part in parts]
        whole = merge_frames([each.whole() for each in lean if isinstance(each, CountedPart)])
        frame = merge_frames([each for each in plain if isinstance(each, StateFrame)])
        assert values_of(whole) == values_of(frame)
        assert shown(CountedPart.of(whole).cells) == shown(CountedPart.of(frame).cells)


def values_of(frame: StateFrame) -> set[tuple[object, int, object, bool]]:
    """The values of a set with their cells, and whether each counts."""
    assert frame.item is not None
    keys, items = texts(decoded(frame.keys[0])).to_pylist(), texts(decoded(frame.item)).to_pylist()
    values = (frame.states[0].values > 0).tolist()
    found = list(zip(keys, frame.bucket.tolist(), items, values, strict=True))
    assert len(set(found)) == len(found)
    return set(found)


@given(batches())
def test_cells_are_united_a_few_at_a_time(data: tuple[pa.DataType, list[list[Row]]]) -> None:
    type, parts = data
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_sets, "_AT_ONCE", 3)
        found = [made(part, type, True)[2] for part in parts]
        merged = merge_counted([each for each in found if isinstance(each, CountedPart)])
    assert shown(merged) == expected([row for part in parts for row in part], True)


@given(st.lists(st.integers(0, 40)), st.sampled_from([41, 1 << 20, 1 << 32, 1 << 40]))
def test_distinct_keys_are_counted_in_each_way(keys: list[int], bound: int) -> None:
    spread = [key * (bound // 41) for key in keys] * 100
    found, counts = distinct_counts(np.array(spread, np.int64), bound)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == Counter(spread)
    assert found.tolist() == sorted(set(spread))


def test_ids_of_files_with_other_forms_are_counted_as_numbers() -> None:
    """Numbers with and without leading zeros meet without ever being texts."""
    parts = [
        CountedPart.of_sets(part.cells, part.sets)
        for values in (["C0000001", "C0000002"], ["C2000000", "C1000000"], ["C1000000"])
        for part in partial_states(
            Placed([], np.zeros(len(values), np.int64)), [StateInput("distinct", pa.array(values), None)], (1,)
        )
        if isinstance(part, CountedPart) and part.sets is not None
    ]
    assert len({part.sets.type for part in parts if part.sets is not None}) == 2
    (whole,) = united_parts(parts)
    assert whole.sets is not None
    assert whole.cells.states[0].values.tolist() == [4]
    assert whole.cells.states[0].rows.tolist() == [5]
