"""Arithmetic, division, comparison and logic against Fraction and complete truth tables."""

from __future__ import annotations

import itertools
import math
import operator
import random
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels import arith
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.vectors import python_ints, scale_of

INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**53, 2**53 + 1, 2**62, -(2**62)]),
    st.integers(-1000, 1000),
)
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([5e-324, -5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 0.0, 1 / 3]),
)


@st.composite
def exact_arrays(draw: st.DrawFn, size: int, max_digits: int = 76) -> tuple[pa.Array, list[Fraction | None]]:
    """An exact array (of any width, possibly a slice) and its values."""
    kind = draw(st.sampled_from(["int", "small", "wide", "wider"]))
    if kind == "int":
        values = draw(st.lists(st.none() | INT64, min_size=size, max_size=size))
        return pa.array([7, *values], pa.int64())[1:], [None if v is None else Fraction(v) for v in values]
    digits = min(max_digits, {"small": 15, "wide": 38, "wider": 76}[kind])
    type_ = pa.decimal256(76, 0) if kind == "wider" else pa.decimal128(38, 0)
    scale = draw(st.integers(0, min(digits, 20)))
    bound = 10 ** draw(st.integers(1, digits)) - 1
    ints = draw(st.lists(st.none() | st.integers(-bound, bound), min_size=size, max_size=size))
    whole = pa.array([None if v is None else Decimal(v) for v in [3, *ints]], type_)
    kind_ = pa.decimal256(76, scale) if kind == "wider" else pa.decimal128(38, scale)
    array = pa.Array.from_buffers(kind_, size + 1, whole.buffers())[1:]
    return array, [None if v is None else Fraction(v, 10**scale) for v in ints]


def fractions(array: pa.Array) -> list[Fraction | None]:
    array.validate(full=True)
    return [None if v is None else Fraction(v, 10 ** scale_of(array.type)) for v in python_ints(array)]


def combine(function, xs, ys):
    return [None if x is None or y is None else function(x, y) for x, y in zip(xs, ys, strict=True)]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(0, 6), st.sampled_from("+-*"))
def test_plus_minus_times_are_exact(data, size, symbol):
    a, xs = data.draw(exact_arrays(size))
    b, ys = data.draw(exact_arrays(size))
    kernel = {"+": arith.add, "-": arith.subtract, "*": arith.multiply}[symbol]
    function = {"+": operator.add, "-": operator.sub, "*": operator.mul}[symbol]
    expected = combine(function, xs, ys)
    try:
        result = kernel(a, b)
    except NumberOverflow:
        # Only what needs more than 76 digits at the least scale that holds every result may be refused.
        results = [value for value in expected if value is not None]
        scale = next(s for s in itertools.count() if all((value * 10**s).denominator == 1 for value in results))
        assert scale > 76 or any(abs(value) * 10**scale >= 10**76 for value in results)
        return
    assert fractions(result) == expected


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 5), st.sampled_from("+-*/<"), st.booleans())
def test_a_scalar_is_every_row(data, size, symbol, left):
    array, _ = data.draw(exact_arrays(size, 30))
    other, _ = data.draw(exact_arrays(1, 30))
    kernel = {
        "+": arith.add,
        "-": arith.subtract,
        "*": arith.multiply,
        "/": arith.divide,
        "<": lambda x, y: arith.compare("<", x, y),
    }[symbol]
    spread = pa.repeat(other[0], size)
    got = kernel(other[0], array) if left else kernel(array, other[0])
    wanted = kernel(spread, array) if left else kernel(array, spread)
    assert got.to_pylist() == wanted.to_pylist()


def test_int64_overflow_becomes_decimal():
    top = pa.array([2**63 - 1, -(2**63)])
    assert arith.add(top, top).to_pylist() == [Decimal(2**64 - 2), Decimal(-(2**64))]
    assert arith.multiply(top, top).to_pylist() == [Decimal((2**63 - 1) ** 2), Decimal(2**126)]
    assert arith.negate(pa.array([-(2**63)])).to_pylist() == [Decimal(2**63)]
    assert arith.subtract(pa.array([1, 2]), pa.array([5, 2])).type == pa.int64()


