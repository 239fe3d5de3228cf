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

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.vectors import EXACT_FLOAT, Floats, Ints, Mask, largest


@dataclass(frozen=True, slots=True)
class Pair:
    """Numbers as head + tail, where |tail| is at most half a unit in the last place of head.

    exact: True where head + tail is the number itself; elsewhere it is good to about 105 bits.
    """

    head: Floats
    tail: Floats
    exact: Mask


_SPLITTER = float(2**27 + 1)
_SLACK = 2.0**-96  # generous bound of the relative error of a double-double quotient
_SMALL, _LARGE = 2.0**-900, 2.0**900  # inside, no step can overflow or become subnormal
_EXACT_POWERS = 22  # 10**22 is the last power of ten that float64 holds exactly


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The float64 sum and its exact rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The float64 product and its exact rounding error (Dekker); no step may overflow or underflow."""
    product = a * b
    a_high = _SPLITTER * a
    a_high = a_high - (a_high - a)
    a_low = a - a_high
    b_high = _SPLITTER * b
    b_high = b_high - (b_high - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def pair_of_floats(values: Floats) -> Pair:
    """float64 values as pairs."""
    return Pair(values, np.zeros(len(values)), np.ones(len(values), np.bool_))


def pair_of_words(words: Ints) -> Pair:
    """Little-endian 64-bit words (top one signed), one number a row, as pairs."""
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
    exact = np.ones(len(head), np.bool_)
    for column in range(digits.shape[1] - 2, -1, -1):
        head, error = two_sum(head * 2.0**32, digits[:, column].astype(np.float64))
        tail, lost = two_sum(tail * 2.0**32, error)
        exact &= lost == 0
        head, tail = two_sum(head, tail)
    return Pair(head, tail, exact)


def scale_pair(pair: Pair, exponent: int) -> Pair:
    """A pair times 10**exponent; as it is for exponent <= 0."""
    head, tail, exact = pair.head, pair.tail, pair.exact
    while exponent > 0:
        step = min(exponent, _EXACT_POWERS)
        power = np.full(len(head), 10.0**step)
        head, error = two_product(head, power)
        tail, tail_error = two_product(tail, power)
        tail, lost = two_sum(tail, error)
        exact = exact & (tail_error == 0) & (lost == 0)
        head, tail = two_sum(head, tail)
        exponent -= step
    return Pair(head, tail, exact)


def divide_pairs(numerator: Pair, denominator: Pair) -> tuple[Floats, Mask]:
    """The quotient rounded to float64, and where that rounding is certain to be the correct one.

    Nonsense, never certain, where the denominator is 0.
    """
    n, d = numerator.head, denominator.head
    with np.errstate(all="ignore"):
        first = n / d
        product, error = two_product(first, d)
        rest = ((n - product) - error) + (numerator.tail - first * denominator.tail)
        second = rest / d
        size = np.abs(first)
        slack = size * _SLACK
        below, above = first + (second - slack), first + (second + slack)
        inside = (size > _SMALL) & (size < _LARGE) & (np.abs(d) < _LARGE) & (np.abs(n) < _LARGE)
        certain = (below == above) & inside
        certain |= (n == 0) & (d != 0)
        rounded = np.where(n == 0, 0.0, above)
        doubtful = np.flatnonzero(~certain & inside)
        if len(doubtful):
            whole = _is_quotient(numerator, denominator, first, second, doubtful)
            rounded[whole] = first[whole] + second[whole]
            certain[whole] = True
    return rounded, certain


def _is_quotient(numerator: Pair, denominator: Pair, first: Floats, second: Floats, rows: Ints) -> Ints:
    """The rows, of those given, whose quotient is first + second exactly (so that a tie is really a tie)."""
    n, n_tail, d = numerator.head[rows], numerator.tail[rows], denominator.head[rows]
    product, error = two_product(first[rows], d)
    rest, lost = two_sum(n - product, -error)
    rest, lost_too = two_sum(rest, n_tail)
    product, error = two_product(second[rows], d)
    equal = (rest == product) & (error == 0) & (lost == 0) & (lost_too == 0)
    equal &= (denominator.tail[rows] == 0) & numerator.exact[rows] & denominator.exact[rows]
    result: Ints = rows[equal]
    return result


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
