"""The exact sum of float64 values by group.

Each pass rounds every value to a multiple of a power of two that is so coarse that float64 holds a whole
group's total of such multiples without rounding (`bincount` is then exact in any order), and keeps the rest
of each value, which float64 holds exactly, for the next pass. Prices need two or three passes. The totals
of the passes are integers times powers of two and meet in `Limbs`.
"""

from __future__ import annotations

import math

import numpy as np

from kpi_engine.kernels.limbs import DIGIT, Limbs, zeros
from kpi_engine.kernels.vectors import Floats, Ints

_HUGE = 2.0**900  # from here on, the rounding constant below could overflow
_SHIFT = 640  # huge values are made smaller by this many powers of two, which is exact
_SMALLEST = -1074  # exponent of the least float64
_MOST_BITS = 50  # of a value that one pass may take, so that value + constant keeps its exponent
_BLOCK = 32_768  # rows that stay in the cache for all their passes,
_FEW_GROUPS = 8_192  # where a block's own totals cost less than its rows

Part = tuple[Ints, int]
"""Totals by group as integers of at most 53 bits, and the power of two that they count."""


def sum_floats(values: Floats, groups: Ints, counts: Ints) -> Limbs:
    """Exact sums by group of finite float64 values; counts: rows per group, as `bins.count_rows` gives.

    >>> from kpi_engine.kernels.limb_results import to_array
    >>> total = sum_floats(np.array([1e16, 1.0, -1e16]), np.zeros(3, np.int64), np.array([3]))
    >>> to_array(total, None, "float").to_pylist()
    [1.0]
    """
    return assemble(float_parts(values, groups, counts), len(counts))


def float_parts(values: Floats, groups: Ints, counts: Ints, exponent: int = 0) -> list[Part]:
    """The sums of values * 2**exponent as parts that are still to be added up."""
    size = np.abs(values)
    top = float(size.max(initial=0.0))
    if top < _HUGE:
        return _passes(values, groups, counts, top, exponent)
    huge = size >= _HUGE
    large = values[huge] * 2.0**-_SHIFT
    parts = _passes(large, groups[huge], counts, float(np.abs(large).max()), exponent + _SHIFT)
    rest = float(size[~huge].max(initial=0.0))
    return parts + _passes(values[~huge], groups[~huge], counts, rest, exponent)


def _passes(values: Floats, groups: Ints, counts: Ints, top: float, exponent: int) -> list[Part]:
    """Parts of the sums of values of absolute value at most `top` < 2**900."""
    if top == 0:
        return []
    bits = min(53 - int(counts.max()).bit_length(), _MOST_BITS)
    units = [max(math.frexp(top)[1] - bits, _SMALLEST)]
    totals = [np.zeros(len(counts))]
    block = _BLOCK if len(counts) <= _FEW_GROUPS else len(values)
    for start in range(0, len(values), block):
        rest, ids = values[start : start + block], groups[start : start + block]
        step = 0
        while True:
            constant = math.ldexp(1.5, units[step] + 52)
            coarse = (rest + constant) - constant
            totals[step] += _totals(coarse, ids, len(counts))
            rest = rest - coarse
            if not rest.any():
                break
            step += 1
            if step == len(units):
                units.append(max(units[-1] - bits, _SMALLEST))
                totals.append(np.zeros(len(counts)))
    return [
        (np.ldexp(total, -unit).astype(np.int64), unit + exponent) for total, unit in zip(totals, units, strict=True)
    ]


def _totals(values: Floats, groups: Ints, size: int) -> Floats:
    if size == 1:
        return np.array([values.sum()])
    return np.bincount(groups, weights=values, minlength=size).astype(np.float64, copy=False)


def assemble(parts: list[Part], size: int) -> Limbs:
    """The sum of all parts."""
    if not parts:
        return zeros(size)
    base = min(unit for _, unit in parts) // DIGIT * DIGIT
    width = (max(unit for _, unit in parts) - base) // DIGIT + 2
    words = np.zeros((size, width), np.int64)
    for totals, unit in parts:
        column, shift = divmod(unit - base, DIGIT)
        low = (totals & 0xFFFFFFFF) << shift
        words[:, column] += low & 0xFFFFFFFF
        words[:, column + 1] += (low >> DIGIT) + ((totals >> DIGIT) << shift)
    return Limbs(words, base)