def test_38_nines():
    nines = pa.array([Decimal("9" * 38)], pa.decimal128(38, 0))
    assert fractions(arith.add(nines, nines)) == [2 * (10**38 - 1)]
    assert fractions(arith.multiply(nines, nines)) == [(10**38 - 1) ** 2]
    square = arith.multiply(nines, nines)
    with pytest.raises(NumberOverflow):
        arith.multiply(square, pa.scalar(2))
    assert fractions(arith.subtract(square, square)) == [0]


def test_a_product_of_many_decimals_drops_needless_zeros_rather_than_overflow():
    half = pa.array([Decimal("0.5" + "0" * 37)], pa.decimal128(38, 38))
    product = half
    for _ in range(3):
        product = arith.multiply(product, half)
    assert fractions(product) == [Fraction(1, 16)]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(0, 6))
def test_division_is_rounded_once(data, size):
    a, xs = data.draw(exact_arrays(size))
    b, ys = data.draw(exact_arrays(size))
    result, zeros = arith.divide_counting(a, b)
    assert result.to_pylist() == combine(lambda x, y: float(x / y) if y else None, xs, ys)
    assert zeros == sum(1 for x, y in zip(xs, ys, strict=True) if x is not None and y == 0)


def _float(value: Fraction) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.none() | FLOATS, INT64), max_size=8), st.integers(0, 5), st.booleans())
def test_division_of_floats_and_exact_numbers_is_rounded_once(rows, scale, swap):
    floats = pa.array([row[0] for row in rows], pa.float64())
    exact = arith.divide_by_power_of_ten(pa.array([row[1] for row in rows], pa.int64()), scale)
    xs = [None if row[0] is None else Fraction(row[0]) for row in rows]
    ys = [Fraction(row[1], 10**scale) for row in rows]
    if swap:
        assert arith.divide(exact, floats).to_pylist() == combine(lambda x, y: _float(x / y) if y else None, ys, xs)
    else:
        assert arith.divide(floats, exact).to_pylist() == combine(lambda x, y: _float(x / y) if y else None, xs, ys)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(FLOATS, FLOATS), max_size=8))
def test_float_arithmetic_has_no_nan_and_no_infinity(rows):
    a, b = (pa.array([row[i] for row in rows], pa.float64()) for i in (0, 1))
    for kernel, function in ((arith.add, operator.add), (arith.multiply, operator.mul)):
        expected = [value if math.isfinite(value := function(x, y)) else None for x, y in rows]
        result = kernel(a, b).to_pylist()
        assert result == expected
        assert all(math.copysign(1, value) == 1 for value in result if value == 0)


def test_ties_and_every_zero_division():
    assert arith.divide(pa.array([2**53 + 1, 2**54 + 2, 1]), pa.array([1, 2, 3])).to_pylist() == [
        float(2**53),
        float(2**53),
        1 / 3,
    ]
    zeros = [
        pa.scalar(0),
        pa.scalar(Decimal("0.00")),
        pa.scalar(0.0),
        pa.scalar(None),
        pa.scalar(None, pa.int64()),
    ]
    for zero in zeros:
        for one in (
            pa.array([1, None]),
            pa.array([Decimal("1.5"), None]),
            pa.array([1.5, None]),
            pa.nulls(2),
        ):
            assert arith.divide(one, zero).to_pylist() == [None, None]


@pytest.mark.parametrize("unit", [2**100, 2**51 + 1])
def test_a_hair_beside_a_tie_is_no_tie(unit):
    odd = 2**53 + 1  # needs 54 bits: halfway between two float64
    numerators = [Decimal(odd * unit + hair) for hair in (1, -1, 0)]
    divisor = pa.scalar(Decimal(unit), pa.decimal128(38, 0))
    result = arith.divide(pa.array(numerators, pa.decimal256(76, 0)), divisor)
    assert result.to_pylist() == [float(2**53 + 2), float(2**53), float(2**53)]


