"""Comparisons and membership: unknown (null) where an operand is null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.dictionaries import per_value
from kpi_engine.kernels.errors import NumberOverflow
from kpi_engine.kernels.operands import Operand, is_scalar, one_length, one_row
from kpi_engine.kernels.promote import align
from kpi_engine.kernels.vectors import INT64_MAX, exact_array, is_exact, python_ints, scale_of

_KERNELS: dict[str, Callable[[Operand, Operand], Operand]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare(op: str, a: Operand, b: Operand) -> Operand:
    """a op b for op in = != < <= > >=.

    Exact numbers compare exactly, whatever their scales; beside a float64 an exact number counts as its
    nearest float64 (so that the ratio 3/10 equals the literal 0.3). Texts compare by code point. Types that
    have no common one raise TypeMismatch.

    >>> compare("<", pa.array([1, None, 3]), pa.scalar(2)).to_pylist()
    [True, None, False]
    """
    if pa.types.is_dictionary(a.type) and is_scalar(b):
        return per_value(lambda values: compare(op, values, b), a)
    if pa.types.is_dictionary(b.type) and is_scalar(a):
        return compare(_MIRRORED[op], b, a)
    if is_scalar(a) and is_scalar(b):
        return compare(op, one_row(a), one_row(b))[0]
    try:
        left, right = align(op, [one_row(a), one_row(b)])
    except NumberOverflow:  # scales so far apart that no decimal type holds both sides
        return _compare_in_python(op, *one_length([a, b]))
    if pa.types.is_null(left.type):
        return pa.nulls(len(b) if is_scalar(a) else len(a), pa.bool_())
    return _KERNELS[op](left[0] if is_scalar(a) else left, right[0] if is_scalar(b) else right)


def _compare_in_python(op: str, a: pa.Array, b: pa.Array) -> pa.Array:
    left = [None if x is None else x * 10 ** scale_of(b.type) for x in python_ints(a)]
    right = [None if y is None else y * 10 ** scale_of(a.type) for y in python_ints(b)]
    signs = [None if x is None or y is None else (x > y) - (x < y) for x, y in zip(left, right, strict=True)]
    return _KERNELS[op](pa.array(signs, pa.int64()), pa.scalar(0))


def is_in(array: Operand, values: pa.Array | Sequence[Operand]) -> Operand:
    """Whether each value is among `values` (an array, or scalars), as SQL's three-valued IN.

    True where an equal value is listed; else null where the value is null or the list holds a null; else
    false. Membership in an empty list is false, also for null.

    >>> is_in(pa.array([1, 2, None]), pa.array([1, None])).to_pylist()
    [True, None, None]
    """
    if is_scalar(array):
        return is_in(one_row(array), values)[0]
    listed = values if isinstance(values, pa.Array) else _listed(values)
    if len(listed) == 0:
        return pa.repeat(False, len(array))
    wanted = listed.drop_null()
    if pa.types.is_null(array.type) or len(wanted) == 0:
        return pa.nulls(len(array), pa.bool_())
    found = per_value(lambda rows: _found(rows, wanted), array)
    unknown = pa.scalar(None, pa.bool_())
    if listed.null_count:
        return pc.if_else(found, found, unknown)
    return found


def _listed(values: Sequence[Operand]) -> pa.Array:
    arrays = align("in", [one_row(value) for value in values])
    return pa.concat_arrays(arrays) if arrays else pa.nulls(0)


def _found(rows: pa.Array, wanted: pa.Array) -> pa.Array:
    if is_exact(rows.type) and is_exact(wanted.type):
        wanted = _at_type(wanted, rows.type)
    else:
        rows, wanted = align("in", [rows, wanted])
    found = pc.is_in(rows, value_set=wanted)
    return found if rows.null_count == 0 else pc.if_else(rows.is_valid(), found, pa.scalar(None, pa.bool_()))


def _at_type(wanted: pa.Array, type: pa.DataType) -> pa.Array:
    """Exact values in another exact type, without those that it cannot hold and so never equals."""
    step = scale_of(type) - scale_of(wanted.type)
    limit = INT64_MAX if pa.types.is_int64(type) else 10 ** int(type.precision) - 1
    kept: list[int | None] = []
    for value in python_ints(wanted):
        scaled = Fraction(value or 0) * Fraction(10) ** step
        if scaled.denominator == 1 and -limit - 1 <= scaled <= limit:
            kept.append(int(scaled))
    return exact_array(kept, type)
