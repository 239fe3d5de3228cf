"""Parts of nested values against plain Python: lists stored in every form, keys, nulls at every level."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.ir.catalog import PathStep
from kpi_engine.kernels.nested import NoSuchPart, elements, follow, joined_lists

LISTS = st.lists(st.none() | st.lists(st.none() | st.integers(0, 9), max_size=3), max_size=6)
FORMS = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]


@settings(max_examples=100, deadline=None)
@given(lists=LISTS, form=st.sampled_from(FORMS), start=st.integers(0, 3))
def test_elements_of_lists_in_every_form(lists: list[list[int | None] | None], form: Any, start: int) -> None:
    array = pa.array(lists, form(pa.int64())).slice(start)
    found = elements(array)
    wanted = lists[start:]
    assert found.values.to_pylist() == [value for each in wanted for value in each or []]
    assert found.counts.tolist() == [len(each or []) for each in wanted]
    assert found.regrouped(found.values).to_pylist() == [each or [] for each in wanted]
    assert joined_lists([array, array]).to_pylist() == [each or [] for each in wanted] * 2


def test_lists_of_fixed_size_maps_and_filled_nulls() -> None:
    fixed = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2))
    assert elements(fixed.slice(1)).values.to_pylist() == [3, 4]
    pairs = pa.array([[("a", 1)], None, [], [("b", 2), ("a", None)]], pa.map_(pa.string(), pa.int64()))
    assert elements(pairs.slice(1)).values.to_pylist() == [{"key": "b", "value": 2}, {"key": "a", "value": None}]
    assert follow(pairs.slice(1), [PathStep("b", "key")]).to_pylist() == [None, None, 2]
    filled = pa.ListArray.from_arrays([0, 1, 2, 3], pa.array([7, 8, 9]), mask=pa.array([False, True, False]))
    assert elements(filled).values.to_pylist() == [7, 9]
    assert elements(pa.nulls(2)).counts.tolist() == [0, 0]


KEYED = st.lists(st.none() | st.lists(st.sampled_from("abc"), unique=True, max_size=3), max_size=6)


@settings(max_examples=60, deadline=None)
@given(keys=KEYED, kind=st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]))
def test_values_of_keys(keys: list[list[str] | None], kind: pa.DataType) -> None:
    rows = [None if each is None else [{"key": key, "value": ord(key)} for key in each] for each in keys]
    array = pa.array(rows, pa.list_(pa.struct([("key", kind), ("value", pa.int64())])))
    found = follow(array, [PathStep("a", "key"), PathStep("value")])
    assert found.to_pylist() == [97 if each is not None and "a" in each else None for each in keys]


def test_keys_of_other_types() -> None:
    numbered = pa.array(
        [[{"key": 7, "value": "x"}], None], pa.list_(pa.struct([("key", pa.int16()), ("value", pa.string())]))
    )
    path = [PathStep("7", "key"), PathStep("value")]
    assert follow(numbered, path).to_pylist() == ["x", None]
    unknown = pa.array([[{"key": None, "value": "x"}], []])
    assert follow(unknown, path).to_pylist() == [None, None]
    with pytest.raises(NoSuchPart):
        follow(pa.array([[{"key": {"a": 1}, "value": "x"}]]), path)
    with pytest.raises(NoSuchPart):
        follow(pa.array(["x"]), [PathStep("a")])
    assert follow(pa.nulls(2), [*path, PathStep("deeper")]).to_pylist() == [None, None]
