"""Numbers that order as values do, for whatever compares values without looking at their type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kpi_engine.kernels.vectors import (
    Ints,
    booleans,
    float64_view,
    int32_view,
    int64_view,
    is_exact,
    narrow,
    validity,
)

Numbers = NDArray[Any]


def plain_numbers(values: pa.Array) -> Numbers | None:
    """The values as int64 or float64 that stand for themselves; None for types whose values are no such numbers."""
    if pa.types.is_int64(values.type) or pa.types.is_timestamp(values.type):
        return int64_view(values)
    if pa.types.is_date32(values.type):
        return int32_view(values).astype(np.int64)
    if pa.types.is_boolean(values.type):
        return booleans(values).astype(np.int64)
    if pa.types.is_float64(values.type):
        return float64_view(values)
    return None


def ranks(values: pa.Array) -> Ints:
    """The rank of each row's value among all, ascending; arbitrary where null.

    >>> ranks(pa.array(["b", "a", "b"])).tolist()
    [1, 0, 1]
    """
    if pa.types.is_dictionary(values.type):
        codes, valid = int32_view(values.indices), validity(values.indices)
        of_value = ranks(values.dictionary)
        if len(of_value) == 0:
            return np.zeros(len(values), np.int64)
        return of_value[codes if valid is None else np.where(valid, codes, 0)]
    dense = pc.rank(values, sort_keys="ascending", tiebreaker="dense")
    found: Ints = dense.to_numpy(zero_copy_only=False).astype(np.int64) - 1
    return found


def order_numbers(values: pa.Array) -> Numbers:
    """Numbers that order as the values do, as cheaply as the type allows; arbitrary where null."""
    numbers = plain_numbers(values)
    if numbers is None and is_exact(values.type):
        numbers = narrow(values)  # decimals of one scale order as their unscaled integers
    return ranks(values) if numbers is None else numbers
