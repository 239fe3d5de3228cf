"""Every Arrow type in canonical form."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.canonical import Counts, canonical
from kpi_engine.kernels.errors import NumberOverflow, UnsupportedType

UTC = datetime.UTC
PHYSICAL = {
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.dictionary(pa.int32(), pa.string()),
    pa.null(),
}
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]


def form(array):
    result, counts = canonical(array)
    result.validate(full=True)
    assert result.type in PHYSICAL or pa.types.is_decimal(result.type)
    again, none = canonical(result)
    assert again.equals(result)
    assert none == Counts()
    return result, counts


def check(array, type_, values):
    for one in (array, pa.concat_arrays([array, array])[len(array) :], pa.chunked_array([array])):
        result, _ = form(one)
        assert result.type == type_
        assert result.to_pylist() == values


@pytest.mark.parametrize("type_", INTEGERS, ids=str)
def test_integers(type_):
    check(pa.array([1, None, 100], type_), pa.int64(), [1, None, 100])


def test_large_unsigned_integers_become_decimals():
    check(pa.array([2**63 - 1], pa.uint64()), pa.int64(), [2**63 - 1])
    values = [2**64 - 1, None, 2**63, 0]
    check(pa.array(values, pa.uint64()), pa.decimal128(38, 0), [None if v is None else Decimal(v) for v in values])


def test_what_lies_below_a_null_does_not_widen_the_type():
    data = pa.py_buffer(np.array([2**64 - 1, 5], np.uint64))
    array = pa.Array.from_buffers(pa.uint64(), 2, [pa.py_buffer(bytes([0b10])), data])
    assert form(array)[0].equals(pa.array([None, 5], pa.int64()))


@pytest.mark.parametrize("type_", [pa.float16(), pa.float32(), pa.float64()], ids=str)
def test_floats_have_no_nan_no_infinity_and_one_zero(type_):
    values = [1.5, float("nan"), None, float("inf"), float("-inf"), -0.0]
    array = pa.array([np.float16(v) if v is not None and type_ == pa.float16() else v for v in values], type_)
    result, counts = form(array)
    assert result.to_pylist() == [1.5, None, None, None, None, 0.0]
    assert math.copysign(1, result[5].as_py()) == 1
    assert counts == Counts(nan=1, infinite=2)
    assert counts + Counts(nan=1) == Counts(nan=2, infinite=2)
    hidden = pa.array([float("nan"), 1.0], mask=np.array([True, False]))
    assert canonical(hidden)[1] == Counts()


@pytest.mark.parametrize(
    "type_",
    [pa.decimal32(5, 2), pa.decimal64(12, 2), pa.decimal128(20, 2), pa.decimal256(50, 2)],
    ids=str,
)
def test_decimals_keep_their_scale(type_):
    result, _ = form(pa.array([Decimal("1.50"), None, Decimal("-7.25")], type_))
    assert result.type.scale == 2
    assert result.type.bit_width >= 128
    assert result.to_pylist() == [Decimal("1.50"), None, Decimal("-7.25")]


@pytest.mark.parametrize("type_", [pa.decimal32(3, -2), pa.decimal128(3, -2), pa.decimal256(3, -2)], ids=str)
def test_negative_scales_become_0(type_):
    result, _ = form(pa.array([Decimal("1500"), None], type_))
    assert result.type == pa.decimal128(38, 0)
    assert result.to_pylist() == [Decimal("1500"), None]


@pytest.mark.parametrize("type_", TEXTS, ids=str)
@pytest.mark.parametrize("index", INTEGERS, ids=str)
def test_texts_and_dictionaries_of_texts(type_, index):
    check(pa.array(["a", None, ""], type_), pa.string(), ["a", None, ""])
    encoded = pa.DictionaryArray.from_arrays(pa.array([1, None, 0, 1], index), pa.array(["x", "y"], type_))
    check(encoded, pa.dictionary(pa.int32(), pa.string()), ["y", None, "x", "y"])
    # Equal values and nulls inside a dictionary would be groups of their own.
    odd = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 3], index), pa.array(["a", "a", None, "b"], type_))
    result, _ = form(odd)
    assert result.to_pylist() == ["a", "a", None, None, "b"]
    assert result.dictionary.to_pylist() == ["a", "b"]
    assert result.indices.to_pylist() == [0, 0, None, None, 1]


def test_a_dictionary_larger_than_its_rows_is_decoded():
    encoded = pa.array(["a", "b", "c"]).dictionary_encode()[1:2]
    check(encoded, pa.string(), ["b"])


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 1], pa.int32()),
        pa.array([1.5, float("nan")]),
        pa.array([Decimal("1.5")]),
        pa.array([5], pa.timestamp("s", "Asia/Tokyo")),
    ],
    ids=lambda a: str(a.type),
)
def test_dictionaries_of_other_values_are_decoded(values):
    encoded = pa.DictionaryArray.from_arrays(pa.array([0, None, len(values) - 1]), values)
    decoded = pa.concat_arrays([values[:1], pa.nulls(1, values.type), values[-1:]])
    assert form(encoded)[0].equals(form(decoded)[0])


def test_chunks_with_different_dictionaries_become_one():
    chunks = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "c"]).dictionary_encode()]
    result, _ = form(pa.chunked_array(chunks))
    assert result.to_pylist() == ["a", "b", "b", "c"]
    assert result.dictionary.to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize("type_", [pa.int16(), pa.float32(), pa.string(), pa.string_view(), pa.null()], ids=str)
def test_no_chunks_and_no_rows(type_):
    assert len(form(pa.chunked_array([], type_))[0]) == 0
    assert len(form(pa.array([], type_))[0]) == 0


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo", "+02:00"])
def test_timestamps(unit, zone):
    instant = datetime.datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC)
    seconds = int(instant.timestamp())
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    array = pa.array([seconds * factor, None], pa.int64()).cast(pa.timestamp(unit, zone))
    wanted = instant if zone else instant.replace(tzinfo=None)
    check(array, pa.timestamp("us", "UTC" if zone else None), [wanted, None])


def test_nanoseconds_are_cut_to_the_microsecond_that_holds_them():
    array = pa.array([-1, -1000, 1999], pa.timestamp("ns"))
    assert form(array)[0].cast(pa.int64()).to_pylist() == [-1, -1, 1]


def test_instants_beyond_microseconds_are_refused():
    with pytest.raises(NumberOverflow):
        canonical(pa.array([2**62], pa.timestamp("s")))


def test_dates_durations_and_times_of_day():
    day = datetime.date(1969, 12, 30)
    check(pa.array([day, None], pa.date64()), pa.date32(), [day, None])
    check(pa.array([day, None], pa.date32()), pa.date32(), [day, None])
    for unit, factor in (("s", 10**6), ("ms", 10**3), ("us", 1)):
        check(pa.array([-7, None], pa.duration(unit)), pa.int64(), [-7 * factor, None])
    check(pa.array([-1, 1999], pa.duration("ns")), pa.int64(), [-1, 1])
    check(pa.array([7, None], pa.time32("s")), pa.int64(), [7_000_000, None])
    check(pa.array([7, None], pa.time32("ms")), pa.int64(), [7_000, None])
    check(pa.array([7, None], pa.time64("us")), pa.int64(), [7, None])
    check(pa.array([7999, None], pa.time64("ns")), pa.int64(), [7, None])


def test_run_lengths_booleans_and_nulls():
    check(pa.array([True, None, False]), pa.bool_(), [True, None, False])
    check(pa.nulls(2), pa.null(), [None, None])
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1.5, None]))
    assert form(runs)[0].to_pylist() == [1.5, 1.5, None]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1]]),
        pa.array([[1]], pa.large_list(pa.int64())),
        pa.array([[1]], pa.list_(pa.int64(), 1)),
        pa.array([{"a": 1}]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([b"x"]),
        pa.array([b"x"], pa.large_binary()),
        pa.array([b"x"], pa.binary_view()),
        pa.array([b"x"], pa.binary(1)),
        pa.array([b"x"]).dictionary_encode(),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    ],
    ids=lambda array: str(array.type),
)
def test_what_has_no_physical_form(array):
    with pytest.raises(UnsupportedType):
        canonical(array)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(max_size=3), max_size=12), st.data())
def test_encoded_texts_stay_equal(values, data):
    plain = pa.array(values, pa.string())
    pool = data.draw(st.permutations([*values, *values[:3]]))
    codes = [None if value is None else pool.index(value) for value in values]
    encoded = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int16()), pa.array(pool, pa.string()))
    result, _ = form(encoded)
    assert result.to_pylist() == plain.to_pylist()
    if pa.types.is_dictionary(result.type):
        listed = result.dictionary.to_pylist()
        assert None not in listed
        assert len(set(listed)) == len(listed)
