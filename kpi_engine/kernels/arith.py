"""Row and group arithmetic and logic, null-propagating: the one place to import these kernels from.

`+ - *` are exact on int64 and decimals: what does not fit becomes a wider decimal, never a wrapped one, and
only a result of more than 76 digits is refused. With a float64 operand they are float64 operations. A
result that is NaN or infinite is null. `/` is in `division`, comparisons in `compare`, and the rest of the
logic in `logic`; all are re-exported here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.compare import compare, is_in
from kpi_engine.kernels.division import divide, divide_by_power_of_ten, divide_counting
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.logic import and_, case_when, coalesce, if_else, is_null, not_, nullif, or_
from kpi_engine.kernels.operands import Operand, is_scalar, one_length, one_row
from kpi_engine.kernels.promote import is_number, rescale, shrink, to_decimal_form, to_float, widen
from kpi_engine.kernels.vectors import (
    INT64_MAX,
    MAX_DIGITS_128,
    MAX_DIGITS_256,
    both_valid,
    decimal_type,
    float64_view,
    from_floats,
    from_int64,
    from_python_ints,
    is_exact,
    largest,
    magnitude,
    narrow,
    python_ints,
    retype,
    scale_of,
    validity,
)

__all__ = [
    "add",
    "and_",
    "case_when",
    "coalesce",
    "compare",
    "divide",
    "divide_by_power_of_ten",
    "divide_counting",
    "if_else",
    "is_in",
    "is_null",
    "multiply",
    "negate",
    "not_",
    "nullif",
    "or_",
    "subtract",
]


def add(a: Operand, b: Operand) -> Operand:
    """a + b.

    >>> add(pa.array([2**63 - 1, None]), pa.scalar(1)).to_pylist()
    [Decimal('9223372036854775808'), None]
    """
    return _operate("+", a, b)


def subtract(a: Operand, b: Operand) -> Operand:
    """a - b.

    >>> subtract(pa.array([5]), pa.array([7])).to_pylist()
    [-2]
    """
    return _operate("-", a, b)


def multiply(a: Operand, b: Operand) -> Operand:
    """a * b; the scale of a product of decimals is the sum of theirs.

    >>> from decimal import Decimal
    >>> multiply(pa.array([Decimal("1.5")]), pa.array([Decimal("0.25")])).to_pylist()
    [Decimal('0.375')]
    """
    return _operate("*", a, b)


def negate(a: Operand) -> Operand:
    """-a; the negative of a float64 zero is 0.0, as everywhere in the engine.

    >>> negate(pa.array([1, None])).to_pylist()
    [-1, None]
    """
    return _operate("-", pa.scalar(0, pa.int64()), a)


def _operate(symbol: str, a: Operand, b: Operand) -> Operand:
    for operand in (a, b):
        if not is_number(operand.type) and not pa.types.is_null(operand.type):
            raise TypeMismatch(symbol, a.type, b.type)
    if is_scalar(a) and is_scalar(b):
        return _operate(symbol, one_row(a), one_row(b))[0]
    if _has_no_value(a) or _has_no_value(b):
        return pa.nulls(len(b) if is_scalar(a) else len(a), _type_of_nulls(a.type, b.type))
    if is_exact(a.type) and is_exact(b.type):
        return _exact(symbol, a, b)
    left, right = to_float(one_row(a)), to_float(one_row(b))
    with np.errstate(all="ignore"):
        result = _NUMPY[symbol](float64_view(left), float64_view(right))
    return from_floats(result + 0.0, both_valid(validity(left), validity(right)))


def _has_no_value(operand: Operand) -> bool:
    return bool(pa.types.is_null(operand.type)) or (is_scalar(operand) and not operand.is_valid)


def _type_of_nulls(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    known = [one for one in (a, b) if not pa.types.is_null(one)]
    if any(pa.types.is_float64(one) for one in known) or not known:
        return pa.float64()
    return known[0] if all(one == known[0] for one in known) else pa.decimal128(38, max(map(scale_of, known)))


def _exact(symbol: str, a: Operand, b: Operand) -> pa.Array:
    if pa.types.is_int64(a.type) and pa.types.is_int64(b.type):
        try:
            return _CHECKED[symbol](a, b)
        except pa.ArrowInvalid:
            pass  # some row overflows int64: the result becomes a decimal
    left, right = one_row(a), one_row(b)
    if symbol == "*":
        return _scaled(symbol, left, right, scale_of(left.type) + scale_of(right.type))
    scale = max(scale_of(left.type), scale_of(right.type))
    try:
        return _scaled(symbol, rescale(left, scale, symbol), rescale(right, scale, symbol), scale)
    except NumberOverflow:  # beyond 76 digits at this scale; a lower one may do if the last digits are zeros
        left, right = one_length([a, b])
        return _in_python(symbol, left, right, scale)


def _scaled(symbol: str, a: pa.Array, b: pa.Array, scale: int) -> pa.Array:
    """The operation on operands whose scaled integers combine directly into those of the result."""
    x, y = narrow(a), narrow(b)
    if x is None or y is None or scale > MAX_DIGITS_256 or _bound(symbol, largest(x), largest(y)) > INT64_MAX:
        return _wide(symbol, to_decimal_form(a), to_decimal_form(b), scale)
    return from_int64(_NUMPY[symbol](x, y), both_valid(validity(a), validity(b)), scale)


def _bound(symbol: str, x: int, y: int) -> int:
    return x * y if symbol == "*" else x + y


def _wide(symbol: str, a: pa.Array, b: pa.Array, scale: int) -> pa.Array:
    """Exact results beyond 64 bits: Arrow's decimals at the precision that the digits need, else Python."""
    a_size, b_size = magnitude(a), magnitude(b)
    bound = _bound(symbol, a_size, b_size)
    a_digits, b_digits = len(str(a_size)), len(str(b_size))
    needed = a_digits + b_digits + 1 if symbol == "*" else max(a_digits, b_digits) + 1
    length = max(len(a), len(b))
    a, b = (one if len(one) == length else pa.repeat(one[0], length) for one in (a, b))
    if needed > MAX_DIGITS_256 or scale > MAX_DIGITS_256:
        return _in_python(symbol, a, b, scale)
    if needed > MAX_DIGITS_128 or pa.types.is_decimal256(a.type) or pa.types.is_decimal256(b.type):
        make, a, b = pa.decimal256, widen(a), widen(b)
    else:
        make = pa.decimal128
    result = to_decimal_form(_CHECKED[symbol](_declare(a, make, a_digits), _declare(b, make, b_digits)))
    fits = pa.types.is_decimal128(decimal_type(bound, scale, symbol))
    return shrink(result) if fits and pa.types.is_decimal256(result.type) else result


def _declare(array: pa.Array, make: Callable[[int, int], pa.DataType], digits: int) -> pa.Array:
    return retype(array, make(digits, scale_of(array.type)))


def _in_python(symbol: str, a: pa.Array, b: pa.Array, scale: int) -> pa.Array:
    operate = _PYTHON[symbol]
    a_factor = b_factor = 1
    if symbol != "*":
        a_factor, b_factor = 10 ** (scale - scale_of(a.type)), 10 ** (scale - scale_of(b.type))
    values = [
        None if x is None or y is None else operate(x * a_factor, y * b_factor)
        for x, y in zip(python_ints(a), python_ints(b), strict=True)
    ]
    while scale and not _fit(values, scale) and all(not value or value % 10 == 0 for value in values):
        values, scale = [None if value is None else value // 10 for value in values], scale - 1
    return from_python_ints(values, scale, symbol)


def _fit(values: list[int | None], scale: int) -> bool:
    return scale <= MAX_DIGITS_256 and max((abs(value or 0) for value in values), default=0) < 10**76


_NUMPY: dict[str, Callable[..., Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply}
_CHECKED = {"+": pc.add_checked, "-": pc.subtract_checked, "*": pc.multiply_checked}
_PYTHON: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
