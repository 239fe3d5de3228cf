"""Division: float64, rounded once from the exact operands, null by zero."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.operands import Operand, apply
from kpi_engine.kernels.promote import is_number, to_decimal_form, widen
from kpi_engine.kernels.rounding import Pair, divide_pairs, pair_of_floats, pair_of_words, scale_pair, settle
from kpi_engine.kernels.vectors import (
    EXACT_FLOAT,
    MAX_DIGITS_128,
    MAX_DIGITS_256,
    Floats,
    Mask,
    both_valid,
    float64_view,
    from_floats,
    is_exact,
    largest,
    narrow,
    python_ints,
    retype,
    scale_of,
    validity,
    words_view,
)


def divide(a: Operand, b: Operand) -> Operand:
    """a / b as float64; null where either is null, b is 0, or the quotient is beyond float64.

    >>> divide(pa.array([7, 1]), pa.array([2, 0])).to_pylist()
    [3.5, None]
    """
    return divide_counting(a, b)[0]


def divide_counting(a: Operand, b: Operand) -> tuple[Operand, int]:
    """`divide`, and the number of rows in which a value met a zero.

    >>> divide_counting(pa.array([7, 1, None]), pa.scalar(0))[1]
    2
    """
    zeros = 0

    def kernel(operands: list[pa.Array]) -> pa.Array:
        nonlocal zeros
        result, zeros = _divide(*operands)
        return result

    return apply(kernel, [a, b]), zeros


def divide_by_power_of_ten(array: Operand, k: int) -> Operand:
    """array / 10**k, k >= 0: exact (a decimal with k more places) unless the array is float64.

    >>> divide_by_power_of_ten(pa.array([1234]), 2).to_pylist()
    [Decimal('12.34')]
    """
    if k < 0:
        raise ValueError("k counts decimal places and is not negative")
    return apply(lambda operands: _shift_point(operands[0], k), [array])


def _shift_point(array: pa.Array, k: int) -> pa.Array:
    if not is_exact(array.type):
        power = pa.scalar(Decimal(10**k), pa.decimal256(MAX_DIGITS_256, 0))
        return _divide(array, pa.repeat(power, len(array)))[0]
    decimals = to_decimal_form(array)
    scale = scale_of(decimals.type) + k
    if scale > MAX_DIGITS_256:
        raise NumberOverflow("/")
    if scale > MAX_DIGITS_128 or pa.types.is_decimal256(decimals.type):
        return retype(widen(decimals), pa.decimal256(MAX_DIGITS_256, scale))
    return retype(decimals, pa.decimal128(MAX_DIGITS_128, scale))


def _divide(a: pa.Array, b: pa.Array) -> tuple[pa.Array, int]:
    for operand in (a, b):
        if not is_number(operand.type) and not pa.types.is_null(operand.type):
            raise TypeMismatch("/", a.type, b.type)
    if pa.types.is_null(a.type) or pa.types.is_null(b.type):
        return pa.nulls(len(a), pa.float64()), 0
    plain = _plain_floats(a, b)
    denominator = _pair(b).head if plain is None else plain[1]
    zero = denominator == 0
    valid = both_valid(validity(a), validity(b))
    zeros = int(np.count_nonzero(zero if valid is None else zero & valid))
    if zeros:
        valid = ~zero if valid is None else valid & ~zero
    if plain is None:
        return from_floats(_slow(a, b, valid), valid), zeros
    with np.errstate(all="ignore"):
        return from_floats(plain[0] / denominator, valid), zeros


def _plain_floats(a: pa.Array, b: pa.Array) -> tuple[Floats, Floats] | None:
    """Both operands on one scale as float64, if that rounds neither: one hardware division is then enough."""
    scale = max(scale_of(a.type), scale_of(b.type))
    numerator, denominator = _as_floats(a, scale), _as_floats(b, scale)
    return None if numerator is None or denominator is None else (numerator, denominator)


def _as_floats(array: pa.Array, scale: int) -> Floats | None:
    if pa.types.is_float64(array.type):
        return float64_view(array) if scale == 0 else None
    values = narrow(array)
    factor = 10 ** (scale - scale_of(array.type))
    if values is None or largest(values) * factor > EXACT_FLOAT or factor > EXACT_FLOAT:
        return None
    return values.astype(np.float64) * float(factor)


def _pair(array: pa.Array) -> Pair:
    if pa.types.is_float64(array.type):
        return pair_of_floats(float64_view(array))
    return pair_of_words(words_view(array))


def _slow(a: pa.Array, b: pa.Array, valid: Mask | None) -> Floats:
    shift = scale_of(b.type) - scale_of(a.type)

    def exactly(row: int) -> Fraction | None:
        above, below = _fraction(a, row), _fraction(b, row)
        return None if above is None or not below else above / below

    with np.errstate(all="ignore"):
        rounded, certain = divide_pairs(scale_pair(_pair(a), shift), scale_pair(_pair(b), -shift))
    return settle(rounded, certain if valid is None else certain | ~valid, exactly)


def _fraction(array: pa.Array, row: int) -> Fraction | None:
    if pa.types.is_float64(array.type):
        value = array[row].as_py()
        return None if value is None else Fraction(value)
    scaled = python_ints(array.slice(row, 1))[0]
    return None if scaled is None else Fraction(scaled, 10 ** scale_of(array.type))
