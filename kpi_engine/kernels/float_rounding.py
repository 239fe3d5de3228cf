"""Rounding of float64 to decimal places, halves away from zero, decided on the exact binary value.

So 2.675, which float64 holds as 2.67499999999999982, becomes 2.67; a decimal 2.675 becomes 2.68.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from kpi_engine.kernels.rounding import float_of_ratio, two_product
from kpi_engine.kernels.vectors import Floats, Mask

_EXACT_POWER = 22  # 10**22 is the last power of ten that float64 holds exactly
_WHOLE = 2.0**52  # from here on every float64 is an integer


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
    rest = product - whole  # exact, as is the comparison below: |error| is less than the gaps of rest
    whole = np.where((rest == 0) & (error < 0), whole - 1, whole)
    rest = np.where((rest == 0) & (error < 0), 1.0, rest)
    up = (rest > 0.5) | ((rest == 0.5) & (error >= 0))
    return (whole + up) / power, (product < _WHOLE / 2) & ((size > 2.0**-900) | (size == 0))


def _tens(size: Floats, digits: int) -> tuple[Floats, Mask]:
    power = 10.0**digits
    rest = np.fmod(size, power)
    return (size - rest) + np.where(rest >= power / 2, power, 0.0), size < _WHOLE / 2


def _one_by_one(values: Floats, rounded: Floats, doubtful: Mask, digits: int) -> Floats:
    result = rounded.copy()
    for row in np.flatnonzero(doubtful).tolist():
        scaled = abs(Fraction(values[row])) * Fraction(10) ** digits
        whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
        exact = Fraction(whole) / Fraction(10) ** digits
        result[row] = np.copysign(float_of_ratio(exact.numerator, exact.denominator), values[row])
    return result
