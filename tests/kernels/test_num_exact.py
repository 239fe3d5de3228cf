"""Exact sums against Fraction, math.fsum and statistics."""

from __future__ import annotations

import contextlib
import math
import random
import statistics
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels import exact
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.squares import partial_squares
from kpi_engine.kernels.vectors import retype

FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
    st.sampled_from([5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 2.2250738585072014e-308]),
    st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
    st.sampled_from([1e16, 1.0, -1e16, 1e300, -1e300, 1e-300]),
)
INTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**62, -(2**62), 2**63 - 1, -(2**63), 2**53, 2**32, 2**32 - 1, -1, 0]),
    st.integers(-100, 100),
)
SIZE = 4
SCALE = 3


def decimals(ints, kind, scale=SCALE):
    base = pa.decimal256(76, 0) if kind == "wider" else pa.decimal128(38, 0)
    array = pa.array([None if v is None else Decimal(v) for v in ints], base)
    return retype(array, pa.decimal256(76, scale) if kind == "wider" else pa.decimal128(38, scale))


@st.composite
def batches(draw: st.DrawFn, kind: str):
    """Rows of (value, group) as a list and as Arrow batches, the last being a slice."""
    value = {
        "int": INTS,
        "float": FLOATS,
        "small": st.integers(-(10**9), 10**9),
        "wide": st.integers(-(10**38) + 1, 10**38 - 1),
        "wider": st.integers(-(10**74), 10**74),
    }[kind]
    rows = draw(st.lists(st.tuples(st.none() | value, st.integers(-1, SIZE - 1)), max_size=20))
    cut = draw(st.integers(0, len(rows)))
    arrays = []
    for part in (rows[:cut], [(None, 0), *rows[cut:]]):
        values = [row[0] for row in part]
        array = {"int": lambda v: pa.array(v, pa.int64()), "float": lambda v: pa.array(v, pa.float64())}.get(
            kind, lambda v: decimals(v, kind)
        )(values)
        arrays.append((array, np.array([row[1] for row in part], np.int64)))
    arrays[1] = (arrays[1][0][1:], arrays[1][1][1:])
    return rows, arrays


def fraction(value, kind):
    return Fraction(value) if kind in ("int", "float") else Fraction(value, 10**SCALE)


def by_group(rows, kind):
    groups = [[] for _ in range(SIZE)]
    for value, group in rows:
        if value is not None and group >= 0:
            groups[group].append(fraction(value, kind))
    return groups


def total_of(arrays):
    parts = [exact.partial_sums(values, groups, SIZE) for values, groups in arrays]
    merged = exact.concat([part[0] for part in parts])
    ids = np.tile(np.arange(SIZE), len(parts))
    return exact.regroup(merged, ids, SIZE), sum(part[1] for part in parts)


def nearest(value: Fraction) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


KINDS = ["int", "float", "small", "wide", "wider"]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=70, deadline=None)
@given(st.data())
def test_sums_averages_and_variances(kind, data):
    rows, arrays = data.draw(batches(kind))
    groups = by_group(rows, kind)
    sums, counts = total_of(arrays)
    assert counts.tolist() == [len(group) for group in groups]
    assert exact.to_array(sums, None, "float").to_pylist() == [nearest(sum(group, Fraction(0))) for group in groups]
    expected = [nearest(sum(group) / len(group)) if group else None for group in groups]
    assert exact.divide_by_counts(sums, counts).to_pylist() == expected
    if kind == "int":
        result = exact.to_array(sums, counts > 0, "integer")
        assert [None if v is None else int(v) for v in result.to_pylist()] == [
            int(sum(group)) if group else None for group in groups
        ]
    elif kind != "float":
        result = exact.to_array(sums, counts > 0, "decimal")
        result.validate(full=True)
        assert [None if v is None else Fraction(v) for v in result.to_pylist()] == [
            sum(group) if group else None for group in groups
        ]
    squares = [partial_squares(values, ids, SIZE) for values, ids in arrays]
    square = exact.regroup(exact.concat(squares), np.tile(np.arange(SIZE), 2), SIZE)
    variances = [statistics.variance(group) if len(group) > 1 else None for group in groups]
    assert exact.variance(counts, sums, square).to_pylist() == [
        None if value is None else nearest(value) for value in variances
    ]
    roots = exact.variance(counts, sums, square, stddev=True).to_pylist()
    for root, value in zip(roots, variances, strict=True):
        if value is None:
            assert root is None
        elif root is None:
            assert value >= BEYOND**2
        else:
            assert is_nearest_root(root, value)


ULP_OF_LARGEST = Fraction(2) ** 971
BEYOND = Fraction(2) ** 1024 - ULP_OF_LARGEST / 2  # from here on the nearest float64 is infinity


