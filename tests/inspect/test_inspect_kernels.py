"""Tallies, repeated keys and overlaps against plain Python, in any split into batches."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.inspection import overlapping, repeated_keys, usual_step, without_key
from kpi_engine.kernels.tallies import Tallying, row_numbers

VALUES = st.one_of(st.none(), st.integers(-3, 3))
TEXTS = st.one_of(st.none(), st.sampled_from(["a", "b", "é", ""]))


@settings(max_examples=80)
@given(st.lists(TEXTS, max_size=40), st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_tallies_do_not_depend_on_batches(values: list[Any], cuts: list[int], encoded: bool) -> None:
    bounds = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    tallying = Tallying()
    for start, end in pairwise(bounds):
        batch = pa.array(values[start:end], pa.string())
        tallying.add(batch.dictionary_encode() if encoded else batch, row_numbers(start, end - start))
    tally = tallying.tally()
    counts = Counter(value for value in values if value is not None)
    assert dict(zip(tally.values.to_pylist(), tally.counts.tolist(), strict=True)) == counts
    assert {value: values.index(value) for value in counts} == dict(
        zip(tally.values.to_pylist(), tally.first.tolist(), strict=True)
    )
    assert (tally.rows, tally.nulls) == (len(values), values.count(None))
    assert tally.first_null == (values.index(None) if None in values else -1)
    known = pa.array(["a", "é"])
    assert set(tally.missing_from(known).values.to_pylist()) == counts.keys() - {"a", "é"}
    frequent = [counts[value] for value in tally.most_frequent(2).values.to_pylist()]
    assert frequent == [count for _, count in counts.most_common(2)]


def test_many_values_are_merged_on_the_way() -> None:
    tallying = Tallying()
    for start in range(0, 1_000_000, 100_000):
        values = pa.array([(start + number) * 7919 % 400_000 for number in range(100_000)])
        tallying.add(values, row_numbers(start, 100_000))
    tally = tallying.tally()
    assert (len(tally), tally.occurrences) == (400_000, 1_000_000)
    assert tally.counts.min() == 2


@given(st.lists(st.tuples(VALUES, TEXTS), max_size=30))
def test_repeated_keys(rows: list[tuple[Any, Any]]) -> None:
    keys = [pa.array([row[0] for row in rows], pa.int64()), pa.array([row[1] for row in rows], pa.string())]
    counts = Counter(row for row in rows if None not in row)
    several = {row: count for row, count in counts.items() if count > 1}
    found = repeated_keys(keys)
    assert (found.keys, found.rows) == (len(several), sum(several.values()))
    for values, count, positions in found.examples:
        assert several[values] == count
        assert list(positions) == [number for number, row in enumerate(rows) if row == values][:3]
    missing = [number for number, row in enumerate(rows) if None in row]
    assert without_key(keys) == (len(missing), missing[0] if missing else -1)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), VALUES, VALUES), max_size=12))
def test_overlapping_versions(rows: list[tuple[str, Any, Any]]) -> None:
    keys, begins, ends = (pa.array([row[n] for row in rows], kind) for n, kind in enumerate(TYPES))
    found = overlapping(keys, begins, ends)
    valid = [row for row in rows if row[1] is not None and (row[2] is None or row[2] > row[1])]
    several = any(
        one[0] == other[0] and max(one[1], other[1]) < min(_end(one), _end(other))
        for number, one in enumerate(valid)
        for other in valid[:number]
    )
    assert (found.count > 0) == several
    for earlier, later in found.examples:
        assert rows[earlier][0] == rows[later][0]
        assert rows[earlier][1] <= rows[later][1] < _end(rows[earlier])


TYPES = (pa.string(), pa.int64(), pa.int64())


def _end(row: tuple[str, Any, Any]) -> float:
    return float("inf") if row[2] is None else row[2]


def test_the_usual_step() -> None:
    assert [usual_step(days) for days in ([], [3], [0, 1, 2, 9], [0, 7, 14, 28], [0, 1, 3])] == [0, 0, 1, 7, 1]
