"""Three-valued logic, choices and nulls."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.compare import compare
from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.operands import Operand, apply, is_scalar
from kpi_engine.kernels.promote import align, nulls_as


def and_(a: Operand, b: Operand) -> Operand:
    """Kleene and: false and unknown is false.

    >>> and_(pa.array([True, False]), pa.scalar(None, pa.bool_())).to_pylist()
    [None, False]
    """
    return pc.and_kleene(_boolean("and", a), _boolean("and", b))


def or_(a: Operand, b: Operand) -> Operand:
    """Kleene or: true or unknown is true.

    >>> or_(pa.array([True, False]), pa.scalar(None, pa.bool_())).to_pylist()
    [True, None]
    """
    return pc.or_kleene(_boolean("or", a), _boolean("or", b))


def not_(a: Operand) -> Operand:
    """Kleene not: not unknown is unknown.

    >>> not_(pa.array([True, None])).to_pylist()
    [False, None]
    """
    return pc.invert(_boolean("not", a))


def _boolean(operation: str, operand: Operand) -> Operand:
    if pa.types.is_null(operand.type):
        return pa.scalar(None, pa.bool_()) if is_scalar(operand) else pa.nulls(len(operand), pa.bool_())
    if not pa.types.is_boolean(operand.type):
        raise TypeMismatch(operation, operand.type)
    return operand


def if_else(condition: Operand, a: Operand, b: Operand) -> Operand:
    """a where the condition is true, b where it is false or unknown.

    >>> if_else(pa.array([True, None]), pa.scalar("x"), pa.scalar("y")).to_pylist()
    ['x', 'y']
    """
    return case_when([condition], [a], b)


def case_when(conditions: Sequence[Operand], values: Sequence[Operand], default: Operand | None = None) -> Operand:
    """The value of the first true condition, else the default (None: null).

    >>> case_when([pa.array([True, False])], [pa.scalar(1)]).to_pylist()
    [1, None]
    """
    if len(conditions) != len(values):
        raise ValueError("one value a condition")
    count = len(conditions)
    otherwise = pa.scalar(None) if default is None else default

    def kernel(arrays: list[pa.Array]) -> pa.Array:
        choices = align("case", arrays[count:])
        result = choices[-1]
        for condition, choice in zip(reversed(arrays[:count]), reversed(choices[:-1]), strict=True):
            result = pc.if_else(pc.fill_null(_boolean("case", condition), False), choice, result)
        return result

    return apply(kernel, [*conditions, *values, otherwise])


def coalesce(*operands: Operand) -> Operand:
    """The first value that is not null.

    >>> coalesce(pa.array([None, 2]), pa.scalar(0)).to_pylist()
    [0, 2]
    """
    return apply(_coalesce, operands)


def _coalesce(arrays: list[pa.Array]) -> pa.Array:
    if arrays[0].null_count == 0 and not pa.types.is_null(arrays[0].type):
        arrays = arrays[:1]
    aligned = align("coalesce", arrays)
    return aligned[0] if len(aligned) == 1 else pc.coalesce(*aligned)


def nullif(a: Operand, b: Operand) -> Operand:
    """a, but null where a = b.

    >>> nullif(pa.array([0, 5]), pa.scalar(0)).to_pylist()
    [None, 5]
    """

    def kernel(arrays: list[pa.Array]) -> pa.Array:
        value, banned = arrays
        equal = pc.fill_null(nulls_as(compare("=", value, banned), pa.bool_()), False)
        return pc.if_else(equal, pa.scalar(None, value.type), value)

    return apply(kernel, [a, b])


def is_null(a: Operand) -> Operand:
    """Whether there is no value; never unknown.

    >>> is_null(pa.array([1, None])).to_pylist()
    [False, True]
    """
    return apply(lambda arrays: arrays[0].is_null(), [a])