def is_nearest_root(root: float, square: Fraction) -> bool:
    if square == 0:
        return root == 0
    here, below = Fraction(root), Fraction(math.nextafter(root, 0))
    next_one = math.nextafter(root, math.inf)
    above = here + ULP_OF_LARGEST if math.isinf(next_one) else Fraction(next_one)
    return ((below + here) / 2) ** 2 <= square <= ((above + here) / 2) ** 2


def test_a_deviation_beyond_float64_is_null():
    largest = 1.7976931348623157e308
    values, ids = pa.array([largest, -largest]), np.zeros(2, np.int64)
    sums, counts = exact.partial_sums(values, ids, 1)
    squares = partial_squares(values, ids, 1)
    assert exact.variance(counts, sums, squares, stddev=True).to_pylist() == [None]
    assert exact.to_array(sums, None, "float").to_pylist() == [0.0]


@settings(max_examples=100, deadline=None)
@given(st.lists(FLOATS, max_size=30), st.randoms(use_true_random=False))
def test_float_sums_do_not_depend_on_order_and_equal_fsum(values, rng):
    def total(order):
        sums, _ = exact.partial_sums(pa.array(order, pa.float64()), np.zeros(len(order), np.int64), 1)
        return exact.to_array(sums, None, "float")

    first = total(values)
    shuffled = values[:]
    rng.shuffle(shuffled)
    assert total(shuffled).equals(first)
    assert first[0].as_py() == nearest(sum(map(Fraction, values), Fraction(0)))
    with contextlib.suppress(OverflowError):  # fsum gives up on an intermediate overflow; ours has none
        assert first[0].as_py() == math.fsum(values)


def test_a_million_floats_in_blocks_and_groups_equal_fsum():
    rng = np.random.default_rng(7)
    values = rng.standard_normal(200_000) * 10.0 ** rng.integers(-12, 12, 200_000)
    groups = rng.integers(-1, 5, 200_000)
    sums, counts = exact.partial_sums(pa.array(values), groups, 5)
    got = exact.to_array(sums, None, "float").to_pylist()
    assert got == [math.fsum(values[groups == group]) for group in range(5)]
    assert counts.tolist() == [int((groups == group).sum()) for group in range(5)]
    many = np.arange(200_000) % 50_000
    sums, _ = exact.partial_sums(pa.array(values), many, 50_000)
    got = exact.to_array(sums, None, "float").to_pylist()
    assert got == [math.fsum(values[group::50_000]) for group in range(50_000)]


def test_a_million_rows_of_two_to_the_62():
    values = pa.array(np.full(10**6, 2**62))
    groups = np.arange(10**6) % 3
    for ids, size in ((np.zeros(10**6, np.int64), 1), (groups, 3)):
        sums, counts = exact.partial_sums(values, ids, size)
        assert [int(v) for v in exact.to_array(sums, None, "integer").to_pylist()] == [
            int(count) * 2**62 for count in counts
        ]
        again = exact.regroup(exact.concat([sums] * 1000), np.tile(np.arange(size), 1000), size)
        assert [int(v) for v in exact.to_array(again, None, "integer").to_pylist()] == [
            1000 * int(count) * 2**62 for count in counts
        ]


@pytest.mark.parametrize("edge", [2**63 - 1, 2**63, -(2**63), -(2**63) - 1])
def test_int64_boundary_of_a_sum(edge):
    step = 1 if edge > 0 else -1
    values = pa.array([edge - step * 2**62, step * 2**62])
    sums, _ = exact.partial_sums(values, np.zeros(2, np.int64), 1)
    result = exact.to_array(sums, None, "integer")
    assert int(result[0].as_py()) == edge
    assert (result.type == pa.int64()) == (-(2**63) <= edge < 2**63)


@pytest.mark.parametrize("times", [1, 2, 20])
def test_38_nines(times):
    nines = decimals([10**38 - 1] * times, "wide", 0)
    sums, _ = exact.partial_sums(nines, np.zeros(times, np.int64), 1)
    result = exact.to_array(sums, None, "decimal")
    result.validate(full=True)
    assert int(result[0].as_py()) == times * (10**38 - 1)
    assert result.type == (pa.decimal128(38, 0) if times == 1 else pa.decimal256(76, 0))


def test_more_than_76_digits_is_refused():
    sums, _ = exact.partial_sums(decimals([10**76 - 1] * 2, "wider", 0), np.zeros(2, np.int64), 1)
    with pytest.raises(NumberOverflow):
        exact.to_array(sums, None, "decimal")
    assert exact.divide_by_counts(sums, np.array([2])).to_pylist() == [float(10**76 - 1)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(2**200), 2**200), min_size=1, max_size=20), st.data())
