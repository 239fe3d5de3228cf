"""Durations on their way out: from microseconds as numbers to Arrow durations."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.vectors import validity


def to_duration(values: pa.Array) -> pa.Array:
    """Microseconds (int64, decimal or float64) as duration[us]; parts of a microsecond are rounded, half to even.

    >>> to_duration(pa.array([1500000.5, None])).type
    DurationType(duration[us])
    """
    if pa.types.is_int64(values.type):
        return values.cast(pa.duration("us"))
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.duration("us"))
    numbers = np.rint(np.asarray(values.cast(pa.float64()).fill_null(0.0))).astype(np.int64)
    present = validity(values)
    return pa.array(numbers, mask=None if present is None else ~present).cast(pa.duration("us"))
