"""Quotients of exact integers as float64, rounded once.

A quotient is first computed in double-double arithmetic (two float64 that together carry 106 bits), with
an error far below half a unit of the result. Where the rounded value could depend on that error (a tie, or
a result at the edge of the float64 range), the caller's Python integers decide: `int / int` in Python is
correctly rounded. Fewer than one row in 2**40 needs that, besides exact ties.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from kpi_engine.kernels.vectors import EXACT_FLOAT, Floats, Ints, Mask, largest

Pair = tuple[Floats, Floats]
"""A number as head + tail, |tail| at most half a unit in the last place of head."""

_SPLITTER = float(2**27 + 1)
_SLACK = 2.0**-96  # generous bound of the relative error of a double-double quotient
_SMALL, _LARGE = 2.0**-900, 2.0**900  # inside, no step can overflow or become subnormal
_EXACT_POWERS = 22  # 10**22 is the last power of ten that float64 holds exactly


def two_sum(a: Floats, b: Floats) -> Pair:
    """The float64 sum and its exact rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Floats, b: Floats) -> Pair:
    """The float64 product and its exact rounding error (Dekker); no step may overflow or underflow."""
    product = a * b
    a_high = _SPLITTER * a
    a_high = a_high - (a_high - a)
    a_low = a - a_high
    b_high = _SPLITTER * b
    b_high = b_high - (b_high - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def pair_of_words(words: Ints) -> Pair:
    """Little-endian 64-bit words (top one signed), one number a row, as pairs good to 105 bits."""
    return pair_of_digits(split_words(words))


def split_words(words: Ints) -> Ints:
    """Little-endian 64-bit words (top one signed) as 32-bit digits, of which only the top one is signed.

    >>> split_words(np.array([[-1]])).tolist()
    [[4294967295, -1]]
    """
    digits = np.empty((words.shape[0], 2 * words.shape[1]), np.int64)
    digits[:, 0::2] = words & 0xFFFFFFFF
    digits[:, 1::2] = (words >> 32) & 0xFFFFFFFF
    digits[:, -1] = words[:, -1] >> 32
    return digits


def pair_of_digits(digits: Ints) -> Pair:
    """Little-endian base-2**32 digits (top one signed) as pairs.

    Every prefix of a two's-complement number is its floor, so that no addition here cancels more than the
    106 bits that a pair holds.
    """
    head = digits[:, -1].astype(np.float64)
    tail = np.zeros(len(head))
    for column in range(digits.shape[1] - 2, -1, -1):
        head, error = two_sum(head * 2.0**32, digits[:, column].astype(np.float64))
        head, tail = two_sum(head, tail * 2.0**32 + error)
    return head, tail


def scale_pair(pair: Pair, exponent: int) -> Pair:
    """A pair times 10**exponent, exponent >= 0."""
    head, tail = pair
    while exponent > 0:
        step = min(exponent, _EXACT_POWERS)
        power = np.float64(10.0**step)
        product, error = two_product(head, np.broadcast_to(power, head.shape))
        head, tail = two_sum(product, error + tail * power)
        exponent -= step
    return head, tail


def divide_pairs(numerator: Pair, denominator: Pair) -> tuple[Floats, Mask]:
    """The quotient rounded to float64, and where that rounding is certain to be the correct one.

    Nonsense, never certain, where the denominator is 0.
    """
    (n, n_tail), (d, d_tail) = numerator, denominator
    with np.errstate(all="ignore"):
        first = n / d
        product, error = two_product(first, d)
        rest = ((n - product) - error) + (n_tail - first * d_tail)
        second = rest / d
        slack = np.abs(first) * _SLACK
        below, above = first + (second - slack), first + (second + slack)
        size = np.abs(first)
        inside = (size > _SMALL) & (size < _LARGE) & (np.abs(d) < _LARGE) & (np.abs(n) < _LARGE)
    certain = (below == above) & inside
    zero = (n == 0) & (d != 0)
    return np.where(zero, 0.0, above), certain | zero


def settle(rounded: Floats, certain: Mask, exactly: Callable[[int], Fraction | None]) -> Floats:
    """`rounded` with every uncertain row replaced by the correctly rounded `exactly(row)`; None gives NaN."""
    doubtful = np.flatnonzero(~certain)
    if len(doubtful) == 0:
        return rounded
    result = rounded.copy()
    for row in doubtful.tolist():
        value = exactly(row)
        result[row] = np.nan if value is None else float_of_ratio(value.numerator, value.denominator)
    return result


def float_of_ratio(numerator: int, denominator: int) -> float:
    """The float64 nearest to a ratio of integers; infinity beyond the range.

    >>> float_of_ratio(1, 3)
    0.3333333333333333
    """
    try:
        return numerator / denominator
    except OverflowError:
        return float("inf") if (numerator > 0) == (denominator > 0) else float("-inf")


def small_quotient(numerator: Ints, denominator: Ints) -> Floats | None:
    """numerator / denominator by one hardware division if all operands fit in 53 bits, else None."""
    if largest(numerator) > EXACT_FLOAT or largest(denominator) > EXACT_FLOAT:
        return None
    with np.errstate(all="ignore"):
        return np.true_divide(numerator.astype(np.float64), denominator.astype(np.float64))
