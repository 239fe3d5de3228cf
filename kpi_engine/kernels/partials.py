"""Exact sums of a batch of rows by group."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.bins import exact_bincount
from kpi_engine.kernels.counted_rows import CountedRows
from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.limbs import Limbs, zeros
from kpi_engine.kernels.rounding import split_words
from kpi_engine.kernels.vectors import (
    Ints,
    float64_view,
    is_exact,
    largest,
    narrow,
    scale_of,
    validity,
    words_view,
)

_LOW = 0xFFFFFFFF


def partial_sums(values: pa.Array, groups: Ints, size: int) -> tuple[Limbs, Ints]:
    """Exact sums by group, and how many values each holds.

    values: int64, decimal128, decimal256, float64 or null; nulls are skipped. groups: one id in [0, size)
    per row, or -1 for a row that does not count. The sums do not depend on the order of the rows or on how
    they are split into batches.

    >>> sums, counts = partial_sums(pa.array([1, None, 5]), np.array([0, 0, 1]), 2)
    >>> sums.words.tolist(), counts.tolist()
    ([[1], [5]], [1, 1])
    """
    rows = CountedRows.of(groups, size).having(validity(values))
    return sums_of(values, rows), rows.counts


def sums_of(values: pa.Array, rows: CountedRows) -> Limbs:
    """Exact sums by group of the rows that count, all of which have a value."""
    if pa.types.is_null(values.type):
        return zeros(rows.size)
    if is_exact(values.type):
        return Limbs(_sum_exact(values, rows), 0, scale_of(values.type))
    if pa.types.is_float64(values.type):
        from kpi_engine.kernels.float_sums import sum_floats

        return sum_floats(rows.among(float64_view(values)), rows.ids, rows.counts)
    raise TypeMismatch("sum", values.type)


def _sum_exact(values: pa.Array, rows: CountedRows) -> Ints:
    low = narrow(values)
    if low is not None:
        low, starts = rows.among(low), rows.starts
        if starts is not None and largest(low) * int(rows.counts.max(initial=0)) < 2**62:
            return np.add.reduceat(low, starts)[:, None]
        return sum_int64(low, rows.ids, rows.counts)
    digits = split_words(rows.among(words_view(values)))
    return np.stack([_add_up(digits[:, k], rows.ids, rows.counts, _LOW) for k in range(digits.shape[1])], axis=1)


def sum_int64(values: Ints, groups: Ints, counts: Ints) -> Ints:
    """Exact sums of any int64 values by group, as words (groups, 1 or 2)."""
    bound = largest(values)
    if bound * int(counts.max(initial=0)) < 2**53 or (len(counts) == 1 and bound * len(values) < 2**62):
        return _add_up(values, groups, counts, bound)[:, None]
    low = _add_up(values & _LOW, groups, counts, _LOW)
    return np.stack([low, _add_up(values >> 32, groups, counts, 2**31)], axis=1)


def _add_up(values: Ints, groups: Ints, counts: Ints, bound: int) -> Ints:
    if len(counts) == 1:  # one group: a plain integer sum, which the bound keeps below 2**62
        return np.array([values.sum(dtype=np.int64)])
    return exact_bincount(groups, values, len(counts), bound, int(counts.max(initial=0)))