def test_division_just_beyond_53_bits():
    rng = random.Random(11)
    rows = [(rng.randrange(2**53, 2**60), rng.randrange(3, 10**6)) for _ in range(2000)]
    a, b = (pa.array(column) for column in zip(*rows, strict=True))
    assert arith.divide(a, b).to_pylist() == [x / y for x, y in rows]
    assert arith.divide(b, a).to_pylist() == [y / x for x, y in rows]


def test_division_by_a_power_of_ten_is_exact():
    result = arith.divide_by_power_of_ten(pa.array([2**63 - 1, None, -5]), 3)
    assert result.to_pylist() == [Decimal(2**63 - 1).scaleb(-3), None, Decimal("-0.005")]
    deep = arith.divide_by_power_of_ten(pa.array([Decimal("1.5")], pa.decimal128(38, 30)), 20)
    assert fractions(deep) == [Fraction(15, 10**21)]
    assert arith.divide_by_power_of_ten(pa.array([1.0, 3.0]), 23).to_pylist() == [1e-23, 3e-23]


OPS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@settings(max_examples=120, deadline=None)
@given(st.data(), st.integers(0, 6), st.sampled_from(sorted(OPS)))
def test_exact_comparison(data, size, op):
    a, xs = data.draw(exact_arrays(size, 50))
    b, ys = data.draw(exact_arrays(size, 50))
    assert arith.compare(op, a, b).to_pylist() == combine(OPS[op], xs, ys)


def test_a_literal_equals_the_nearest_float():
    assert arith.compare("=", pa.array([0.3, 0.1 + 0.2]), pa.scalar(Decimal("0.3"))).to_pylist() == [
        True,
        False,
    ]
    assert arith.compare(">=", pa.array([2**63 - 1]), pa.scalar(2.0**63)).to_pylist() == [True]


@pytest.mark.parametrize("op", sorted(OPS))
def test_text_comparison_plain_and_encoded(op):
    words = ["", "a", "é", "z", "Z", "😀", "￿", None]
    pairs = list(itertools.product(words, words))
    a, b = (pa.array([pair[i] for pair in pairs], pa.string()) for i in (0, 1))
    expected = combine(lambda x, y: OPS[op](x.encode(), y.encode()), *zip(*pairs, strict=True))
    for left in (a, a.dictionary_encode()):
        for right in (b, b.dictionary_encode()):
            assert arith.compare(op, left, right).to_pylist() == expected
    for word in words:
        scalar = pa.scalar(word, pa.string())
        for left in (a, a.dictionary_encode()):
            wanted = combine(OPS[op], a.to_pylist(), [word] * len(a))
            assert arith.compare(op, left, scalar).to_pylist() == wanted
            assert arith.compare(op, scalar, left).to_pylist() == combine(OPS[op], [word] * len(a), a.to_pylist())


def test_types_that_do_not_meet():
    text, number, day = pa.array(["1"]), pa.array([1]), pa.array([1], pa.date32())
    instant = pa.array([1], pa.timestamp("us", "UTC"))
    for a, b in itertools.permutations([text, number, day, instant, pa.array([True])], 2):
        with pytest.raises(TypeMismatch):
            arith.compare("=", a, b)
        with pytest.raises(TypeMismatch):
            arith.is_in(a, b)
        with pytest.raises(TypeMismatch):
            arith.add(a, b)
        with pytest.raises(TypeMismatch):
            arith.divide(a, b)
    with pytest.raises(TypeMismatch):
        arith.and_(number, pa.array([True]))


def test_kleene_tables():
    three = [True, False, None]
    pairs = list(itertools.product(three, three))
    a, b = (pa.array([pair[i] for pair in pairs], pa.bool_()) for i in (0, 1))
    ands = [False if False in pair else None if None in pair else True for pair in pairs]
    ors = [True if True in pair else None if None in pair else False for pair in pairs]
    assert arith.and_(a, b).to_pylist() == ands
    assert arith.or_(a, b).to_pylist() == ors
    assert arith.not_(pa.array(three)).to_pylist() == [False, True, None]
    assert arith.and_(pa.nulls(2), pa.array([True, False])).to_pylist() == [None, False]
    assert arith.or_(pa.scalar(None), pa.array([True, False])).to_pylist() == [True, None]


