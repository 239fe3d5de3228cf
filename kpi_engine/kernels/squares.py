"""Exact sums of squares by group, for the variance."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.bins import exact_bincount
from kpi_engine.kernels.counted_rows import CountedRows
from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.float_sums import Part, assemble, float_parts
from kpi_engine.kernels.limbs import Limbs, from_python_ints, zeros
from kpi_engine.kernels.partials import sum_int64
from kpi_engine.kernels.rounding import two_product
from kpi_engine.kernels.vectors import (
    Floats,
    Ints,
    float64_view,
    is_exact,
    largest,
    narrow,
    python_ints,
    scale_of,
    validity,
)

_LOW = 0xFFFFFFFF
_SMALL, _LARGE = 2.0**-450, 2.0**450  # between them a square and its rounding error are normal float64
_SHIFT = 600


def partial_squares(values: pa.Array, groups: Ints, size: int) -> Limbs:
    """Exact sums of x * x by group; arguments as for `partial_sums`.

    >>> partial_squares(pa.array([1, None, 5]), np.array([0, 0, 0]), 1).words.tolist()
    [[26]]
    """
    return squares_of(values, CountedRows.of(groups, size).having(validity(values)))


def squares_of(values: pa.Array, rows: CountedRows) -> Limbs:
    """Exact sums of x * x by group of the rows that count, all of which have a value."""
    if pa.types.is_null(values.type):
        return zeros(rows.size)
    if pa.types.is_float64(values.type):
        return _float_squares(rows.among(float64_view(values)), rows.ids, rows.counts)
    if not is_exact(values.type):
        raise TypeMismatch("variance", values.type)
    scale = 2 * scale_of(values.type)
    low = narrow(values)
    if low is None:
        chosen = values if rows.rows is None else values.take(pa.array(rows.rows))
        return _wide_squares(chosen, rows.ids, rows.size, scale)
    low = rows.among(low)
    if largest(low) < 2**31:
        return Limbs(sum_int64(low * low, rows.ids, rows.counts), 0, scale)
    return Limbs(_square_words(low, rows.ids, rows.counts), 0, scale)


def _square_words(values: Ints, groups: Ints, counts: Ints) -> Ints:
    """Squares of up to 126 bits by schoolbook multiplication of 32-bit halves of the magnitudes."""
    size = np.abs(values).view(np.uint64)  # the magnitude of -2**63 is right as an unsigned number
    a, b = size & np.uint64(_LOW), size >> np.uint64(32)
    words = np.zeros((len(counts), 5), np.int64)
    most = int(counts.max(initial=0))
    for product, column, times in ((a * a, 0, 1), (a * b, 1, 2), (b * b, 2, 1)):
        low = (product & np.uint64(_LOW)).astype(np.int64)
        high = (product >> np.uint64(32)).astype(np.int64)
        words[:, column] += times * exact_bincount(groups, low, len(counts), _LOW, most)
        words[:, column + 1] += times * exact_bincount(groups, high, len(counts), _LOW, most)
    return words


def _wide_squares(values: pa.Array, groups: Ints, size: int, scale: int) -> Limbs:
    totals = [0] * size
    for group, value in zip(groups.tolist(), python_ints(values), strict=True):
        if value is not None:
            totals[group] += value * value
    return from_python_ints(totals, scale)


def _float_squares(values: Floats, groups: Ints, counts: Ints) -> Limbs:
    size = np.abs(values)
    small, large = (size < _SMALL) & (size > 0), size > _LARGE
    parts: list[Part] = []
    for rows, shift in ((small, -_SHIFT), (large, _SHIFT), (~(small | large), 0)):
        if not rows.any():
            continue
        factor = 2.0**-shift
        scaled = values[rows] * factor
        squares, errors = two_product(scaled, scaled)
        parts += float_parts(squares, groups[rows], counts, 2 * shift)
        parts += float_parts(errors, groups[rows], counts, 2 * shift)
    return assemble(parts, len(counts))
