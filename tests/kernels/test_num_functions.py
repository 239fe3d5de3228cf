"""Functions on numbers against Decimal, Fraction and math."""

from __future__ import annotations

import itertools
import math
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kpi_engine.kernels import numeric_functions as functions
from kpi_engine.kernels.errors import CastFailure, TypeMismatch

WIDE = Context(prec=400)
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**7), 10**7).map(lambda cents: cents / 1000),
    st.sampled_from([0.49999999999999994, 2.5, 0.5, 2.675, 1.005, 2**52 + 0.5, 2.0**53, 5e-324, 1e308]),
)
EXACT = st.one_of(st.integers(-(10**37), 10**37), st.integers(-(10**6), 10**6), st.sampled_from([5, 15, -25, 0]))


def half_away(value: Fraction, digits: int) -> Fraction:
    scaled = abs(value) * Fraction(10) ** digits
    whole = math.floor(scaled + Fraction(1, 2))
    return (whole if value >= 0 else -whole) / Fraction(10) ** digits


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | EXACT, max_size=6), st.integers(0, 20), st.integers(-20, 20))
def test_round_is_exact_on_decimals(ints, scale, digits):
    values = [None if value is None else Decimal(value).scaleb(-scale, WIDE) for value in ints]
    result = functions.round_half_away(pa.array(values, pa.decimal128(38, scale)), digits)
    result.validate(full=True)
    expected = [
        None if value is None else value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, WIDE) for value in values
    ]
    assert result.to_pylist() == expected
    assert result.type.scale == min(scale, max(digits, 0))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6), st.integers(-20, 3))
def test_round_of_integers(values, digits):
    result = functions.round_half_away(pa.array(values, pa.int64()), digits)
    expected = [half_away(Fraction(value), digits) if digits < 0 else value for value in values]
    assert [int(value) for value in result.to_pylist()] == expected
    if all(abs(value) < 10**17 for value in values) and digits > -17:
        assert result.type == pa.int64()


@settings(max_examples=500, deadline=None)
@given(FLOATS, st.integers(-25, 25))
@example(2.675, 2)
@example(0.49999999999999994, 0)
@example(4503599627370495.5, 0)
@example(-0.3, 0)
def test_round_of_floats(value, digits):
    (result,) = functions.round_half_away(pa.array([value]), digits).to_pylist()
    try:
        expected = float(half_away(Fraction(value), digits))
    except OverflowError:
        expected = None
    assert result == expected
    if result == 0:
        assert math.copysign(1, result) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | EXACT, max_size=6), st.integers(0, 20))
def test_floor_ceil_abs_of_decimals(ints, scale):
    array = pa.array([None if v is None else Decimal(v).scaleb(-scale, WIDE) for v in ints], pa.decimal128(38, scale))
    fractions = [None if v is None else Fraction(v, 10**scale) for v in ints]
    for kernel, function in ((functions.floor, math.floor), (functions.ceil, math.ceil), (functions.absolute, abs)):
        result = kernel(array)
        result.validate(full=True)
        got = [None if v is None else Fraction(v) for v in result.to_pylist()]
        assert got == [None if v is None else function(v) for v in fractions]
    assert functions.floor(array).type == (pa.decimal128(38, 0))


@settings(max_examples=200, deadline=None)
@given(st.lists(FLOATS, max_size=8))
def test_functions_of_floats(values):
    array = pa.array(values, pa.float64())
    assert functions.floor(array).to_pylist() == [float(math.floor(v)) for v in values]
    assert functions.ceil(array).to_pylist() == [float(math.ceil(v)) for v in values]
    assert functions.absolute(array).to_pylist() == [abs(v) for v in values]
    assert functions.square_root(array).to_pylist() == [math.sqrt(v) if v >= 0 else None for v in values]
    for got, value in zip(functions.natural_logarithm(array).to_pylist(), values, strict=True):
        assert (got is None) == (value <= 0)
        assert got is None or math.isclose(got, math.log(value), rel_tol=1e-15, abs_tol=1e-300)
    for got, value in zip(functions.exponential(array).to_pylist(), values, strict=True):
        assert (got is None) == (value > 709.782712893384)
        assert got is None or math.isclose(got, math.exp(value), rel_tol=1e-15)


def test_whole_numbers_and_edges():
    for kernel in (functions.floor, functions.ceil, functions.round_half_away):
        assert kernel(pa.array([5, None, -(2**63)])).to_pylist() == [5, None, -(2**63)]
        assert kernel(pa.nulls(2)).to_pylist() == [None, None]
        with pytest.raises(TypeMismatch):
            kernel(pa.array(["1"]))
    assert functions.absolute(pa.array([-(2**63)])).to_pylist() == [Decimal(2**63)]
    assert functions.absolute(pa.scalar(-2)).as_py() == 2
    assert functions.round_half_away(pa.scalar(Decimal("2.5"))).as_py() == Decimal("3")
    assert functions.square_root(pa.array([Decimal("2.25")])).to_pylist() == [1.5]
    with pytest.raises(TypeMismatch):
        functions.square_root(pa.array(["1"]))


@pytest.mark.parametrize(
    "values",
    [
        [3, 1, None],
        [3.5, -1.0, None],
        [Decimal("3.5"), Decimal("-1.0"), None],
        ["b", "a", None],
        [False, True, None],
    ],
    ids=lambda values: type(values[0]).__name__,
)
def test_least_and_greatest_are_null_if_any_is(values):
    pairs = list(itertools.product(values, values))
    columns = [pa.array(column) for column in zip(*pairs, strict=True)]
    for kernel, function in ((functions.least, min), (functions.greatest, max)):
        expected = [None if None in pair else function(pair) for pair in pairs]
        assert kernel(*columns).to_pylist() == expected
        assert kernel(columns[0]).to_pylist() == columns[0].to_pylist()
        if isinstance(values[0], str):
            assert kernel(columns[0].dictionary_encode(), columns[1]).to_pylist() == expected


def test_least_across_types():
    assert functions.least(pa.array([1, 5]), pa.scalar(Decimal("2.5"))).to_pylist() == [Decimal("1.0"), Decimal("2.5")]
    for type_ in (pa.timestamp("us", "UTC"), pa.date32()):
        assert functions.greatest(pa.array([1, 5], type_), pa.array([2, 2], type_)).equals(pa.array([2, 5], type_))
    with pytest.raises(TypeMismatch):
        functions.least(pa.array([1]), pa.array(["1"]))


def test_casts():
    assert functions.to_integer(pa.array(["17850.0", "-3", None])).to_pylist() == [17850, -3, None]
    assert functions.to_integer(pa.array([Decimal("7.00")])).to_pylist() == [7]
    assert functions.to_integer(pa.array([7.0])).to_pylist() == [7]
    assert functions.to_decimal(pa.array([0.1, None])).to_pylist() == [Decimal("0.1"), None]
    assert functions.to_float(pa.array([Decimal("0.1")], pa.decimal128(38, 20))).to_pylist() == [0.1]
    assert functions.to_text(pa.array([Decimal("0.0000001")])).to_pylist() == ["0.0000001"]
    for bad, cast in (
        (pa.array(["1", "x"]), functions.to_integer),
        (pa.array(["1", "1.5"]), functions.to_integer),
        (pa.array([1.0, 1.5]), functions.to_integer),
        (pa.array([Decimal("1.0"), Decimal("1.5")]), functions.to_integer),
        (pa.array(["1", "1,5"]), functions.to_decimal),
    ):
        with pytest.raises(CastFailure) as failure:
            cast(bad)
        assert failure.value.index == 1
        assert failure.value.value == bad[1].as_py()
