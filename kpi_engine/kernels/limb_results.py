"""Results from exact totals: arrays, averages, variances; each rounded at most once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.limbs import DIGIT, Limbs, carry, compact, take, to_python_ints
from kpi_engine.kernels.rounding import divide_pairs, float_of_ratio, pair_of_digits, pair_of_floats, scale_pair, settle
from kpi_engine.kernels.vectors import (
    Floats,
    Ints,
    Mask,
    build,
    decimal_type,
    from_floats,
)

Kind = Literal["integer", "decimal", "float"]

_PAIR_DIGITS = 24  # more digits than this could overflow the float64 pairs


def to_array(limbs: Limbs, valid: Mask | None, kind: Kind) -> pa.Array:
    """The totals as an array, null where `valid` is False.

    integer: int64 if all fit, else decimal with scale 0. decimal: 38 digits if all fit, else 76, with the
    totals' scale; NumberOverflow beyond. float: float64, the nearest to each exact total.

    >>> to_array(Limbs(np.array([[150]]), scale=2), None, "decimal").to_pylist()
    [Decimal('1.50')]
    """
    if kind == "float":
        return from_floats(_to_floats(limbs, np.ones(len(limbs), np.int64), valid), valid)
    if kind == "integer" and limbs.scale:
        raise ValueError("totals with decimal places are not integers")
    words = _whole_words(limbs)
    if valid is not None:
        words = np.where(valid[:, None], words, 0)
    digits = carry(compact(Limbs(words)).words)
    if kind == "integer" and digits.shape[1] <= 2:
        return build(pa.int64(), _join(digits, 2)[:, 0], valid)
    type_ = decimal_type(_bound(digits), limbs.scale, "sum")
    return build(type_, _join(digits, type_.bit_width // DIGIT), valid)


def _whole_words(limbs: Limbs) -> Ints:
    if limbs.exponent < 0:
        raise ValueError("totals of float64 values are neither integers nor decimals")
    shift = limbs.exponent // DIGIT
    return np.pad(limbs.words, ((0, 0), (shift, 0))) if shift else limbs.words


def _bound(digits: Ints) -> int:
    """A bound of the absolute values of carried digits, exact where the digits alone do not decide the type."""
    if digits.shape[1] not in (4, 8) or len(digits) == 0:
        return int(2 ** (DIGIT * digits.shape[1] - 1))
    top = digits[:, -1]
    extremes = np.flatnonzero((top == top.max()) | (top == top.min()))
    return max(abs(value) for value in to_python_ints(Limbs(digits[extremes])))


def _join(digits: Ints, width: int) -> Ints:
    """At most `width` carried digits a row as `width` // 2 little-endian 64-bit words."""
    padded = np.empty((len(digits), width), np.int64)
    padded[:, : digits.shape[1]] = digits
    padded[:, digits.shape[1] :] = (digits[:, -1] >> 63)[:, None]
    return (padded[:, 0::2] & 0xFFFFFFFF) | (padded[:, 1::2] << DIGIT)


def divide_by_counts(limbs: Limbs, counts: Ints) -> pa.Array:
    """Each total divided by its count, as the nearest float64; null where the count is 0.

    >>> divide_by_counts(Limbs(np.array([[10], [0]])), np.array([4, 0])).to_pylist()
    [2.5, None]
    """
    valid = None if bool((counts != 0).all()) else counts != 0
    return from_floats(_to_floats(limbs, counts, valid), valid)


def _to_floats(limbs: Limbs, counts: Ints, valid: Mask | None) -> Floats:
    small = compact(limbs)

    def exactly(row: int) -> Fraction | None:
        number = to_python_ints(take(small, np.array([row])))[0]
        ratio = Fraction(number, int(counts[row]) * 10**small.scale)
        return ratio * Fraction(2) ** small.exponent

    digits = carry(small.words)
    if digits.shape[1] > _PAIR_DIGITS:
        rounded, certain = np.zeros(len(limbs)), np.zeros(len(limbs), np.bool_)
    else:
        denominator = scale_pair(pair_of_floats(counts.astype(np.float64)), small.scale)
        quotient, certain = divide_pairs(pair_of_digits(digits), denominator)
        with np.errstate(all="ignore"):
            rounded = np.ldexp(quotient, small.exponent)
            size = np.abs(rounded)
            certain &= (rounded == 0) & (quotient == 0) | (size > 2.0**-1000) & (size < 2.0**1000)
    return settle(rounded, certain if valid is None else certain | ~valid, exactly)


def variance(n: Ints, sums: Limbs, squares: Limbs, stddev: bool = False) -> pa.Array:
    """The sample variance (or its root) from counts, sums and sums of squares; null for n < 2.

    Exact up to the one rounding to float64: (n * S2 - S1**2) / (n * (n - 1)) in integers.

    >>> variance(np.array([2]), Limbs(np.array([[4]])), Limbs(np.array([[10]]))).to_pylist()
    [2.0]
    """
    finish = _root_of_ratio if stddev else float_of_ratio
    first, second = to_python_ints(sums), to_python_ints(squares)
    two = min(2 * sums.exponent, squares.exponent)
    ten = max(2 * sums.scale, squares.scale)
    first_factor = 2 ** (2 * sums.exponent - two) * 10 ** (ten - 2 * sums.scale)
    second_factor = 2 ** (squares.exponent - two) * 10 ** (ten - squares.scale)
    above, below = 2 ** max(two, 0), 10**ten * 2 ** max(-two, 0)
    values = np.zeros(len(n))
    for row, count in enumerate(n.tolist()):
        if count > 1:
            spread = count * second[row] * second_factor - first[row] ** 2 * first_factor
            values[row] = finish(spread * above, count * (count - 1) * below)
    valid = n > 1
    return from_floats(values, None if bool(valid.all()) else valid)


def _root_of_ratio(numerator: int, denominator: int) -> float:
    """The float64 nearest to the square root of a non-negative ratio.

    The integer root has more than 64 bits; a last odd bit stands for all that was cut off, so that rounding
    it to 53 bits rounds the true root.
    """
    if numerator == 0:
        return 0.0
    shift = max(0, 132 - numerator.bit_length() + denominator.bit_length())
    shift += shift % 2
    scaled, rest = divmod(numerator << shift, denominator)
    root = math.isqrt(scaled)
    sticky = int(rest != 0 or root * root != scaled)
    return float_of_ratio(2 * root + sticky, 2 ** (shift // 2 + 1))
