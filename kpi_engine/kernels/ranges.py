"""The least or greatest value in ranges of rows, such as the windows over a key's sorted buckets.

A sparse table holds the extreme of every run of 2**j rows; a range is covered by two runs that may overlap.
Only one level is held at a time, and each query is answered at its own level.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.ordering import Numbers, plain_numbers, ranks
from kpi_engine.kernels.vectors import Ints, Mask, build, from_booleans, validity

Kind = Literal["min", "max"]


def range_extreme(values: pa.Array, starts: Ints, stops: Ints, kind: Kind) -> pa.Array:
    """The least (greatest) value of rows [start, stop) for each pair of bounds, in the type of `values`.

    Nulls are skipped; null where a range is empty (start >= stop) or holds only nulls.

    >>> range_extreme(pa.array([3, 1, None, 2]), np.array([0, 2, 2]), np.array([2, 4, 3]), "min").to_pylist()
    [1, 2, None]
    """
    if pa.types.is_null(values.type):
        return pa.nulls(len(starts))
    valid = validity(values)
    found = _holds_value(valid, starts, stops)
    numbers = plain_numbers(values)
    if numbers is not None:
        best = _extremes(numbers, valid, starts, stops, found, kind)
        if pa.types.is_boolean(values.type):
            return from_booleans(best.astype(np.bool_), found)
        stored = best.astype(np.int32) if pa.types.is_date32(values.type) else best
        return build(values.type, stored, found)
    order = ranks(values)
    best = _extremes(order, valid, starts, stops, found, kind)
    rows = _row_of_rank(values, order)[np.where(found, best, 0)]
    return values.take(pa.array(rows, mask=~found))


def _holds_value(valid: Mask | None, starts: Ints, stops: Ints) -> Mask:
    if valid is None:
        return starts < stops
    running = np.concatenate([np.zeros(1, np.int64), np.cumsum(valid)])
    return running[np.maximum(starts, stops)] > running[starts]


def _row_of_rank(values: pa.Array, order: Ints) -> Ints:
    """A row of each rank."""
    valid = validity(values)
    found = np.zeros(int(order.max(initial=0)) + 1, np.int64)
    rows = np.arange(len(values)) if valid is None else np.flatnonzero(valid)
    found[order[rows]] = rows
    return found


def _extremes(numbers: Numbers, valid: Mask | None, starts: Ints, stops: Ints, found: Mask, kind: Kind) -> Numbers:
    """The extreme number of each range; arbitrary where not `found`."""
    best = np.zeros(len(starts), numbers.dtype)
    reduce = np.minimum if kind == "min" else np.maximum
    level = numbers if valid is None else np.where(valid, numbers, _beyond(numbers.dtype, kind))
    lengths = np.where(found, stops - starts, 0)
    depths = np.frexp(lengths.astype(np.float64))[1] - 1  # floor(log2(length)); -1 for a length of 0
    for depth in range(int(depths.max(initial=-1)) + 1):
        if depth:
            half = 1 << (depth - 1)
            level = reduce(level[:-half], level[half:])
        asked = np.flatnonzero(depths == depth)
        best[asked] = reduce(level[starts[asked]], level[stops[asked] - (1 << depth)])
    return best


def _beyond(dtype: np.dtype[Any], kind: Kind) -> float | int:
    """What no value is better than, to stand for null."""
    if dtype.kind == "f":
        return float("inf") if kind == "min" else float("-inf")
    bounds = np.iinfo(np.int64)
    return int(bounds.max if kind == "min" else bounds.min)
