"""Instants moved by elapsed time that is computed, not written."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.kernels.arith import add
from kpi_engine.kernels.errors import NumberOverflow, TypeMismatch
from kpi_engine.kernels.numeric_functions import round_half_away
from kpi_engine.kernels.operands import Operand, apply
from kpi_engine.kernels.zones import INSTANT


def add_elapsed(instants: Operand, microseconds: Operand) -> Operand:
    """Each instant so many microseconds later (rounded to whole ones); null where either is null.

    >>> add_elapsed(pa.array([0], INSTANT), pa.scalar(1_500_000)).to_pylist()[0].isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """

    def rows(arrays: list[pa.Array]) -> pa.Array:
        moments, lengths = arrays
        if moments.type != INSTANT:
            raise TypeMismatch("date_add", moments.type, lengths.type)
        moved = add(moments.view(pa.int64()), round_half_away(lengths))
        try:
            return moved.cast(pa.int64()).view(INSTANT)
        except pa.ArrowInvalid as error:
            raise NumberOverflow("date_add") from error

    return apply(rows, [instants, microseconds])
