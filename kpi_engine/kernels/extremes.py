"""Least and greatest value of each group, for every type that has an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.counted_rows import CountedRows
from kpi_engine.kernels.vectors import Ints, validity

if TYPE_CHECKING:
    from kpi_engine.kernels.ordering import Numbers


Extreme = Literal["minimum", "maximum"]


def group_extreme(values: pa.Array, ids: Ints, size: int, kind: Extreme) -> pa.Array:
    """The extreme of the non-null values of each group; null where there is none.

    `ids` has one group in [0, size) for each row, -1 for rows that do not count.

    >>> group_extreme(pa.array([3, 1, None]), np.array([0, 0, 1]), 2, "maximum").to_pylist()
    [3, None]
    """
    return extremes_of(values, CountedRows.of(ids, size).having(validity(values)), kind)


def extremes_of(values: pa.Array, rows: CountedRows, kind: Extreme) -> pa.Array:
    """The extreme of each group's rows, all of which have a value; null for groups without rows."""
    from kpi_engine.kernels.ordering import order_numbers

    numbers = rows.among(order_numbers(values))
    best = _best(numbers, rows, kind)
    hits = np.flatnonzero(numbers == best[rows.ids])
    chosen = np.full(rows.size, -1, np.int64)
    chosen[rows.ids[hits]] = hits if rows.rows is None else rows.rows[hits]  # equal values are the same value
    return values.take(pa.array(chosen, mask=chosen < 0))


def _best(numbers: Numbers, rows: CountedRows, kind: Extreme) -> Numbers:
    """The best number of each group; arbitrary for groups without rows."""
    chosen = np.minimum if kind == "minimum" else np.maximum
    if not len(numbers):
        return np.zeros(rows.size, numbers.dtype)
    # Every group begins with the worst number of all, so that any of its own is as good or better.
    worst = numbers.max() if kind == "minimum" else numbers.min()
    if rows.size == 1:
        return np.array([chosen.reduce(numbers)])
    best = np.full(rows.size, worst, numbers.dtype)
    chosen.at(best, rows.ids, numbers)
    return best
