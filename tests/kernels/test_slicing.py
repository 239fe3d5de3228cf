"""States divided by a key: equal values have one slice, and every state is in one of them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.kernels.frames import StateInput, partial_frames
from kpi_engine.kernels.ids import shortened
from kpi_engine.kernels.slicing import Slices, are_comparable, slice_numbers, variety

COUNTS = st.integers(1, 40)
NUMBERS = st.one_of(st.integers(0, 50), st.integers(-(2**62), 2**62), st.none())
DECIMALS = st.one_of(st.decimals(-9, 9, places=2), st.decimals(-(10**30), 10**30, places=2), st.none())
TEXTS = st.one_of(
    st.integers(0, 99).map(lambda number: f"C{number:02}"), st.sampled_from(["guest", "a@b.example"]), st.none()
)


@given(st.lists(NUMBERS, max_size=60), st.lists(NUMBERS, max_size=60), COUNTS)
def test_equal_numbers_have_one_slice(one: list[int | None], other: list[int | None], count: int) -> None:
    found = slice_numbers([pa.array(one, pa.int64()), pa.array(other, pa.int64())], count)
    _one_slice_a_value(one, other, [each.tolist() for each in found], count)


@given(st.lists(TEXTS, max_size=60), st.lists(TEXTS, max_size=60), COUNTS)
def test_equal_texts_have_one_slice_as_ids_and_dictionaries(
    one: list[str | None], other: list[str | None], count: int
) -> None:
    for arrays in (
        [shortened(pa.array(one, pa.string())), pa.array(other, pa.string()).dictionary_encode()],
        [pa.array(one, pa.string()), shortened(pa.array(other, pa.string()))],
    ):
        assert are_comparable({each.type for each in arrays})
        _one_slice_a_value(one, other, [each.tolist() for each in slice_numbers(arrays, count)], count)


@given(st.lists(DECIMALS, max_size=60), st.lists(DECIMALS, max_size=60), COUNTS)
def test_equal_decimals_have_one_slice(one: list[Decimal | None], other: list[Decimal | None], count: int) -> None:
    for narrow, wide in ((pa.decimal128(38, 2), pa.decimal128(38, 2)), (pa.decimal128(38, 2), pa.decimal256(60, 4))):
        found = slice_numbers([pa.array(one, narrow), pa.array(other, wide)], count)
        _one_slice_a_value(one, other, [each.tolist() for each in found], count)


def _one_slice_a_value(one: list[object], other: list[object], found: list[list[int]], count: int) -> None:
    slice_of: dict[object, int] = {}
    for value, number in zip([*one, *other], [*found[0], *found[1]], strict=True):
        assert slice_of.setdefault(value, number) == number
        assert 0 <= number < count


def test_numbers_that_lie_close_together_still_do_in_their_slice() -> None:
    (numbers,) = slice_numbers([pa.array(range(1000))], 4)
    assert numbers.tolist() == sorted(numbers.tolist())
    assert max(np.bincount(numbers)) - min(np.bincount(numbers)) <= 2


def test_decimals_beyond_a_word_are_spread() -> None:
    (numbers,) = slice_numbers([pa.array([Decimal(number * 2**64) for number in range(4000)], pa.decimal128(38, 0))], 4)
    assert min(np.bincount(numbers, minlength=4)) > 800


def test_numbers_far_apart_are_spread() -> None:
    (numbers,) = slice_numbers([pa.array([number * 2**40 for number in range(4000)])], 4)
    assert min(np.bincount(numbers, minlength=4)) > 800


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=50), COUNTS)
def test_slices_have_every_state_once(rows: list[tuple[int, int]], count: int) -> None:
    keys, buckets = [key for key, _ in rows], np.array([bucket for _, bucket in rows], np.int64)
    (frame,) = partial_frames([pa.array(keys, pa.int64())], buckets, [StateInput("count", None, None)])
    (numbers,) = slice_numbers(frame.keys, count)
    slices = Slices([frame], [numbers], count)
    found: dict[tuple[int, int], int] = {}
    for number in range(count):
        part = slices.states(number).whole
        for key, bucket, size in zip(
            part.keys[0].to_pylist(), part.bucket.tolist(), part.states[0].rows.tolist(), strict=True
        ):
            assert (key, bucket) not in found
            found[key, bucket] = size
    assert found == {each: rows.count(each) for each in rows}


def test_types_whose_equal_values_may_differ_in_their_bits_are_not_comparable() -> None:
    assert not are_comparable({pa.int64(), pa.float64()})
    assert not are_comparable({pa.int64(), pa.string()})
    assert are_comparable({pa.int64(), pa.decimal128(12, 2)})


def test_variety_tells_ids_from_names() -> None:
    assert variety(pa.array(range(10_000))) > variety(pa.array(["a", "b"] * 5_000))
