"""Work on dictionary-encoded text once per distinct value instead of once per row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.vectors import booleans, from_booleans, int32_view, validity


def per_value(kernel: Callable[[pa.Array], pa.Array], array: pa.Array) -> pa.Array:
    """`kernel(array)`, which must work row by row, evaluated on the dictionary where there is one.

    Null rows stay null. A kernel that gives texts gives plain text here.

    >>> import pyarrow.compute as pc
    >>> per_value(pc.utf8_upper, pa.array(["a", "b", "a"]).dictionary_encode()).to_pylist()
    ['A', 'B', 'A']
    """
    if not pa.types.is_dictionary(array.type):
        return kernel(array)
    values = kernel(array.dictionary)
    if pa.types.is_boolean(values.type):
        return _take_booleans(values, array)
    return values.take(array.indices)


def _take_booleans(values: pa.Array, array: pa.Array) -> pa.Array:
    codes = int32_view(array.indices)
    valid = validity(array.indices)
    if len(values) == 0:
        return pa.nulls(len(array), pa.bool_())
    if valid is not None:
        codes = np.where(valid, codes, 0)
    there = validity(values)
    if there is not None:
        known = there.take(codes)
        valid = known if valid is None else known & valid
    return from_booleans(booleans(values).take(codes), valid)
