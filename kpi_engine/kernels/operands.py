"""Arrays and scalars as operands of one length.

Every row kernel takes `pa.Array` or `pa.Scalar` operands. Scalars alone give a scalar; beside an array a
scalar stands for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

Operand: TypeAlias = Any
"""A `pa.Array` or a `pa.Scalar`; Arrow ships no types to say so."""


def is_scalar(operand: Operand) -> bool:
    """Whether an operand is a `pa.Scalar`."""
    return isinstance(operand, pa.Scalar)


def one_row(operand: Operand) -> pa.Array:
    """A scalar as an array of one row; an array as it is."""
    return pa.array([operand.as_py()], operand.type) if is_scalar(operand) else operand


def one_length(operands: Sequence[Operand]) -> list[pa.Array]:
    """All operands as arrays of the length that the arrays among them have (1 if there is none).

    >>> one_length([pa.scalar(5), pa.array([1, 2])])[0].to_pylist()
    [5, 5]
    """
    length = next((len(one) for one in operands if not is_scalar(one)), 1)
    return [pa.repeat(one, length) if is_scalar(one) else one for one in operands]


def apply(kernel: Callable[[list[pa.Array]], pa.Array], operands: Sequence[Operand]) -> Operand:
    """`kernel` over the operands as arrays of one length; a scalar where all of them are scalars."""
    result = kernel(one_length(operands))
    return result[0] if all(is_scalar(one) for one in operands) else result