@pytest.mark.parametrize("encode", [False, True])
def test_in_is_three_valued(encode):
    array = pa.array(["a", "b", None], pa.string())
    array = array.dictionary_encode() if encode else array
    assert arith.is_in(array, pa.array(["a"])).to_pylist() == [True, False, None]
    assert arith.is_in(array, pa.array(["a", None])).to_pylist() == [True, None, None]
    assert arith.is_in(array, pa.array([None], pa.string())).to_pylist() == [None, None, None]
    assert arith.is_in(array, pa.array([], pa.string())).to_pylist() == [False, False, False]
    assert arith.is_in(array, [pa.scalar("b"), pa.scalar("x")]).to_pylist() == [False, True, None]
    assert arith.not_(arith.is_in(array, pa.array(["a", None]))).to_pylist() == [False, None, None]


@settings(max_examples=120, deadline=None)
@given(st.data(), st.integers(0, 6), st.integers(1, 4))
def test_in_is_a_chain_of_equals(data, size, count):
    array, _ = data.draw(exact_arrays(size, 30))
    wanted, _ = data.draw(exact_arrays(count, 30))
    chain = pa.repeat(pa.scalar(False), size)
    for value in wanted:
        chain = arith.or_(chain, arith.compare("=", array, value))
    assert arith.is_in(array, wanted).to_pylist() == chain.to_pylist()


def test_in_across_number_types():
    assert arith.is_in(pa.array([1, 2]), pa.array([Decimal("1.0"), Decimal("2.5")])).to_pylist() == [
        True,
        False,
    ]
    assert arith.is_in(pa.array([0.1, 2.0]), pa.array([Decimal("0.1")])).to_pylist() == [True, False]
    assert arith.is_in(pa.array([1, 2]), pa.array([1.0, 2.5])).to_pylist() == [True, False]


def test_choices():
    condition = pa.array([True, False, None])
    assert arith.if_else(condition, pa.array([1, 2, 3]), pa.scalar(Decimal("0.5"))).to_pylist() == [
        Decimal("1.0"),
        Decimal("0.5"),
        Decimal("0.5"),
    ]
    encoded = pa.array(["x", "y", None]).dictionary_encode()
    assert arith.if_else(condition, encoded, pa.scalar("z")).to_pylist() == ["x", "z", "z"]
    assert arith.case_when([condition, pa.array([True, True, None])], [pa.scalar(1), pa.scalar(2)]).to_pylist() == [
        1,
        2,
        None,
    ]
    assert arith.if_else(pa.scalar(True), pa.scalar(1), pa.scalar(2)).as_py() == 1
    assert arith.coalesce(pa.nulls(2), pa.array([None, 1]), pa.scalar(2.5)).to_pylist() == [2.5, 1.0]
    assert arith.coalesce(encoded, pa.scalar("none")).to_pylist() == ["x", "y", "none"]
    assert arith.nullif(encoded, pa.scalar("x")).to_pylist() == [None, "y", None]
    assert arith.nullif(pa.array([1, None]), pa.scalar(None, pa.int64())).to_pylist() == [1, None]
    assert arith.is_null(encoded).to_pylist() == [False, False, True]
    assert arith.is_null(pa.nulls(1)).to_pylist() == [True]


def test_nulls_of_no_type_propagate():
    for kernel in (arith.add, arith.subtract, arith.multiply):
        assert kernel(pa.array([1]), pa.nulls(1)).to_pylist() == [None]
        assert kernel(pa.scalar(None, pa.float64()), pa.array([1])).type == pa.float64()
    assert arith.compare("<", pa.nulls(2), pa.scalar(1)).to_pylist() == [None, None]
