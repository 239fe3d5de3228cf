"""Rounding of float64 to decimal places, halves away from zero, decided on the exact binary value.

So 2.675, which float64 holds as 2.67499999999999982, becomes 2.67; a decimal 2.675 becomes 2.68.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from kpi_engine.kernels.rounding import float_of_ratio, two_product
from kpi_engine.kernels.vectors import Floats, Mask

_EXACT_POWER = 22  # 10**22 is the last power of ten that float64 holds exactly
_WHOLE = 2.0**51  # below, float64 tells halves apart


def round_floats(values: Floats, digits: int) -> Floats:
    """Each finite value rounded to `digits` decimal places (negative: to tens, hundreds), once.

    >>> round_floats(np.array([2.5, -2.5, 2.675]), 0).tolist()
    [3.0, -3.0, 3.0]
    """
    size = np.abs(values)
    if digits > _EXACT_POWER or digits < -_EXACT_POWER:
        return _one_by_one(values, values, np.ones(len(values), np.bool_), digits)
    with np.errstate(all="ignore"):
        rounded, settled = _places(size, digits) if digits >= 0 else _tens(size, -digits)
    return _one_by_one(values, np.copysign(rounded, values), ~settled, digits)


def _places(size: Floats, digits: int) -> tuple[Floats, Mask]:
    """Rounded magnitudes for digits >= 0, and where they are right."""
    power = 10.0**digits
    product, error = two_product(size, np.full(len(size), power))
    whole = np.floor(product)
    rest = product - whole  # exact; the product's error is less than the gaps between possible rests
    up = (rest > 0.5) | ((rest == 0.5) & (error >= 0))
    coarse = product >= 8 * _WHOLE  # values so far apart that each is the nearest to its rounded self
    return np.where(coarse, size, (whole + up) / power), coarse | (product < _WHOLE)


def _tens(size: Floats, digits: int) -> tuple[Floats, Mask]:
    power = 10.0**digits
    rest = np.fmod(size, power)
    return (size - rest) + np.where(rest >= power / 2, power, 0.0), size < _WHOLE


def _one_by_one(values: Floats, rounded: Floats, doubtful: Mask, digits: int) -> Floats:
    result = rounded.copy()
    for row in np.flatnonzero(doubtful & np.isfinite(values)).tolist():
        scaled = abs(Fraction(values[row])) * Fraction(10) ** digits
        whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
        exact = Fraction(whole) / Fraction(10) ** digits
        result[row] = np.copysign(float_of_ratio(exact.numerator, exact.denominator), values[row])
    return result
