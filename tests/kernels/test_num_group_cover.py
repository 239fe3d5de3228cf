"""Grouping and interval coverage against dictionaries and sets."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.cover import count_over, covered_cells, distinct_over
from kpi_engine.kernels.group import encode, group, pack, unpack
from kpi_engine.kernels.sorting import distinct, distinct_codes, sorted_with_order

KEYS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 9), st.sampled_from([-(2**63), 2**63 - 1, 0, 2**40]))

COLUMNS = [
    pa.array(["b", None, "a", "b", None]),
    pa.array(["b", None, "a", "b", None]).dictionary_encode(),
    pa.array(["b", None, "a", "b", None]).dictionary_encode()[2:],
    pa.array(["x", "y"]).dictionary_encode(),
    pa.array([1, None, -5, 1]),
    pa.array([2**63 - 1, None, -(2**63), 0]),
    pa.array([2**63 - 1, 2**63 - 2]),
    pa.array([1.5, None, 0.0, 1.5]),
    pa.array([True, None, False]),
    pa.array([True, True]),
    pa.array([Decimal("1.50"), None, Decimal("-2")], pa.decimal128(38, 2)),
    pa.array([Decimal("1.50"), None, Decimal("1.5")], pa.decimal256(76, 2)),
    pa.array([3, None, 40000], pa.date32()),
    pa.array([3, None, 10**15, 3], pa.timestamp("us", "UTC")),
    pa.array([None, None], pa.string()),
    pa.nulls(3),
    pa.nulls(0),
    pa.array([], pa.string()),
    pa.array([], pa.int64()),
    pa.array([], pa.date32()),
]


@pytest.mark.parametrize("array", COLUMNS, ids=lambda array: f"{array.type}x{len(array)}")
def test_codes_give_the_values_back_and_keep_nulls(array):
    codes, values = encode(array)
    assert codes.dtype == np.int64
    assert values.take(pa.array(codes)).to_pylist() == array.to_pylist()
    listed = values.to_pylist()
    assert len(set(listed)) == len(listed)
    assert (None in listed) == (array.null_count > 0)
    if array.null_count:
        assert listed[-1] is None


@settings(max_examples=200, deadline=None)
@given(st.lists(KEYS, max_size=40), st.integers(0, 3000))
def test_groups(keys, repeat):
    keys = keys + keys[:1] * repeat
    groups = group(np.array(keys, np.int64))
    assert groups.keys.tolist() == sorted(set(keys))
    assert groups.size == len(set(keys))
    assert [groups.keys[i] for i in groups.ids] == keys
    assert groups.first.tolist() == [keys.index(key) for key in sorted(set(keys))]


@settings(max_examples=200, deadline=None)
@given(st.lists(KEYS, max_size=40))
def test_sorting(keys):
    array = np.array(keys, np.int64)
    ordered, rows = sorted_with_order(array)
    assert rows.tolist() == sorted(range(len(keys)), key=keys.__getitem__)
    assert ordered.tolist() == sorted(keys)
    assert distinct(array).tolist() == sorted(set(keys))
    codes, found = distinct_codes(array)
    assert found[codes].tolist() == keys


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(0, 20))
def test_packed_keys_order_and_unpack(data, columns, rows):
    spans = data.draw(st.lists(st.sampled_from([1, 2, 1000, 2**31, 2**40, 2**60]), min_size=columns, max_size=columns))
    rng = data.draw(st.randoms(use_true_random=False))
    codes = [[rng.choice([rng.randrange(span), span - 1, 0]) for _ in range(rows)] for span in spans]
    keys, packing = pack([(np.array(c, np.int64), span) for c, span in zip(codes, spans, strict=True)])
    assert [column.tolist() for column in unpack(keys, packing)] == codes
    tuples = list(zip(*codes, strict=True))
    assert np.argsort(keys, kind="stable").tolist() == sorted(range(rows), key=tuples.__getitem__)
    groups = group(keys)
    assert [column.tolist() for column in unpack(groups.keys, packing)] == [
        list(column) for column in zip(*sorted(set(tuples)), strict=True)
    ] or not rows


RANGES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0, 1, 2, -(2**63), 2**63 - 1, 10**12]),
        st.integers(-3, 12),
        st.integers(0, 8),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(RANGES, st.integers(1, 10), st.sampled_from([None, 1]))
def test_distinct_over(rows, periods, length):
    rows = [(key, id_, lo, lo + (length or size)) for key, id_, lo, size in rows]
    key, id_, lo, hi = (np.array([row[i] for row in rows], np.int64) for i in range(4))
    expected = [
        [len({row[1] for row in rows if row[0] == k and row[2] <= p < row[3]}) for p in range(periods)]
        for k in range(3)
    ]
    assert distinct_over(key, id_, lo, hi, 3, periods).tolist() == expected
    counts = [[sum(row[0] == k and row[2] <= p < row[3] for row in rows) for p in range(periods)] for k in range(3)]
    assert count_over(key, lo, hi, 3, periods).tolist() == counts


@settings(max_examples=300, deadline=None)
@given(RANGES)
def test_covered_cells(rows):
    key, lo = (np.array([row[i] for row in rows], np.int64) for i in (1, 2))
    hi = lo + np.array([row[3] for row in rows], np.int64)
    expected = sorted({(row[1], p) for row in rows for p in range(row[2], row[2] + row[3])})
    keys, periods = covered_cells(key, lo, hi)
    assert list(zip(keys.tolist(), periods.tolist(), strict=True)) == expected


def test_rolling_distinct_of_many_rows():
    rng = np.random.default_rng(5)
    rows, days = 20_000, 200
    day, customer = rng.integers(0, days, rows), rng.integers(0, 500, rows)
    got = distinct_over(np.zeros(rows, np.int64), customer, day, day + 28, 1, days)[0]
    seen = defaultdict(set)
    for d, c in zip(day.tolist(), customer.tolist(), strict=True):
        seen[d].add(c)
    for period in range(days):
        expected = set().union(*(seen[d] for d in range(max(0, period - 27), period + 1)))
        assert got[period] == len(expected)


def test_distinct_over_when_ids_and_cells_do_not_fit_one_key():
    periods = 2**22 + 1
    key, id_ = np.array([0, 0, 1, 1]), np.array([0, 2**40, 2**40, 2**40])
    lo = np.array([periods - 1, periods - 1, 5, 5])
    counts = distinct_over(key, id_, lo, lo + 1, 2, periods)
    assert counts.sum() == 3
    assert (counts[0, periods - 1], counts[1, 5]) == (2, 1)
