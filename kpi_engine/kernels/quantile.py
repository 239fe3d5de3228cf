"""Exact percentiles with linear interpolation, over values that may stand for several rows each."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.bins import count_rows
from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.promote import is_number, to_float
from kpi_engine.kernels.rounding import float_of_ratio, small_quotient
from kpi_engine.kernels.sorting import distinct_codes, key_range, sorted_with_order
from kpi_engine.kernels.vectors import (
    EXACT_FLOAT,
    Floats,
    Ints,
    float64_view,
    from_floats,
    largest,
    narrow,
    python_ints,
    row_numbers,
    scale_of,
    validity,
)

_KEY_BITS = 62


def percentile(cells: Ints, values: pa.Array, counts: Ints, percent: Decimal | Fraction, size: int) -> pa.Array:
    """The percentile of the values of each cell in [0, size), as float64; null for a cell without values.

    cells: the cell of each value, -1 for none. values: int64, decimal or float64; nulls are left out.
    counts: how many rows each value stands for; what is not positive is left out. Of the n rows of a cell in
    ascending order the result lies at position (n - 1) * percent / 100, counted from 0, linearly between its
    neighbours, and is rounded once.

    >>> percentile(np.array([0, 0]), pa.array([1, 4]), np.array([1, 1]), Fraction(50), 2).to_pylist()
    [2.5, None]
    """
    return Ranked(cells, values, counts, size).percentile(percent)


class Ranked:
    """Values put in order once for any number of percentiles; see `percentile` for what is given."""

    def __init__(self, cells: Ints, values: pa.Array, counts: Ints, size: int) -> None:
        if not pa.types.is_null(values.type) and not is_number(values.type):
            raise TypeMismatch("percentile", values.type)
        self._values, self._size = values, size
        if pa.types.is_null(values.type):
            return
        valid = validity(values)
        kept = (cells >= 0) & (counts > 0)
        rows = np.flatnonzero(kept if valid is None else kept & valid)
        self._rows = rows[_order(cells[rows], order_keys(values)[rows], size)]
        self._running = np.cumsum(counts[self._rows])
        self._totals = _totals(self._running, count_rows(cells[self._rows], size))

    def percentile(self, percent: Decimal | Fraction) -> pa.Array:
        """One percentile of each cell.

        >>> ranked = Ranked(np.array([0, 0]), pa.array([1, 4]), np.array([1, 1]), 1)
        >>> [ranked.percentile(Fraction(percent)).to_pylist() for percent in (0, 50, 100)]
        [[1.0], [2.5], [4.0]]
        """
        share = Fraction(percent) / 100
        if not 0 <= share <= 1:
            raise ValueError("a percentile lies between 0 and 100")
        if pa.types.is_null(self._values.type):
            return pa.nulls(self._size, pa.float64())
        asked = np.flatnonzero(self._totals)
        lower, upper, step = _neighbours(self._running, self._totals, asked, share)
        below, above = (self._values.take(row_numbers(self._rows[each])) for each in (lower, upper))
        results = np.zeros(self._size)
        results[asked] = _between(below, above, step, share.denominator)
        return from_floats(results, None if len(asked) == self._size else self._totals > 0)


def order_keys(values: pa.Array) -> Ints:
    """int64 keys that order the rows as their values do."""
    if pa.types.is_float64(values.type):
        bits = float64_view(values).view(np.int64)
        return np.where(bits < 0, bits ^ np.int64(2**63 - 1), bits)
    low = narrow(values)
    if low is not None:
        return low
    present = sorted({value for value in python_ints(values) if value is not None})
    rank = {value: place for place, value in enumerate(present)}
    return np.array([0 if value is None else rank[value] for value in python_ints(values)], np.int64)


def _order(cells: Ints, keys: Ints, size: int) -> Ints:
    """The rows in order of cell, then key."""
    low, high = key_range(keys)
    bits = max(1, (high - low).bit_length())
    if bits + size.bit_length() > _KEY_BITS:
        keys, table = distinct_codes(keys)
        low, bits = 0, max(1, len(table).bit_length())
    return sorted_with_order((cells << bits) | (keys - low))[1]


def _totals(running: Ints, lengths: Ints) -> Ints:
    """The sum of the counts of each cell, from the running sum over all and the rows of each cell."""
    ends = np.concatenate([np.zeros(1, np.int64), running])[np.cumsum(lengths)]
    return np.diff(ends, prepend=0)


def _neighbours(running: Ints, totals: Ints, asked: Ints, share: Fraction) -> tuple[Ints, Ints, Ints]:
    """For each cell asked: the rows below and above the position, and the way between in share.denominator parts.

    Position (n - 1) * share = whole + step / denominator.
    """
    before = (np.cumsum(totals) - totals)[asked]
    most = totals[asked] - 1
    if largest(most) * share.numerator < 2**63:
        whole, step = np.divmod(most * np.int64(share.numerator), np.int64(share.denominator))
    else:
        pairs = [divmod(n * share.numerator, share.denominator) for n in most.tolist()]
        whole, step = (np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))
    lower = np.searchsorted(running, before + whole, side="right")
    upper = np.searchsorted(running, before + whole + (step > 0), side="right")
    return lower, upper, step


def _between(lower: pa.Array, upper: pa.Array, step: Ints, parts: int) -> Floats:
    """lower + (upper - lower) * step / parts, rounded once."""
    if pa.types.is_float64(lower.type):
        return _between_floats(float64_view(lower), float64_view(upper), step, parts)
    scale = scale_of(lower.type)
    a, b = narrow(lower), narrow(upper)
    if a is not None and b is not None and max(largest(a), largest(b)) * parts <= EXACT_FLOAT >= parts * 10**scale:
        quotient = small_quotient(a * (parts - step) + b * step, np.array([parts * 10**scale]))
        if quotient is not None:
            return quotient
    results = float64_view(to_float(lower)).copy()
    for row in np.flatnonzero(step).tolist():
        below, above = (python_ints(one.slice(row, 1))[0] or 0 for one in (lower, upper))
        way = int(step[row])
        results[row] = float_of_ratio(below * (parts - way) + above * way, parts * 10**scale)
    return results


def _between_floats(lower: Floats, upper: Floats, step: Ints, parts: int) -> Floats:
    results = lower.copy()
    for row in np.flatnonzero((step > 0) & (lower != upper)).tolist():
        way = int(step[row])
        value = Fraction(lower[row]) * (parts - way) + Fraction(upper[row]) * way
        results[row] = float_of_ratio(value.numerator, value.denominator * parts)
    return results
