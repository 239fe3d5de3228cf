"""The functions on numbers that definitions call. Null in, null out; what has no value is null."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.types import DECIMAL, FLOAT, INTEGER, Type
from kpi_engine.kernels import casts
from kpi_engine.kernels.arith import negate
from kpi_engine.kernels.compare import compare
from kpi_engine.kernels.errors import CastFailure, TypeMismatch
from kpi_engine.kernels.float_rounding import round_floats
from kpi_engine.kernels.logic import if_else
from kpi_engine.kernels.operands import Operand, apply
from kpi_engine.kernels.promote import align, is_number
from kpi_engine.kernels.promote import to_float as as_float
from kpi_engine.kernels.vectors import (
    INT64_MAX,
    Floats,
    Ints,
    float64_view,
    from_floats,
    from_int64,
    from_python_ints,
    largest,
    narrow,
    python_ints,
    scale_of,
    validity,
)


def absolute(a: Operand) -> Operand:
    """The number without its sign.

    >>> absolute(pa.array([-2, None])).to_pylist()
    [2, None]
    """
    return if_else(compare("<", _numbers("abs", a), pa.scalar(0)), negate(a), a)


def round_half_away(a: Operand, digits: int = 0) -> Operand:
    """The number at `digits` decimal places (negative: tens, hundreds), halves away from zero.

    Integers and decimals exactly, with at most `digits` places in the result; float64 by its exact binary
    value.

    >>> from decimal import Decimal
    >>> round_half_away(pa.array([Decimal("2.675"), Decimal("-2.675")]), 2).to_pylist()
    [Decimal('2.68'), Decimal('-2.68')]
    """

    def half_away(value: int, unit: int) -> int:
        whole = (2 * abs(value) + unit) // (2 * unit)
        return whole if value >= 0 else -whole

    def vector(values: Ints, unit: int) -> Ints:
        whole: Ints = np.sign(values) * ((np.abs(values) + unit // 2) // unit)
        return whole

    return apply(
        lambda rows: _to_places("round", rows[0], digits, half_away, vector, lambda x: round_floats(x, digits)),
        [a],
    )


def floor(a: Operand) -> Operand:
    """The greatest whole number that is not above the number.

    >>> floor(pa.array([2.5, -2.5])).to_pylist()
    [2.0, -3.0]
    """
    return apply(lambda rows: _to_places("floor", rows[0], 0, _floor, _floor_vector, np.floor), [a])


def ceil(a: Operand) -> Operand:
    """The least whole number that is not below the number.

    >>> ceil(pa.array([2.5, -2.5])).to_pylist()
    [3.0, -2.0]
    """
    return apply(
        lambda rows: _to_places(
            "ceil",
            rows[0],
            0,
            lambda value, unit: -_floor(-value, unit),
            lambda values, unit: -_floor_vector(-values, unit),
            np.ceil,
        ),
        [a],
    )


def _floor(value: int, unit: int) -> int:
    return value // unit


def _floor_vector(values: Ints, unit: int) -> Ints:
    return values // np.int64(unit)


def _to_places(
    operation: str,
    array: pa.Array,
    digits: int,
    one: Callable[[int, int], int],
    many: Callable[[Ints, int], Ints],
    floats: Callable[[Floats], Floats],
) -> pa.Array:
    """`array` at `digits` places: `one` and `many` give the multiple of a unit for scaled integers."""
    _numbers(operation, array)
    if pa.types.is_null(array.type):
        return array
    if pa.types.is_float64(array.type):
        return from_floats(floats(float64_view(array)) + 0.0, validity(array))
    dropped = scale_of(array.type) - digits
    if dropped <= 0:
        return array
    unit, back = 10**dropped, 10 ** max(-digits, 0)
    scale = None if pa.types.is_int64(array.type) else max(digits, 0)
    values = narrow(array)
    if values is not None and largest(values) + unit * 2 <= INT64_MAX:
        return from_int64(many(values, unit) * np.int64(back), validity(array), scale)
    wide = [None if value is None else one(value, unit) * back for value in python_ints(array)]
    return from_python_ints(wide, scale, operation)


def square_root(a: Operand) -> Operand:
    """The square root as float64; null for negative numbers.

    >>> square_root(pa.array([4, -4])).to_pylist()
    [2.0, None]
    """
    return _float_function("sqrt", a, pc.sqrt)


def natural_logarithm(a: Operand) -> Operand:
    """The natural logarithm as float64; null for 0 and negative numbers.

    >>> natural_logarithm(pa.array([1, 0])).to_pylist()
    [0.0, None]
    """
    return _float_function("ln", a, pc.ln)


def exponential(a: Operand) -> Operand:
    """e to the power of the number, as float64; null where that is beyond float64.

    >>> exponential(pa.array([0, 1000])).to_pylist()
    [1.0, None]
    """
    return _float_function("exp", a, pc.exp)


def _float_function(operation: str, a: Operand, kernel: Callable[[pa.Array], pa.Array]) -> Operand:
    def rows(operands: list[pa.Array]) -> pa.Array:
        result = kernel(as_float(_numbers(operation, operands[0])))
        return from_floats(float64_view(result) + 0.0, validity(result))

    return apply(rows, [a])


def _numbers(operation: str, operand: Operand) -> Operand:
    if not is_number(operand.type) and not pa.types.is_null(operand.type):
        raise TypeMismatch(operation, operand.type)
    return operand


def least(*operands: Operand) -> Operand:
    """The least of the values of a row; null if any of them is null.

    >>> least(pa.array([1, 5, None]), pa.scalar(3)).to_pylist()
    [1, 3, None]
    """
    return _extreme("least", "<", operands)


def greatest(*operands: Operand) -> Operand:
    """The greatest of the values of a row; null if any of them is null.

    >>> greatest(pa.array([1, 5, None]), pa.scalar(3)).to_pylist()
    [3, 5, None]
    """
    return _extreme("greatest", ">", operands)


def _extreme(operation: str, better: str, operands: tuple[Operand, ...]) -> Operand:
    def rows(arrays: list[pa.Array]) -> pa.Array:
        best, *others = align(operation, arrays)
        for other in others:
            chosen = compare(better, best, other)
            best = pc.if_else(chosen, best, other)  # null where the comparison is: where either is null
        return best

    return apply(rows, operands)


def to_integer(a: Operand) -> Operand:
    """Whole numbers of any kind as integers; CastFailure names the first row that is none.

    >>> to_integer(pa.array(["17850.0", None])).to_pylist()
    [17850, None]
    """
    return _cast(a, INTEGER, "an integer")


def to_decimal(a: Operand) -> Operand:
    """Numbers and texts as decimals, a float64 as the shortest decimal that stands for it; else CastFailure.

    >>> to_decimal(pa.array(["1.50", "2"])).to_pylist()
    [Decimal('1.50'), Decimal('2.00')]
    """
    return _cast(a, DECIMAL, "a decimal")


def to_float(a: Operand) -> Operand:
    """Numbers as the nearest float64.

    >>> to_float(pa.array([1, None])).to_pylist()
    [1.0, None]
    """
    return _cast(a, FLOAT, "a number")


def to_text(a: Operand) -> Operand:
    """Values as text, numbers in plain digits.

    >>> to_text(pa.array([1, None])).to_pylist()
    ['1', None]
    """
    return apply(lambda rows: casts.to_text(rows[0]), [a])


def _cast(a: Operand, wanted: Type, target: str) -> Operand:
    def rows(operands: list[pa.Array]) -> pa.Array:
        parsed = casts.try_cast(operands[0], wanted)
        if len(parsed.failing):
            first = int(parsed.failing[0])
            raise CastFailure(first, operands[0][first].as_py(), target)
        return parsed.values

    return apply(rows, [a])
