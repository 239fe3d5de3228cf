"""What the lowerings share: literals among their arguments, and arguments without any value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

Operand = Any
"""A `pa.Array`, or a `pa.Scalar` for a constant."""

Arguments = Sequence[Operand]


def literal(argument: Operand) -> Any:
    """The value of an argument that is the same for all rows; None if it has no rows."""
    if isinstance(argument, pa.Scalar):
        return argument.as_py()
    return argument[0].as_py() if len(argument) else None


def is_null(argument: Operand) -> bool:
    """Whether an argument is the literal `null`, or made of it alone."""
    return bool(pa.types.is_null(argument.type))


def nulls_like(argument: Operand, type: pa.DataType) -> Operand:
    """Nulls of a type: a scalar for a scalar, else as many as the argument has rows."""
    return pa.scalar(None, type) if isinstance(argument, pa.Scalar) else pa.nulls(len(argument), type)