def test_range_sums_and_storage(values, data):
    from kpi_engine.kernels.limbs import from_python_ints, to_python_ints

    limbs = from_python_ints(values, scale=2)
    bounds = data.draw(
        st.lists(st.tuples(st.integers(0, len(values)), st.integers(0, len(values))), min_size=1, max_size=10)
    )
    starts, stops = np.array(bounds).T
    got = to_python_ints(exact.range_sums(limbs, starts, stops))
    assert got == [sum(values[start:stop]) for start, stop in bounds]
    field, array = exact.to_fixed_size_list(limbs, "total")
    loaded = exact.from_fixed_size_list(field, pa.concat_arrays([array[:1], array])[1:])
    assert to_python_ints(loaded) == values
    assert loaded.scale == 2
    table = pa.table([array], schema=pa.schema([field]))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    back = pa.ipc.open_stream(sink.getvalue()).read_all()
    assert to_python_ints(exact.from_fixed_size_list(back.schema.field(0), back[0].combine_chunks())) == values


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-(2**61), 2**61), min_size=3, max_size=3), min_size=1, max_size=6))
def test_carry_keeps_values(words):
    from kpi_engine.kernels.limbs import carry, to_python_ints

    limbs = exact.Limbs(np.array(words))
    expected = [sum(word << (32 * k) for k, word in enumerate(row)) for row in words]
    assert to_python_ints(limbs) == expected
    digits = carry(limbs.words)
    assert to_python_ints(exact.Limbs(digits)) == expected
    assert (digits[:, :-1] >= 0).all() and (digits[:, :-1] < 2**32).all()
    assert to_python_ints(exact.compact(limbs)) == expected


def test_concat_of_different_scales_and_exponents():
    zeros = np.zeros(1, np.int64)
    whole, _ = exact.partial_sums(pa.array([7]), zeros, 1)
    cents, _ = exact.partial_sums(decimals([1234567890123456789], "wide", 19), zeros, 1)
    float_, _ = exact.partial_sums(pa.array([0.1]), zeros, 1)
    merged = exact.regroup(exact.concat([whole, cents, float_]), np.zeros(3, np.int64), 1)
    expected = Fraction(7) + Fraction(1234567890123456789, 10**19) + Fraction(0.1)
    assert exact.to_array(merged, None, "float").to_pylist() == [float(expected)]


def test_nothing_and_nulls():
    for values in (pa.array([], pa.float64()), pa.nulls(0), pa.array([], pa.decimal128(38, 2))):
        sums, counts = exact.partial_sums(values, np.zeros(0, np.int64), 2)
        assert counts.tolist() == [0, 0]
        assert exact.to_array(sums, None, "float").to_pylist() == [0.0, 0.0]
        assert exact.divide_by_counts(sums, counts).to_pylist() == [None, None]
    assert len(exact.concat([])) == 0
    sums, counts = exact.partial_sums(pa.nulls(3), np.array([0, 1, -1]), 2)
    assert counts.tolist() == [0, 0]
    assert exact.to_array(sums, counts > 0, "integer").to_pylist() == [None, None]
    with pytest.raises(TypeMismatch):
        exact.partial_sums(pa.array(["a"]), np.zeros(1, np.int64), 1)


def test_averages_of_pairs_are_ties_to_even():
    rng = random.Random(3)
    pairs = [(rng.randrange(2**53, 2**62), rng.randrange(2**53, 2**62)) for _ in range(2000)]
    flat = pa.array([value for pair in pairs for value in pair])
    sums, counts = exact.partial_sums(flat, np.repeat(np.arange(2000), 2), 2000)
    assert exact.divide_by_counts(sums, counts).to_pylist() == [(a + b) / 2 for a, b in pairs]


def test_words_near_their_limit_are_carried_before_they_are_added():
    from kpi_engine.kernels.limbs import to_python_ints

    large = exact.Limbs(np.full((8, 1), 2**61 + 1))
    assert to_python_ints(exact.regroup(large, np.zeros(8, np.int64), 1)) == [8 * (2**61 + 1)]
    assert to_python_ints(exact.range_sums(large, np.array([0, 1]), np.array([8, 4]))) == [
        8 * (2**61 + 1),
        3 * (2**61 + 1),
    ]


def test_a_bincount_beyond_53_bits_is_split():
    from kpi_engine.kernels.bins import exact_bincount

    rows, value = 2**20, 2**34 - 1
    values = np.full(rows, value)
    values[-1] = 2
    totals = exact_bincount(np.zeros(rows, np.int64), values, 1, value, rows)
    assert totals.tolist() == [(rows - 1) * value + 2]


@pytest.mark.parametrize("size", [1, 3])
def test_many_floats_that_cancel_leave_the_last_bit(size):
    rng = np.random.default_rng(9)
    some = 1 + rng.random(150_000)
    values = np.concatenate([some, -rng.permutation(some), [2.0**-60]])
    ids = np.zeros(len(values), np.int64)
    order = np.concatenate([np.arange(150_000), 150_000 + rng.permutation(150_001)])
    sums, counts = exact.partial_sums(pa.array(values[order]), ids, size)
    assert exact.to_array(sums, None, "float").to_pylist()[0] == 2.0**-60
    assert counts[0] == 300_001
