"""Range extremes and percentiles against plain Python."""

from __future__ import annotations

import datetime
import math
import statistics
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.quantile import percentile
from kpi_engine.kernels.ranges import range_extreme

VALUES = {
    "int": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "float": (st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0), pa.float64()),
    "bool": (st.booleans(), pa.bool_()),
    "text": (st.text(max_size=2), pa.string()),
    "date": (st.dates(), pa.date32()),
    "instant": (st.datetimes(timezones=st.just(datetime.UTC)), pa.timestamp("us", "UTC")),
    "decimal": (st.decimals(-(10**30), 10**30, places=2), pa.decimal128(38, 2)),
    "wide": (st.integers(-(10**70), 10**70).map(Decimal), pa.decimal256(76, 0)),
}


@pytest.mark.parametrize("kind", [*VALUES, "encoded"])
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_range_extreme(kind, data):
    strategy, type_ = VALUES["text" if kind == "encoded" else kind]
    values = data.draw(st.lists(st.none() | strategy, max_size=20))
    bound = st.integers(0, len(values))
    bounds = data.draw(st.lists(st.tuples(bound, bound), max_size=12))
    array = pa.array([None, *values], type_)
    array = (array.dictionary_encode() if kind == "encoded" else array)[1:]
    starts, stops = (np.array([pair[i] for pair in bounds], np.int64) for i in (0, 1))
    for name, function in (("min", min), ("max", max)):
        held = [[value for value in values[start:stop] if value is not None] for start, stop in bounds]
        result = range_extreme(array, starts, stops, name)
        result.validate(full=True)
        assert result.to_pylist() == [function(inside) if inside else None for inside in held]
        assert result.type == array.type


def test_range_extreme_of_many_rows():
    rng = np.random.default_rng(1)
    values = rng.integers(-(10**9), 10**9, 5000)
    starts = rng.integers(0, 5000, 300)
    stops = np.minimum(5000, starts + rng.integers(0, 5000, 300))
    got = range_extreme(pa.array(values), starts, stops, "min").to_pylist()
    for value, start, stop in zip(got, starts.tolist(), stops.tolist(), strict=True):
        assert value == (values[start:stop].min() if stop > start else None)
    assert range_extreme(pa.nulls(3), np.array([0]), np.array([3]), "max").to_pylist() == [None]


def interpolate(values: list[Fraction], percent: Fraction) -> float:
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = math.floor(position)
    upper = ordered[min(below + 1, len(ordered) - 1)]
    return float(ordered[below] + (upper - ordered[below]) * (position - below))


NUMBERS = {
    "int": VALUES["int"],
    "small": (st.integers(-100, 100), pa.int64()),
    "float": VALUES["float"],
    "decimal": VALUES["decimal"],
    "wide": VALUES["wide"],
}


@pytest.mark.parametrize("kind", NUMBERS)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_percentile(kind, data):
    strategy, type_ = NUMBERS[kind]
    rows = data.draw(st.lists(st.tuples(st.integers(-1, 3), st.none() | strategy, st.integers(-1, 4)), max_size=20))
    percent = data.draw(
        st.sampled_from([Fraction(0), Fraction(50), Fraction(90), Fraction(100), Fraction("99.9"), Fraction(100, 3)])
    )
    array = pa.array([None, *(row[1] for row in rows)], type_)[1:]
    cells, counts = (np.array([row[i] for row in rows], np.int64) for i in (0, 2))
    expected = []
    for cell in range(4):
        held = [Fraction(v) for c, v, n in rows if c == cell and v is not None for _ in range(n)]
        expected.append(interpolate(held, percent) if held else None)
    assert percentile(cells, array, counts, percent, 4).to_pylist() == expected


def test_median_equals_statistics_and_large_counts_do_not_expand():
    rng = np.random.default_rng(2)
    values = rng.integers(0, 10**6, 9_999)
    cells = rng.integers(0, 7, 9_999)
    got = percentile(cells, pa.array(values), np.ones(9_999, np.int64), Decimal(50), 7).to_pylist()
    assert got == [statistics.median(values[cells == cell].tolist()) for cell in range(7)]
    weighty = percentile(np.zeros(2, np.int64), pa.array([1, 2]), np.array([2**40, 2**40]), Decimal("99.999999"), 1)
    assert weighty.to_pylist() == [2.0]


def test_percentile_refuses():
    ones = np.ones(1, np.int64)
    with pytest.raises(TypeMismatch):
        percentile(ones, pa.array(["a"]), ones, Fraction(50), 2)
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentile(ones, pa.array([1]), ones, Fraction(101), 2)
    assert percentile(ones, pa.nulls(1), ones, Fraction(50), 2).to_pylist() == [None, None]
