"""Least and greatest value of each group, for every type that has an order."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.ordering import Numbers, order_numbers
from kpi_engine.kernels.sorting import sorted_with_order, starts_of_runs
from kpi_engine.kernels.vectors import Ints, validity


def group_extreme(values: pa.Array, ids: Ints, size: int, kind: Literal["minimum", "maximum"]) -> pa.Array:
    """The extreme of the non-null values of each group; null where there is none.

    `ids` has one group in [0, size) for each row, -1 for rows that do not count.

    >>> group_extreme(pa.array([3, 1, None]), np.array([0, 0, 1]), 2, "maximum").to_pylist()
    [3, None]
    """
    numbers = order_numbers(values)
    present = validity(values)
    rows = np.flatnonzero(ids >= 0 if present is None else (ids >= 0) & present)
    chosen = np.full(size, -1, np.int64)
    if len(rows):
        owners, order = sorted_with_order(ids[rows])
        chosen[owners[starts_of_runs(owners)]] = _best(numbers, rows[order], owners, kind)
    return values.take(pa.array(chosen, mask=chosen < 0))


def _best(numbers: Numbers, rows: Ints, owners: Ints, kind: Literal["minimum", "maximum"]) -> Ints:
    """For each run of equal owners a row with the best number."""
    first = np.flatnonzero(starts_of_runs(owners))
    sorted_numbers = numbers[rows]
    best = (np.minimum if kind == "minimum" else np.maximum).reduceat(sorted_numbers, first)
    hits = np.flatnonzero(sorted_numbers == np.repeat(best, np.diff(np.append(first, len(rows)))))
    found: Ints = rows[hits[starts_of_runs(owners[hits])]]
    return found
